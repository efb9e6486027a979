//! The lockout budget from outside: what the directory saw.

use std::sync::Arc;

use chrono::TimeDelta;
use directory::Policy;
use hub::sign_in::RefusalPage::Generic;

use super::door::{Door, RIGHT, doors, doors_with, id, known, person, quick};
use crate::support::PASSWORD;

/// Only the budget protects.
fn without_throttle() -> Policy {
    Policy { throttle_identifier: 1_000_000, throttle_network: 1_000_000, throttle_installation: 1_000_000, ..quick() }
}

#[tokio::test]
async fn the_budget_ends_two_below_the_threshold_and_keeps_one_place_for_a_known_browser() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        let cookie = door.types("jsmith", RIGHT).await.cookie().unwrap();
        for number in 0..2 {
            door.types("jsmith", &format!("wrong {number}")).await.refused_by("D7", Generic, 1);
        }
        // A stranger has used up what strangers may; even the right password is not tried.
        door.types("jsmith", RIGHT).await.refused_by("2.7", Generic, 0).wrote(&[("refusal", 1)]);
        let known_device = door.types_with(&cookie, "jsmith", "wrong 2").await;
        known_device.refused_by("D7", Generic, 1);
        door.types_with(&cookie, "jsmith", RIGHT).await.refused_by("2.7", Generic, 0);
        // 1.1 windows and five seconds after the last kept place.
        door.wait(900 + 90 + 5);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn after_a_restore_one_wrong_password_goes_through_until_the_directory_has_forgotten_the_others() {
    for door in doors().await {
        door.hub().after_restore(None).await.unwrap();
        known(&door, "jsmith", |_| {}).await;
        door.types("jsmith", "wrong 0").await.refused_by("D7", Generic, 1);
        door.types("jsmith", "wrong 1").await.refused_by("2.7", Generic, 0);
        door.wait(900 + 90 + 6);
        for number in 1..3 {
            door.types("jsmith", &format!("wrong {number}")).await.refused_by("D7", Generic, 1);
        }
        door.types("jsmith", "wrong 3").await.refused_by("2.7", Generic, 0);
    }
}

#[tokio::test]
async fn wrong_passwords_elsewhere_count_where_the_source_shows_them() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        door.edit("corp", "jsmith", |e| e.lockout.failures = Some(3));
        door.types("jsmith", RIGHT).await.refused_by("2.7", Generic, 0);
        door.edit("corp", "jsmith", |e| e.lockout.failures = Some(1));
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn a_source_whose_lockout_nobody_knows_is_not_used() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        door.change(&source, |s| s.lockout = directory::LockoutSettings::default()).await;
        let refused = door.types("jsmith", RIGHT).await;
        assert_eq!((refused.trace.row.as_str(), refused.binds), ("D17", 0));
    }
}

#[tokio::test]
async fn a_cancelled_request_keeps_its_place() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| s.delay = std::time::Duration::from_secs(1));
        let source = door.hub().sources_now().await.unwrap()[0].source.id;
        let immutable_id = id("jsmith");
        let mut reader = door.hub().database.reader();
        let mut budget = storage::budget::Budget { queries: &mut reader, source, immutable_id: &immutable_id };
        let taken = async {
            while budget.places().await.unwrap().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        // The place is taken before the bind, and the bind takes a second: the request ends in between.
        tokio::select! {
            answer = door.hub().sign_in(door.attempt("jsmith", "wrong")) => panic!("it was answered: {answer:?}"),
            () = taken => {}
        }
        door.tell("corp", |s| s.delay = std::time::Duration::ZERO);
        let places = budget.places().await.unwrap();
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].kept_at, None);
    }
}

