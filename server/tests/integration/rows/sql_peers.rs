//! The rows of a source that hands its stored passwords over, at the table of an old portal in PostgreSQL, MariaDB and
//! SQLite. The hub compares; no password is ever sent to a database.

use directory::{ConnectorSettings, LockoutSettings, PersonState, Policy, Source, SourceKind, SourceMode};
use testkit::{LegacyKind, LegacySql};

use super::{
    house::{House, PORTAL, Place, quick},
    outcome::Page::{Generic, Outage},
};

const WRONG: &str = "not the password";

async fn at_portal(policy: Policy, kind: LegacyKind, mode: SourceMode) -> (House, Source, LegacySql) {
    let house = House::open_with(policy).await;
    let legacy = match kind {
        LegacyKind::Sqlite => LegacySql::in_folder(&house.server.settings.source_files(), 20).await,
        server => LegacySql::start(server, 20).await,
    };
    let place = Place {
        kind: SourceKind::Sql,
        url: "ldaps://unused",
        ca_pem: "",
        base_dn: "",
        reader_dn: "",
        reader_password: &legacy.secret,
    };
    let source = house
        .source("portal-db", &place, |draft| {
            draft.connector = ConnectorSettings::Sql(legacy.settings());
            draft.lockout = LockoutSettings::default();
            draft.mode = mode;
        })
        .await;
    house.client(PORTAL, &[&source]).await;
    (house, source, legacy)
}

