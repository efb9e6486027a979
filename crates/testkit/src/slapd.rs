//! A private OpenLDAP server with people, nested groups and a password policy that locks.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::{
    certificates::Authority,
    keeper::{Keeper, run, tail},
    people::made,
};

/// What a [`Slapd`] is filled with.
#[derive(Debug, Clone)]
pub struct SlapdSetup {
    pub base_dn: String,
    /// Domain of the people's e-mail addresses.
    pub domain: String,
    /// How many `u000000…` there are.
    pub people: usize,
    /// Wrong passwords after which an account locks; 0 = never.
    pub lockout_threshold: u32,
    /// Seconds during which they add up, and for which it stays locked.
    pub lockout_seconds: u32,
    /// Whether entries say themselves which groups they are in (the memberof overlay).
    pub member_of: bool,
    /// Whether it provides content synchronisation (RFC 4533), and of how many changes it then remembers deletions;
    /// 0 = of none.
    pub content_sync: Option<u32>,
    /// More entries, as LDIF.
    pub extra_ldif: String,
}

impl Default for SlapdSetup {
    fn default() -> Self {
        Self {
            base_dn: "dc=example,dc=test".into(),
            domain: "example.test".into(),
            people: 200,
            lockout_threshold: 5,
            lockout_seconds: 15 * 60,
            member_of: true,
            content_sync: None,
            extra_ldif: String::new(),
        }
    }
}

/// A running (or stopped) slapd of its own. People are `u000000`, `u000001`, … with password `Passw0rd-<number>`, and
/// `jsmith` with password `Passw0rd-jsmith@<domain>`, under `ou=people`; teams are nested in `dept-all` in `all-staff`.
pub struct Slapd {
    pub base_dn: String,
    pub domain: String,
    /// The service account that reads everything but passwords.
    pub reader_dn: String,
    pub reader_password: String,
    pub ldap_url: String,
    pub ldaps_url: String,
    /// The authority to trust.
    pub ca_pem: String,
    folder: TempDir,
    server: Option<Keeper>,
}

impl Slapd {
    /// Starts one with the default setup.
    ///
    /// # Panics
    /// If slapd is missing or does not start: a test that was not run must not count as passed.
    pub async fn start() -> Self {
        Self::with(SlapdSetup::default()).await
    }

    /// Starts one with people of your own.
    ///
    /// # Panics
    /// As [`Slapd::start`].
    pub async fn with(setup: SlapdSetup) -> Self {
        tokio::task::spawn_blocking(move || Self::make(&setup, None))
            .await
            .expect("the task ends")
            .unwrap_or_else(|error| panic!("slapd: {error:#}"))
    }

    /// Starts a second server with everything that this one holds now, under the same ids, and the same certificate.
    /// It does not replicate: what changes later, changes in one of them.
    ///
    /// # Panics
    /// As [`Slapd::start`].
    pub async fn replica(&self, setup: SlapdSetup) -> Self {
        let original = self.folder.path().to_owned();
        tokio::task::spawn_blocking(move || Self::make(&setup, Some(&original)))
            .await
            .expect("the task ends")
            .unwrap_or_else(|error| panic!("slapd: {error:#}"))
    }

