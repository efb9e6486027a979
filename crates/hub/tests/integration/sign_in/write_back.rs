//! Row D11 where the source can be written to: the change, its limits, and what follows.

use chrono::TimeDelta;
use connector::{PolicyRefusal, WriteFailure, Written};
use directory::{AdapterResult, PersonState, SourceMode, WriteAccess};
use hub::sign_in::{ChangeNeeded, ExpiredAnswer, ExpiredChange, PasswordOfferChoice, RefusalPage, SignInAnswer};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    door::{Door, RIGHT, WRONG, doors, id, known, person},
    scripted::answer,
    unlock::{both, switch_on},
};

const NEW: &str = "a few words that nobody else puts together";

fn must_change(door: &Door) {
    door.tell("corp", |script| {
        script.answers.insert(id("jsmith"), answer(AdapterResult::MustChange, true));
    });
}

fn writes(door: &Door) -> Vec<String> {
    door.script("corp").lock().unwrap().writes.clone()
}

async fn needed(door: &Door) -> ChangeNeeded {
    match door.hub().sign_in(door.attempt("jsmith", RIGHT)).await.unwrap() {
        SignInAnswer::ChangeNeeded(needed) => needed,
        other => panic!("{other:?}"),
    }
}

fn change(door: &Door, needed: &ChangeNeeded, current: &str, new: &str) -> ExpiredChange {
    ExpiredChange {
        attempt: door.attempt("jsmith", current),
        step: needed.step.0.clone(),
        browser: Some(needed.browser.0.expose_secret().to_owned()),
        new: SecretString::from(new.to_owned()),
        repeated: SecretString::from(new.to_owned()),
    }
}

async fn changes(door: &Door, change: ExpiredChange) -> ExpiredAnswer {
    door.wait(1);
    door.hub().change_expired_password(change).await.unwrap()
}

#[tokio::test]
async fn d11_goes_on_as_d6_and_the_step_is_spent() {
    for door in doors().await {
        let (source, someone) = known(&door, "jsmith", |_| {}).await;
        switch_on(&door, &source, both()).await;
        must_change(&door);
        let needed = needed(&door).await;
        let binds = door.binds();
        let done = changes(&door, change(&door, &needed, RIGHT, NEW)).await;
        let ExpiredAnswer::Decided(SignInAnswer::SignedIn { session, .. }) = done else { panic!("{done:?}") };
        assert_eq!(session.person, someone.id);
        assert_eq!((door.binds() - binds, writes(&door)), (1, vec!["change id-jsmith".to_owned()]), "sent once");
        let trace = door.hub().traces_of(&door.administrator.find, someone.id, 1).await.unwrap().remove(0);
        assert_eq!(trace.row, "D6");
        let places = storage::census::census(&mut door.hub().database.reader()).await.unwrap()["budget_place"];
        assert_eq!(places, 0, "a right password returns its place");
        let again = changes(&door, change(&door, &needed, NEW, "yet another few words to remember")).await;
        assert!(matches!(again, ExpiredAnswer::Ended), "{again:?}");
        assert_eq!(writes(&door).len(), 1);
        door.types("jsmith", NEW).await.let_in_by("D6", 1);
        door.types("jsmith", RIGHT).await.refused_by("D7", RefusalPage::Generic, 1);
    }
}

#[tokio::test]
async fn d11_where_people_move_the_new_password_is_taken_over_and_not_the_old_one() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        door.change(&source, |source| source.mode = SourceMode::Capture).await;
        switch_on(&door, &source, both()).await;
        must_change(&door);
        let needed = needed(&door).await;
        let done = changes(&door, change(&door, &needed, RIGHT, NEW)).await;
        assert!(matches!(done, ExpiredAnswer::Decided(SignInAnswer::SignedIn { .. })), "{done:?}");
        let moved = door.person_named(&source, "jsmith").await.unwrap();
        assert_eq!(moved.state(), PersonState::Migrated);
        door.types("jsmith", NEW).await.let_in_by("D1", 0);
    }
}

#[tokio::test]
async fn d11_what_the_hub_refuses_is_not_sent_and_a_step_counts_in_its_browser_for_its_name_and_in_time() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        switch_on(&door, &source, both()).await;
        must_change(&door);
        let needed = needed(&door).await;
        let binds = door.binds();
        for (current, new, repeated) in
            [(RIGHT, "short", "short"), (RIGHT, RIGHT, RIGHT), (RIGHT, NEW, "another"), ("", NEW, NEW)]
        {
            let mut wanted = change(&door, &needed, current, new);
            wanted.repeated = SecretString::from(repeated.to_owned());
            let answered = changes(&door, wanted).await;
            assert!(matches!(answered, ExpiredAnswer::Wrong { .. }), "{new}: {answered:?}");
        }
        let elsewhere = ExpiredChange { browser: None, ..change(&door, &needed, RIGHT, NEW) };
        assert!(matches!(changes(&door, elsewhere).await, ExpiredAnswer::Ended));
        let mut other_name = change(&door, &needed, RIGHT, NEW);
        other_name.attempt.identifier = "somebody".to_owned();
        assert!(matches!(changes(&door, other_name).await, ExpiredAnswer::Ended));
        door.wait(15 * 60);
        assert!(matches!(changes(&door, change(&door, &needed, RIGHT, NEW)).await, ExpiredAnswer::Ended));
        assert_eq!((door.binds(), writes(&door).len()), (binds, 0));
    }
}

