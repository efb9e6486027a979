use std::sync::Arc;

use connector::{
    Connector as _, Found, TroubleKind,
    conformance::{self, Subject},
};
use directory::{AccountStatus, AdapterResult, AttributeName, SourceKind, TransportSecurity};
use testkit::SambaAd;

use crate::support::{connect, settings, source};

fn of(samba: &SambaAd, url: &str) -> directory::Source {
    let mut settings = settings(SourceKind::ActiveDirectory, url, &samba.ca_pem, &samba.base_dn, &samba.reader_dn);
    settings.netbios_domain = Some(samba.netbios_domain.clone());
    settings.base_dn = format!("OU=People,{}", samba.base_dn);
    // Samba writes every wrong password to disk, which takes its time on a busy machine.
    (settings.connect_timeout_ms, settings.operation_timeout_ms) = (10_000, 10_000);
    source(SourceKind::ActiveDirectory, settings)
}

fn to(samba: &SambaAd) -> connector_ldap::LdapConnector {
    connect(&of(samba, &samba.ldaps_url), &samba.reader_password).unwrap()
}

async fn person(connector: &connector_ldap::LdapConnector, name: &str) -> directory::SourceEntry {
    match connector.find(name).await {
        Ok(Found::One(entry)) => *entry,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn active_directory_conforms_over_tls_and_start_tls() {
    let samba = SambaAd::shared().await;
    for (url, user) in [(&samba.ldaps_url, "u000021"), (&samba.ldap_url, "u000022")] {
        let mut source = of(samba, url);
        let settings = source.connector.ldap_mut().unwrap();
        // The domain is shared, and another test deletes this person.
        settings.person_filter = "(&(objectCategory=person)(objectClass=user)(!(sAMAccountName=u000030)))".into();
        let connector = connect(&source, &samba.reader_password).unwrap();
        let team = format!("team-{}", &user[6..]);
        let subject = Subject {
            connector: Arc::new(connector),
            typed_name: user.into(),
            password: samba.password_of(user),
            people: 101,
            groups: [team.as_str(), "dept-all", "all-staff", "Domain Users", "Users"].map(str::to_owned).to_vec(),
        };
        conformance::all(&subject).await;
    }
}

#[tokio::test]
async fn everything_a_person_needs_is_read() {
    let samba = SambaAd::shared().await;
    let mut with_groups = of(samba, &samba.ldaps_url);
    with_groups.protected_groups = vec![format!("cn=vault-keepers,ou=groups,{}", samba.base_dn.to_lowercase())];
    let connector = connect(&with_groups, &samba.reader_password).unwrap();
    for name in ["u000015", "ADEX\\u000015", "adex\\U000015", "u000015@ad.example.test", "u000015@example.test"] {
        assert_eq!(person(&connector, name).await.username.as_deref(), Some("u000015"), "{name}");
    }
    assert_eq!(connector.find("OTHER\\u000015").await, Ok(Found::Nobody));
    let entry = person(&connector, "u000015").await;
    assert_eq!(entry.names, ["u000015", "ADEX\\u000015", "u000015@ad.example.test", "u000015@example.test"]);
    assert_eq!(entry.attributes[&AttributeName::GivenName], "Usér");
    assert!(entry.privileged && entry.password_set_at.is_some());
    assert_eq!((entry.lockout.threshold, entry.lockout.window_seconds), (Some(5), Some(900)));
    assert_eq!((entry.lockout.failures, entry.lockout.locked_until), (Some(0), None));
    assert!(person(&connector, "root2").await.privileged, "adminCount");
    assert!(!person(&connector, "u000023").await.privileged);
    assert_eq!(person(&connector, "user2@example.test").await.username.as_deref(), Some("u000002"));
    assert_eq!(connector.default_lockout().await.unwrap().threshold, Some(5));
}

#[tokio::test]
async fn standing_is_read_and_comes_back() {
    let samba = SambaAd::shared().await;
    let connector = to(samba);
    let entry = person(&connector, "u000030").await;
    samba.disable("u000030");
    assert_eq!(connector.fetch(&entry.immutable_id).await.unwrap().unwrap().status, AccountStatus::Disabled);
    samba.enable("u000030");
    assert_eq!(connector.fetch(&entry.immutable_id).await.unwrap().unwrap().status, AccountStatus::Active);
    assert_eq!(person(&connector, "u000012").await.status, AccountStatus::Expired);
    let before = entry.password_set_at.unwrap();
    samba.set_password("u000030", "An0ther-passw0rd");
    let after = connector.fetch(&entry.immutable_id).await.unwrap().unwrap();
    assert!(after.password_set_at.unwrap() > before);
    assert_eq!(connector.verify(&after, &"An0ther-passw0rd".to_owned().into()).await.result, AdapterResult::Ok);
    samba.delete("u000030");
    assert_eq!(connector.fetch(&entry.immutable_id).await, Ok(None));
}

#[tokio::test]
async fn sub_codes_come_with_the_right_password_only() {
    let samba = SambaAd::shared().await;
    let connector = to(samba);
    for (user, result) in [
        ("u000005", AdapterResult::Disabled),
        ("u000011", AdapterResult::MustChange),
        ("u000012", AdapterResult::AccountExpired),
        ("u000013", AdapterResult::NotAllowedNow),
    ] {
        let entry = person(&connector, user).await;
        let right = connector.verify(&entry, &samba.password_of(user).into()).await;
        assert_eq!((right.result, right.proves_password), (result, true), "{user}: {right:?}");
        let wrong = connector.verify(&entry, &"Wr0ng-password".to_owned().into()).await;
        assert_eq!((wrong.result, wrong.proves_password), (AdapterResult::BadPassword, false), "{user}: {wrong:?}");
    }
}

#[tokio::test]
async fn a_lockout_is_seen_counted_and_named() {
    let samba = SambaAd::shared().await;
    let connector = to(samba);
    let entry = person(&connector, "u000040").await;
    for wrong in 1..=5_u32 {
        let verification = connector.verify(&entry, &format!("Wr0ng-{wrong}").into()).await;
        assert_eq!(verification.result, AdapterResult::BadPassword, "{verification:?}");
        let now = connector.fetch(&entry.immutable_id).await.unwrap().unwrap();
        assert_eq!(now.lockout.failures, Some(wrong));
        assert_eq!(now.lockout.locked_until.is_some(), wrong == 5);
    }
    let right = samba.password_of("u000040").into();
    let verification = connector.verify(&entry, &right).await;
    assert_eq!((verification.result, verification.proves_password), (AdapterResult::Locked, false), "{verification:?}");
    samba.unlock("u000040");
    assert_eq!(connector.verify(&entry, &right).await.result, AdapterResult::Ok);
}

#[tokio::test]
async fn plain_text_is_refused_by_the_directory_and_said_so() {
    let samba = SambaAd::shared().await;
    let mut source = of(samba, &samba.ldap_url);
    let settings = source.connector.ldap_mut().unwrap();
    settings.transport = TransportSecurity::Plain;
    let connector = connect(&source, &samba.reader_password).unwrap();
    let trouble = connector.find("u000001").await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Misconfigured, "{trouble}");
    assert!(trouble.reason.contains("encrypt"), "{trouble}");
}

#[tokio::test]
async fn the_whole_domain_as_base_brings_no_references() {
    let samba = SambaAd::shared().await;
    let mut source = of(samba, &samba.ldaps_url);
    let settings = source.connector.ldap_mut().unwrap();
    settings.base_dn = samba.base_dn.clone();
    let connector = connect(&source, &samba.reader_password).unwrap();
    assert_eq!(person(&connector, "u000001").await.username.as_deref(), Some("u000001"));
}

#[tokio::test]
async fn a_long_chain_of_nested_groups_is_read_whole() {
    let samba = SambaAd::shared().await;
    let name = |n: usize| format!("CN=chain-{n},OU=groups,{}", samba.base_dn);
    let person = samba.person_dn("u000019");
    for n in 0..7 {
        let member = if n == 0 { person.clone() } else { name(n - 1) };
        samba.modify(&format!(
            "dn: {}\nchangetype: add\nobjectClass: group\nsAMAccountName: chain-{n}\nmember: {member}\n",
            name(n)
        ));
    }
    let connector = connect(&of(samba, &samba.ldaps_url), &samba.reader_password).unwrap();
    let found = connector.find("u000019").await;
    for n in 0..7 {
        samba.modify(&format!("dn: {}\nchangetype: delete\n", name(n)));
    }
    let Ok(Found::One(entry)) = found else { panic!("{found:?}") };
    let chain = entry.groups.iter().filter(|group| group.name.starts_with("chain-")).count();
    assert_eq!((chain, entry.groups_complete), (7, true), "{:?}", entry.groups);
}
