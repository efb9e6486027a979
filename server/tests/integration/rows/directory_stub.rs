//! What the stub directories of these tests hold.

use chrono::{DateTime, TimeDelta, Utc};
use hub::kernel::{Clock as _, SystemClock};
use testkit::{BindAnswer, SearchAnswer, StubEntry, StubLdap, StubScript};

pub const BASE: &str = "dc=example,dc=test";
pub const READER: &str = "cn=reader,dc=example,dc=test";
pub const READER_PASSWORD: &str = "reader-secret";
/// Everybody's password.
pub const RIGHT: &str = "Right-Passw0rd";
pub const WRONG: &str = "Wrong-Passw0rd";
/// `pwdAccountLockedTime` of an account that is locked for good: disabled (slapo-ppolicy(5)).
pub const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// A directory with its service account and nobody else.
pub fn directory() -> StubScript {
    StubScript::default()
        .entry("", &[("objectClass", "top"), ("namingContexts", BASE), ("defaultNamingContext", BASE)])
        .entry(BASE, &[("objectClass", "domain"), ("dc", "example")])
        .entry(READER, &[("objectClass", "person"), ("cn", "reader"), ("userPassword", READER_PASSWORD)])
}

pub fn dn(name: &str) -> String {
    format!("uid={name},ou=people,{BASE}")
}

/// Sixteen bytes of text that are a person's own, and no other's for names this short.
fn sixteen(name: &str) -> String {
    assert!(name.len() <= 16, "{name}");
    format!("{name:0>16}")
}

/// An entry of OpenLDAP's kind, with [`RIGHT`] as password.
pub fn person(name: &str) -> StubEntry {
    let digits: String = sixteen(name).bytes().map(|byte| format!("{byte:02x}")).collect();
    let id = format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    StubEntry::new(
        &dn(name),
        &[
            ("objectClass", "inetOrgPerson"),
            ("uid", name),
            ("cn", &format!("Test {name}")),
            ("sn", name),
            ("mail", &format!("{name}@example.test")),
            ("entryUUID", &id),
            ("pwdChangedTime", "20260101000000Z"),
            ("userPassword", RIGHT),
        ],
    )
}

/// An entry of Active Directory's kind, whose password was set then.
pub fn ad_person(name: &str, password_set_at: DateTime<Utc>) -> StubEntry {
    StubEntry::new(
        &dn(name),
        &[
            ("objectClass", "user"),
            ("objectCategory", "person"),
            ("sAMAccountName", name),
            ("userPrincipalName", &format!("{name}@example.test")),
            ("displayName", &format!("Test {name}")),
            ("userAccountControl", "512"),
            ("pwdLastSet", &filetime(password_set_at)),
            ("objectGUID", &sixteen(name)),
            ("userPassword", RIGHT),
        ],
    )
}

/// A while before now, by the clock that the server and the directories go by.
pub fn ago(length: TimeDelta) -> DateTime<Utc> {
    SystemClock.now() - length
}

/// Tenths of microseconds since 1601 ([MS-DTYP] 2.3.3).
pub fn filetime(at: DateTime<Utc>) -> String {
    (at.timestamp() * 10_000_000 + 116_444_736_000_000_000).to_string()
}

/// A success or failure with an error of the password policy control (draft-behera-ldap-password-policy-10).
pub fn password_policy(code: i32, error: u8) -> BindAnswer {
    BindAnswer::PasswordPolicy(code, vec![0x30, 3, 0x81, 1, error])
}

/// Changes of a stub while it runs.
pub trait Changes {
    fn add(&self, entry: StubEntry);
    fn remove(&self, name: &str);
    /// Replaces the values of an attribute; none = removes it.
    fn put(&self, name: &str, attribute: &str, values: &[&str]);
    fn answer(&self, name: &str, answer: BindAnswer);
    /// Every search is answered with "unavailable": the directory is going down.
    fn go_down(&self);
    fn come_back(&self);
}

impl Changes for StubLdap {
    fn add(&self, entry: StubEntry) {
        self.change(|script| script.entries.push(entry));
    }

    fn remove(&self, name: &str) {
        self.change(|script| script.entries.retain(|entry| entry.dn != dn(name)));
    }

    fn put(&self, name: &str, attribute: &str, values: &[&str]) {
        self.change(|script| {
            let entry = script.entries.iter_mut().find(|entry| entry.dn == dn(name)).unwrap();
            entry.attributes.retain(|(known, _)| !known.eq_ignore_ascii_case(attribute));
            for value in values {
                entry.push(attribute, value.as_bytes().to_vec());
            }
        });
    }

    fn answer(&self, name: &str, answer: BindAnswer) {
        self.change(|script| {
            script.binds.insert(dn(name), vec![answer]);
        });
    }

    fn go_down(&self) {
        self.change(|script| script.search = SearchAnswer::Code(52, "going down".to_owned()));
    }

    fn come_back(&self) {
        self.change(|script| script.search = SearchAnswer::Match);
    }
}
