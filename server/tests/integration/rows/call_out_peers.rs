//! The call-out: passwords whose stored form only the old application knows. It is asked once per person, while people
//! are moved; 200 is right, 403 wrong, anything else no answer.

use directory::{
    ConnectorSettings, LockoutSettings, PasswordFormat, PasswordScheme, PersonState, Source, SourceDraft, SourceKind,
    SourceMode, SqlCallOut,
};
use testkit::{LegacySql, OldApplication};

use super::{
    house::{House, PORTAL, Place},
    outcome::Page::{Generic, Outage},
};

const TOKEN: &str = "the hub's token 4711";

/// An old portal in SQLite whose people 1 to 3 have a password in a form of its own.
struct Portal {
    house: House,
    source: Source,
    legacy: LegacySql,
    application: OldApplication,
}

impl Portal {
    async fn open(change: impl FnOnce(&mut SourceDraft)) -> Self {
        let house = House::open().await;
        let folder = house.server.settings.source_files();
        let legacy = LegacySql::in_folder(&folder, 20).await;
        legacy.execute("update T_PERSON set PW_ALGO = 'ROT13', PW_HASH = 'Cnffj0eq' where PERS_NO in (1, 2, 3)").await;
        std::fs::write(folder.join("hook.token"), format!("{TOKEN}\n")).unwrap();
        let application = OldApplication::start().await;
        let mut settings = legacy.settings();
        let password = settings.password.as_mut().unwrap();
        password.formats.insert("ROT13".to_owned(), PasswordFormat::of(PasswordScheme::CallOut));
        password.call_out = Some(SqlCallOut {
            url: application.url.parse().unwrap(),
            ca_pem: Some(application.ca_pem.clone()),
            token_file: "hook.token".to_owned(),
        });
        let place = Place {
            kind: SourceKind::Sql,
            url: "ldaps://unused",
            ca_pem: "",
            base_dn: "",
            reader_dn: "",
            reader_password: "",
        };
        let source = house
            .source("portal-db", &place, |draft| {
                draft.connector = ConnectorSettings::Sql(settings);
                draft.lockout = LockoutSettings::default();
                draft.mode = SourceMode::Capture;
                change(draft);
            })
            .await;
        house.client(PORTAL, &[&source]).await;
        Self { house, source, legacy, application }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d18_the_old_application_is_asked_once_and_the_person_has_moved() {
    let Portal { house, application, legacy, .. } = Portal::open(|_| {}).await;
    let first = house.types("u000001", "whatever it takes").await;
    first.let_in_by("D18", 0);
    assert_eq!((first.made("person"), first.made("verifier")), (1, 1));
    assert_eq!(house.person(first.person()).await.state(), PersonState::Migrated);
    let asked = application.asked();
    let [once] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(once.authorization, format!("Bearer {TOKEN}"));
    let body = serde_json::json!({ "id": "1", "username": "u000001", "password": "whatever it takes" });
    assert_eq!(once.body, body);
    // From here on the hub's own verifier decides, right or wrong, and whatever the portal would say.
    application.answer(403);
    house.types("u000001", "whatever it takes").await.let_in_by("D1", 0);
    application.answer(200);
    house.types("u000001", "another one").await.refused_by("D2", Generic, 0);
    // Who has a form that the hub knows is never asked about there.
    house.types("u000004", "Passw0rd-4").await.let_in_by("D18", 0);
    house.types("u000005", "not the password").await.refused_by("D20", Generic, 0);
    assert_eq!(application.asked().len(), 1);
    drop(legacy);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d20_a_password_it_does_not_take_creates_nobody_and_is_not_asked_about_twice() {
    let Portal { house, application, .. } = Portal::open(|_| {}).await;
    application.answer(403);
    house.types("u000001", "wrong").await.refused_by("D20", Generic, 0);
    house.types("u000001", "wrong").await.refused_by("D20", Generic, 0);
    assert_eq!(application.asked().len(), 1, "a repeat is answered from memory");
    application.answer(200);
    house.types("u000001", "right").await.let_in_by("D18", 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_answer_is_an_outage_that_changes_nobody_and_spares_everybody_else() {
    let Portal { house, application, .. } = Portal::open(|_| {}).await;
    for (turn, status) in [0, 204, 302, 401, 404, 500, 503].into_iter().enumerate() {
        application.answer(status);
        let outcome = house.types("u000001", &format!("attempt {turn}")).await;
        assert!(outcome.session.is_none(), "{status}: {:#?}", outcome.trace);
        assert_eq!((outcome.page(), outcome.made("person")), (Outage, 0), "{status}: {:#?}", outcome.trace);
        assert_eq!(application.asked().len(), turn + 1, "{status}: asked once");
    }
    // The breaker is the database's: people with other forms go on.
    house.types("u000004", "Passw0rd-4").await.let_in_by("D18", 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_is_moved_it_is_not_asked_at_all() {
    for (mode, shadow) in [(SourceMode::Active, false), (SourceMode::Capture, true)] {
        let Portal { house, application, .. } = Portal::open(|draft| (draft.mode, draft.shadow) = (mode, shadow)).await;
        house.types("u000001", "right").await.refused_by("D20b", Generic, 0);
        assert_eq!(application.asked().len(), 0, "{mode} {shadow}");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn section_4_an_old_application_that_locks_has_a_budget() {
    let Portal { house, application, source, .. } = Portal::open(|draft| {
        draft.lockout = LockoutSettings { threshold: Some(3), window_seconds: Some(900), ..LockoutSettings::default() };
    })
    .await;
    application.answer(403);
    for turn in 0..4 {
        let outcome = house.types("u000001", &format!("wrong {turn}")).await;
        assert!(outcome.session.is_none());
    }
    assert_eq!(application.asked().len(), 1, "two below its threshold of three");
    assert_eq!(source.lockout.threshold, Some(3));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_token_nothing_is_sent() {
    let Portal { house, application, .. } = Portal::open(|_| {}).await;
    std::fs::remove_file(house.server.settings.source_files().join("hook.token")).unwrap();
    let outcome = house.types("u000001", "right").await;
    assert!(outcome.session.is_none());
    assert_eq!((outcome.page(), application.asked().len()), (Outage, 0));
    house.close().await;
}
