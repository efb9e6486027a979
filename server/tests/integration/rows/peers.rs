//! The same against real directories: slapd and a Samba domain controller.

use std::{
    collections::BTreeSet,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use directory::{LockoutSettings, PersonState, Policy, Source, SourceDraft, SourceKind, SourceMode};
use testkit::{SambaAd, Slapd, SlapdSetup};

use super::{
    house::{Attempt, House, PORTAL, Place, quick},
    outcome::Page::{Generic, NotAllowedNow, Outage, PasswordExpired},
};
use crate::support::location;

async fn at_slapd(policy: Policy, slapd: &Slapd, change: impl FnOnce(&mut SourceDraft)) -> (House, Source) {
    let house = House::open_with(policy).await;
    let place = Place {
        kind: SourceKind::Ldap,
        url: &slapd.ldaps_url,
        ca_pem: &slapd.ca_pem,
        base_dn: &slapd.base_dn,
        reader_dn: &slapd.reader_dn,
        reader_password: &slapd.reader_password,
    };
    let source = house.source("corp", &place, change).await;
    house.client(PORTAL, &[&source]).await;
    (house, source)
}

async fn at_samba(policy: Policy, change: impl FnOnce(&mut SourceDraft)) -> (House, Source, &'static SambaAd) {
    at_samba_swept(policy, false, change).await
}

async fn at_samba_swept(
    policy: Policy,
    swept: bool,
    change: impl FnOnce(&mut SourceDraft),
) -> (House, Source, &'static SambaAd) {
    let samba = SambaAd::shared().await;
    let house = House::open_with(policy).await;
    let base_dn = format!("OU=People,{}", samba.base_dn);
    let place = Place {
        kind: SourceKind::ActiveDirectory,
        url: &samba.ldaps_url,
        ca_pem: &samba.ca_pem,
        base_dn: &base_dn,
        reader_dn: &samba.reader_dn,
        reader_password: &samba.reader_password,
    };
    let source = if swept {
        house.swept_source("corp", &place, change).await
    } else {
        house.source("corp", &place, change).await
    };
    house.client(PORTAL, &[&source]).await;
    (house, source, samba)
}

/// The figures of this source come from the directory itself.
fn unconfigured(draft: &mut SourceDraft) {
    draft.lockout = LockoutSettings::default();
}

/// Captured at the first sign-in, however young the password is.
fn capturing(draft: &mut SourceDraft) {
    unconfigured(draft);
    (draft.mode, draft.capture_settle_seconds) = (SourceMode::Capture, 0);
}

/// Whether a password is right, as the directory answers without the hub.
fn binds_directly(url: &str, dn: &str, password: &str) -> bool {
    let mut command = Command::new("ldapwhoami");
    // Which server this is, is not the question.
    command.env("LDAPTLS_REQCERT", "never").args(["-x", "-H", url, "-D", dn, "-w", password]);
    command.output().unwrap().status.success()
}

/// Waits until something has come about, and says how long it took.
async fn until(what: &str, at_most: Duration, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < at_most, "{what}: not within {at_most:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    began.elapsed()
}

#[tokio::test]
async fn slapd_the_main_rows_over_the_wire() {
    let mut slapd = Slapd::with(SlapdSetup { people: 20, ..SlapdSetup::default() }).await;
    let (house, corp) = at_slapd(quick(), &slapd, unconfigured).await;
    let right = slapd.password_of("u000001");
    let first = house.types("u000001", &right).await;
    first.let_in_by("D18", 0);
    let claims = house.claims(PORTAL, &first.code()).await;
    assert_eq!(claims["sub"], house.person(first.person()).await.subject.as_str());
    house.types("u000001", "wrong").await.refused_by("D7", Generic, 0);
    assert_eq!(slapd.values(&slapd.person_dn("u000001"), "pwdFailureTime").len(), 1);
    house.types("u000001", "wrong").await.refused_by("D7", Generic, 0);
    assert_eq!(slapd.values(&slapd.person_dn("u000001"), "pwdFailureTime").len(), 1, "the same again is not sent");
    house.types("u000001", &right).await.let_in_by("D6", 0);
    assert_eq!(slapd.values(&slapd.person_dn("u000001"), "pwdFailureTime").len(), 0);
    house.types("u000002", "wrong").await.refused_by("D20", Generic, 0);
    // Reset by an administrator: the right password, which must be changed first.
    slapd.set(&slapd.person_dn("u000003"), "pwdReset", &["TRUE"]);
    house.types("u000003", &slapd.password_of("u000003")).await.refused_by("D20b", PasswordExpired, 0);
    slapd.disable("u000001");
    house.types("u000001", &right).await.refused_by("D9", Generic, 0);
    house.types("u000001", &right).await.refused_by("D25", Generic, 0);
    slapd.enable("u000001");
    house.types("u000001", &right).await.let_in_by("D6", 0);
    // Captured, and then the directory is stopped.
    house.change(&corp, |draft| draft.mode = SourceMode::Capture).await;
    house.types("u000001", &right).await.let_in_by("D6", 0);
    let other = house.types("u000004", &slapd.password_of("u000004")).await;
    other.let_in_by("D18", 0);
    assert_eq!(other.made("verifier"), 1);
    slapd.stop();
    house.types("u000001", &right).await.let_in_by("D1", 0);
    house.types("u000004", &slapd.password_of("u000004")).await.let_in_by("D1", 0);
    let outage = house.types("u000005", &slapd.password_of("u000005")).await;
    outage.refused_by("D22", Outage, 0).wrote(&[]);
    slapd.start_again();
    house.close().await;
}

#[tokio::test]
async fn slapd_down_and_nothing_captured_moves_nothing() {
    let mut slapd = Slapd::with(SlapdSetup { people: 5, ..SlapdSetup::default() }).await;
    let (house, _) = at_slapd(quick(), &slapd, unconfigured).await;
    let right = slapd.password_of("u000001");
    let first = house.types("u000001", &right).await;
    first.let_in_by("D18", 0);
    let before = house.person(first.person()).await;
    slapd.stop();
    for password in [right.as_str(), "wrong"] {
        house.types("u000001", password).await.refused_by("D14", Outage, 0).wrote(&[]);
    }
    assert_eq!(house.person(first.person()).await, before);
    slapd.start_again();
    house.types("u000001", &right).await.let_in_by("D6", 0);
    house.close().await;
}

const WRONG_PASSWORDS: usize = 1_000;
const AT_ONCE: usize = 20;
const SOURCE_WINDOW: u32 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slapd_a_thousand_wrong_passwords_over_three_windows_never_lock_the_account() {
    let setup = SlapdSetup { people: 5, lockout_threshold: 5, lockout_seconds: SOURCE_WINDOW, ..SlapdSetup::default() };
    let slapd = Slapd::with(setup).await;
    let unlimited = Policy {
        throttle_identifier: 1_000_000,
        throttle_network: 1_000_000,
        throttle_installation: 1_000_000,
        ..quick()
    };
    let (house, corp) = at_slapd(unlimited, &slapd, unconfigured).await;
    let house = Arc::new(house);
    let right = slapd.password_of("u000001");
    house.types("u000001", &right).await.let_in_by("D18", 0);
    let transaction = house.transaction(PORTAL, "").await;
    // Places return 1.1 windows and 5 s after the last kept one: three rounds of them take this long at least.
    let whole = Duration::from_secs(42);
    let rounds = WRONG_PASSWORDS / AT_ONCE;
    let began = Instant::now();
    let dn = slapd.person_dn("u000001");
    let mut counted = BTreeSet::new();
    for round in 0..rounds {
        let tries: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let (house, transaction) = (Arc::clone(&house), transaction.clone());
                tokio::spawn(async move {
                    let password = format!("wrong {round} {number}");
                    let attempt = House::attempt("u000001", &password);
                    assert_eq!(house.submit(attempt, Some(&transaction)).await.status(), 200, "refused");
                })
            })
            .collect();
        for attempt in tries {
            attempt.await.unwrap();
        }
        counted.extend(slapd.values(&dn, "pwdFailureTime"));
        assert_eq!(slapd.values(&dn, "pwdAccountLockedTime"), [""; 0], "locked in round {round}");
        let due = whole * u32::try_from(round + 1).unwrap() / u32::try_from(rounds).unwrap();
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(u64::from(3 * SOURCE_WINDOW)));
    // Of three places one is kept for known browsers, and the others return after 13.8 s.
    let most_reached = 2 * (took.as_secs() / 13 + 1);
    let reached = house.tally(&corp, "D7").await;
    assert!((5..=most_reached).contains(&reached.cast_unsigned()), "{reached} passwords reached the directory");
    assert_eq!(house.tally(&corp, "2.7").await + reached, i64::try_from(WRONG_PASSWORDS).unwrap());
    assert!(most_in_a_window(&counted) <= 3, "{counted:?}");
    assert!(binds_directly(&slapd.ldap_url, &dn, &right), "the account was never locked");
    // The person's own success cleared the directory's count; the hub lets them in when its places are back.
    until("the budget returns", Duration::from_secs(60), async || {
        house.press(House::attempt("u000001", &right)).await.status() == 303
    })
    .await;
    Arc::into_inner(house).unwrap().close().await;
}

