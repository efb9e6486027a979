//! Every door page as it leaves the server. `ISTHMUS_LOOK=DIR` also writes them there to be looked at.

use chrono::{DateTime, TimeZone as _, Utc};

use super::*;
use crate::Assets;

const HOSTILE: &str = "<img src=x onerror=alert(1)> \"'&";

fn frame() -> Frame {
    Frame {
        assets: Assets {
            stylesheet: "/assets/app.css".into(),
            door_stylesheet: "/assets/sign-in.css".into(),
            javascript: "/assets/isthmus.js".into(),
            wasm: "/assets/isthmus_bg.wasm".into(),
            parts: Default::default(),
        },
        organisation: "Tessaro Group".into(),
        help_desk: Some("+47 21 09 44 00".into()),
    }
}

fn at() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 10, 42, 7).unwrap()
}

fn passage() -> Passage {
    Passage {
        transaction: Some("0198c0de-0000-7000-8000-000000000001".into()),
        return_to: None,
        client_name: Some("Kontor Orders".into()),
    }
}

fn refusal(kind: RefusalKind) -> RefusalPage {
    RefusalPage {
        passage: passage(),
        kind,
        identifier: "amara.okafor@tessaro.example".into(),
        directory: String::new(),
        providers: vec![],
        code: "R4T-9KD".into(),
        at: at(),
        too_many: false,
        locked_words: false,
        not_changed: false,
    }
}

/// Line by line, so that a snapshot's difference can be read.
fn pretty(html: &str) -> String {
    html.replace("><", ">\n<")
}

fn keep(name: &str, html: &str) {
    assert!(!html.contains("<script"), "{name}: door pages carry no script");
    assert!(!html.contains("<img"), "{name}: typed text is escaped");
    assert!(html.len() < 8_000, "{name}: {} bytes", html.len());
    if let Ok(folder) = std::env::var("ISTHMUS_LOOK") {
        std::fs::write(format!("{folder}/door-{name}.html"), html).unwrap();
    }
    insta::assert_snapshot!(name, pretty(html));
}

#[test]
fn the_identifier_page() {
    let page = IdentifierPage { passage: passage(), ..IdentifierPage::default() };
    keep("identifier", &identifier_page(&frame(), &page));
    let choices = [("corp-ldap", "Corporate LDAP"), ("ad", "Lagos office AD")];
    let page = IdentifierPage {
        passage: Passage { return_to: Some("/console/people?q=a&b".into()), ..Passage::default() },
        identifier: HOSTILE.into(),
        directories: choices.map(|(v, l)| DirectoryChoice { value: v.into(), label: l.into() }).to_vec(),
        chosen: "ad".into(),
        providers: vec![ProviderLink { source: HOSTILE.into(), label: HOSTILE.into() }],
        missing: true,
    };
    keep("identifier-directories", &identifier_page(&frame(), &page));
}

#[test]
fn the_password_page() {
    let page = PasswordPage {
        passage: passage(),
        identifier: "amara.okafor@tessaro.example".into(),
        ..PasswordPage::default()
    };
    keep("password", &password_page(&frame(), &page));
    let page =
        PasswordPage { identifier: HOSTILE.into(), directory: "ad".into(), missing: true, ..PasswordPage::default() };
    keep("password-missing", &password_page(&frame(), &page));
}

#[test]
fn the_change_page() {
    let page = ChangePasswordPage {
        person_name: "Amara Okafor".into(),
        username: "amara.okafor".into(),
        minimum: 15,
        ..ChangePasswordPage::default()
    };
    keep("change-password", &change_password_page(&frame(), &page));
    let page = ChangePasswordPage {
        person_name: HOSTILE.into(),
        username: HOSTILE.into(),
        current_problem: Some("This is not your current password.".into()),
        new_problem: Some(HOSTILE.into()),
        repeated_problem: Some("This differs from the new password above.".into()),
        ..page
    };
    keep("change-password-refused", &change_password_page(&frame(), &page));
}

#[test]
fn the_refusal_page() {
    keep("refusal", &refusal_page(&frame(), &refusal(RefusalKind::Generic)));
    keep("refusal-outage", &refusal_page(&frame(), &refusal(RefusalKind::Outage)));
    keep("refusal-not-enabled", &refusal_page(&frame(), &refusal(RefusalKind::NotEnabledYet)));
    keep("refusal-not-now", &refusal_page(&frame(), &refusal(RefusalKind::NotAllowedNow)));
    keep("refusal-disabled", &refusal_page(&frame(), &refusal(RefusalKind::Disabled)));
    keep("refusal-expired", &refusal_page(&frame(), &refusal(RefusalKind::PasswordExpired)));
    let page = RefusalPage { too_many: true, locked_words: true, not_changed: true, ..refusal(RefusalKind::Generic) };
    keep("refusal-too-many", &refusal_page(&frame(), &page));
    let page = RefusalPage { identifier: String::new(), ..refusal(RefusalKind::Generic) };
    keep("refusal-without-name", &refusal_page(&frame(), &page));
}

#[test]
fn the_refusal_differs_only_in_the_name_typed_and_the_code() {
    let one = refusal_page(&frame(), &refusal(RefusalKind::Generic));
    let other = RefusalPage { identifier: "nobody".into(), code: "AAA-BBB".into(), ..refusal(RefusalKind::Generic) };
    let other =
        refusal_page(&frame(), &other).replace("nobody", "amara.okafor@tessaro.example").replace("AAA-BBB", "R4T-9KD");
    assert_eq!(one, other);
}