    fn make(setup: &SlapdSetup, original: Option<&Path>) -> Result<Self> {
        let program = PathBuf::from("/usr/sbin/slapd");
        anyhow::ensure!(
            program.exists(),
            "install the packages `slapd ldap-utils` (or run `cargo xtask test --install`)"
        );
        let folder = tempfile::Builder::new().prefix("isthmus-slapd-").tempdir()?;
        let path = folder.path();
        // AppArmor confines /usr/sbin/slapd by path to Debian's own folders; a copy is not confined.
        fs::copy(&program, path.join("slapd")).context("copy slapd")?;
        fs::create_dir(path.join("db"))?;
        match original {
            None => {
                let authority = Authority::new("slapd test authority");
                let certificate = authority.local();
                fs::write(path.join("ca.crt"), authority.ca_pem())?;
                fs::write(path.join("server.crt"), certificate.certificate_pem)?;
                fs::write(path.join("server.key"), certificate.key_pem)?;
                fs::write(path.join("seed.ldif"), seed(setup))?;
            }
            Some(original) => {
                for name in ["ca.crt", "server.crt", "server.key"] {
                    fs::copy(original.join(name), path.join(name)).context(name)?;
                }
                run(Command::new(original.join("slapd"))
                    .args(["-T", "cat", "-f"])
                    .arg(original.join("slapd.conf"))
                    .args(["-b", &setup.base_dn, "-l"])
                    .arg(path.join("seed.ldif")))?;
            }
        }
        fs::write(path.join("slapd.conf"), configuration(&path.display().to_string(), setup))?;
        run(Command::new(path.join("slapd"))
            .args(["-T", "add", "-q", "-f"])
            .arg(path.join("slapd.conf"))
            .args(["-b", &setup.base_dn, "-l"])
            .arg(path.join("seed.ldif")))?;
        let mut slapd = Self {
            base_dn: setup.base_dn.clone(),
            domain: setup.domain.clone(),
            reader_dn: format!("cn=reader,ou=services,{}", setup.base_dn),
            reader_password: "reader-secret".into(),
            ldap_url: String::new(),
            ldaps_url: String::new(),
            ca_pem: fs::read_to_string(path.join("ca.crt"))?,
            folder,
            server: None,
        };
        for _ in 0..5 {
            slapd.ldap_url = format!("ldap://127.0.0.1:{}", free_port()?);
            slapd.ldaps_url = format!("ldaps://127.0.0.1:{}", free_port()?);
            if slapd.run_server().is_ok() {
                return Ok(slapd);
            }
        }
        bail!("it does not start: {}", tail(&slapd.folder.path().join("log")))
    }

    fn run_server(&mut self) -> Result<()> {
        let path = self.folder.path();
        let program = path.join("slapd").display().to_string();
        let configuration = path.join("slapd.conf").display().to_string();
        let local = path.join("ldapi").display().to_string().replace('/', "%2F");
        let urls = format!("{}/ {}/ ldapi://{local}/", self.ldap_url, self.ldaps_url);
        let server = Keeper::start(
            &[&program, "-d", "0", "-f", &configuration, "-h", &urls],
            "TERM",
            path,
            &path.join("log"),
            None,
        )?;
        for _ in 0..400 {
            if port_of(&self.ldaps_url).is_some_and(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()) {
                self.server = Some(server);
                return Ok(());
            }
            sleep(Duration::from_millis(25));
        }
        bail!("no answer on {}", self.ldaps_url)
    }

