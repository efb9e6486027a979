//! U0: somebody the hub does not know yet.

use chrono::TimeDelta;
use directory::{PersonState, SourceKind, SourceMode};
use testkit::BindAnswer;

use super::{
    directory_stub::{Changes as _, LOCKED_FOR_GOOD, RIGHT, WRONG, ad_person, ago, dn, password_policy, person},
    house::{Attempt, House, PORTAL},
    outcome::Page::{Disabled, Generic, NotAllowedNow, NotEnabledYet, Outage, PasswordExpired},
};

async fn stranger() -> (House, directory::Source) {
    House::with(SourceKind::Ldap, vec![person("jsmith")], |_| {}).await
}

#[tokio::test]
async fn d18_an_unknown_person_is_created_by_one_bind() {
    let (house, _) = stranger().await;
    let outcome = house.types("jsmith", RIGHT).await;
    outcome.let_in_by("D18", 1);
    for table in ["person", "account", "session", "device"] {
        assert_eq!(outcome.made(table), 1, "{table}");
    }
    assert_eq!((outcome.made("verifier"), outcome.made("refusal"), outcome.made("budget_place")), (0, 0, 0));
    let created = house.person(outcome.person()).await;
    assert_eq!((created.state(), created.display_name.as_str()), (PersonState::Mirrored, "Test jsmith"));
    assert_eq!(outcome.session.as_ref().unwrap().reach_source_id, None);
    assert_eq!(house.claims(PORTAL, &outcome.code()).await["sub"], created.subject.as_str());
    // The browser is signed in: the next application that asks gets its code at once.
    let asked = house.authorize(PORTAL, outcome.cookie.as_ref().unwrap()).await;
    assert!(crate::support::location(&asked).contains("code="));
    house.close().await;
}