#[test]
fn consent_sign_out_error_and_set_up() {
    let ask = |kind, title: &str, detail: &str| Ask { kind, title: title.into(), detail: Some(detail.into()) };
    let page = ConsentPage {
        transaction: "t".into(),
        client_name: "Kontor Orders".into(),
        person_name: "Amara Okafor".into(),
        asks: vec![
            ask(AskKind::Identity, "Your name", "Amara Okafor"),
            ask(AskKind::Email, "Your e-mail address", "amara.okafor@tessaro.example"),
            ask(AskKind::Groups, "Your groups that are published to it", HOSTILE),
        ],
    };
    keep("consent", &consent_page(&frame(), &page));
    let page = SignOutPage {
        person_name: "Amara Okafor".into(),
        client_name: Some("Kontor Orders".into()),
        hidden: vec![("state".into(), HOSTILE.into())],
    };
    keep("sign-out", &sign_out_page(&frame(), &page));
    keep("signed-out", &signed_out_page(&frame(), &SignedOutPage::default()));
    let page = ErrorPage {
        title: "This sign-in has expired".into(),
        message: "It was started more than ten minutes ago. Go back to the application and start again.".into(),
        code: Some("R4T-9KD".into()),
        at: at(),
        next: None,
    };
    keep("error", &error_page(&frame(), &page));
    let page = SetUpPage {
        token: "secret".into(),
        person_name: "عائشة الخطيب".into(),
        username: "admin".into(),
        minimum: 15,
        problem: Some("This password is on the list of those tried first. Choose another.".into()),
    };
    keep("set-up", &set_up_page(&frame(), &page));
    let page = SetUpDonePage { username: "admin".into(), next: "/sign-in?return_to=%2Fconsole".into() };
    keep("set-up-done", &set_up_done_page(&frame(), &page));
}

#[test]
fn signed_in_while_the_directory_is_silent() {
    let page = SignedInPage { passage: passage(), banner: "Your directory has not answered for a while.".into() };
    keep("signed-in", &signed_in_page(&frame(), &page));
}

#[test]
fn break_glass_code() {
    let page = CodePage { passage: passage(), step: "c3RlcA".into(), problem: None };
    keep("code", &code_page(&frame(), &page));
    let page = CodePage { problem: Some(HOSTILE.into()), ..page };
    keep("code-wrong", &code_page(&frame(), &page));
}

#[test]
fn other_ways_to_sign_in_and_what_follows_them() {
    let fine = |html: String, words: &[&str]| {
        assert!(!html.contains("<script") && !html.contains("<img") && html.len() < 8_000, "{html}");
        for word in words {
            assert!(html.contains(word), "{word}: {html}");
        }
    };
    let cloud = ProviderLink { source: "cloud".into(), label: HOSTILE.into() };
    let link = "/sign-in/redirect?source=cloud&amp;transaction=0198c0de-0000-7000-8000-000000000001";
    let page = IdentifierPage { passage: passage(), providers: vec![cloud.clone()], ..IdentifierPage::default() };
    fine(identifier_page(&frame(), &page), &["Continue with", link, "E-mail or username"]);
    let typed = "amara+x@tessaro.example".to_owned();
    let page =
        PasswordPage { passage: passage(), identifier: typed, providers: vec![cloud], ..PasswordPage::default() };
    fine(password_page(&frame(), &page), &["identifier=amara%2Bx%40tessaro.example", "Enter your password"]);
    for (kind, words) in [
        (RefusalKind::SignInHere, "You sign in here now"),
        (RefusalKind::ContinueThere, "second factor"),
        (RefusalKind::AnswerRefused, "could not be accepted"),
    ] {
        fine(refusal_page(&frame(), &refusal(kind)), &[words]);
    }
    let offer = OfferPage {
        passage: passage(),
        step: "a-step".into(),
        person_name: HOSTILE.into(),
        username: "amara".into(),
        minimum: 15,
        may_skip: true,
        new_problem: None,
        repeated_problem: None,
    };
    fine(offer_page(&frame(), &offer), &["Not now", "value=\"a-step\"", "At least 15 characters"]);
    let last =
        offer_page(&frame(), &OfferPage { may_skip: false, repeated_problem: Some("It differs.".into()), ..offer });
    assert!(!last.contains("Not now") && last.contains("It differs."));
}

#[test]
fn a_password_that_must_be_changed() {
    let fine = |html: String, words: &[&str]| {
        assert!(!html.contains("<script") && !html.contains("<img") && html.len() < 8_000, "{html}");
        for word in words {
            assert!(html.contains(word), "{word}: {html}");
        }
    };
    let expired = ExpiredPage {
        passage: passage(),
        step: "a-step".into(),
        identifier: HOSTILE.into(),
        label: HOSTILE.into(),
        minimum: 15,
        ..ExpiredPage::default()
    };
    let parts = ["value=\"a-step\"", "At least 15 characters", "Current password", "action=\"/sign-in/change\""];
    fine(expired_page(&frame(), &expired), &parts);
    let again = ExpiredPage { new_problem: Some(HOSTILE.into()), ..expired };
    fine(expired_page(&frame(), &again), &["aria-invalid"]);
    let unknown = ChangeUnknownPage { passage: passage(), label: HOSTILE.into(), code: "ABC-DEF".into(), at: at() };
    fine(change_unknown_page(&frame(), &unknown), &["ABC-DEF", "nothing was sent a second time"]);
}
