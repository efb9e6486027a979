//! Connecting a directory step by step: nothing is there before the end, the secret goes to one host only, and nobody
//! is locked out by trying.

use chrono::TimeDelta;
use connector::FailureKind;
use directory::{AccountStatus, AttributeName, LockoutSettings, SourceKind, SourceMode, TransportSecurity};
use hub::{
    HubError,
    kernel::capability::ManageSources,
    sources::wizard::{CheckTone, Wizard, WizardInput, WizardOutcome, WizardStep},
};

use crate::support::{SERVICE_PASSWORD, TestHub, entry, hubs, source_draft};

const HOST: &str = "ldaps://new.example.test";

fn address(url: &str) -> WizardInput {
    WizardInput::Address {
        kind: SourceKind::Ldap,
        urls: vec![url.parse().unwrap()],
        transport: TransportSecurity::Tls,
        allow_plain: false,
        ca_pem: None,
    }
}

fn account(password: Option<&str>) -> WizardInput {
    WizardInput::Account {
        bind_dn: "cn=reader,dc=example,dc=test".to_owned(),
        password: password.map(|text| text.to_owned().into()),
    }
}

fn people() -> WizardInput {
    WizardInput::People {
        base_dn: "ou=people,dc=example,dc=test".to_owned(),
        person_filter: "(objectClass=inetOrgPerson)".to_owned(),
        id_attribute: "entryUUID".to_owned(),
        username_attribute: "uid".to_owned(),
        name_attributes: vec!["uid".to_owned()],
    }
}

fn attributes() -> WizardInput {
    WizardInput::Attributes {
        mapping: [(AttributeName::Email, "mail".to_owned())].into(),
        self_written: Vec::new(),
        domains: vec!["new.test".to_owned()],
        netbios_domain: None,
        protected_groups: Vec::new(),
    }
}

fn person(typed: &str, password: Option<&str>) -> WizardInput {
    WizardInput::Person { typed: typed.to_owned(), password: password.map(|text| text.to_owned().into()) }
}

fn finish(mode: SourceMode) -> WizardInput {
    WizardInput::Finish { name: "fresh".to_owned(), label: "Fresh".to_owned(), just_in_time: true, mode }
}

/// Goes one step on.
async fn step(test: &TestHub, by: &ManageSources, at: Option<&Wizard>, input: WizardInput) -> Result<Wizard, HubError> {
    let id = at.map(|wizard| wizard.id.to_string());
    let at = id.as_deref().zip(at.map(|wizard| wizard.revision));
    match test.hub.source_wizard_step(by, at, input).await? {
        WizardOutcome::Kept(wizard) => Ok(*wizard),
        WizardOutcome::Registered(source) => panic!("registered {}", source.name),
    }
}

/// Up to the step with the test person.
async fn up_to_person(test: &TestHub, by: &ManageSources) -> Wizard {
    let mut wizard = step(test, by, None, address(HOST)).await.unwrap();
    for input in
        [account(Some(SERVICE_PASSWORD)), people(), attributes(), WizardInput::Lockout(LockoutSettings::default())]
    {
        wizard = step(test, by, Some(&wizard), input).await.unwrap();
    }
    assert_eq!(wizard.open_step(), WizardStep::Person, "{:#?}", wizard.reports);
    wizard
}

fn failed(wizard: &Wizard, step: WizardStep) -> Vec<&str> {
    let checks = wizard.reports[&step].checks.iter();
    checks.filter(|check| check.tone == CheckTone::Failed).map(|check| check.title.as_str()).collect()
}

#[tokio::test]
async fn a_directory_is_connected_step_by_step_and_nothing_is_there_before_the_end() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        test.directory.shows_lockout(Some(5), Some(900));
        test.directory.add(entry("bo"));
        let wizard = up_to_person(&test, by).await;
        assert!(wizard.has_secret);
        let wizard = step(&test, by, Some(&wizard), person("bo", None)).await.unwrap();
        assert_eq!(wizard.person.as_ref().unwrap().aliases, ["bo"]);
        assert_eq!(test.directory.passwords_seen(), 0);
        assert!(test.hub.sources_now().await.unwrap().is_empty(), "nothing is saved before the last step");

        // Another process goes on where this one was.
        let other = test.second_process().await;
        let id = wizard.id.to_string();
        assert_eq!(other.hub.source_wizard(by, &id).await.unwrap(), wizard);
        let at = Some((id.as_str(), wizard.revision));
        let outcome = test.hub.source_wizard_step(by, at, finish(SourceMode::Active)).await.unwrap();
        let WizardOutcome::Registered(source) = outcome else { panic!("not registered") };
        assert_eq!((source.name.as_str(), source.mode), ("fresh", SourceMode::Active));
        let twice = test.hub.source_wizard_step(by, at, finish(SourceMode::Active)).await;
        assert!(matches!(twice, Err(HubError::NotFound(_))), "the draft is gone");
        assert!(matches!(test.hub.source_wizard(by, &id).await, Err(HubError::NotFound(_))));
        let audit = format!("{:?}", test.audit().await);
        assert!(audit.contains("source.looked-at") && audit.contains("source.registered"));
        assert!(!audit.contains(SERVICE_PASSWORD) && !format!("{wizard:?}").contains(SERVICE_PASSWORD));
    }
}

