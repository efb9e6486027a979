//! What every connector must do, whatever directory is behind it. A connector's own tests call these with a connector
//! to a real peer, and with connectors to peers that misbehave.

pub mod reading;

use std::{collections::HashSet, sync::Arc, time::Duration};

use directory::{AccountStatus, AdapterResult, ImmutableId};
use tokio::time::{Instant, timeout};

use crate::{Connector, Discovery, DiscoveryStage, Found, HostState, Survey, TroubleKind, Vendor};

/// A healthy connector and somebody its source knows.
pub struct Subject {
    pub connector: Arc<dyn Connector>,
    /// A name the person types.
    pub typed_name: String,
    pub password: String,
    /// How many people the source has.
    pub people: usize,
    /// Names of all groups the person is in, nested ones included.
    pub groups: Vec<String>,
}

/// Longer than this, no answer of a connector may take (and a busy machine gets a second more).
const PATIENCE: Duration = Duration::from_secs(20);
/// A server that is back must be seen to be back within this.
const RECOVERY: Duration = Duration::from_secs(45);

/// All of them, one after the other.
///
/// # Panics
/// If the connector fails one.
pub async fn all(subject: &Subject) {
    healthy(subject).await;
    finds_by_name_and_fetches_by_id(subject).await;
    verifies(subject).await;
    never_sends_an_empty_password(subject).await;
    reads_everybody_once(subject).await;
    survives_cancellation(subject).await;
    says_how_its_servers_are(subject).await;
}

async fn person(subject: &Subject) -> directory::SourceEntry {
    match subject.connector.find(&subject.typed_name).await {
        Ok(Found::One(entry)) => *entry,
        other => panic!("{} was not found: {other:?}", subject.typed_name),
    }
}

/// Every step of a live test passes and says what it saw.
///
/// # Panics
/// If the connector fails it.
pub async fn healthy(subject: &Subject) {
    let steps = subject.connector.probe().await;
    assert!(steps.len() >= 4, "{steps:#?}");
    for step in &steps {
        assert!(step.passed, "{step:#?}");
        assert!(!step.detail.is_empty() && step.remedy.is_none(), "{step:#?}");
    }
}

/// A name finds the one entry; its id fetches the same; what is not there is not an error.
///
/// # Panics
/// If the connector fails it.
pub async fn finds_by_name_and_fetches_by_id(subject: &Subject) {
    let entry = person(subject).await;
    assert!(!entry.immutable_id.as_str().is_empty() && !entry.locator.is_empty());
    assert_eq!(entry.status, AccountStatus::Active);
    assert!(entry.names.iter().any(|name| name.eq_ignore_ascii_case(&subject.typed_name)), "{:?}", entry.names);
    assert!(entry.attributes.values().all(|value| !value.is_empty()));
    assert!(entry.groups_complete);
    let mut groups: Vec<&str> = entry.groups.iter().map(|group| group.name.as_str()).collect();
    groups.sort_unstable();
    let mut expected: Vec<&str> = subject.groups.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(groups, expected);
    let fetched = subject.connector.fetch(&entry.immutable_id).await.unwrap_or_else(|trouble| panic!("{trouble}"));
    assert_eq!(fetched.as_ref(), Some(&entry));

    let unknown = ImmutableId("00000000-0000-4000-8000-00000000dead".into());
    assert_eq!(subject.connector.fetch(&unknown).await, Ok(None));
    let long = "x".repeat(5_000);
    for odd in ["", " ", "nobody-of-this-name", "*", "*)(objectClass=*", "a\0b", "\\", "()", "\u{202e}x", &long] {
        assert_eq!(subject.connector.find(odd).await, Ok(Found::Nobody), "{odd:?}");
    }
    for odd in ["", "*", "not an id", "../../x", "\\2a"] {
        assert_eq!(subject.connector.fetch(&ImmutableId(odd.into())).await, Ok(None), "{odd:?}");
    }
}

