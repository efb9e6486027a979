use std::sync::Arc;

use connector::{
    Connector as _, Found, TroubleKind,
    conformance::{self, Subject},
};
use directory::{AccountStatus, AdapterResult, AttributeName, SourceKind, TransportSecurity};
use testkit::{Fault, FaultProxy, Slapd, SlapdSetup};

use crate::support::{connect, settings, source};

fn of(slapd: &Slapd, url: &str) -> directory::LdapSettings {
    settings(SourceKind::Ldap, url, &slapd.ca_pem, &slapd.base_dn, &slapd.reader_dn)
}

fn to(slapd: &Slapd) -> connector_ldap::LdapConnector {
    connect(&source(SourceKind::Ldap, of(slapd, &slapd.ldaps_url)), &slapd.reader_password).unwrap()
}

async fn person(connector: &connector_ldap::LdapConnector, name: &str) -> directory::SourceEntry {
    match connector.find(name).await {
        Ok(Found::One(entry)) => *entry,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn openldap_conforms_over_tls_and_start_tls() {
    let slapd = Slapd::start().await;
    for url in [&slapd.ldaps_url, &slapd.ldap_url] {
        let connector = connect(&source(SourceKind::Ldap, of(&slapd, url)), &slapd.reader_password).unwrap();
        let subject = Subject {
            connector: Arc::new(connector),
            typed_name: "u000007".into(),
            password: slapd.password_of("u000007"),
            people: 201,
            groups: ["team-7", "dept-all", "all-staff"].map(str::to_owned).to_vec(),
        };
        conformance::all(&subject).await;
    }
}

#[tokio::test]
async fn everything_a_person_needs_is_read() {
    let slapd = Slapd::start().await;
    let mut with_groups = source(SourceKind::Ldap, of(&slapd, &slapd.ldaps_url));
    with_groups.protected_groups = vec!["CN=Dept-All, OU=Groups, DC=example,DC=test".into()];
    let connector = connect(&with_groups, &slapd.reader_password).unwrap();
    let entry = person(&connector, "U000003@Example.test").await;
    assert_eq!(entry.username.as_deref(), Some("u000003"));
    assert_eq!(entry.names, ["u000003", "u000003@example.test"]);
    assert_eq!(entry.attributes[&AttributeName::Email], "u000003@example.test");
    assert_eq!(entry.attributes[&AttributeName::EmployeeNumber], "100003");
    assert!(entry.privileged, "a member of a protected group, through another one");
    assert!(!person(&connector, "jsmith").await.privileged);
    assert_eq!((entry.lockout.threshold, entry.lockout.window_seconds), (Some(5), Some(900)));
    assert_eq!((entry.lockout.failures, entry.lockout.locked_until), (Some(0), None));
    let default = connector.default_lockout().await.unwrap();
    assert_eq!((default.threshold, default.window_seconds), (Some(5), Some(900)));

    slapd.set_password("u000003", "another-one-1");
    assert!(connector.fetch(&entry.immutable_id).await.unwrap().unwrap().password_set_at.is_some());
    // A rename moves the entry; the id stays.
    slapd.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n",
        slapd.person_dn("u000003")
    ));
    let renamed = connector.fetch(&entry.immutable_id).await.unwrap().unwrap();
    assert_eq!(renamed.username.as_deref(), Some("renamed"));
    assert_eq!(connector.verify(&renamed, &"another-one-1".to_owned().into()).await.result, AdapterResult::Ok);
    slapd.delete("renamed");
    assert_eq!(connector.fetch(&entry.immutable_id).await, Ok(None));
}

#[tokio::test]
async fn a_lockout_is_seen_counted_and_named() {
    let slapd = Slapd::start().await;
    let connector = to(&slapd);
    let entry = person(&connector, "u000010").await;
    for wrong in 1..=5_u32 {
        let verification = connector.verify(&entry, &"wrong".to_owned().into()).await;
        assert_eq!(verification.result, AdapterResult::BadPassword);
        let now = connector.fetch(&entry.immutable_id).await.unwrap().unwrap();
        assert_eq!(now.lockout.failures, Some(wrong));
        assert_eq!(now.lockout.locked_until.is_some(), wrong == 5);
    }
    let right = slapd.password_of("u000010").into();
    let verification = connector.verify(&entry, &right).await;
    assert_eq!((verification.result, verification.proves_password), (AdapterResult::Locked, false));
    slapd.enable("u000010");
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::Ok);
    assert_eq!(connector.fetch(&entry.immutable_id).await.unwrap().unwrap().lockout.failures, Some(0));

    slapd.disable("u000011");
    assert_eq!(person(&connector, "u000011").await.status, AccountStatus::Disabled);
    slapd.enable("u000011");
    assert_eq!(person(&connector, "u000011").await.status, AccountStatus::Active);

    // `pwdReset`: the password is right and must be changed.
    slapd.set(&slapd.person_dn("u000012"), "pwdReset", &["TRUE"]);
    let entry = person(&connector, "u000012").await;
    let verification = connector.verify(&entry, &slapd.password_of("u000012").into()).await;
    assert_eq!((verification.result, verification.proves_password), (AdapterResult::MustChange, true));
}