#[tokio::test]
async fn a_draft_belongs_to_one_person_and_is_forgotten() {
    for test in hubs().await {
        let (ada, bo) = (test.administrator("ada").await, test.administrator("bo").await);
        let wizard = step(&test, &ada.sources, None, address(HOST)).await.unwrap();
        let id = wizard.id.to_string();
        assert!(matches!(test.hub.source_wizard(&bo.sources, &id).await, Err(HubError::NotFound(_))));
        let theirs = test.hub.source_wizard_step(&bo.sources, Some((&id, wizard.revision)), account(Some("x"))).await;
        assert!(matches!(theirs, Err(HubError::NotFound(_))));
        for odd in ["", "x", "00000000-0000-0000-0000-000000000000"] {
            assert!(matches!(test.hub.source_wizard(&ada.sources, odd).await, Err(HubError::NotFound(_))), "{odd}");
        }
        // A second window that is behind does not overwrite.
        let on = step(&test, &ada.sources, Some(&wizard), account(Some(SERVICE_PASSWORD))).await.unwrap();
        let behind = step(&test, &ada.sources, Some(&wizard), account(Some("other"))).await;
        assert!(behind.is_err_and(|error| error.public().contains("somebody else")));
        assert_eq!(test.hub.source_wizard(&ada.sources, &id).await.unwrap(), on);
        test.wait(12 * 3_600 + 1);
        assert!(matches!(test.hub.source_wizard(&ada.sources, &id).await, Err(HubError::NotFound(_))));
        let lease = test.hub.take_lease("tidy", "the test", TimeDelta::minutes(2)).await.unwrap().unwrap();
        assert_eq!(test.hub.forget_source_drafts(&lease).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn the_secret_is_entered_again_for_another_host_and_never_sent_there() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        let wizard = step(&test, by, None, address(HOST)).await.unwrap();
        let wizard = step(&test, by, Some(&wizard), account(Some(SERVICE_PASSWORD))).await.unwrap();
        assert_eq!(wizard.settings.connector, up_to_settings(&wizard), "what was found is proposed");
        let wizard = step(&test, by, Some(&wizard), address("ldaps://evil.example.test")).await.unwrap();
        assert!(!wizard.has_secret && wizard.open_step() == WizardStep::Account && wizard.survey.is_none());
        let wizard = step(&test, by, Some(&wizard), account(None)).await.unwrap();
        assert_eq!(failed(&wizard, WizardStep::Account), ["Service account"]);
        assert!(test.directory.connected().iter().all(|(host, _)| host == "new.example.test"));
        // The same address again keeps it.
        let wizard = step(&test, by, Some(&wizard), account(Some(SERVICE_PASSWORD))).await.unwrap();
        let wizard = step(&test, by, Some(&wizard), address("ldaps://evil.example.test")).await.unwrap();
        assert!(wizard.has_secret);
    }
}

fn up_to_settings(wizard: &Wizard) -> directory::ConnectorSettings {
    let mut ldap = wizard.settings.connector.ldap().unwrap().clone();
    ldap.base_dn = "ou=people,dc=example,dc=test".to_owned();
    ldap.id_attribute = "entryUUID".to_owned();
    directory::ConnectorSettings::Ldap(ldap)
}

#[tokio::test]
async fn a_step_that_fails_gives_advice_and_the_next_is_closed() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        test.directory.is_unreachable(true);
        let wizard = step(&test, by, None, address(HOST)).await.unwrap();
        let check = wizard.reports[&WizardStep::Address].checks.last().unwrap();
        let advice = hub::sources::wizard::advice(FailureKind::PortClosed);
        assert_eq!((check.tone, check.advice.as_ref()), (CheckTone::Failed, Some(&advice)));
        let early = step(&test, by, Some(&wizard), account(Some("x"))).await;
        assert!(matches!(early, Err(HubError::Refused(_))), "the address must work first");
        assert!(test.directory.connected().is_empty());
        let without = test.hub.source_wizard_step(by, None, account(Some("x"))).await;
        assert!(matches!(without, Err(HubError::NotFound(_))));
        let plain = WizardInput::Address {
            kind: SourceKind::Ldap,
            urls: vec!["ldap://new.example.test".parse().unwrap()],
            transport: TransportSecurity::Plain,
            allow_plain: false,
            ca_pem: None,
        };
        let plain = step(&test, by, Some(&wizard), plain).await;
        assert!(matches!(plain, Err(HubError::Invalid { field: "transport", .. })));
    }
}

