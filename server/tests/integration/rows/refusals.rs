//! What a refused person sees is the same for everybody (sections 2.1, 2.3 and 5).

use directory::SourceMode;
use hub::kernel::Actor;

use super::{
    directory_stub::{Changes as _, RIGHT, WRONG, dn, person},
    house::House,
    outcome::{Outcome, Page::Generic, code_on},
};

#[tokio::test]
async fn passwords_no_directory_may_see_never_reach_one() {
    let (house, _, _) = House::known(|_| {}).await;
    house.stub("corp").forget();
    // Empty: the page asks again, and nothing is even counted.
    let before = storage::census::census(&mut house.hub().database.reader()).await.unwrap();
    let asked = house.press(House::attempt("jsmith", "")).await;
    assert!(asked.text().await.unwrap().contains("Type your password."));
    assert_eq!(storage::census::census(&mut house.hub().database.reader()).await.unwrap(), before);
    for password in ["\0", &format!("{RIGHT}\0"), &"x".repeat(257)] {
        house.types("jsmith", password).await.refused_by("2.1", Generic, 0).wrote(&[("refusal", 1)]);
    }
    assert_eq!(house.stub("corp").binds_of(&dn("jsmith")), 0);
    // A blank is a password like any other.
    house.types("jsmith", " ").await.refused_by("D7", Generic, 1);
    house.close().await;
}

/// Everything the caller gets, without what differs by rule: transaction, code, time and request. The typed name is echoed.
fn seen(outcome: &Outcome, typed: &str) -> String {
    let mut text = format!("{}\n", outcome.status);
    for (name, value) in &outcome.headers {
        if name != "date" && name != "x-request-id" {
            text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
    }
    let mut body = outcome.body.replace(&format!("\"{typed}\""), "\"…\"");
    body = body.replace(code_on(&outcome.body).unwrap(), "CODE");
    for (before, after) in [("name=\"transaction\" value=\"", "\""), ("transaction=", "\""), ("<time", "</time>")] {
        let mut rest = body.as_str();
        let mut blanked = String::new();
        while let Some((head, tail)) = rest.split_once(before) {
            blanked.push_str(head);
            blanked.push_str(before);
            rest = &tail[tail.find(after).unwrap()..];
        }
        blanked.push_str(rest);
        body = blanked;
    }
    text + &body
}

#[tokio::test]
async fn known_unknown_migrated_and_disabled_get_the_same_bytes_try_after_try() {
    let names = ["mirrored", "migrated", "disabled", "stranger", "nobodyyy"];
    let people = names[..4].iter().map(|name| person(name)).collect();
    let (house, corp) = House::with(directory::SourceKind::Ldap, people, |_| {}).await;
    house.types("mirrored", RIGHT).await.let_in_by("D18", 1);
    house.change(&corp, |draft| draft.mode = SourceMode::Capture).await;
    house.types("migrated", RIGHT).await.let_in_by("D18", 1);
    let disabled = house.types("disabled", RIGHT).await.person();
    let done: Result<_, hub::HubError> = storage::write!(house.hub().database, |tx| {
        hub::mirror::disable_by_hub(tx, house.hub(), Actor::CommandLine, disabled, "left").await
    });
    done.unwrap();
    let rows = ["D7", "D2", "D25", "D20", "D20"];
    for attempt in 1..=4 {
        let mut first: Option<String> = None;
        for (name, row) in names.into_iter().zip(rows) {
            let outcome = house.types(name, &format!("{WRONG} {attempt}")).await;
            // From the third on, the budget of the accounts at the directory is used up.
            let used_up = attempt >= 3 && ["mirrored", "stranger"].contains(&name);
            assert_eq!(outcome.trace.row, if used_up { "2.7" } else { row }, "{name}");
            assert_eq!(outcome.says_too_many(), attempt >= 3, "{name} at try {attempt}");
            let text = seen(&outcome, name);
            assert_eq!(&text, first.get_or_insert_with(|| text.clone()), "{name} at try {attempt}");
        }
    }
    house.close().await;
}

#[tokio::test]
async fn while_a_directory_is_down_its_route_reads_the_same_for_known_and_unknown() {
    let people = vec![person("mirrored"), person("stranger")];
    let (house, _) = House::with(directory::SourceKind::Ldap, people, |_| {}).await;
    house.types("mirrored", RIGHT).await.let_in_by("D18", 1);
    house.stub("corp").go_down();
    let mut first: Option<String> = None;
    for name in ["mirrored", "stranger", "nobodyyy"] {
        let text = seen(&house.types(name, WRONG).await, name);
        assert_eq!(&text, first.get_or_insert_with(|| text.clone()), "{name}");
    }
    house.close().await;
}

#[tokio::test]
async fn ten_refusals_of_a_name_are_enough_for_a_minute_and_no_directory_is_asked() {
    let (house, _, _) = House::known(|_| {}).await;
    for number in 0..10 {
        house.types("nobody", &format!("{WRONG} {number}")).await.refused_by("D20", Generic, 0);
    }
    house.stub("corp").forget();
    house.types("nobody", WRONG).await.refused_by("2.3", Generic, 0);
    assert_eq!(house.stub("corp").searches(), []);
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    house.close().await;
}