#[tokio::test]
async fn lockout_that_is_off_is_read_as_off() {
    let slapd = Slapd::with(SlapdSetup { lockout_threshold: 0, people: 3, ..SlapdSetup::default() }).await;
    assert_eq!(to(&slapd).default_lockout().await.unwrap().threshold, Some(0));
}

#[tokio::test]
async fn a_restart_costs_at_most_the_attempts_during_it() {
    let mut slapd = Slapd::start().await;
    let connector = to(&slapd);
    let entry = person(&connector, "u000001").await;
    let right = slapd.password_of("u000001").into();
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::Ok);
    slapd.stop();
    assert_eq!(connector.find("u000001").await.unwrap_err().kind, TroubleKind::Unavailable);
    let verification = connector.verify(&entry, &right).await;
    assert_eq!((verification.result, verification.sent), (AdapterResult::Unavailable, false));
    slapd.start_again();
    assert_eq!(person(&connector, "u000001").await, entry);
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::Ok);
}

#[tokio::test]
async fn the_live_test_names_each_mistake_and_its_remedy() {
    let slapd = Slapd::start().await;
    let foreign = testkit::Authority::new("foreign");
    let good = || of(&slapd, &slapd.ldaps_url);
    let closed = "ldaps://127.0.0.1:9";
    for (what, settings, password, step, says) in [
        (
            "unreachable host",
            directory::LdapSettings { urls: vec![closed.parse().unwrap()], ..good() },
            "reader-secret",
            "Connect",
            "firewall",
        ),
        (
            "unknown host",
            directory::LdapSettings { urls: vec!["ldaps://no-such-host.invalid".parse().unwrap()], ..good() },
            "reader-secret",
            "Connect",
            "DNS",
        ),
        (
            "wrong authority",
            directory::LdapSettings { ca_pem: Some(foreign.ca_pem().into()), ..good() },
            "reader-secret",
            "TLS",
            "authority",
        ),
        ("wrong password", good(), "wrong", "Service account", "password"),
        (
            "no such base",
            directory::LdapSettings { base_dn: "dc=nowhere,dc=test".into(), ..good() },
            "reader-secret",
            "Base DN",
            "base",
        ),
        (
            "no right to read",
            directory::LdapSettings { bind_dn: slapd.reader_dn.replace("reader", "blind"), ..good() },
            "blind-secret",
            "Base DN",
            "read access",
        ),
        (
            "nobody",
            directory::LdapSettings { person_filter: "(objectClass=account)".into(), ..good() },
            "reader-secret",
            "People",
            "filter",
        ),
        (
            "no such id",
            directory::LdapSettings { id_attribute: "carLicense".into(), ..good() },
            "reader-secret",
            "People",
            "entryUUID",
        ),
    ] {
        let connector = connect(&source(SourceKind::Ldap, settings), password).unwrap();
        let steps = connector.probe().await;
        let last = steps.last().unwrap();
        assert_eq!((last.name.as_str(), last.passed), (step, false), "{what}: {steps:#?}");
        assert!(last.remedy.as_ref().unwrap().contains(says), "{what}: {last:#?}");
        assert!(!format!("{steps:?}").contains(password), "{what}");
    }
    // Bad settings say so before anything is dialled.
    for settings in [
        directory::LdapSettings { urls: vec![], ..good() },
        directory::LdapSettings { urls: vec!["ldap://127.0.0.1".parse().unwrap()], ..good() },
        directory::LdapSettings { ca_pem: Some("not a certificate".into()), ..good() },
        directory::LdapSettings { base_dn: "nonsense".into(), ..good() },
        directory::LdapSettings { person_filter: "(((".into(), ..good() },
        directory::LdapSettings { name_attributes: vec!["uid)(x".into()], ..good() },
        directory::LdapSettings { bind_dn: String::new(), ..good() },
    ] {
        let trouble = connect(&source(SourceKind::Ldap, settings), "reader-secret").err().expect("refused");
        assert_eq!(trouble.kind, TroubleKind::Misconfigured);
        assert!(trouble.reason.len() > 20, "{trouble}");
    }
}

