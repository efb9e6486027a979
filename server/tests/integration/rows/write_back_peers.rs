//! Writing at real directories, through the pages of a running server: a password that must be changed is changed there
//! and signs in, the old one does not; a lock is ended there and the person is told.

use directory::{LockoutSettings, Source, SourceKind, WriteAccess};
use hub::sign_in::UnlockedAtSource;
use reqwest::Response;
use secrecy::SecretString;
use testkit::{SambaAd, Slapd};

use super::{
    house::{Attempt, House, PORTAL, Place, quick},
    outcome::Page,
};
use crate::support::{location, pair, set_cookie};

const NEW: &str = "A few words that nobody else puts 2gether";

async fn at_slapd(slapd: &Slapd) -> (House, Source) {
    let house = House::open_with(quick()).await;
    let place = Place {
        kind: SourceKind::Ldap,
        url: &slapd.ldaps_url,
        ca_pem: &slapd.ca_pem,
        base_dn: &slapd.base_dn,
        reader_dn: &slapd.reader_dn,
        reader_password: &slapd.reader_password,
    };
    let source = house.source("corp", &place, |draft| draft.lockout = LockoutSettings::default()).await;
    house.client(PORTAL, &[&source]).await;
    (house, source)
}

async fn at_samba(samba: &SambaAd) -> (House, Source) {
    let house = House::open_with(quick()).await;
    let base_dn = format!("OU=People,{}", samba.base_dn);
    let place = Place {
        kind: SourceKind::ActiveDirectory,
        url: &samba.ldaps_url,
        ca_pem: &samba.ca_pem,
        base_dn: &base_dn,
        reader_dn: &samba.reader_dn,
        reader_password: &samba.reader_password,
    };
    let source = house.source("corp", &place, |draft| draft.lockout = LockoutSettings::default()).await;
    house.client(PORTAL, &[&source]).await;
    (house, source)
}

/// As an administrator would, and in force at once.
async fn switch_on(house: &House, source: &Source, dn: &str, password: &str) {
    let access = WriteAccess { bind_dn: dn.to_owned(), unlock_at_source: true, password_write_back: true };
    let secret = SecretString::from(password.to_owned());
    house.hub().set_write_access(&(&house.administrator).into(), source.id, access, Some(&secret)).await.unwrap();
}

/// What the page holds in a hidden field.
fn hidden<'a>(body: &'a str, name: &str) -> &'a str {
    let field = body.split("<input").find(|input| input.contains(&format!("name=\"{name}\""))).unwrap();
    field.split_once("value=\"").unwrap().1.split('"').next().unwrap()
}

/// Fills in the page that asks for a new password, in the browser it was sent to.
async fn fill_in(house: &House, name: &str, page: &(String, String), current: &str, new: &str) -> Response {
    let (body, cookie) = page;
    let form = [
        ("transaction", hidden(body, "transaction")),
        ("step", hidden(body, "step")),
        ("identifier", name),
        ("password", current),
        ("new_password", new),
        ("repeated_password", new),
    ];
    house.server.post("/sign-in/change", &form, Some(cookie)).await
}

async fn page(answer: Response) -> (String, String) {
    let cookie = pair(&set_cookie(&answer, "isthmus-change").unwrap());
    let body = answer.text().await.unwrap();
    assert!(body.contains("Your password must be changed") && !body.contains("<script"), "{body}");
    assert!(body.len() <= 40 * 1024);
    (body, cookie)
}

/// The whole way at either directory.
async fn change(house: &House, name: &str, old: &str) {
    let attempt = |password| Attempt { client: Some(PORTAL), name, password, directory: None, cookies: "" };
    let asked = page(house.press(attempt(old)).await).await;
    assert!(asked.0.contains("Directory corp"));
    // The step counts in the browser it was given to.
    let elsewhere = (asked.0.clone(), String::new());
    let ended = fill_in(house, name, &elsewhere, old, NEW).await;
    assert!(ended.status().is_client_error(), "{}", ended.status());
    // What the hub refuses is not sent, and the page stays.
    let weak = fill_in(house, name, &asked, old, "short").await.text().await.unwrap();
    assert!(weak.contains("Your password must be changed") && weak.contains("aria-invalid"), "{weak}");
    // Also the name of somebody who is new here, and of whom nothing else is known.
    let named = fill_in(house, name, &asked, old, &format!("{name} {name} 1")).await.text().await.unwrap();
    assert!(named.contains("little more than your name"), "{named}");
    let done = fill_in(house, name, &asked, old, NEW).await;
    let place = location(&done).to_owned();
    assert!(place.contains("code="), "{} {place} {}", done.status(), done.text().await.unwrap());
    // Once.
    let again = fill_in(house, name, &asked, NEW, "Another few words that nobody has 2day").await;
    assert!(again.status().is_client_error(), "{}", again.status());
    house.types(name, NEW).await.let_in_by("D6", 0);
    house.types(name, old).await.refused_by("D7", Page::Generic, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_a_password_that_openldap_wants_changed_is_changed_there_and_signs_in() {
    let slapd = Slapd::start().await;
    let (house, source) = at_slapd(&slapd).await;
    switch_on(&house, &source, &slapd.writer().0, slapd.writer().1).await;
    let old = slapd.password_of("u000001");
    house.types("u000001", &old).await.let_in_by("D18", 0);
    slapd.set(&slapd.person_dn("u000001"), "pwdReset", &["TRUE"]);
    change(&house, "u000001", &old).await;
    // Somebody who is new, and whose password must be changed, as new people's passwords often must.
    slapd.set(&slapd.person_dn("u000002"), "pwdReset", &["TRUE"]);
    change(&house, "u000002", &slapd.password_of("u000002")).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_a_password_that_active_directory_wants_changed_is_changed_there_and_signs_in() {
    let samba = SambaAd::shared().await;
    let (house, source) = at_samba(samba).await;
    let (name, password) = samba.administrator();
    switch_on(&house, &source, name, password).await;
    let old = samba.password_of("u000050");
    house.types("u000050", &old).await.let_in_by("D18", 0);
    samba.set(&samba.person_dn("u000050"), "pwdLastSet", &["0"]);
    change(&house, "u000050", &old).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_ended_at_openldap_and_the_person_reads_of_it() {
    let slapd = Slapd::start().await;
    let (house, source) = at_slapd(&slapd).await;
    let right = slapd.password_of("u000003");
    let person = house.types("u000003", &right).await.person();
    slapd.set(&slapd.person_dn("u000003"), "pwdAccountLockedTime", &["20260101000000Z"]);
    slapd.set(&format!("cn=default,ou=policies,{}", slapd.base_dn), "pwdLockoutDuration", &["0"]);
    house.types("u000003", &right).await.refused_by("D10", Page::Generic, 0);
    let refused = house.hub().unlock_at_source(&house.helper(), person, "corp").await;
    assert!(refused.is_err(), "not switched on");
    switch_on(&house, &source, &slapd.writer().0, slapd.writer().1).await;
    let done = house.hub().unlock_at_source(&house.helper(), person, "corp").await.unwrap();
    assert_eq!(done, UnlockedAtSource::Unlocked);
    assert!(slapd.values(&slapd.person_dn("u000003"), "pwdAccountLockedTime").is_empty());
    let word = house.press(House::attempt("u000003", &right)).await.text().await.unwrap();
    assert!(word.contains("You are signed in") && word.contains("Help desk unlocked it"), "{word}");
    house.types("u000003", &right).await.let_in_by("D6", 0);
    house.close().await;
}
