//! Registering, changing and testing directories.

use directory::{AttributeName, LockoutSettings, SourceDraft, SourceMode, TransportSecurity};
use hub::{
    HubError,
    sources::{ConnectionTest, WouldBecome},
};
use secrecy::SecretString;
use storage::StorageError;

use crate::support::{TestHub, entry, hubs, source_draft};

const SECRET: &str = "canary-bind-secret";

fn ldap(draft: &mut SourceDraft) -> &mut directory::LdapSettings {
    draft.connector.ldap_mut().unwrap()
}

fn field_of<T: std::fmt::Debug>(result: Result<T, HubError>) -> &'static str {
    match result.unwrap_err() {
        HubError::Invalid { field, .. } => field,
        other => panic!("{other:?}"),
    }
}

fn refusal_of<T: std::fmt::Debug>(result: Result<T, HubError>) -> String {
    match result.unwrap_err() {
        HubError::Refused(words) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_registered_source_is_live_here_at_once_and_in_another_process_within_two_seconds() {
    for test in hubs().await {
        let other = test.second_process().await;
        assert!(other.hub.sources_now().await.unwrap().is_empty());
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        assert!(!test.hub.live_source(source.id).await.unwrap().is_down());
        other.wait(2);
        let live = other.hub.live_source(source.id).await.unwrap();
        assert_eq!(live.source, source);
        assert!(live.connector().is_ok());
        assert_eq!(other.directory.connected(), [("corp.example.test".to_owned(), SECRET.to_owned())]);

        test.hub.set_source_mode(&admin.sources, source.id, 1, SourceMode::Paused).await.unwrap();
        other.wait(2);
        let live = other.hub.live_source(source.id).await.unwrap();
        assert!(live.is_down() && live.connector().is_err(), "paused is treated as down");
    }
}

#[tokio::test]
async fn unchanged_sources_keep_their_connector() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let first = test.hub.live_source(source.id).await.unwrap();
        test.hub.register_source(&admin.sources, source_draft("other"), SECRET.into()).await.unwrap();
        test.wait(5);
        assert!(std::sync::Arc::ptr_eq(&first, &test.hub.live_source(source.id).await.unwrap()));
    }
}

fn computes(draft: &mut SourceDraft, expression: &str) {
    draft.profile.expressions.insert(AttributeName::Email, expression.to_owned());
}

#[tokio::test]
async fn wrong_settings_name_their_field() {
    type Spoil = fn(&mut SourceDraft);
    let cases: &[(&str, Spoil)] = &[
        ("name", |d| d.name = "Corp LDAP".to_owned()),
        ("name", |d| d.name = "hub".to_owned()),
        ("label", |d| d.label = " ".to_owned()),
        ("mode", |d| d.mode = SourceMode::Retired),
        ("urls", |d| ldap(d).urls.clear()),
        ("urls", |d| ldap(d).urls = vec!["ldap://corp.example.test".parse().unwrap()]),
        ("urls", |d| ldap(d).urls = vec!["https://corp.example.test".parse().unwrap()]),
        ("urls", |d| ldap(d).urls = vec!["ldaps://user:pw@corp.example.test".parse().unwrap()]),
        ("urls", |d| ldap(d).urls = vec!["ldaps://corp.example.test/dc=x?uid".parse().unwrap()]),
        ("urls", |d| {
            let url = ldap(d).urls[0].clone();
            ldap(d).urls.push(url);
        }),
        ("ca_file", |d| ldap(d).ca_pem = Some("not a certificate".to_owned())),
        ("ca_file", |d| ldap(d).ca_pem = Some("-----BEGIN PRIVATE KEY-----".to_owned())),
        ("bind_dn", |d| ldap(d).bind_dn.clear()),
        ("bind_dn", |d| ldap(d).bind_dn = "reader@example.test".to_owned()),
        ("base_dn", |d| ldap(d).base_dn = "example.test".to_owned()),
        ("person_filter", |d| ldap(d).person_filter = "(uid=*".to_owned()),
        ("connection", |d| ldap(d).person_filter = "(&(&)(uid=*))".to_owned()),
        ("name_attributes", |d| ldap(d).name_attributes.clear()),
        ("name_attributes", |d| ldap(d).name_attributes = vec!["uid)(x=*".to_owned()]),
        ("id_attribute", |d| ldap(d).id_attribute.clear()),
        ("mapping", |d| {
            ldap(d).mapping.insert(AttributeName::Title, "ti tle".to_owned());
        }),
        ("netbios_domain", |d| ldap(d).netbios_domain = Some("CORP".to_owned())),
        ("connect_timeout", |d| ldap(d).connect_timeout_ms = 0),
        ("connections", |d| ldap(d).connections = 0),
        ("page_size", |d| ldap(d).page_size = 1_000_000),
        ("domains", |d| d.domains = vec!["@corp.test".to_owned()]),
        ("domains", |d| d.domains = vec!["*.corp.test".to_owned()]),
        ("protected_groups", |d| d.protected_groups = vec!["admins".to_owned()]),
        ("profile.priority", |d| d.profile.priority = Some(0)),
        ("profile.expressions", |d| computes(d, "entry.mail +")),
        ("profile.expressions", |d| computes(d, "entry.mail.shout()")),
        // Passwords are no attributes, and what people write themselves does not become trustworthy.
        ("profile.expressions", |d| computes(d, "entry.userPassword")),
        ("profile.expressions", |d| computes(d, "entry[\"unicodePwd\"]")),
        ("profile.expressions", |d| computes(d, "entry.phone")),
        ("profile.expressions", |d| computes(d, "entry.TelephoneNumber")),
        ("profile.priority", |d| {
            d.profile.priorities.insert(AttributeName::Phone, 1_001);
        }),
        ("lockout_threshold", |d| d.lockout.threshold = Some(1_000_000)),
        ("transport", |d| {
            ldap(d).transport = TransportSecurity::Plain;
            ldap(d).urls = vec!["ldap://corp.example.test".parse().unwrap()];
        }),
    ];
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        for (field, spoil) in cases {
            let mut draft = source_draft("corp");
            spoil(&mut draft);
            let result = test.hub.register_source(&admin.sources, draft.clone(), SECRET.into()).await;
            assert_eq!(&field_of(result), field, "{draft:?}");
        }
        let empty =
            test.hub.register_source(&admin.sources, source_draft("corp"), SecretString::from(String::new())).await;
        assert_eq!(field_of(empty), "bind_password");
        assert!(test.hub.sources(&admin.read).await.unwrap().is_empty(), "nothing was written");
    }
}