#[tokio::test(flavor = "multi_thread")]
async fn d18_whoever_has_a_stored_password_is_created_at_the_first_sign_in_whatever_made_it() {
    for kind in LegacyKind::ALL {
        let (house, _, _legacy) = at_portal(quick(), kind, SourceMode::Active).await;
        for person in 0..8 {
            let outcome = house.types(&format!("u{person:06}"), &format!("Passw0rd-{person}")).await;
            outcome.let_in_by("D18", 0);
            assert_eq!((outcome.made("person"), outcome.made("account")), (1, 1), "{kind:?} {person}");
            assert_eq!((outcome.made("verifier"), outcome.made("budget_place")), (0, 0), "{kind:?} {person}");
            let created = house.person(outcome.person()).await;
            let name = format!("Zoë Müller-{person}");
            assert_eq!((created.state(), created.display_name), (PersonState::Mirrored, name), "{kind:?}");
        }
        let again = house.types("u000003@example.test", "Passw0rd-3").await;
        again.let_in_by("D6", 0);
        assert_eq!((again.made("person"), again.made("verifier")), (0, 0));
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_with_mode_capture_the_person_moves_and_the_database_is_asked_no_more() {
    for kind in LegacyKind::ALL {
        let (house, source, legacy) = at_portal(quick(), kind, SourceMode::Active).await;
        house.types("u000001", "Passw0rd-1").await.let_in_by("D18", 0);
        house.change(&source, |draft| draft.mode = SourceMode::Capture).await;
        let captured = house.types("u000001", "Passw0rd-1").await;
        captured.let_in_by("D6", 0);
        assert_eq!(captured.made("verifier"), 1, "{kind:?}");
        assert_eq!(house.person(captured.person()).await.state(), PersonState::Migrated);
        let at_once = house.types("u000002", "Passw0rd-2").await;
        at_once.let_in_by("D18", 0);
        assert_eq!(house.person(at_once.person()).await.state(), PersonState::Migrated, "{kind:?}");
        // The hub's own verifier decides from here on, whatever becomes of the row's.
        legacy.execute("update T_PERSON set PW_HASH = 'x' where PERS_NO = 1").await;
        house.types("u000001", "Passw0rd-1").await.let_in_by("D1", 0);
        house.types("u000001", WRONG).await.refused_by("D2", Generic, 0);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d1b_a_password_changed_in_the_database_after_the_capture_is_taken_over_again() {
    let (house, _, legacy) = at_portal(quick(), LegacyKind::Postgres, SourceMode::Capture).await;
    house.types("u000007", "Passw0rd-7").await.let_in_by("D18", 0);
    legacy.execute("update T_PERSON set PW_HASH = 'a new one' where PERS_NO = 7").await;
    let renewed = house.types("u000007", "a new one").await;
    renewed.let_in_by("D1b", 0);
    assert_eq!(house.person(renewed.person()).await.state(), PersonState::Migrated);
    house.types("u000007", "a new one").await.let_in_by("D1", 0);
    house.types("u000007", "Passw0rd-7").await.refused_by("D2", Generic, 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_write_nothing_but_counters() {
    for kind in LegacyKind::ALL {
        let (house, _, legacy) = at_portal(quick(), kind, SourceMode::Capture).await;
        house.types("u000001", WRONG).await.refused_by("D20", Generic, 0);
        house.types("nobody", WRONG).await.refused_by("D20", Generic, 0);
        legacy.execute("update T_PERSON set PW_ALGO = 'ROT13' where PERS_NO = 2").await;
        house.types("u000002", "Passw0rd-2").await.refused_by("D20b", Generic, 0);
        legacy.execute("update T_PERSON set PW_HASH = null where PERS_NO = 3").await;
        house.types("u000003", "Passw0rd-3").await.refused_by("D20b", Generic, 0);
        legacy.execute("update T_PERSON set AKTIV = 'N' where PERS_NO = 4").await;
        house.types("u000004", "Passw0rd-4").await.refused_by("D20b", Generic, 0);
        let census = storage::census::census(&mut house.hub().database.reader()).await.unwrap();
        let rows = |table: &str| census.get(table).copied().unwrap_or(0);
        assert_eq!((rows("person"), rows("account"), rows("budget_place")), (1, 0, 0), "{kind:?}: the administrator");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_d9_and_d13b_of_somebody_known() {
    let (house, _, legacy) = at_portal(quick(), LegacyKind::MariaDb, SourceMode::Active).await;
    house.types("u000001", "Passw0rd-1").await.let_in_by("D18", 0);
    house.types("u000001", WRONG).await.refused_by("D7", Generic, 0);
    legacy.execute("update T_PERSON set PW_ALGO = 'ROT13' where PERS_NO = 1").await;
    house.types("u000001", "Passw0rd-1").await.refused_by("D13b", Generic, 0);
    legacy.execute("update T_PERSON set PW_ALGO = 'SMD5', AKTIV = 'N' where PERS_NO = 1").await;
    house.types("u000001", "Passw0rd-1").await.refused_by("D9", Generic, 0);
    legacy.execute("update T_PERSON set AKTIV = 'J' where PERS_NO = 1").await;
    house.types("u000001", "Passw0rd-1").await.let_in_by("D6", 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d2c_very_many_wrong_passwords_pause_the_comparison_and_lock_nobody_in_the_database() {
    let policy = Policy { consecutive_failures: 3, throttle_identifier: 1_000, ..quick() };
    let (house, _, _legacy) = at_portal(policy, LegacyKind::Postgres, SourceMode::Active).await;
    house.types("u000001", "Passw0rd-1").await.let_in_by("D18", 0);
    for wrong in 0..3 {
        house.types("u000001", &format!("wrong {wrong}")).await.refused_by("D7", Generic, 0);
    }
    house.types("u000001", "Passw0rd-1").await.refused_by("D2c", Generic, 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d14_a_table_that_is_gone_is_an_outage_that_changes_nobody() {
    let (house, _, legacy) = at_portal(quick(), LegacyKind::Postgres, SourceMode::Active).await;
    let first = house.types("u000001", "Passw0rd-1").await;
    first.let_in_by("D18", 0);
    legacy.execute("alter table T_PERSON rename to T_PERSON_OLD").await;
    house.types("u000001", "Passw0rd-1").await.refused_by("D17", Outage, 0);
    assert_eq!(house.person(first.person()).await.state(), PersonState::Mirrored);
    house.close().await;
}