#[tokio::test]
async fn attributes_people_write_themselves_are_no_names() {
    let slapd = Slapd::start().await;
    let mut source = source(SourceKind::Ldap, of(&slapd, &slapd.ldaps_url));
    source.self_written = vec![AttributeName::Email];
    let connector = connect(&source, &slapd.reader_password).unwrap();
    assert_eq!(connector.find("u000001@example.test").await, Ok(Found::Nobody));
    assert_eq!(person(&connector, "u000001").await.names, ["u000001"]);
}

#[tokio::test]
async fn groups_are_found_without_member_of() {
    // A directory whose entries do not say which groups they are in: the groups are asked instead.
    let slapd = Slapd::with(SlapdSetup { people: 12, member_of: false, ..SlapdSetup::default() }).await;
    let names: Vec<String> = person(&to(&slapd), "u000011").await.groups.into_iter().map(|group| group.name).collect();
    assert_eq!(names, ["all-staff", "dept-all", "team-1"]);
}

#[tokio::test]
async fn plain_text_works_where_it_is_asked_for() {
    let slapd = Slapd::start().await;
    let settings =
        directory::LdapSettings { transport: TransportSecurity::Plain, ca_pem: None, ..of(&slapd, &slapd.ldap_url) };
    let connector = connect(&source(SourceKind::Ldap, settings), &slapd.reader_password).unwrap();
    assert_eq!(person(&connector, "jsmith").await.username.as_deref(), Some("jsmith"));
}

#[tokio::test]
async fn two_servers_of_openldap_stand_in_for_each_other() {
    let mut first = Slapd::start().await;
    let second = first.replica(SlapdSetup::default()).await;
    let network = FaultProxy::in_front_of(&first.ldaps_url).await;
    let mut settings = of(&first, &network.url("ldaps"));
    settings.urls.push(second.ldaps_url.parse().unwrap());
    let connector = Arc::new(connect(&source(SourceKind::Ldap, settings), &first.reader_password).unwrap());
    let subject = Subject {
        connector: connector.clone(),
        typed_name: "u000007".into(),
        password: first.password_of("u000007"),
        people: 201,
        groups: ["team-7", "dept-all", "all-staff"].map(str::to_owned).to_vec(),
    };
    let first_is = |up| network.set(if up { Fault::None } else { Fault::Refuse });
    conformance::fails_over(&subject, &first_is).await;
    conformance::all(&subject).await;
    // Locked in the second alone, and for long: it gets no password that was meant for the first.
    let mut entry = person(&connector, "u000008").await;
    // The suite cut the first one off; it is asked again as soon as a check has seen it.
    for _ in 0..50 {
        if !second.ldaps_url.contains(&entry.server) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        entry = person(&connector, "u000008").await;
    }
    assert!(!second.ldaps_url.contains(&entry.server), "{}", entry.server);
    second.set(&second.person_dn("u000008"), "pwdAccountLockedTime", &["20990101000000Z"]);
    first.stop();
    // A connection used a moment ago is not asked for a sign of life.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let right = first.password_of("u000008").into();
    let verification = connector.verify(&entry, &right).await;
    assert!(!verification.sent && verification.reason.contains("locked"), "{verification:?}");
    second.set(&second.person_dn("u000008"), "pwdAccountLockedTime", &[]);
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::Ok);
    first.start_again();
}

#[tokio::test]
async fn groups_of_rfc_2307_are_read() {
    let posix = "dn: cn=printers,ou=groups,dc=example,dc=test\nobjectClass: posixGroup\ncn: printers\ngidNumber: 500\n\
                 memberUid: u000001\nmemberUid: u000002\n";
    let slapd = Slapd::with(SlapdSetup { extra_ldif: posix.into(), ..SlapdSetup::default() }).await;
    let connector = to(&slapd);
    let of = |entry: &directory::SourceEntry| entry.groups.iter().any(|group| group.name == "printers");
    assert!(of(&person(&connector, "u000001").await) && !of(&person(&connector, "u000003").await));
}