/// The most wrong passwords that the directory counted within one of its windows.
fn most_in_a_window(times: &BTreeSet<String>) -> usize {
    let parse = |text: &String| chrono::NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S%.fZ").unwrap();
    let times: Vec<_> = times.iter().map(parse).collect();
    let window = chrono::TimeDelta::seconds(SOURCE_WINDOW.into());
    let within = |from: &chrono::NaiveDateTime| times.iter().filter(|at| *at >= from && **at <= *from + window).count();
    times.iter().map(within).max().unwrap_or_default()
}

/// A captured person's reading is this old at most: seconds instead of a day.
const MAX_AGE: u64 = 2;

fn watchful() -> Policy {
    Policy { status_max_age: MAX_AGE, missing_confirmation: 1, sweep_interval: 1, ..quick() }
}

#[tokio::test]
async fn samba_a_captured_person_disabled_there_is_refused_in_time_and_comes_back() {
    let (house, _, samba) = at_samba(watchful(), capturing).await;
    let right = samba.password_of("u000050");
    let first = house.types("u000050", &right).await;
    first.let_in_by("D18", 0);
    let person = first.person();
    assert_eq!(house.person(person).await.state(), PersonState::Migrated);
    let cookie = first.cookie.clone().unwrap();
    assert!(location(&house.authorize(PORTAL, &cookie).await).contains("code="));
    samba.disable("u000050");
    tokio::time::sleep(Duration::from_secs(MAX_AGE) + Duration::from_millis(100)).await;
    // Without signing in again: the session that is open is asked for its person's standing.
    let asked = location(&house.authorize(PORTAL, &cookie).await).to_owned();
    assert!(asked.starts_with("/sign-in"), "{asked}");
    assert!(house.has_ended(first.session.as_ref().unwrap()).await);
    assert_eq!(house.person(person).await.state(), PersonState::DisabledBySource);
    house.types("u000050", &right).await.refused_by("D25", Generic, 0).wrote(&[("refusal", 1)]);
    samba.enable("u000050");
    let back = house.types("u000050", &right).await;
    back.let_in_by("D1", 0);
    assert_eq!(back.person(), person);
    let old = location(&house.authorize(PORTAL, &cookie).await).to_owned();
    assert!(old.starts_with("/sign-in"), "what has ended stays ended: {old}");
    house.close().await;
}