#[tokio::test]
async fn d18_in_capture_mode_they_are_migrated_at_once() {
    let (house, corp) = stranger().await;
    house.change(&corp, |draft| draft.mode = SourceMode::Capture).await;
    let outcome = house.types("jsmith", RIGHT).await;
    outcome.let_in_by("D18", 1);
    assert_eq!((outcome.made("person"), outcome.made("verifier")), (1, 1));
    assert_eq!(house.person(outcome.person()).await.state(), PersonState::Migrated);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d18_two_at_once_make_one_person() {
    let (house, _) = stranger().await;
    for _ in 0..3 {
        let attempt = House::attempt("jsmith", RIGHT);
        let (a, b) = tokio::join!(house.press(attempt), house.press(attempt));
        let (a, b) = (house.session_in(&a).await.unwrap(), house.session_in(&b).await.unwrap());
        assert!(a.person_id == b.person_id && a.id != b.id);
    }
    let census = storage::census::census(&mut house.hub().database.reader()).await.unwrap();
    assert_eq!((census["person"], census["account"]), (2, 1), "the administrator and jsmith");
    assert_eq!(house.stub("corp").binds_of(&dn("jsmith")), 6);
    house.close().await;
}

#[tokio::test]
async fn d19_whose_address_is_held_gets_an_identity_of_their_own_without_it() {
    let owns = |draft: &mut directory::SourceDraft| draft.domains = vec!["example.test".to_owned()];
    let (house, corp) = House::with(SourceKind::Ldap, vec![person("jsmith"), person("john")], owns).await;
    house.client("elsewhere", &[]).await;
    house.stub("corp").put("john", "mail", &["jsmith@example.test"]);
    let holder = house.types("jsmith", RIGHT).await;
    holder.let_in_by("D18", 1);
    assert_eq!(house.claims(PORTAL, &holder.code()).await["email"], "jsmith@example.test");
    let outcome = house.types("john", RIGHT).await;
    outcome.let_in_by("D19", 1);
    assert_ne!(outcome.person(), holder.person());
    assert!(outcome.made("review_case") >= 1);
    assert_eq!((outcome.made("person"), outcome.made("account")), (1, 1));
    assert_eq!(outcome.session.as_ref().unwrap().reach_source_id, Some(corp.id.uuid()));
    let claims = house.claims(PORTAL, &outcome.code()).await;
    assert_eq!((claims.get("email"), &claims["name"]), (None, &"Test john".into()), "the held address is in no token");
    // Only applications of that directory open.
    let asked = house.authorize("elsewhere", outcome.cookie.as_ref().unwrap()).await;
    assert!(!crate::support::location(&asked).contains("code="), "{}", crate::support::location(&asked));
    // The reach stays while the case is open.
    let again = house.types("john", RIGHT).await;
    again.let_in_by("D6", 1);
    assert_eq!(again.session.as_ref().unwrap().reach_source_id, Some(corp.id.uuid()));
    // And the holder is still the holder.
    assert_eq!(house.types("jsmith@example.test", RIGHT).await.person(), holder.person());
    house.close().await;
}

#[tokio::test]
async fn d20_wrong_guesses_write_nothing_but_their_refusal() {
    let (house, _) = stranger().await;
    house.types("nobody", RIGHT).await.refused_by("D20", Generic, 0).wrote(&[("refusal", 1)]);
    let wrong = house.types("jsmith", WRONG).await;
    wrong.refused_by("D20", Generic, 1).wrote(&[("refusal", 1), ("budget_place", 1)]);
    house.types("jsmith", WRONG).await.refused_by("D20", Generic, 0).wrote(&[("refusal", 1)]);
    assert_eq!(house.stub("corp").binds_of(&dn("nobody")), 0);
    house.close().await;
}

#[tokio::test]
async fn d20b_other_refusals_create_nobody() {
    let (house, _) = stranger().await;
    let stub = house.stub("corp");
    stub.put("jsmith", "pwdAccountLockedTime", &[LOCKED_FOR_GOOD]);
    house.types("jsmith", RIGHT).await.refused_by("D20b", Generic, 0).wrote(&[("refusal", 1)]);
    stub.put("jsmith", "pwdAccountLockedTime", &[]);
    stub.answer("jsmith", password_policy(0, 2));
    house.types("jsmith", RIGHT).await.refused_by("D20b", PasswordExpired, 1).wrote(&[]);
    stub.answer("jsmith", password_policy(49, 1));
    house.types("jsmith", RIGHT).await.refused_by("D20b", Generic, 1).wrote(&[("refusal", 1), ("budget_place", 1)]);
    stub.answer("jsmith", BindAnswer::Code(80, "what?".to_owned()));
    house.types("jsmith", RIGHT).await.refused_by("D20b", Outage, 1).wrote(&[("budget_place", 1)]);
    house.close().await;
}

#[tokio::test]
async fn d20b_the_codes_of_active_directory_are_specific_only_where_they_prove_the_password() {
    let entry = ad_person("jsmith", ago(TimeDelta::days(1)));
    let unlocked = |draft: &mut directory::SourceDraft| draft.lockout.threshold = Some(50);
    let (house, _) = House::with(SourceKind::ActiveDirectory, vec![entry], unlocked).await;
    let codes = [
        ("525", "D20", Generic),
        ("52e", "D20", Generic),
        ("530", "D20b", NotAllowedNow),
        ("531", "D20b", NotAllowedNow),
        ("532", "D20b", PasswordExpired),
        ("533", "D20b", Disabled),
        ("701", "D20b", Disabled),
        ("773", "D20b", PasswordExpired),
        ("775", "D20b", Generic),
        ("5ff", "D20b", Outage),
    ];
    for (number, (code, row, page)) in codes.into_iter().enumerate() {
        house.stub("corp").answer("jsmith", BindAnswer::active_directory(code));
        // Another password each time: a wrong one is remembered.
        let outcome = house.types("jsmith", &format!("{RIGHT} {number}")).await;
        outcome.refused_by(row, page, 1);
        assert_eq!((outcome.made("person"), outcome.made("audit_event")), (0, 0), "{code}");
    }
    house.close().await;
}

#[tokio::test]
async fn d21_a_right_password_is_not_enough() {
    let (house, corp) = stranger().await;
    house.change(&corp, |draft| draft.just_in_time = false).await;
    house.types("jsmith", RIGHT).await.refused_by("D21", NotEnabledYet, 1).wrote(&[("audit_event", 1)]);
    house.change(&corp, |draft| (draft.just_in_time, draft.mode) = (true, SourceMode::Draining)).await;
    house.types("jsmith", RIGHT).await.refused_by("D21", NotEnabledYet, 1).wrote(&[("audit_event", 1)]);
    // Held, because the entry lacks what a person cannot be without.
    house.change(&corp, |draft| draft.mode = SourceMode::Active).await;
    house.stub("corp").put("jsmith", "cn", &[]);
    house.stub("corp").put("jsmith", "uid", &[]);
    let held = house.types("jsmith@example.test", RIGHT).await;
    held.refused_by("D21", NotEnabledYet, 1);
    assert_eq!(held.made("person"), 0);
    house.types("jsmith@example.test", WRONG).await.refused_by("D20", Generic, 1);
    house.close().await;
}

#[tokio::test]
async fn d22_a_directory_that_is_down_reads_the_same_for_everybody() {
    let (house, corp) = stranger().await;
    house.stub("corp").go_down();
    for name in ["jsmith", "nobody"] {
        house.types(name, RIGHT).await.refused_by("D22", Outage, 0).wrote(&[]);
    }
    house.stub("corp").come_back();
    house.change(&corp, |draft| draft.mode = SourceMode::Paused).await;
    house.types("jsmith", RIGHT).await.refused_by("D22", Outage, 0).wrote(&[]);
    house.close().await;
}

#[tokio::test]
async fn d22b_a_directory_in_observe_is_not_contacted() {
    let (house, corp) = stranger().await;
    house.change(&corp, |draft| draft.mode = SourceMode::Observe).await;
    house.stub("corp").forget();
    house.types("jsmith", RIGHT).await.refused_by("D22b", Generic, 0).wrote(&[("refusal", 1)]);
    assert_eq!(house.tally(&corp, "D22b").await, 1, "counted as stranded");
    assert_eq!(house.stub("corp").searches(), []);
    house.close().await;
}

#[tokio::test]
async fn two_directories_each_with_a_jsmith_both_sign_in() {
    let mut house = House::open().await;
    let mut sources = Vec::new();
    for name in ["north", "south"] {
        let source = house.stub_source(name, SourceKind::Ldap, vec![person("jsmith")], |_| {}).await;
        // A password of their own, and the same immutable id: it is a key only together with its directory.
        house.stub(name).put("jsmith", "userPassword", &[&format!("{RIGHT} {name}")]);
        house.stub(name).put("jsmith", "cn", &[&format!("Jo {name}")]);
        house.client(name, &[&source]).await;
        sources.push(source);
    }
    house.client(PORTAL, &[&sources[0], &sources[1]]).await;
    let north = house.types_at("north", "jsmith", &format!("{RIGHT} north")).await;
    north.let_in_by("D18", 1);
    let south = house.types_at("south", "jsmith", &format!("{RIGHT} south")).await;
    south.let_in_by("D18", 1);
    assert_ne!(north.person(), south.person());
    for (name, person) in [("north", north.person()), ("south", south.person())] {
        let password = format!("{RIGHT} {name}");
        assert_eq!(house.types_at(name, "jsmith", &password).await.let_in_by("D6", 1).person(), person);
        // Where the route leaves both, everybody is asked "Which directory?".
        let chosen = Attempt { directory: Some(name), ..House::attempt("jsmith", &password) };
        assert_eq!(house.sends(chosen).await.let_in_by("D6", 1).person(), person);
        assert_eq!(house.stub(name).binds_of(&dn("jsmith")), 3);
        assert!(house.stub(name).received(password.as_bytes()));
    }
    // Neither directory ever saw the other's password, and without a choice nobody is asked.
    assert!(!house.stub("north").received(b"Right-Passw0rd south"));
    assert!(!house.stub("south").received(b"Right-Passw0rd north"));
    house.types("jsmith", &format!("{RIGHT} north")).await.refused_by("D20", Generic, 0).wrote(&[("refusal", 1)]);
    house.close().await;
}
