# Fills sam.ldb while Samba is not running, in one transaction: a hundred times faster than `samba-tool user add`.
# Arguments: folder, number of people. Needs Debian's python3-samba, so it runs with /usr/bin/python3.
import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

folder, people = sys.argv[1], int(sys.argv[2])
parameters = LoadParm()
parameters.load(folder + "/etc/smb.conf")
sam = SamDB(url=folder + "/private/sam.ldb", session_info=system_session(), lp=parameters)
base = sam.domain_dn()


def add(dn, **attributes):
    sam.add({"dn": dn, **attributes})


def person(dn, name, password, **attributes):
    add(dn, objectClass="user", sAMAccountName=name, clearTextPassword=password.encode("utf-16-le"),
        **{"userAccountControl": "512", "userPrincipalName": name + "@ad.example.test", **attributes})


sam.modify_ldif(f"dn: CN=Partitions,CN=Configuration,{base}\nchangetype: modify\nadd: uPNSuffixes\nuPNSuffixes: example.test\n")
sam.transaction_start()
for unit in ("People", "Groups", "Services"):
    add(f"OU={unit},{base}", objectClass="organizationalUnit")
person(f"CN=reader,OU=Services,{base}", "reader", "reader-Secret-1", userAccountControl="66048")
teams = {}
for i in range(people):
    name, dn = f"u{i:06d}", f"CN=User {i:06d},OU=People,{base}"
    special = {}
    if i == 2:
        special["userPrincipalName"] = "user2@example.test"
    if i == 5:
        special["userAccountControl"] = "514"
    if i == 11:
        special["pwdLastSet"] = "0"
    if i == 12:
        special["accountExpires"] = "130000000000000000"
    if i == 13:
        special["logonHours"] = b"\0" * 21
    if i == 14:
        special["userWorkstations"] = "NOWHERE"
    person(dn, name, f"Passw0rd-{i}", givenName="Usér", sn=f"{i:06d}", displayName=f"Usér {i:06d}",
           mail=f"{name}@example.test", telephoneNumber=f"+49 30 {i:07d}", employeeID=str(100000 + i),
           department=("Engineering", "Sales", "Finance")[i % 3], title="Engineer", **special)
    teams.setdefault(i % 10, []).append(dn)
person(f"CN=Jo Smith,OU=People,{base}", "jsmith", "Passw0rd-jsmith@ad.example.test", givenName="Jo", sn="Smith",
       displayName="Jo Smith", mail="jsmith@ad.example.test", employeeID="900001")
person(f"CN=Root Two,OU=People,{base}", "root2", "Passw0rd-root2@ad.example.test", givenName="Root", sn="Two",
       displayName="Root Two", adminCount="1")
for team, members in teams.items():
    add(f"CN=team-{team},OU=Groups,{base}", objectClass="group", sAMAccountName=f"team-{team}", groupType="-2147483646",
        member=members)
add(f"CN=dept-all,OU=Groups,{base}", objectClass="group", sAMAccountName="dept-all",
    member=[f"CN=team-{team},OU=Groups,{base}" for team in teams])
add(f"CN=all-staff,OU=Groups,{base}", objectClass="group", sAMAccountName="all-staff",
    member=[f"CN=dept-all,OU=Groups,{base}"])
add(f"CN=vault-keepers,OU=Groups,{base}", objectClass="group", sAMAccountName="vault-keepers",
    member=[f"CN=User 000015,OU=People,{base}"])
sam.transaction_commit()