#[tokio::test]
async fn samba_a_captured_person_deleted_there_is_refused_by_the_sweep_alone() {
    let (house, _, samba) = at_samba_swept(watchful(), true, capturing).await;
    let first = house.types("u000051", &samba.password_of("u000051")).await;
    first.let_in_by("D18", 0);
    for other in ["u000052", "u000053"] {
        house.types(other, &samba.password_of(other)).await.let_in_by("D18", 0);
    }
    samba.delete("u000051");
    // Not returned twice, a second or more apart.
    until("the sweep finds them missing", Duration::from_secs(60), async || {
        house.person(first.person()).await.state() == PersonState::DisabledBySource
    })
    .await;
    assert!(house.has_ended(first.session.as_ref().unwrap()).await);
    house.types("u000051", &samba.password_of("u000051")).await.refused_by("D25", Generic, 0);
    house.types("u000052", &samba.password_of("u000052")).await.let_in_by("D1", 0);
    house.close().await;
}

#[tokio::test]
async fn samba_the_main_rows_over_the_wire() {
    let (house, corp, samba) = at_samba(quick(), unconfigured).await;
    for typed in ["u000054", "ADEX\\u000054", "u000054@ad.example.test"] {
        let outcome = house.types(typed, &samba.password_of("u000054")).await;
        if typed == "ADEX\\u000054" {
            // The preset does not know the domain's short name: nobody is called so.
            outcome.refused_by("D20", Generic, 0);
        } else {
            assert!(outcome.session.is_some(), "{typed}: {:#?}", outcome.trace);
        }
    }
    let wrong = house.types("u000054", "Wr0ng-password").await;
    wrong.refused_by("D7", Generic, 0);
    assert_eq!(samba.values(&samba.person_dn("u000054"), "badPwdCount"), ["1"]);
    // The password of a moment ago is not captured (AD goes on accepting the one before for an hour).
    samba.set_password("u000054", "An0ther-passw0rd");
    house.change(&corp, |draft| draft.mode = SourceMode::Capture).await;
    let young = house.types("u000054", "An0ther-passw0rd").await;
    young.let_in_by("D6", 0);
    assert_eq!((young.made("verifier"), house.person(young.person()).await.state()), (0, PersonState::Mirrored));
    house.close().await;
}

