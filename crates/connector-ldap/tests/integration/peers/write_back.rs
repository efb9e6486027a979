//! Writing at real directories: a real lock that is ended, and real passwords that must be changed.

use std::time::Duration;

use connector::{Connector, Found, PolicyRefusal, WriteAccount, WriteBack, WriteFailure, Writes, Written};
use connector_ldap::LdapConnector;
use directory::{AdapterResult, SourceEntry, SourceKind};
use secrecy::SecretString;
use testkit::{SambaAd, Slapd, SlapdSetup};

use crate::support::{connect, settings, source};

const BOTH: Writes = Writes { unlocks: true, changes_passwords: true };

fn account(name: &str, password: &str) -> WriteAccount {
    WriteAccount { bind_dn: name.to_owned(), secret: password.to_owned().into(), writes: BOTH }
}

fn to_slapd(slapd: &Slapd, password: &str) -> LdapConnector {
    let settings = settings(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &slapd.base_dn, &slapd.reader_dn);
    let connector = connect(&source(SourceKind::Ldap, settings), &slapd.reader_password).unwrap();
    connector.writing_as(account(&slapd.writer().0, password))
}

fn to_samba(samba: &SambaAd, password: &str) -> LdapConnector {
    let base = format!("OU=People,{}", samba.base_dn);
    let settings = settings(SourceKind::ActiveDirectory, &samba.ldaps_url, &samba.ca_pem, &base, &samba.reader_dn);
    let connector = connect(&source(SourceKind::ActiveDirectory, settings), &samba.reader_password).unwrap();
    connector.writing_as(account(samba.administrator().0, password))
}

fn writer(connector: &LdapConnector) -> &dyn WriteBack {
    connector.write_back().unwrap()
}

async fn person(connector: &LdapConnector, name: &str) -> SourceEntry {
    match connector.find(name).await {
        Ok(Found::One(entry)) => *entry,
        other => panic!("{name}: {other:?}"),
    }
}

async fn says(connector: &LdapConnector, name: &str, password: &str) -> AdapterResult {
    let entry = person(connector, name).await;
    connector.verify(&entry, &password.to_owned().into()).await.result
}

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

/// Five wrong passwords, as somebody else would type them.
async fn lock(connector: &LdapConnector, name: &str) -> SourceEntry {
    let entry = person(connector, name).await;
    for wrong in 0..5 {
        connector.verify(&entry, &secret(&format!("Wr0ng-password-{wrong}"))).await;
    }
    let locked = person(connector, name).await;
    assert!(locked.lockout.locked_until.is_some(), "{locked:?}");
    locked
}

#[tokio::test]
async fn a_lock_of_openldap_is_ended_and_the_right_password_works_again() {
    let slapd = Slapd::start().await;
    let connector = to_slapd(&slapd, slapd.writer().1);
    let right = slapd.password_of("u000001");
    let locked = lock(&connector, "u000001").await;
    assert_eq!(says(&connector, "u000001", &right).await, AdapterResult::Locked);
    let unlock = writer(&connector).unlock(&locked).await;
    assert_eq!(unlock.written, Written::Done, "{unlock:?}");
    let after = unlock.entry.unwrap();
    assert_eq!((after.lockout.failures, after.lockout.locked_until), (Some(0), None));
    assert_eq!(says(&connector, "u000001", &right).await, AdapterResult::Ok);
    // Nothing to end: nothing is broken by it.
    assert_eq!(writer(&connector).unlock(&after).await.written, Written::Done);
}

#[tokio::test]
async fn a_password_that_openldap_wants_changed_is_changed_by_its_person() {
    let slapd = Slapd::start().await;
    // Not even a write account's password is needed where the person can bind.
    let connector = to_slapd(&slapd, "not its password");
    let dn = slapd.person_dn("u000002");
    let policy = format!("cn=default,ou=policies,{}", slapd.base_dn);
    slapd.set(&policy, "pwdInHistory", &["3"]);
    slapd.set(&policy, "pwdCheckQuality", &["2"]);
    slapd.set(&policy, "pwdMinLength", &["10"]);
    slapd.set(&dn, "pwdReset", &["TRUE"]);
    let right = secret(&slapd.password_of("u000002"));
    let entry = person(&connector, "u000002").await;
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::MustChange);
    let change = async |current: &SecretString, new: &str| {
        writer(&connector).change_password(&entry, current, &secret(new)).await
    };
    let wrong = change(&secret("Wr0ng-password"), "A-whole-new-Passw0rd").await;
    assert_eq!((wrong.result, wrong.proves_password, wrong.sent), (AdapterResult::BadPassword, false, true));
    let short = change(&right, "short").await;
    assert_eq!(short.written, Written::Failed(WriteFailure::Policy(PolicyRefusal::TooShort)), "{short:?}");
    assert!(short.proves_password);
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::MustChange, "as it was");
    let changed = change(&right, "A-whole-new-Passw0rd").await;
    assert_eq!((changed.written, changed.result), (Written::Done, AdapterResult::Ok), "{}", changed.reason);
    assert_eq!(says(&connector, "u000002", "A-whole-new-Passw0rd").await, AdapterResult::Ok);
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::BadPassword, "the old one is over");
    let back = change(&secret("A-whole-new-Passw0rd"), &slapd.password_of("u000002")).await;
    assert_eq!(back.written, Written::Failed(WriteFailure::Policy(PolicyRefusal::InHistory)), "{back:?}");
}

