//! The only judge of "may this person be here", and the sweep that keeps it fresh.

use chrono::TimeDelta;
use directory::{
    AccountStatus, AttributeName, CredentialAuthority, Person, PersonState, Policy, Source, SourceEntry, SourceMode,
    Standing, StandingAuthority,
};
use hub::{
    HubError,
    mirror::{self, Capture},
    session::ProvenBy,
    standing::{StandingRefusal, StandingVerdict, SweepReport, judge, must_read},
};
use proptest::prelude::*;
use storage::people::{People, fresh};

use crate::support::{TestHub, entry, hubs, source_draft};

const HOUR: i64 = 3_600;

async fn source(test: &TestHub, mode: SourceMode) -> Source {
    let administrator = test.administrator("boss").await;
    let mut draft = source_draft("corp");
    draft.mode = mode;
    test.hub.register_source(&administrator.sources, draft, "secret".into()).await.unwrap()
}

/// A person of the directory, known to the hub.
async fn known(test: &TestHub, source: &Source, name: &str) -> Person {
    test.directory.set(entry(name));
    let id = test.provision(source, name).await;
    person(test, id).await
}

async fn captured(test: &TestHub, source: &Source, name: &str) -> Person {
    let known = known(test, source, name).await;
    let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
        mirror::capture(tx, &test.hub, known.id, source, "$argon2id$x".into(), None, Capture::TakeOver).await
    });
    assert!(matches!(done.unwrap(), mirror::Captured::Stored(_)));
    person(test, known.id).await
}

async fn person(test: &TestHub, id: directory::PersonId) -> Person {
    People(&mut test.hub.database.reader()).by_id(id).await.unwrap().unwrap()
}

async fn sweep(test: &TestHub, source: &Source) -> SweepReport {
    let lease = test.hub.take_lease("sweep", "the test", TimeDelta::minutes(2)).await.unwrap().unwrap();
    test.hub.sweep_source(source.id, &lease).await.unwrap()
}

#[tokio::test]
async fn a_fresh_reading_is_believed_without_asking() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let ada = known(&test, &source, "ada").await;
        test.wait(24 * HOUR);
        assert_eq!(test.hub.standing(ada.id).await.unwrap(), StandingVerdict::Active);
        assert_eq!(test.directory.fetches(), 0);
        test.wait(1);
        assert_eq!(test.hub.standing(ada.id).await.unwrap(), StandingVerdict::Active);
        assert_eq!(test.directory.fetches(), 1, "older than status_max_age: the one entry is read");
        assert_eq!(test.hub.standing(ada.id).await.unwrap(), StandingVerdict::Active);
        assert_eq!(test.directory.fetches(), 1, "and counts as read");
    }
}

#[tokio::test]
async fn a_leaver_disabled_at_the_source_does_not_live_on_in_the_hub() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Capture).await;
        let ada = captured(&test, &source, "ada").await;
        let session = test.session(ada.id, ProvenBy::Hub).await;
        test.directory.set(SourceEntry { status: AccountStatus::Disabled, ..entry("ada") });
        test.wait(24 * HOUR + 1);
        let refused = StandingVerdict::Refused(StandingRefusal::DisabledBySource { source: source.id });
        assert_eq!(test.hub.standing(ada.id).await.unwrap(), refused);
        assert!(test.hub.session(session).await.unwrap().is_none());
        test.directory.set(entry("ada"));
        assert_eq!(test.hub.standing(ada.id).await.unwrap(), StandingVerdict::Active, "read again, because it said no");
        assert_eq!(person(&test, ada.id).await.state(), PersonState::Migrated);
    }
}

#[tokio::test]
async fn d1c_a_source_that_is_down_gives_captured_people_grace_and_nobody_else() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Capture).await;
        let moved = captured(&test, &source, "ada").await;
        let mirrored = known(&test, &source, "bob").await;
        let read_at = moved.standing_read_at.unwrap();
        test.directory.is_unreachable(true);
        test.wait(24 * HOUR);
        for id in [moved.id, mirrored.id] {
            assert_eq!(test.hub.standing(id).await.unwrap(), StandingVerdict::Active, "the last value counts");
        }
        test.wait(1);
        let grace = StandingVerdict::ActiveInGrace { until: read_at + TimeDelta::hours(72) };
        assert_eq!(test.hub.standing(moved.id).await.unwrap(), grace);
        let too_long = StandingVerdict::Refused(StandingRefusal::SourceDownTooLong);
        assert_eq!(test.hub.standing(mirrored.id).await.unwrap(), too_long);
        test.wait(48 * HOUR);
        assert_eq!(test.hub.standing(moved.id).await.unwrap(), too_long);
        assert_eq!(
            person(&test, moved.id).await.state(),
            PersonState::Migrated,
            "a source that is down changes nobody"
        );
        test.directory.is_unreachable(false);
        for id in [moved.id, mirrored.id] {
            assert_eq!(test.hub.standing(id).await.unwrap(), StandingVerdict::Active);
        }
    }
}