    /// Stops the server; its data stay.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts a stopped server again, on the same addresses with the same data.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.stop();
        self.run_server().unwrap_or_else(|error| panic!("slapd: {error:#}"));
    }

    /// The account that may unlock people and set their passwords: DN and password.
    #[must_use]
    pub fn writer(&self) -> (String, &'static str) {
        (format!("cn=writer,ou=services,{}", self.base_dn), "writer-secret")
    }

    /// The DN of somebody in `ou=people`.
    #[must_use]
    pub fn person_dn(&self, username: &str) -> String {
        format!("uid={username},ou=people,{}", self.base_dn)
    }

    /// The password somebody was made with.
    #[must_use]
    pub fn password_of(&self, username: &str) -> String {
        password_of(username, &self.domain)
    }

    /// Applies change records as the directory's administrator.
    ///
    /// # Panics
    /// If the server refuses them.
    pub fn modify(&self, ldif: &str) {
        let file = self.folder.path().join("change.ldif");
        fs::write(&file, ldif).expect("a change file");
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-H", &self.ldap_url, "-w", "admin-secret", "-D"]);
        command.arg(format!("cn=admin,{}", self.base_dn)).arg("-f").arg(&file);
        run(&mut command).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Hires somebody, who signs in with the password that [`Slapd::password_of`] tells.
    pub fn add_person(&self, username: &str, given: &str, family: &str) {
        let (dn, password) = (self.person_dn(username), self.password_of(username));
        self.modify(&format!(
            "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {username}\ncn: {given} {family}\n\
             sn: {family}\ngivenName: {given}\ndisplayName: {given} {family}\nmail: {username}@{}\n\
             userPassword: {password}\n",
            self.domain
        ));
        self.set(&dn, "pwdReset", &[]);
    }

    /// Replaces one attribute of one entry; no values = removes it.
    pub fn set(&self, dn: &str, attribute: &str, values: &[&str]) {
        let mut ldif = format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n");
        for value in values {
            let _fits = writeln!(ldif, "{attribute}: {value}");
        }
        self.modify(&ldif);
    }

    /// Gives somebody another password, as an administrator would.
    pub fn set_password(&self, username: &str, password: &str) {
        let dn = self.person_dn(username);
        self.set(&dn, "userPassword", &[password]);
        // The policy would make the person change it first.
        self.set(&dn, "pwdReset", &[]);
    }

    /// Locks somebody out for good, OpenLDAP's way of disabling an account.
    pub fn disable(&self, username: &str) {
        self.set(&self.person_dn(username), "pwdAccountLockedTime", &["000001010000Z"]);
    }

    /// Wrong passwords until the account is locked, as somebody would who guesses.
    ///
    /// # Panics
    /// If it does not lock: a setup without a threshold.
    pub fn lock_out(&self, username: &str) {
        let dn = self.person_dn(username);
        for _ in 0..20 {
            if !self.values(&dn, "pwdAccountLockedTime").is_empty() {
                return;
            }
            let mut command = Command::new("ldapwhoami");
            command.args(["-x", "-H", &self.ldap_url, "-w", "a wrong guess", "-D", &dn]);
            assert!(run(&mut command).is_err(), "a wrong password is refused");
        }
        panic!("{dn} does not lock");
    }

    /// Undoes [`Slapd::disable`] or a lockout.
    pub fn enable(&self, username: &str) {
        self.set(&self.person_dn(username), "pwdAccountLockedTime", &[]);
    }

    /// Deletes somebody.
    pub fn delete(&self, username: &str) {
        self.modify(&format!("dn: {}\nchangetype: delete\n", self.person_dn(username)));
    }

    /// The values of one attribute of one entry, operational ones included, read as the administrator.
    ///
    /// # Panics
    /// If the server refuses.
    #[must_use]
    pub fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        let output = run(Command::new("ldapsearch")
            .args(["-LLL", "-o", "ldif-wrap=no", "-x", "-H", &self.ldap_url, "-w", "admin-secret", "-D"])
            .arg(format!("cn=admin,{}", self.base_dn))
            .args(["-s", "base", "-b", dn, attribute]))
        .unwrap_or_else(|error| panic!("{error:#}"));
        let prefix = format!("{attribute}: ");
        output.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}

/// A port nobody listens on just now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn port_of(url: &str) -> Option<u16> {
    url.rsplit_once(':')?.1.parse().ok()
}

fn password_of(username: &str, domain: &str) -> String {
    match username.strip_prefix('u').and_then(|digits| digits.parse::<usize>().ok()) {
        Some(index) => format!("Passw0rd-{index}"),
        None => format!("Passw0rd-{username}@{domain}"),
    }
}

fn configuration(folder: &str, setup: &SlapdSetup) -> String {
    let base = &setup.base_dn;
    let (module, index, overlay) = if setup.member_of {
        (
            "moduleload memberof\n",
            ",memberOf",
            "overlay memberof\nmemberof-group-oc groupOfNames\nmemberof-refint TRUE\n",
        )
    } else {
        ("", "", "")
    };
    let (sync_module, sync_overlay) = match setup.content_sync {
        None => ("", String::new()),
        Some(0) => ("moduleload syncprov\n", "overlay syncprov\n".to_owned()),
        Some(log) => ("moduleload syncprov\n", format!("overlay syncprov\nsyncprov-sessionlog {log}\n")),
    };
    format!(
        r#"include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
{module}{sync_module}moduleload ppolicy
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {folder}/ca.crt
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
TLSProtocolMin 3.3
threads 8
sizelimit 500
loglevel none
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw admin-secret
directory {folder}/db
maxsize 1073741824
# A test directory need not survive a power cut.
dbnosync
index objectClass,entryUUID,entryCSN eq
index uid,mail,employeeNumber eq
index member{index} eq
access to attrs=userPassword by self =xw by dn.exact="cn=writer,ou=services,{base}" =xw by anonymous auth by * none
access to attrs=pwdAccountLockedTime by dn.exact="cn=writer,ou=services,{base}" =w by dn.exact="cn=reader,ou=services,{base}" read by self read by * none
access to * by dn.exact="cn=reader,ou=services,{base}" read by self read by * none
limits dn.exact="cn=reader,ou=services,{base}" size=unlimited time=unlimited size.pr=5000 size.prtotal=unlimited
{overlay}overlay ppolicy
ppolicy_default "cn=default,ou=policies,{base}"
ppolicy_use_lockout
{sync_overlay}"#
    )
}