/// What 20 presses of the button at once, with the same password, lead to: how many were let in.
async fn at_once(door: &Arc<Door>, name: &'static str, password: &'static str) -> usize {
    let presses: Vec<_> = (0..20)
        .map(|_| {
            let door = Arc::clone(door);
            tokio::spawn(async move { door.hub().sign_in(door.attempt(name, password)).await.unwrap() })
        })
        .collect();
    let mut let_in = 0;
    for press in presses {
        let_in += usize::from(matches!(press.await.unwrap(), hub::sign_in::SignInAnswer::SignedIn { .. }));
    }
    let_in
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_duplicates_of_a_wrong_password_are_asked_once_and_right_ones_all_get_in() {
    for door in doors_with(without_throttle()).await {
        let door = Arc::new(door);
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| s.delay = std::time::Duration::from_millis(20));
        let before = door.binds();
        assert_eq!(at_once(&door, "jsmith", "wrong").await, 0);
        assert_eq!(door.binds() - before, 1, "one bind for twenty presses");
        let mut reader = door.hub().database.reader();
        let immutable_id = id("jsmith");
        let mut budget =
            storage::budget::Budget { queries: &mut reader, source: source.id, immutable_id: &immutable_id };
        assert_eq!(budget.places().await.unwrap().len(), 1, "one kept place");
        // A right password is nobody else's answer: each is asked about, one after the other, and all are let in.
        let before = door.binds();
        assert_eq!(at_once(&door, "jsmith", RIGHT).await, 20);
        assert_eq!(door.binds() - before, 20);
    }
}

#[tokio::test]
async fn an_unlock_at_one_server_is_heard_by_all() {
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        door.types("jsmith", "wrong").await.refused_by("D7", Generic, 1);
        door.types("jsmith", "wrong").await.refused_by("D7", Generic, 0);
        // As another server does it: nothing of this one's memory is touched.
        let other = door.another_server();
        other.unlock_here(&door.administrator.help, person.id).await.unwrap();
        door.types("jsmith", "wrong").await.refused_by("D7", Generic, 1);
    }
}

#[tokio::test]
async fn an_answer_kept_at_one_server_is_shown_once_by_another() {
    for door in doors().await {
        let other = door.another_server();
        let session = door.types("ada", PASSWORD).await.signed_in().id;
        door.hub().keep_answer(session, "app-secret:portal", &"a canary".into()).await.unwrap();
        let stranger = door.types("ada", PASSWORD).await.signed_in().id;
        assert!(other.kept_answer(stranger, "app-secret:portal").await.unwrap().is_none());
        assert!(other.kept_answer(session, "app-secret:other").await.unwrap().is_none());
        for _ in 0..2 {
            let kept = other.kept_answer(session, "app-secret:portal").await.unwrap().unwrap();
            assert_eq!(secrecy::ExposeSecret::expose_secret(&kept), "a canary");
        }
        door.wait(4);
        assert!(door.hub().kept_answer(session, "app-secret:portal").await.unwrap().is_none(), "gone after a look");
        door.hub().keep_answer(session, "app-secret:portal", &"another".into()).await.unwrap();
        door.wait(121);
        assert!(other.kept_answer(session, "app-secret:portal").await.unwrap().is_none(), "nobody came");
    }
}

/// 20 at a time, over three windows of the source.
async fn thousand_wrong_passwords(door: Arc<Door>) {
    const THRESHOLD: u32 = 5;
    const WINDOW: i64 = 600;
    let source = door.source("corp", |_| {}).await;
    door.has("corp", person("jsmith"));
    door.tell("corp", |s| {
        s.lockout = Some((THRESHOLD, TimeDelta::seconds(WINDOW)));
        s.shows_failures = true;
    });
    door.types("jsmith", RIGHT).await.let_in_by("D18", 1);
    let mut binds = Vec::new();
    for window in 0..3 {
        let before = door.binds();
        for round in 0..17 {
            let tries: Vec<_> = (0..20)
                .map(|number| {
                    let door = Arc::clone(&door);
                    tokio::spawn(async move {
                        let password = format!("wrong {window} {round} {number}");
                        let answer = door.hub().sign_in(door.attempt("jsmith", &password)).await;
                        assert!(matches!(answer.unwrap(), hub::sign_in::SignInAnswer::Refused(_)));
                    })
                })
                .collect();
            for attempt in tries {
                attempt.await.unwrap();
            }
            door.wait(WINDOW / 17);
        }
        binds.push(door.binds() - before);
        door.wait(WINDOW + WINDOW / 10 + 10);
    }
    let most = door.script("corp").lock().unwrap().most_failures;
    assert!(most <= THRESHOLD - 2, "the source counted {most} wrong passwords at once");
    assert!(binds.iter().all(|binds| (1..=THRESHOLD - 2).contains(binds)), "binds per window: {binds:?}");
    // And the person was never locked out.
    door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    assert!(door.person_named(&source, "jsmith").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_wrong_passwords_never_lock_the_account_at_the_source() {
    for door in doors_with(without_throttle()).await {
        thousand_wrong_passwords(Arc::new(door)).await;
    }
}