#[tokio::test]
async fn a_service_account_is_refused_twice_and_then_not_asked_for_a_while() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        for _ in 0..4 {
            // A new draft each time: it is the account that counts.
            let wizard = step(&test, by, None, address(HOST)).await.unwrap();
            let wizard = step(&test, by, Some(&wizard), account(Some("wrong"))).await.unwrap();
            assert_eq!(failed(&wizard, WizardStep::Account), ["Service account"]);
        }
        assert_eq!(test.directory.connected().len(), 2);
        test.wait(17 * 60);
        let wizard = step(&test, by, None, address(HOST)).await.unwrap();
        let wizard = step(&test, by, Some(&wizard), account(Some(SERVICE_PASSWORD))).await.unwrap();
        assert_eq!(wizard.open_step(), WizardStep::People);
    }
}

#[tokio::test]
async fn a_test_password_is_sent_once_over_all_drafts_and_never_near_the_lockout() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        test.directory.shows_lockout(Some(5), Some(900));
        test.directory.add(entry("bo"));
        for attempt in 0..3 {
            let wizard = up_to_person(&test, by).await;
            let wizard = step(&test, by, Some(&wizard), person("bo", Some("wrong"))).await.unwrap();
            let failures = failed(&wizard, WizardStep::Person);
            assert_eq!(failures.contains(&"Password"), attempt == 0, "then it is not sent: {:#?}", wizard.reports);
        }
        assert_eq!(test.directory.passwords_seen(), 1);
        // T = 2 leaves no room beside what sign-ins may have used.
        test.directory.add(entry("cy"));
        test.directory.shows_lockout(Some(2), Some(900));
        let mut wizard = step(&test, by, None, address(HOST)).await.unwrap();
        let waiver = LockoutSettings { waiver: true, ..LockoutSettings::default() };
        for input in [account(Some(SERVICE_PASSWORD)), people(), attributes(), WizardInput::Lockout(waiver)] {
            wizard = step(&test, by, Some(&wizard), input).await.unwrap();
        }
        step(&test, by, Some(&wizard), person("cy", Some("wrong"))).await.unwrap();
        assert_eq!(test.directory.passwords_seen(), 1);
    }
}

#[tokio::test]
async fn what_would_be_created_names_collisions_and_creates_nobody() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        test.directory.shows_lockout(Some(0), None);
        let source = test.hub.register_source(by, source_draft("corp"), "secret".into()).await.unwrap();
        let with_number = |name: &str| {
            let mut entry = entry(name);
            entry.attributes.insert(AttributeName::EmployeeNumber, "31882".to_owned());
            entry
        };
        test.provision_entry(&source, &with_number("anna")).await;
        let mut twin = with_number("anna");
        twin.immutable_id = "another".to_owned().into();
        test.directory.add(twin);
        let mut gone = entry("gone");
        gone.status = AccountStatus::Disabled;
        test.directory.add(gone);
        let created = async || test.audit().await.iter().filter(|(action, _)| action == "person.created").count();
        let before = created().await;
        let wizard = up_to_person(&test, by).await;
        let wizard = step(&test, by, Some(&wizard), person("anna", None)).await.unwrap();
        let words = format!("{:?}", wizard.reports[&WizardStep::Person].checks);
        assert!(words.contains("31882 belongs to Test anna") && words.contains("also a name in another"), "{words}");
        let wizard = step(&test, by, Some(&wizard), person("gone", None)).await.unwrap();
        assert_eq!(failed(&wizard, WizardStep::Person), ["Would be created"]);
        let wizard = step(&test, by, Some(&wizard), person("nobody", None)).await.unwrap();
        assert_eq!((failed(&wizard, WizardStep::Person).len(), wizard.person.clone()), (1, None));
        let skipped = step(&test, by, Some(&wizard), person("", None)).await.unwrap();
        assert_eq!(skipped.open_step(), WizardStep::Finish);
        assert_eq!(created().await, before, "nobody was created");
    }
}

#[tokio::test]
async fn without_figures_of_its_lockout_a_directory_is_connected_paused_only() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let by = &admin.sources;
        let wizard = up_to_person(&test, by).await;
        assert!(wizard.reports[&WizardStep::Lockout].checks.iter().any(|check| check.tone == CheckTone::Warned));
        let wizard = step(&test, by, Some(&wizard), person("", None)).await.unwrap();
        let id = wizard.id.to_string();
        let at = Some((id.as_str(), wizard.revision));
        let active = test.hub.source_wizard_step(by, at, finish(SourceMode::Active)).await;
        assert!(matches!(active, Err(HubError::Refused(_))));
        let paused = test.hub.source_wizard_step(by, at, finish(SourceMode::Paused)).await.unwrap();
        assert!(matches!(paused, WizardOutcome::Registered(_)));
    }
}
