//! What refusals look like, and the throttle (sections 2.1, 2.3 and 5).

use std::sync::Arc;

use directory::{Policy, SourceMode};
use hub::{
    HubError,
    sign_in::{RefusalPage::Generic, SignInAnswer},
};

use super::door::{Door, Outcome, RIGHT, WRONG, doors, doors_with, known, person, quick};

#[tokio::test]
async fn passwords_no_directory_may_see_are_refused_before_the_wire() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        for password in ["", "\0", "right\0password", &"x".repeat(257)] {
            door.types("jsmith", password).await.refused_by("2.1", Generic, 0).wrote(&[("refusal", 1)]);
        }
        let blank = door.types("jsmith", " ").await;
        blank.refused_by("D7", Generic, 1);
    }
}

#[tokio::test]
async fn both_spellings_of_a_password_reach_the_source_as_one() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        door.types("jsmith", "cafe\u{301} ").await;
        let seen = door.script("corp").lock().unwrap().passwords_seen.clone();
        assert_eq!(seen.last().map(String::as_str), Some("café "), "composed, and not trimmed");
    }
}

/// What a caller sees, but for the code and the time.
fn seen(outcome: &Outcome) -> (String, bool, bool) {
    let refusal = outcome.refused();
    assert_eq!(refusal.code.len(), 7);
    (format!("{:?}", refusal.page), refusal.too_many, refusal.locked_words)
}

#[tokio::test]
async fn known_unknown_migrated_and_disabled_look_the_same_try_after_try() {
    for door in doors().await {
        let (source, _) = known(&door, "mirrored", |_| {}).await;
        door.change(&source, |s| s.mode = SourceMode::Capture).await;
        for name in ["migrated", "disabled", "unmigrated"] {
            door.has("corp", person(name));
        }
        door.types("migrated", RIGHT).await.let_in_by("D18", 1);
        let disabled = door.types("disabled", RIGHT).await.signed_in().person;
        let done: Result<_, HubError> = storage::write!(door.hub().database, |tx| {
            let actor = hub::kernel::Actor::CommandLine;
            hub::mirror::disable_by_hub(tx, door.hub(), actor, disabled, "left").await
        });
        done.unwrap();
        door.wait(60);
        for attempt in 1..=4 {
            let expected = ("Generic".to_owned(), attempt >= 3, false);
            for name in ["mirrored", "migrated", "disabled", "unmigrated", "nobody"] {
                let outcome = door.types(name, &format!("{WRONG} {attempt}")).await;
                assert_eq!(seen(&outcome), expected, "{name} at try {attempt}");
            }
        }
        door.wait(15 * 60);
        assert_eq!(seen(&door.types("nobody", WRONG).await), ("Generic".to_owned(), false, false));
    }
}

#[tokio::test]
async fn ten_refusals_of_a_name_from_a_network_are_enough_for_a_minute() {
    for door in doors().await {
        known(&door, "jsmith", |s| s.lockout.threshold = Some(0)).await;
        for number in 0..10 {
            door.types("nobody", &format!("guess {number}")).await.refused_by("D20", Generic, 0);
        }
        let before = door.script("corp").lock().unwrap().requests;
        door.types("nobody", WRONG).await.refused_by("2.3", Generic, 0);
        assert_eq!(door.script("corp").lock().unwrap().requests, before, "no directory was contacted");
        // From elsewhere, and by another name, it goes on.
        let mut elsewhere = door.attempt("nobody", WRONG);
        elsewhere.address = "198.51.100.1".parse().unwrap();
        door.sends(elsewhere).await.refused_by("D20", Generic, 0);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
        door.wait(60);
        door.types("nobody", WRONG).await.refused_by("D20", Generic, 0);
    }
}

#[tokio::test]
async fn a_network_that_is_refused_does_not_keep_out_its_known_browsers() {
    let policy = Policy { throttle_network: 5, ..quick() };
    for door in doors_with(policy).await {
        known(&door, "jsmith", |_| {}).await;
        let cookie = door.types("jsmith", RIGHT).await.cookie().unwrap();
        for number in 0..5 {
            door.types(&format!("nobody{number}"), WRONG).await.refused_by("D20", Generic, 0);
        }
        door.types("jsmith", RIGHT).await.refused_by("2.3", Generic, 0);
        door.types_with(&cookie, "jsmith", RIGHT).await.let_in_by("D6", 1);
        door.types_with("made up", "jsmith", RIGHT).await.refused_by("2.3", Generic, 0);
    }
}

#[tokio::test]
async fn an_office_may_be_refused_more_often() {
    let office = vec!["192.0.2.0/24".parse().unwrap()];
    let policy = Policy { throttle_network: 2, throttle_office: 4, office_networks: office, ..quick() };
    for door in doors_with(policy).await {
        for number in 0..4 {
            door.types(&format!("nobody{number}"), WRONG).await.refused_by("D20", Generic, 0);
        }
        door.types("nobody9", WRONG).await.refused_by("2.3", Generic, 0);
    }
}

#[tokio::test]
async fn a_code_leads_help_desk_to_the_trace_which_holds_nothing_typed() {
    for door in doors().await {
        door.source("corp", |_| {}).await;
        door.has("corp", person("jsmith"));
        let canary = "canary-password-in-the-name-field";
        let outcome = door.types(canary, "canary-password").await;
        assert_eq!(outcome.trace.person, None);
        let text = serde_json::to_string(&outcome.trace).unwrap();
        assert!(!text.contains("canary"), "{text}");
        let help_desk = door.administrator.find;
        let spoken = outcome.refused().code.to_lowercase().replace('-', " ");
        let found = door.hub().trace_by_code(&help_desk, &spoken).await.unwrap();
        assert_eq!(found, Some(outcome.trace));
        assert_eq!(door.hub().trace_by_code(&help_desk, "???").await.unwrap(), None);
    }
}

#[tokio::test]
async fn old_traces_and_refusals_are_forgotten() {
    for door in doors().await {
        door.types("nobody", WRONG).await;
        let lease = door.hub().take_lease("tidy", "the test", chrono::TimeDelta::days(365)).await.unwrap().unwrap();
        assert_eq!(door.hub().forget_old_sign_ins(&lease).await.unwrap(), 0);
        door.wait(91 * 86_400);
        assert_eq!(door.hub().forget_old_sign_ins(&lease).await.unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_by_a_full_pool_learns_nothing_from_the_clock() {
    const GRID: u64 = 400;
    let door = Door::on(testkit::sqlite(), Policy { refusal_grid_ms: GRID, ..quick() }).await;
    known(&door, "jsmith", |s| s.mode = SourceMode::Capture).await;
    let door = Arc::new(door);
    // Far more than may wait for a core.
    let cores = std::thread::available_parallelism().unwrap().get();
    let presses: Vec<_> = (0..cores * 200)
        .map(|_| {
            let door = Arc::clone(&door);
            tokio::spawn(async move {
                let began = std::time::Instant::now();
                let answer = door.hub().sign_in(door.attempt("jsmith", RIGHT)).await;
                (answer, began.elapsed())
            })
        })
        .collect();
    let (mut let_in, mut shed) = (0, 0);
    for press in presses {
        match press.await.unwrap() {
            (Ok(SignInAnswer::SignedIn { .. }), _) => let_in += 1,
            (Err(HubError::Overloaded), took) => {
                shed += 1;
                assert!(took >= std::time::Duration::from_millis(GRID), "sent away after {took:?}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
    assert!(let_in > 0 && shed > 0, "{let_in} let in, {shed} sent away");
}