#[tokio::test]
async fn the_bind_secret_never_reaches_another_host_than_it_was_entered_for() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        type Change = fn(&mut SourceDraft);
        let changes: [Change; 4] = [
            |d| ldap(d).urls = vec!["ldaps://evil.example.test".parse().unwrap()],
            |d| ldap(d).urls.push("ldaps://evil.example.test".parse().unwrap()),
            |d| ldap(d).ca_pem = Some("-----BEGIN CERTIFICATE-----".to_owned()),
            |d| {
                ldap(d).transport = TransportSecurity::StartTls;
                ldap(d).urls = vec!["ldap://corp.example.test".parse().unwrap()];
            },
        ];
        for change in changes {
            let mut draft = SourceDraft::from(&source);
            change(&mut draft);
            let refused = test.hub.update_source(&admin.sources, source.id, 1, draft.clone(), None).await;
            assert!(refusal_of(refused).contains("enter its bind password again"));
            let tested = ConnectionTest { draft, id: Some(source.id), secret: None };
            assert!(test.hub.test_source_connection(&admin.sources, tested).await.is_err());
        }
        let mut draft = SourceDraft::from(&source);
        ldap(&mut draft).urls = vec!["ldaps://new.example.test".parse().unwrap()];
        let changed =
            test.hub.update_source(&admin.sources, source.id, 1, draft, Some("another".into())).await.unwrap();
        assert_eq!(changed.source.revision, 2);
        test.hub.live_source(source.id).await.unwrap();
        for (host, secret) in test.directory.connected() {
            assert_eq!(secret == SECRET, host == "corp.example.test", "{host}");
        }
    }
}

#[tokio::test]
async fn a_host_changed_in_the_database_itself_gets_no_secret() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let mut source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let settings = source.connector.ldap_mut().unwrap();
        settings.urls = vec!["ldaps://evil.example.test".parse().unwrap()];
        let tampered: Result<(), StorageError> =
            storage::write!(test.hub.database, |tx| { storage::sources::update(tx, &source, None).await });
        tampered.unwrap();
        test.wait(2);
        let live = test.hub.live_source(source.id).await.unwrap();
        let trouble = live.connector().err().unwrap();
        assert!(live.is_down() && trouble.reason.contains("enter it again"), "{trouble}");
        assert!(test.directory.connected().iter().all(|(host, _)| host != "evil.example.test"));
    }
}