#[tokio::test]
async fn a_password_that_openldap_lets_nobody_bind_with_is_changed_by_the_second_account() {
    let slapd = Slapd::start().await;
    let connector = to_slapd(&slapd, slapd.writer().1);
    let policy = format!("cn=default,ou=policies,{}", slapd.base_dn);
    let right = secret(&slapd.password_of("u000003"));
    slapd.set_password("u000003", &slapd.password_of("u000003"));
    slapd.set(&policy, "pwdMaxAge", &["1"]);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let entry = person(&connector, "u000003").await;
    let expired = connector.verify(&entry, &right).await;
    assert!(matches!(expired.result, AdapterResult::PasswordExpired | AdapterResult::MustChange), "{expired:?}");
    let new = "A-whole-new-Passw0rd";
    let wrong = writer(&connector).change_password(&entry, &secret("Wr0ng-password"), &secret(new)).await;
    assert_eq!((wrong.result, wrong.proves_password), (AdapterResult::BadPassword, false), "{wrong:?}");
    let changed = writer(&connector).change_password(&entry, &right, &secret(new)).await;
    assert_eq!(changed.written, Written::Done, "{changed:?}");
    slapd.set(&policy, "pwdMaxAge", &["0"]);
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::BadPassword, "the old one is over");
    let after = says(&connector, "u000003", new).await;
    assert!(matches!(after, AdapterResult::Ok | AdapterResult::MustChange), "{after:?}");
}

#[tokio::test]
async fn an_account_without_the_right_is_told_apart_and_a_refused_one_is_left_alone() {
    let slapd = Slapd::with(SlapdSetup { people: 5, ..SlapdSetup::default() }).await;
    let locked = lock(&to_slapd(&slapd, slapd.writer().1), "u000001").await;
    let blind = format!("cn=blind,ou=services,{}", slapd.base_dn);
    let settings = settings(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &slapd.base_dn, &slapd.reader_dn);
    let reading = || connect(&source(SourceKind::Ldap, settings.clone()), &slapd.reader_password).unwrap();
    let unable = reading().writing_as(account(&blind, "blind-secret"));
    let unlock = writer(&unable).unlock(&locked).await;
    assert!(matches!(unlock.written, Written::Failed(WriteFailure::NotAllowed | WriteFailure::Odd)), "{unlock:?}");
    let refused = to_slapd(&slapd, "not its password");
    for (attempt, words) in [(1, "refused"), (2, "not tried again")] {
        let unlock = writer(&refused).unlock(&locked).await;
        assert_eq!(unlock.written, Written::Failed(WriteFailure::NotAllowed), "{attempt}");
        assert!(unlock.reason.contains(words), "{attempt}: {}", unlock.reason);
    }
    let steps = to_slapd(&slapd, "not its password").probe().await;
    let last = steps.last().unwrap();
    assert!(last.name == "Write account" && !last.passed && last.remedy.is_some(), "{steps:?}");
    let steps = to_slapd(&slapd, slapd.writer().1).probe().await;
    assert!(steps.iter().all(|step| step.passed), "{steps:?}");
    assert!(!slapd.values(&slapd.person_dn("u000001"), "pwdAccountLockedTime").is_empty(), "nothing was written");
}

#[tokio::test]
async fn a_lock_of_active_directory_is_ended_and_the_right_password_works_again() {
    let samba = SambaAd::shared().await;
    let connector = to_samba(samba, samba.administrator().1);
    let right = samba.password_of("u000041");
    let locked = lock(&connector, "u000041").await;
    assert_eq!(says(&connector, "u000041", &right).await, AdapterResult::Locked);
    let unlock = writer(&connector).unlock(&locked).await;
    assert_eq!(unlock.written, Written::Done, "{unlock:?}");
    let after = unlock.entry.unwrap();
    assert_eq!((after.lockout.failures, after.lockout.locked_until), (Some(0), None));
    assert_eq!(says(&connector, "u000041", &right).await, AdapterResult::Ok);
}

#[tokio::test]
async fn a_password_that_active_directory_wants_changed_is_changed_and_never_reset() {
    let samba = SambaAd::shared().await;
    let connector = to_samba(samba, samba.administrator().1);
    let old = samba.password_of("u000042");
    samba.set(&samba.base_dn, "pwdHistoryLength", &["3"]);
    samba.set(&samba.person_dn("u000042"), "pwdLastSet", &["0"]);
    let entry = person(&connector, "u000042").await;
    assert_eq!(connector.verify(&entry, &secret(&old)).await.result, AdapterResult::MustChange);
    let change = async |current: &str, new: &str| {
        writer(&connector).change_password(&entry, &secret(current), &secret(new)).await
    };
    let wrong = change("Wr0ng-password", "A-whole-new-Passw0rd").await;
    assert_eq!((wrong.result, wrong.proves_password), (AdapterResult::BadPassword, false), "{wrong:?}");
    assert_ne!(wrong.written, Written::Done);
    let counted = person(&connector, "u000042").await.lockout.failures;
    let short = change(&old, "Ab-1").await;
    assert!(matches!(short.written, Written::Failed(WriteFailure::Policy(_))), "{short:?}");
    let changed = change(&old, "A-whole-new-Passw0rd").await;
    assert_eq!((changed.written, changed.result), (Written::Done, AdapterResult::Ok), "{}", changed.reason);
    assert_eq!(says(&connector, "u000042", "A-whole-new-Passw0rd").await, AdapterResult::Ok);
    // A reset would not have looked at the history.
    samba.set(&samba.person_dn("u000042"), "pwdLastSet", &["0"]);
    let back = change("A-whole-new-Passw0rd", &old).await;
    assert_eq!(back.written, Written::Failed(WriteFailure::Policy(PolicyRefusal::InHistory)), "{back:?}");
    assert_eq!(counted, Some(1), "a wrong current password counts there, so it takes a place of the budget");
}