#[tokio::test]
async fn d11_wrong_current_passwords_never_bring_the_account_to_its_lockout() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |s| s.lockout.threshold = Some(5)).await;
        switch_on(&door, &source, both()).await;
        door.tell("corp", |script| {
            script.lockout = Some((5, TimeDelta::minutes(30)));
            script.shows_failures = true;
        });
        let mut rounds = 0;
        for wrong in 0..6 {
            must_change(&door);
            let asked = door.hub().sign_in(door.attempt("jsmith", RIGHT)).await.unwrap();
            let SignInAnswer::ChangeNeeded(needed) = asked else { break };
            rounds += 1;
            let before = writes(&door).len();
            for typed in 0..3 {
                let wanted = change(&door, &needed, &format!("{WRONG} {wrong} {typed}"), NEW);
                let answered = changes(&door, wanted).await;
                assert!(!matches!(answered, ExpiredAnswer::Decided(SignInAnswer::SignedIn { .. })));
            }
            assert_eq!(writes(&door).len() - before, 1, "a step is of one use");
        }
        assert!((1..6).contains(&rounds), "{rounds}");
        assert!(door.script("corp").lock().unwrap().most_failures <= 3, "of five the hub uses three at most");
    }
}

#[tokio::test]
async fn d11_the_directory_s_own_rules_are_told_and_what_is_lost_is_not_sent_again() {
    for door in doors().await {
        let (source, someone) = known(&door, "jsmith", |s| s.lockout.threshold = Some(50)).await;
        switch_on(&door, &source, both()).await;
        must_change(&door);
        let first = needed(&door).await;
        let history = Written::Failed(WriteFailure::Policy(PolicyRefusal::InHistory));
        door.tell("corp", |script| script.write_answer = Some(history));
        let answered = changes(&door, change(&door, &first, RIGHT, NEW)).await;
        let ExpiredAnswer::NotTaken { needed: second, why } = answered else { panic!("{answered:?}") };
        assert!(why.contains("had this one before"), "{why}");
        let stale = changes(&door, change(&door, &first, RIGHT, NEW)).await;
        assert!(matches!(stale, ExpiredAnswer::Ended), "the step of before");
        door.tell("corp", |script| script.write_answer = Some(Written::Unknown));
        let answered = changes(&door, change(&door, &second, RIGHT, NEW)).await;
        assert!(matches!(answered, ExpiredAnswer::Unknown { .. }), "{answered:?}");
        assert_eq!(writes(&door).len(), 2, "two presses, two writes");
        let again = changes(&door, change(&door, &second, RIGHT, NEW)).await;
        assert!(matches!(again, ExpiredAnswer::Ended), "{again:?}");
        // The directory does not let the hub do it: told in words, and the state is as it was.
        let third = needed(&door).await;
        door.tell("corp", |script| script.write_answer = Some(Written::Failed(WriteFailure::NotAllowed)));
        let answered = changes(&door, change(&door, &third, RIGHT, NEW)).await;
        let ExpiredAnswer::Decided(SignInAnswer::Refused(refusal)) = answered else { panic!("{answered:?}") };
        assert_eq!(refusal.page, RefusalPage::PasswordExpired);
        assert_eq!(door.person(someone.id).await.state(), PersonState::Mirrored);
    }
}

#[tokio::test]
async fn d11_without_write_back_a_password_is_set_here_where_people_move() {
    for door in doors().await {
        let (source, someone) = known(&door, "jsmith", |_| {}).await;
        door.change(&source, |source| source.mode = SourceMode::Capture).await;
        must_change(&door);
        let answered = door.hub().sign_in(door.attempt("jsmith", RIGHT)).await.unwrap();
        let SignInAnswer::PasswordOffered(offered) = answered else { panic!("{answered:?}") };
        assert!(!offered.may_skip, "the old one is of no use");
        let caller = || hub::sign_in::RedirectCaller {
            address: "192.0.2.7".parse().unwrap(),
            device_cookie: None,
            browser: None,
            request_id: "request".to_owned(),
        };
        let step = &offered.step.0;
        let skipped = door.hub().finish_password_offer(step, PasswordOfferChoice::Skip, &caller()).await.unwrap();
        assert!(matches!(skipped, hub::sign_in::PasswordOfferAnswer::Again { .. }), "{skipped:?}");
        let new = || SecretString::from(NEW.to_owned());
        let set = PasswordOfferChoice::Set { new: new(), repeated: new() };
        let done = door.hub().finish_password_offer(step, set, &caller()).await.unwrap();
        assert!(matches!(done, hub::sign_in::PasswordOfferAnswer::SignedIn(_)), "{done:?}");
        assert_eq!(door.person(someone.id).await.state(), PersonState::Migrated);
        door.types("jsmith", NEW).await.let_in_by("D1", 0);
        assert!(writes(&door).is_empty());
    }
}

#[tokio::test]
async fn d20b_somebody_new_whose_password_must_be_changed_changes_it_and_is_created() {
    for door in doors().await {
        let source = door.source("corp", |_| {}).await;
        switch_on(&door, &source, WriteAccess { unlock_at_source: false, ..both() }).await;
        door.has("corp", person("jsmith"));
        must_change(&door);
        let needed = needed(&door).await;
        assert_eq!(door.person_named(&source, "jsmith").await, None, "nobody is made by the first page");
        let done = changes(&door, change(&door, &needed, RIGHT, NEW)).await;
        assert!(matches!(done, ExpiredAnswer::Decided(SignInAnswer::SignedIn { .. })), "{done:?}");
        assert!(door.person_named(&source, "jsmith").await.is_some());
        door.types("jsmith", NEW).await.let_in_by("D6", 1);
    }
}