/// The right password is right, a wrong one is wrong, and a person who is gone is not found or wrong.
///
/// # Panics
/// If the connector fails it.
pub async fn verifies(subject: &Subject) {
    let entry = person(subject).await;
    if hands_passwords_over(subject, &entry).await {
        return;
    }
    let right = subject.connector.verify(&entry, &subject.password.clone().into()).await;
    assert_eq!((right.result, right.sent, right.trouble), (AdapterResult::Ok, true, None), "{right:?}");
    assert!(!right.endpoint.is_empty() && !right.reason.contains(&subject.password));
    for wrong in [format!("{}x", subject.password), subject.password.to_uppercase()] {
        let verification = subject.connector.verify(&entry, &wrong.clone().into()).await;
        assert_eq!(verification.result, AdapterResult::BadPassword, "{verification:?}");
        assert!(verification.sent && !verification.proves_password && !verification.reason.contains(&wrong));
    }
    let again = subject.connector.verify(&entry, &subject.password.clone().into()).await;
    assert_eq!(again.result, AdapterResult::Ok, "a refusal leaves nothing behind: {again:?}");
}

/// A source whose passwords the hub compares itself: it hands the stored one over, nothing of its own belongs to
/// anybody else, and no typed one is ever sent to it.
async fn hands_passwords_over(subject: &Subject, entry: &directory::SourceEntry) -> bool {
    let stored = subject.connector.stored_password(entry).await.unwrap_or_else(|trouble| panic!("{trouble}"));
    if stored.is_none() {
        return false;
    }
    let nobody = ImmutableId("00000000-0000-4000-8000-00000000dead".into());
    let nobody = directory::SourceEntry { immutable_id: nobody, ..entry.clone() };
    assert!(subject.connector.stored_password(&nobody).await.is_ok_and(|stored| stored.is_none()));
    let asked = subject.connector.verify(entry, &subject.password.clone().into()).await;
    assert_eq!((asked.result, asked.sent), (AdapterResult::Unverifiable, false), "{asked:?}");
    true
}

/// RFC 4513 5.1.2: a bind without a password succeeds as nobody in particular.
///
/// # Panics
/// If the connector fails it.
pub async fn never_sends_an_empty_password(subject: &Subject) {
    let entry = person(subject).await;
    for odd in ["", "\0", "\0secret"] {
        let verification = subject.connector.verify(&entry, &odd.to_owned().into()).await;
        assert!(!verification.sent, "{odd:?} left the hub");
        assert_ne!(verification.result, AdapterResult::Ok);
    }
}

