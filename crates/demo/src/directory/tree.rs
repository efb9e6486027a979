//! The entries of the directory, planted once and never changed.

use std::collections::BTreeMap;

use super::people::{DemoPerson, Organisation, Seeded, hire};

/// The service account's password; the demo prints it nowhere, the hub gets it from [`super::Directory`].
pub(super) const READER_PASSWORD: &str = "demo-reader";

/// Attributes that a search returns only when it names them or `+` (RFC 4511 section 4.5.1.8).
const OPERATIONAL: &[&str] =
    &["createTimestamp", "entryDN", "entryUUID", "memberOf", "modifyTimestamp", "pwdChangedTime", "subschemaSubentry"];

pub(super) struct Entry {
    pub dn: String,
    /// [`fold_dn`] of it.
    pub key: String,
    /// By name as written; names compare without case.
    pub attributes: Vec<(&'static str, Vec<String>)>,
    pub password: Option<String>,
}

impl Entry {
    fn new(dn: String, attributes: Vec<(&'static str, Vec<String>)>) -> Self {
        Self { key: fold_dn(&dn), dn, attributes, password: None }
    }

    pub fn values(&self, attribute: &str) -> &[String] {
        self.attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map_or(&[], |(_, values)| values.as_slice())
    }

    pub fn is_operational(attribute: &str) -> bool {
        OPERATIONAL.iter().any(|name| name.eq_ignore_ascii_case(attribute))
    }
}

pub(super) struct Tree {
    pub organisation: Organisation,
    pub reader_dn: String,
    pub people: Vec<DemoPerson>,
    pub root: Entry,
    entries: Vec<Entry>,
    by_key: BTreeMap<String, usize>,
}

impl Tree {
    pub fn plant(organisation: &Organisation) -> Self {
        let people = hire(organisation);
        let base = &organisation.base_dn;
        let reader_dn = format!("cn=reader,ou=services,{base}");
        // Ids of everything that is no person come from a sequence of their own.
        let mut ids = Seeded(!organisation.seed);
        let mut entries = vec![with_id(
            &mut ids,
            base.clone(),
            vec![("objectClass", texts(["top", "dcObject", "organization"])), ("o", texts([&organisation.name]))],
        )];
        for unit in ["people", "groups", "services", "policies"] {
            let attributes = vec![("objectClass", texts(["top", "organizationalUnit"])), ("ou", texts([unit]))];
            entries.push(with_id(&mut ids, format!("ou={unit},{base}"), attributes));
        }
        let mut reader = with_id(&mut ids, reader_dn.clone(), vec![("objectClass", texts(["applicationProcess"]))]);
        reader.password = Some(READER_PASSWORD.to_owned());
        entries.push(reader);
        entries.push(policy(&mut ids, base));
        entries.extend(people.iter().map(|person| person_entry(person, base)));
        entries.extend(groups(&people, base, &mut ids));
        let by_key = entries.iter().enumerate().map(|(index, entry)| (entry.key.clone(), index)).collect();
        Self { organisation: organisation.clone(), reader_dn, root: root(base), people, entries, by_key }
    }

    pub fn entry(&self, dn: &str) -> Option<&Entry> {
        self.by_key.get(&fold_dn(dn)).map(|index| &self.entries[*index])
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// A distinguished name as it is compared: lower case, no spaces around `,` and `=`.
pub(super) fn fold_dn(dn: &str) -> String {
    let parts = dn.split(',').map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        format!("{}={}", name.trim().to_lowercase(), value.trim().to_lowercase())
    });
    if dn.trim().is_empty() { String::new() } else { parts.collect::<Vec<_>>().join(",") }
}

fn texts<const N: usize>(values: [impl AsRef<str>; N]) -> Vec<String> {
    values.iter().map(|value| value.as_ref().to_owned()).collect()
}

fn with_id(ids: &mut Seeded, dn: String, mut attributes: Vec<(&'static str, Vec<String>)>) -> Entry {
    attributes.push(("entryUUID", vec![ids.uuid().to_string()]));
    attributes.push(("entryDN", vec![dn.clone()]));
    Entry::new(dn, attributes)
}

/// The root of the tree (RFC 4512 section 5.1), readable by everybody.
fn root(base: &str) -> Entry {
    let attributes = vec![
        ("objectClass", texts(["top"])),
        ("namingContexts", texts([base])),
        ("supportedLDAPVersion", texts(["3"])),
        ("supportedControl", texts(["1.2.840.113556.1.4.319"])),
        ("supportedExtension", texts(["1.3.6.1.4.1.4203.1.11.3"])),
        ("vendorName", texts(["Isthmus demo directory"])),
    ];
    Entry::new(String::new(), attributes)
}

/// A password policy that says what is true here: wrong passwords never lock an account.
fn policy(ids: &mut Seeded, base: &str) -> Entry {
    let attributes = vec![
        ("objectClass", texts(["top", "device", "pwdPolicy"])),
        ("cn", texts(["default"])),
        ("pwdAttribute", texts(["userPassword"])),
        ("pwdLockout", texts(["FALSE"])),
    ];
    with_id(ids, format!("cn=default,ou=policies,{base}"), attributes)
}

fn person_entry(person: &DemoPerson, base: &str) -> Entry {
    let name = person.display_name();
    let member_of = person.groups.iter().map(|group| format!("cn={group},ou=groups,{base}")).collect();
    let attributes = vec![
        ("objectClass", texts(["top", "person", "organizationalPerson", "inetOrgPerson"])),
        ("uid", texts([&person.username])),
        ("cn", texts([&name])),
        ("displayName", texts([&name])),
        ("givenName", texts([&person.given_name])),
        ("sn", texts([&person.family_name])),
        ("mail", texts([&person.email])),
        ("telephoneNumber", texts([&person.phone])),
        ("employeeNumber", texts([&person.employee_number])),
        ("title", texts([&person.title])),
        ("ou", texts([&person.department])),
        ("l", texts([&person.city])),
        ("preferredLanguage", texts([&person.language])),
        ("entryUUID", vec![person.entry_uuid.to_string()]),
        ("entryDN", texts([&person.dn])),
        ("memberOf", member_of),
        ("pwdChangedTime", texts([&person.password_changed])),
    ];
    let mut entry = Entry::new(person.dn.clone(), attributes);
    entry.password = Some(person.password.clone());
    entry
}

fn groups(people: &[DemoPerson], base: &str, ids: &mut Seeded) -> Vec<Entry> {
    let mut members: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for person in people {
        for group in &person.groups {
            members.entry(group).or_default().push(person.dn.clone());
        }
    }
    let entry = |(name, members): (&str, Vec<String>)| {
        let attributes =
            vec![("objectClass", texts(["top", "groupOfNames"])), ("cn", texts([name])), ("member", members)];
        with_id(ids, format!("cn={name},ou=groups,{base}"), attributes)
    };
    members.into_iter().map(entry).collect()
}