#[tokio::test]
async fn a_stale_form_is_refused() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let draft = SourceDraft { label: "One".to_owned(), ..SourceDraft::from(&source) };
        test.hub.update_source(&admin.sources, source.id, 1, draft.clone(), None).await.unwrap();
        let stale = test.hub.update_source(&admin.sources, source.id, 1, draft, None).await.unwrap_err();
        assert!(matches!(stale, HubError::Storage(StorageError::Stale { .. })), "{stale:?}");
        let overview = test.hub.source_by_name(&admin.read, "corp").await.unwrap();
        assert_eq!((overview.source.label.as_str(), overview.source.revision), ("One", 2));
    }
}

#[tokio::test]
async fn a_domain_belongs_to_one_source() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let mut other = source_draft("other");
        other.domains = vec!["CORP.test".to_owned()];
        let refused = test.hub.register_source(&admin.sources, other, SECRET.into()).await.unwrap_err();
        assert!(refused.to_string().contains("corp.test belongs to the directory corp"), "{refused}");
        let again = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await;
        assert_eq!(field_of(again), "name");
    }
}

#[tokio::test]
async fn a_source_with_an_unknown_lockout_stays_paused() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let mut draft = source_draft("corp");
        draft.lockout = LockoutSettings::default();
        let refused = refusal_of(test.hub.register_source(&admin.sources, draft.clone(), SECRET.into()).await);
        assert!(refused.contains("set lockout_threshold"), "{refused}");
        draft.mode = SourceMode::Paused;
        let source = test.hub.register_source(&admin.sources, draft.clone(), SECRET.into()).await.unwrap();
        for mode in [SourceMode::Active, SourceMode::Capture, SourceMode::Draining, SourceMode::Observe] {
            let refused = refusal_of(test.hub.set_source_mode(&admin.sources, source.id, 1, mode).await);
            assert!(refused.contains("set lockout_threshold"), "{refused}");
        }
        test.directory.is_unreachable(true);
        let refused = refusal_of(test.hub.set_source_mode(&admin.sources, source.id, 1, SourceMode::Active).await);
        assert!(refused.contains("connection refused"), "{refused}");
        test.directory.is_unreachable(false);
        test.directory.shows_lockout(Some(5), None);
        let refused = refusal_of(test.hub.set_source_mode(&admin.sources, source.id, 1, SourceMode::Active).await);
        assert!(refused.contains("set lockout_window"), "{refused}");
        test.directory.shows_lockout(Some(2), Some(900));
        let refused = refusal_of(test.hub.set_source_mode(&admin.sources, source.id, 1, SourceMode::Active).await);
        assert!(refused.contains("lockout_waiver"), "{refused}");
        draft.lockout.waiver = true;
        draft.mode = SourceMode::Active;
        test.hub.update_source(&admin.sources, source.id, 1, draft, None).await.unwrap();
        test.directory.shows_lockout(Some(0), None);
        test.hub.set_source_mode(&admin.sources, source.id, 2, SourceMode::Paused).await.unwrap();
        test.hub.set_source_mode(&admin.sources, source.id, 3, SourceMode::Active).await.unwrap();
    }
}

#[tokio::test]
async fn what_needs_two_people_becomes_one_proposal() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let free = SourceDraft {
            domains: vec!["corp.test".to_owned(), "corp2.test".to_owned()],
            ..SourceDraft::from(&source)
        };
        let changed = test.hub.update_source(&admin.sources, source.id, 1, free, None).await.unwrap();
        assert_eq!((changed.proposal, changed.source.domains.len()), (None, 2), "nobody is linked to it yet");

        test.provision(&changed.source, "anna").await;
        let mut draft = SourceDraft::from(&changed.source);
        draft.domains = vec!["elsewhere.test".to_owned()];
        draft.self_written.push(AttributeName::Email);
        draft.mode = SourceMode::Retired;
        draft.allow_plain = true;
        ldap(&mut draft).transport = TransportSecurity::Plain;
        ldap(&mut draft).urls = vec!["ldap://corp.example.test".parse().unwrap()];
        draft.label = "Changed at once".to_owned();
        let first = test.hub.update_source(&admin.sources, source.id, 2, draft.clone(), None).await.unwrap();
        let proposal = first.proposal.unwrap();
        for word in ["domains", "self_written", "mode", "transport"] {
            assert!(proposal.summary.contains(word), "{}", proposal.summary);
        }
        let now = test.hub.source_by_name(&admin.read, "corp").await.unwrap().source;
        assert_eq!(now.label, "Changed at once");
        assert_eq!((now.domains.len(), now.mode, now.connector.is_plain()), (2, SourceMode::Active, false));
        let second = test.hub.update_source(&admin.sources, source.id, 3, draft, None).await.unwrap();
        assert_eq!(second.proposal.unwrap().id, proposal.id);
        assert_eq!(test.hub.proposals(&admin.read).await.unwrap(), [proposal]);
        assert_eq!(test.hub.source_by_name(&admin.read, "corp").await.unwrap().source.revision, 3, "nothing to write");
    }
}