fn seed(setup: &SlapdSetup) -> String {
    let base = &setup.base_dn;
    let name = base.split([',', '=']).nth(1).unwrap_or("example");
    let mut out = format!("dn: {base}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: {name}\n\n");
    for unit in ["people", "groups", "policies", "services"] {
        let _fits = write!(out, "dn: ou={unit},{base}\nobjectClass: organizationalUnit\nou: {unit}\n\n");
    }
    // `blind` may bind and read nothing: for the test of a service account without rights. `writer` may unlock people and
    // set their passwords, and reads nothing.
    for (service, password) in [("reader", "reader-secret"), ("blind", "blind-secret"), ("writer", "writer-secret")] {
        let _fits = write!(
            out,
            "dn: cn={service},ou=services,{base}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\n\
             cn: {service}\nuserPassword: {password}\n\n"
        );
    }
    let _fits = write!(
        out,
        "dn: cn=default,ou=policies,{base}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: default\n\
         pwdAttribute: userPassword\npwdLockout: {lockout}\npwdMaxFailure: {threshold}\npwdLockoutDuration: {seconds}\n\
         pwdFailureCountInterval: {seconds}\npwdMustChange: TRUE\npwdAllowUserChange: TRUE\n\n",
        lockout = if setup.lockout_threshold == 0 { "FALSE" } else { "TRUE" },
        threshold = setup.lockout_threshold,
        seconds = setup.lockout_seconds,
    );
    for index in 0..setup.people {
        let person = made(index);
        let _fits = write!(
            out,
            "dn: uid={uid},ou=people,{base}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {given} {family}\n\
             sn: {family}\ngivenName: {given}\ndisplayName: {given} {family}\nmail: {uid}@{domain}\n\
             telephoneNumber: {phone}\nemployeeNumber: {number}\nou: {department}\ntitle: {title}\n\
             preferredLanguage: en\nuserPassword: {password}\nmemberOf: cn=team-{team},ou=groups,{base}\n\n",
            uid = person.username,
            given = person.given,
            family = person.family,
            domain = setup.domain,
            phone = person.phone,
            number = person.employee_number,
            department = person.department,
            title = person.title,
            password = password_of(&person.username, &setup.domain),
            team = person.team,
        );
    }
    let _fits = write!(
        out,
        "dn: uid=jsmith,ou=people,{base}\nobjectClass: inetOrgPerson\nuid: jsmith\ncn: Jo Smith\nsn: Smith\n\
         givenName: Jo\ndisplayName: Jo Smith\nmail: jsmith@{domain}\nemployeeNumber: 900001\nuserPassword: {password}\n\n",
        domain = setup.domain,
        password = password_of("jsmith", &setup.domain),
    );
    groups(&mut out, setup);
    if !setup.member_of {
        out = out.lines().filter(|line| !line.starts_with("memberOf: ")).flat_map(|line| [line, "\n"]).collect();
    }
    out.push_str(&setup.extra_ldif);
    out
}

/// Ten teams in `dept-all` in `all-staff`. `memberOf` is written out: `slapd -T add` does not run the overlay.
fn groups(out: &mut String, setup: &SlapdSetup) {
    let base = &setup.base_dn;
    let teams: Vec<usize> = (0..10).filter(|team| *team < setup.people).collect();
    for team in &teams {
        let _fits = write!(out, "dn: cn=team-{team},ou=groups,{base}\nobjectClass: groupOfNames\ncn: team-{team}\n");
        for index in (*team..setup.people).step_by(10) {
            let _fits = writeln!(out, "member: uid={},ou=people,{base}", made(index).username);
        }
        let _fits = write!(out, "memberOf: cn=dept-all,ou=groups,{base}\n\n");
    }
    if teams.is_empty() {
        return;
    }
    let _fits = write!(out, "dn: cn=dept-all,ou=groups,{base}\nobjectClass: groupOfNames\ncn: dept-all\n");
    for team in &teams {
        let _fits = writeln!(out, "member: cn=team-{team},ou=groups,{base}");
    }
    let _fits = write!(
        out,
        "memberOf: cn=all-staff,ou=groups,{base}\n\ndn: cn=all-staff,ou=groups,{base}\nobjectClass: groupOfNames\n\
         cn: all-staff\nmember: cn=dept-all,ou=groups,{base}\n\n"
    );
}