#[tokio::test]
async fn privileged_people_get_no_grace_beyond_a_day() {
    let policy = Policy::default();
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let source = uuid::Uuid::from_u128(7).into();
    let admin = Person {
        privileged: true,
        credential_authority: CredentialAuthority::Hub,
        standing_authority: StandingAuthority::Source(source),
        standing_read_at: Some(now),
        ..fresh(uuid::Uuid::from_u128(1).into(), "s".into(), "Ada".into(), now)
    };
    assert_eq!(judge(&admin, &policy, now + TimeDelta::hours(24)), StandingVerdict::Active);
    let later = judge(&admin, &policy, now + TimeDelta::hours(25));
    assert_eq!(later, StandingVerdict::Refused(StandingRefusal::SourceDownTooLong));
}

proptest! {
    #[test]
    fn only_active_facts_let_anybody_in(
        disabled in any::<bool>(), merged in any::<bool>(), by_source in any::<bool>(),
        standing in prop::sample::select(Standing::ALL), age in 0i64..200, captured in any::<bool>(),
    ) {
        let policy = Policy::default();
        let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let source = uuid::Uuid::from_u128(7).into();
        let person = Person {
            disabled_by_hub: disabled.then(|| "left".to_owned()),
            merged_into: merged.then(|| uuid::Uuid::from_u128(2).into()),
            credential_authority: if captured { CredentialAuthority::Hub } else { CredentialAuthority::Source(source) },
            standing,
            standing_authority: if by_source { StandingAuthority::Source(source) } else { StandingAuthority::Hub },
            standing_read_at: by_source.then(|| now - TimeDelta::hours(age)),
            ..fresh(uuid::Uuid::from_u128(1).into(), "s".into(), "Ada".into(), now)
        };
        let verdict = judge(&person, &policy, now);
        if verdict.lets_in() {
            prop_assert!(!disabled && !merged && standing == Standing::Active);
            prop_assert!(!by_source || age <= 24 || (captured && age < 72));
        }
        if must_read(&person, &policy, now).is_none() && by_source && !disabled && !merged {
            prop_assert!(age <= 24 && standing == Standing::Active);
        }
    }
}

#[tokio::test]
async fn a_sweep_takes_over_what_changed_and_creates_nobody() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let mut people = Vec::new();
        for n in 0..25 {
            people.push(known(&test, &source, &format!("u{n}")).await);
        }
        test.directory.set(entry("stranger"));
        test.directory.page_size(7);
        test.wait(900);
        let report = sweep(&test, &source).await;
        assert_eq!((report.read, report.known, report.changed, report.complete), (26, 25, 0, true), "{report:?}");
        let read = person(&test, people[3].id).await;
        assert_eq!(read.standing_read_at, Some(test.hub.clock.now()), "unchanged, and its standing is fresh");

        let mut moved = entry("u3");
        moved.attributes.insert(AttributeName::Department, "Treasury".into());
        test.directory.set(moved);
        test.directory.set(SourceEntry { status: AccountStatus::Disabled, ..entry("u4") });
        test.wait(900);
        let report = sweep(&test, &source).await;
        assert_eq!((report.changed, report.became_disabled), (2, 1), "{report:?}");
        assert_eq!(person(&test, people[4].id).await.state(), PersonState::DisabledBySource);
        test.directory.set(entry("u4"));
        test.wait(900);
        assert_eq!(sweep(&test, &source).await.came_back, 1);
    }
}

#[tokio::test]
async fn missing_twice_at_least_fifteen_minutes_apart_and_back_at_the_first_sighting() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let ada = known(&test, &source, "ada").await;
        let bob = known(&test, &source, "bob").await;
        test.directory.remove(&entry("ada").immutable_id);
        test.wait(900);
        assert_eq!(sweep(&test, &source).await.missing_noted, 1);
        assert_eq!(person(&test, ada.id).await.state(), PersonState::Mirrored);
        test.wait(600);
        let report = sweep(&test, &source).await;
        assert_eq!((report.missing_noted, report.missing_confirmed), (0, 0), "too soon");
        test.wait(300);
        assert_eq!(sweep(&test, &source).await.missing_confirmed, 1);
        assert_eq!(person(&test, ada.id).await.state(), PersonState::DisabledBySource);
        assert_eq!(person(&test, bob.id).await.state(), PersonState::Mirrored);
        test.wait(900);
        let report = sweep(&test, &source).await;
        assert_eq!((report.missing_noted, report.missing_confirmed), (0, 0), "once is enough");
        test.directory.set(entry("ada"));
        test.wait(900);
        assert_eq!(sweep(&test, &source).await.came_back, 1);
        assert_eq!(person(&test, ada.id).await.state(), PersonState::Mirrored);
    }
}