/// A paged read returns everybody, each once, and ends; a cursor of another read is refused.
///
/// # Panics
/// If the connector fails it.
pub async fn reads_everybody_once(subject: &Subject) {
    let mut seen = HashSet::new();
    let mut cursor = None;
    for _ in 0..10_000 {
        let page = subject.connector.page(cursor).await.unwrap_or_else(|trouble| panic!("{trouble}"));
        assert!(page.rejected.is_empty(), "{:?}", page.rejected);
        for entry in page.entries {
            assert!(seen.insert(entry.immutable_id.clone()), "{} came twice", entry.locator);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(cursor.is_none(), "it never ends");
    assert_eq!(seen.len(), subject.people);
    let made_up = crate::Cursor(b"made up".to_vec());
    assert_eq!(subject.connector.page(Some(made_up)).await.map_err(|trouble| trouble.kind), Err(TroubleKind::Odd));
}

/// A caller that goes away leaves no half-used connection behind for the next.
///
/// # Panics
/// If the connector fails it.
pub async fn survives_cancellation(subject: &Subject) {
    let entry = person(subject).await;
    let password = subject.password.clone().into();
    for microseconds in [0, 50, 100, 200, 400, 800, 1_600, 3_200] {
        let soon = Duration::from_micros(microseconds);
        let _gone = timeout(soon, subject.connector.find(&subject.typed_name)).await;
        let _gone = timeout(soon, subject.connector.verify(&entry, &password)).await;
        let _gone = timeout(soon, subject.connector.page(None)).await;
    }
    let wrong = subject.connector.verify(&entry, &format!("{}x", subject.password).into()).await;
    let expected = if wrong.sent { AdapterResult::BadPassword } else { AdapterResult::Unverifiable };
    assert_eq!(wrong.result, expected, "{wrong:?}");
    assert_eq!(person(subject).await.immutable_id, entry.immutable_id);
}

/// After all this, every server it used is healthy, with figures; looking at them again finds nothing to recover.
///
/// # Panics
/// If the connector fails it.
pub async fn says_how_its_servers_are(subject: &Subject) {
    person(subject).await;
    let hosts = subject.connector.hosts();
    assert!(!hosts.is_empty() && hosts.iter().any(|host| host.in_use), "{hosts:#?}");
    for host in hosts.iter().filter(|host| host.last_success.is_some()) {
        assert_eq!((host.state, host.failures), (HostState::Healthy, 0), "{host:#?}");
        assert!(host.connect_ms.is_some() && host.search_ms.is_some() && !host.host.is_empty(), "{host:#?}");
    }
    assert!(!subject.connector.check_hosts().await, "nothing was wrong");
}

/// With several servers: the first goes away and a sign-in still works, with one bind; the trouble is told in words; it
/// comes back and is used again, without the connector being made anew; and a sign-in that began before goes on only
/// where it may. `first_is` switches the first server's network on and off.
///
/// # Panics
/// If the connector fails it.
pub async fn fails_over(subject: &Subject, first_is: &dyn Fn(bool)) {
    let right: secrecy::SecretString = subject.password.clone().into();
    let signs_in = async || {
        let entry = person(subject).await;
        let verification = subject.connector.verify(&entry, &right).await;
        assert_eq!(verification.result, AdapterResult::Ok, "{verification:?}");
        verification.endpoint
    };
    let first = signs_in().await;
    let before = person(subject).await;
    first_is(false);
    // A connection used a moment ago is not asked for a sign of life: a password may still go into it, and is lost.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let moved = subject.connector.verify(&before, &right).await;
    assert_eq!(moved.result, AdapterResult::Ok, "the other one shows the same entry: {moved:?}");
    assert_ne!(moved.endpoint, first);
    assert_ne!(signs_in().await, first);
    assert_eq!(subject.connector.fetch(&before.immutable_id).await.map(|found| found.is_some()), Ok(true));
    let troubled = subject.connector.hosts().into_iter().find(|host| host.host == first);
    let troubled = troubled.unwrap_or_else(|| panic!("{first} is not among its servers"));
    assert!(!troubled.state.is_usable() && !troubled.in_use, "{troubled:#?}");
    assert!(troubled.last_trouble.is_some_and(|trouble| !trouble.reason.is_empty()));
    first_is(true);
    let started = Instant::now();
    while !subject.connector.check_hosts().await {
        assert!(started.elapsed() < RECOVERY, "its recovery is not seen: {:#?}", subject.connector.hosts());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(signs_in().await, first, "it is used again");
}

/// A connector whose peer misbehaves ends in time, in trouble or empty-handed, and never says a password is right or
/// wrong.
///
/// # Panics
/// If the connector fails it.
pub async fn stands_a_hostile_peer(what: &str, connector: &dyn Connector, entry: &directory::SourceEntry) {
    let found = timeout(PATIENCE, connector.find("somebody")).await.unwrap_or_else(|_| panic!("{what}: find hangs"));
    assert!(!matches!(found, Ok(Found::One(_))), "{what}: {found:?}");
    let fetched = timeout(PATIENCE, connector.fetch(&entry.immutable_id)).await;
    let fetched = fetched.unwrap_or_else(|_| panic!("{what}: fetch hangs"));
    assert!(!matches!(fetched, Ok(Some(_))), "{what}: {fetched:?}");
    let verified = timeout(PATIENCE, connector.verify(entry, &"some password".to_owned().into())).await;
    let verified = verified.unwrap_or_else(|_| panic!("{what}: verify hangs"));
    assert!(
        matches!(verified.result, AdapterResult::Unavailable | AdapterResult::Misconfigured),
        "{what}: {verified:?}"
    );
    let page = timeout(PATIENCE, connector.page(None)).await.unwrap_or_else(|_| panic!("{what}: page hangs"));
    assert!(page.is_err(), "{what}: {page:?}");
}

/// What a discovery must find at an honest directory.
pub struct ExpectedDiscovery {
    pub vendor: Vendor,
    /// The narrowest place that holds everybody.
    pub base_dn: String,
    pub people: usize,
    pub id_attribute: &'static str,
    pub username_attribute: &'static str,
    pub lockout: (u32, u64),
    /// The service account's password: it must not appear in anything that is found.
    pub secret: String,
}

/// At an honest directory: every step passes, and settings are proposed that fit.
///
/// # Panics
/// If the connector fails it.
pub async fn discovers(discovery: &dyn Discovery, expected: &ExpectedDiscovery) -> Survey {
    let greeting = discovery.greet().await;
    for step in greeting.servers.iter().flat_map(|server| &server.steps) {
        assert!(step.outcome.is_ok(), "{step:#?}");
    }
    let stages: Vec<_> = greeting.servers[0].steps.iter().map(|step| step.stage).collect();
    use DiscoveryStage as Stage;
    assert_eq!(stages, [Stage::Resolve, Stage::Connect, Stage::Tls, Stage::RootDse]);
    assert_eq!(greeting.introduction.as_ref().map(|said| said.vendor), Some(expected.vendor));
    let certificates = &greeting.servers[0].certificates;
    assert!(certificates[0].names.iter().any(|name| name == "localhost"), "{certificates:#?}");
    assert!(certificates.iter().all(|c| c.not_after > c.not_before && c.fingerprint.len() == 95), "{certificates:#?}");

    let survey = discovery.survey().await.unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(survey.introduction.vendor, expected.vendor);
    let same = |a: &str, b: &str| a.replace(' ', "").eq_ignore_ascii_case(&b.replace(' ', ""));
    assert!(same(&survey.proposal.base_dn, &expected.base_dn), "{:#?}", survey.bases);
    assert_eq!(survey.bases[0].1.entries, expected.people, "{:#?}", survey.bases);
    assert_eq!(survey.proposal.id_attribute, expected.id_attribute, "{:#?}", survey.attributes);
    assert_eq!(survey.proposal.username_attribute, expected.username_attribute, "{:#?}", survey.attributes);
    let id = survey.attributes.iter().find(|seen| seen.name == expected.id_attribute).map(|seen| seen.in_schema);
    assert_eq!(id, Some(Some(true)), "the schema is read: {:#?}", survey.attributes);
    let lockout = &survey.lockout;
    assert_eq!(
        (lockout.threshold, lockout.window_seconds),
        (Some(expected.lockout.0), Some(expected.lockout.1)),
        "{lockout:#?}"
    );
    let all = format!("{greeting:?} {survey:?}");
    assert!(!all.contains(&expected.secret), "the secret is shown");
    survey
}

/// At a directory that misbehaves: it ends in time and in failures, with nothing believed.
///
/// # Panics
/// If the connector fails it.
pub async fn discovery_stands_a_hostile_peer(what: &str, discovery: &dyn Discovery) {
    let patience = Duration::from_secs(30);
    let started = Instant::now();
    let greeting = timeout(patience, discovery.greet()).await.unwrap_or_else(|_| panic!("{what}: greet hangs"));
    let survey = timeout(patience, discovery.survey()).await.unwrap_or_else(|_| panic!("{what}: survey hangs"));
    let found = survey.as_ref().map_or(0, |survey| survey.bases.len() + survey.filters.len());
    assert_eq!(found, 0, "{what}: {greeting:?} {survey:?}");
    let steps = timeout(patience, discovery.inspect()).await.unwrap_or_else(|_| panic!("{what}: inspect hangs"));
    assert!(steps.iter().any(|step| step.outcome.is_err()), "{what}: {steps:?}");
    assert!(started.elapsed() < patience, "{what} took {:?}", started.elapsed());
}