#[tokio::test]
async fn plain_transport_has_an_audit_line_of_its_own() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let mut draft = source_draft("corp");
        draft.allow_plain = true;
        ldap(&mut draft).transport = TransportSecurity::Plain;
        ldap(&mut draft).urls = vec!["ldap://corp.example.test".parse().unwrap()];
        test.hub.register_source(&admin.sources, draft, SECRET.into()).await.unwrap();
        let actions: Vec<String> = test.audit().await.into_iter().map(|(action, _)| action).collect();
        assert!(actions.contains(&"source.plain-transport-allowed".to_owned()), "{actions:?}");
    }
}

#[tokio::test]
async fn the_live_test_of_a_person_creates_and_captures_nothing() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        test.directory.add(entry("anna"));
        test.directory.add(entry("berta"));
        let mut twin = entry("berta");
        twin.immutable_id.0 = "id-twin".to_owned();
        test.directory.add(twin);
        let asked = |name: &'static str, password: Option<&str>| {
            let password = password.map(SecretString::from);
            test.hub.test_source_person(&admin.sources, source.id, name, password)
        };
        let good = asked("anna", Some("Passw0rd-1")).await.unwrap();
        assert_eq!(good.verdict.as_ref().unwrap().result, directory::AdapterResult::Ok);
        assert_eq!(good.would, WouldBecome::Created);
        let bad = asked("anna", Some("wrong")).await.unwrap();
        assert_eq!(bad.verdict.unwrap().result, directory::AdapterResult::BadPassword);
        assert_eq!(asked("berta", Some("Passw0rd-1")).await.unwrap().would, WouldBecome::Nothing);
        assert_eq!(asked("nobody", Some("Passw0rd-1")).await.unwrap().would, WouldBecome::Nothing);
        assert!(asked("anna", Some("")).await.is_err(), "an empty bind would succeed as anonymous");
        assert_eq!(test.directory.passwords_seen(), 2);
        let overview = test.hub.source_by_name(&admin.read, "corp").await.unwrap();
        assert_eq!(overview.people, 0);

        test.provision(&source, "anna").await;
        assert_eq!(asked("anna", None).await.unwrap().would, WouldBecome::Known);
    }
}

#[tokio::test]
async fn the_live_test_keeps_away_from_the_lockout() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let mut near = entry("near");
        near.lockout.failures = Some(3);
        test.directory.add(near);
        let mut locked = entry("locked");
        locked.lockout.locked_until = Some(chrono::DateTime::<chrono::Utc>::MAX_UTC);
        test.directory.add(locked);
        for name in ["near", "locked"] {
            let refused = test.hub.test_source_person(&admin.sources, source.id, name, Some("x".into())).await;
            assert!(refusal_of(refused).contains("no password was sent"));
        }
        assert_eq!(test.directory.passwords_seen(), 0);
        // A directory that does not show its count: the hub's own places hold. B = 5 - 2, one kept for known browsers.
        test.directory.add(entry("anna"));
        for _ in 0..20 {
            let _refused_in_the_end =
                test.hub.test_source_person(&admin.sources, source.id, "anna", Some("x".into())).await;
        }
        assert_eq!(test.directory.passwords_seen(), 2);
        test.wait(2 * 900);
        let good =
            test.hub.test_source_person(&admin.sources, source.id, "anna", Some("Passw0rd-1".into())).await.unwrap();
        assert_eq!(good.verdict.unwrap().result, directory::AdapterResult::Ok);
    }
}

#[tokio::test]
async fn no_secret_stands_in_the_audit_log_the_debug_text_or_the_database() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), SECRET.into()).await.unwrap();
        let mut draft = SourceDraft::from(&source);
        ldap(&mut draft).urls = vec!["ldaps://new.example.test".parse().unwrap()];
        test.hub.update_source(&admin.sources, source.id, 1, draft, Some("canary-second".into())).await.unwrap();
        let stored = storage::sources::all(&mut test.hub.database.reader()).await.unwrap();
        let mut seen = format!("{:?} {stored:?}", test.audit().await);
        seen.push_str(&format!("{:?}", test.hub.live_source(source.id).await.unwrap()));
        assert!(!seen.contains("canary"), "{seen}");
        assert!(seen.contains("bind_password"), "the change itself is told");
        no_canary_in_files(&test);
    }
}

/// SQLite's file and its log, byte by byte.
fn no_canary_in_files(test: &TestHub) {
    let Some(folder) = test.database.folder() else { return };
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"canary"), "{}", path.display());
    }
}