#[tokio::test]
async fn an_entry_that_a_page_left_out_but_is_there_is_not_missing() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let ada = known(&test, &source, "ada").await;
        known(&test, &source, "bob").await;
        // Read before the pages, changed while they were read: asked for by its id it is there.
        test.directory.page_size(1);
        test.directory.hides_from_pages(&entry("ada").immutable_id);
        test.wait(900);
        let report = sweep(&test, &source).await;
        assert_eq!((report.missing_noted, report.known), (0, 2), "{report:?}");
        assert_eq!(person(&test, ada.id).await.standing_read_at, Some(test.hub.clock.now()));
    }
}

#[tokio::test]
async fn the_removal_guard_stops_a_sweep_that_would_empty_the_hub() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        for n in 0..100 {
            known(&test, &source, &format!("u{n}")).await;
        }
        for n in 0..21 {
            test.directory.remove(&entry(&format!("u{n}")).immutable_id);
        }
        for _ in 0..3 {
            test.wait(900);
            let report = sweep(&test, &source).await;
            assert!(report.stopped.is_some_and(|reason| reason.contains("21 of 100")));
            assert_eq!((report.missing_noted, report.missing_confirmed), (0, 0));
        }
        let audit = test.audit().await;
        assert!(audit.iter().any(|(action, _)| action == "sweep.stopped-by-guard"));
        test.directory.set(entry("u0"));
        test.wait(900);
        assert_eq!(sweep(&test, &source).await.missing_noted, 20, "20 % is allowed");
    }
}

/// A status column that breaks must not put everybody out.
#[tokio::test]
async fn the_removal_guard_stops_a_sweep_that_would_disable_too_many() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let mut people = Vec::new();
        for n in 0..100 {
            people.push(known(&test, &source, &format!("u{n}")).await);
        }
        for n in 0..21 {
            test.directory.set(SourceEntry { status: AccountStatus::Disabled, ..entry(&format!("u{n}")) });
        }
        test.wait(900);
        let report = sweep(&test, &source).await;
        let reason = report.stopped.unwrap_or_default();
        assert!(reason.contains("21 of 100 people would be disabled"), "{reason}");
        assert_eq!(report.became_disabled, 0);
        assert_eq!(person(&test, people[1].id).await.state(), PersonState::Mirrored);
        let audit = test.audit().await;
        assert!(audit.iter().any(|(action, _)| action == "sweep.stopped-by-guard"));
        test.directory.set(entry("u0"));
        test.wait(900);
        assert_eq!(sweep(&test, &source).await.became_disabled, 20, "20 % is allowed");
        assert_eq!(person(&test, people[0].id).await.state(), PersonState::Mirrored);
        assert_eq!(person(&test, people[1].id).await.state(), PersonState::DisabledBySource);
    }
}

#[tokio::test]
async fn a_sweep_that_breaks_off_makes_nobody_missing() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let mut people = Vec::new();
        for n in 0..10 {
            people.push(known(&test, &source, &format!("u{n}")).await);
        }
        test.directory.page_size(3);
        test.directory.breaks_off_after(2);
        for _ in 0..3 {
            test.wait(1_000);
            let report = sweep(&test, &source).await;
            assert!(!report.complete && report.stopped.is_some());
            assert_eq!((report.read, report.missing_noted), (6, 0));
        }
        test.directory.is_unreachable(true);
        assert!(sweep(&test, &source).await.stopped.is_some());
        for person_before in people {
            assert_eq!(person(&test, person_before.id).await.state(), PersonState::Mirrored);
        }
    }
}

#[tokio::test]
async fn a_paused_source_is_not_swept() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let ada = known(&test, &source, "ada").await;
        let administrator = test.administrator("pauser").await;
        let (id, revision) = (source.id, source.revision);
        test.hub.set_source_mode(&administrator.sources, id, revision, SourceMode::Paused).await.unwrap();
        test.directory.remove(&entry("ada").immutable_id);
        for _ in 0..3 {
            test.wait(1_000);
            assert!(sweep(&test, &source).await.stopped.is_some());
        }
        assert_eq!(person(&test, ada.id).await.state(), PersonState::Mirrored);
    }
}