#[tokio::test]
async fn samba_refuses_for_reasons_of_its_own() {
    let (house, _, samba) = at_samba(quick(), |_| {}).await;
    // Disabled (533) and expired (701) are read before a password is sent; the hours (530) and a password to be
    // changed (773) are told to whoever typed the right one. Samba expires no password within a day (532).
    let told = [
        ("u000005", "D20b", Generic, "disabled"),
        ("u000012", "D20b", Generic, "account-expired"),
        ("u000013", "D20b", NotAllowedNow, "not-allowed-now"),
        ("u000011", "D20b", PasswordExpired, "must-change"),
    ];
    for (name, row, page, said) in told {
        let outcome = house.types(name, &samba.password_of(name)).await;
        outcome.refused_by(row, page, 0);
        assert_eq!(outcome.trace.adapter_result.as_deref(), Some(said), "{name}");
        assert_eq!((outcome.made("person"), outcome.made("budget_place")), (0, 0), "{name}");
        house.types(name, "Wr0ng-password").await.refused_by(
            if page == NotAllowedNow || said == "must-change" { "D20" } else { row },
            Generic,
            0,
        );
    }
    house.close().await;
}

#[tokio::test]
async fn samba_an_account_locked_there_is_left_alone() {
    let (house, _, samba) = at_samba(quick(), unconfigured).await;
    let right = samba.password_of("u000056");
    house.types("u000056", &right).await.let_in_by("D18", 0);
    let dn = samba.person_dn("u000056");
    for number in 0..5 {
        let wrong = format!("Wr0ng-{number}");
        // Somewhere else than at the hub.
        assert!(!binds_directly(&samba.ldaps_url, &dn, &wrong));
    }
    let locked = house.types("u000056", &right).await;
    locked.refused_by("D10", Generic, 0);
    assert_eq!((locked.made("budget_place"), locked.made("failure_count")), (0, 0));
    assert_eq!(samba.values(&dn, "badPwdCount"), ["5"], "no password was sent");
    samba.unlock("u000056");
    house.types("u000056", &right).await.let_in_by("D6", 0);
    house.close().await;
}

#[tokio::test]
async fn two_real_directories_each_with_a_jsmith_both_sign_in() {
    let slapd = Slapd::with(SlapdSetup { people: 2, ..SlapdSetup::default() }).await;
    // Not one person: a number that both bear would make a case of it (row D19).
    slapd.set(&slapd.person_dn("jsmith"), "employeeNumber", &["900002"]);
    let (house, _, samba) = at_samba(quick(), unconfigured).await;
    let place = Place {
        kind: SourceKind::Ldap,
        url: &slapd.ldaps_url,
        ca_pem: &slapd.ca_pem,
        base_dn: &slapd.base_dn,
        reader_dn: &slapd.reader_dn,
        reader_password: &slapd.reader_password,
    };
    let unix = house.source("unix", &place, unconfigured).await;
    house.client("batch", &[&unix]).await;
    let [here, there] = [samba.password_of("jsmith"), slapd.password_of("jsmith")];
    let one = house.types("jsmith", &here).await;
    one.let_in_by("D18", 0);
    let other = house.types_at("batch", "jsmith", &there).await;
    other.let_in_by("D18", 0);
    assert_ne!(one.person(), other.person());
    let asked = Attempt { directory: Some("unix"), client: Some("batch"), ..House::attempt("jsmith", &there) };
    assert_eq!(house.sends(asked).await.let_in_by("D6", 0).person(), other.person());
    assert_eq!(house.types("jsmith", &here).await.let_in_by("D6", 0).person(), one.person());
    house.close().await;
}
