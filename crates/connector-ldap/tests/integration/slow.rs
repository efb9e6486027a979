//! Groups: many of them, of several kinds, and slow ones.

use std::time::{Duration, Instant};

use connector::{Connector as _, Found};
use directory::SourceKind;
use testkit::{SearchAnswer, StubLdap, StubScript};

use crate::support::{ANNA, ANNA_ID, READER, connect, script, settings, source, to_stub};

const BASE: &str = crate::support::BASE;

fn groups(entry: &directory::SourceEntry) -> Vec<&str> {
    entry.groups.iter().map(|group| group.name.as_str()).collect()
}

#[tokio::test]
async fn groups_of_rfc_2307_are_read_by_name_and_by_number() {
    let uuid = |n: u32| format!("0a0b0c0d-0000-4000-8000-0000000001{n:02}");
    let mut script = script();
    let anna = script.entries.iter_mut().find(|entry| entry.dn == ANNA).unwrap();
    anna.push("gidNumber", b"100".to_vec());
    for (n, name, extra) in [
        (1, "users", vec![("gidNumber", "100")]),
        (2, "printers", vec![("gidNumber", "200"), ("memberUid", "anna")]),
        (3, "others", vec![("gidNumber", "300"), ("memberUid", "annabel")]),
    ] {
        let id = uuid(n);
        let mut attributes = vec![("objectClass", "posixGroup"), ("cn", name), ("entryUUID", id.as_str())];
        attributes.extend(extra);
        script = script.entry(&format!("cn={name},ou=groups,{BASE}"), &attributes);
    }
    let stub = StubLdap::start(script).await;
    let connector = to_stub(&stub);
    let Found::One(entry) = connector.find("anna").await.unwrap() else { panic!("not found") };
    assert_eq!((groups(&entry), entry.groups_complete), (vec!["printers", "users"], true));
    // A directory without such groups is not asked for them at every sign-in.
    let plain = StubLdap::start(crate::support::script()).await;
    let connector = to_stub(&plain);
    connector.find("anna").await.unwrap();
    plain.forget();
    connector.find("anna").await.unwrap();
    assert!(plain.searches().iter().all(|search| !format!("{:?}", search.filter).contains("posixGroup")));
}

/// Anna in a chain of ten groups in one another.
fn chain() -> StubScript {
    let name = |n: usize| format!("CN=g{n},OU=Groups,{BASE}");
    let mut script = StubScript::default()
        .entry("", &[("objectClass", "top"), ("defaultNamingContext", BASE)])
        .entry(BASE, &[("objectClass", "domain")])
        .entry(READER, &[("objectClass", "person"), ("userPassword", "reader-secret")])
        .entry(
            ANNA,
            &[
                ("objectClass", "user"),
                ("objectCategory", "person"),
                ("sAMAccountName", "anna"),
                ("objectGUID", "0123456789abcdef"),
                ("userAccountControl", "512"),
                ("memberOf", &name(0)),
            ],
        );
    for n in 0..10 {
        let guid = format!("group-{n:010}");
        let mut attributes = vec![("objectClass", "group"), ("objectGUID", guid.as_str())];
        let (cn, member, above) = (format!("g{n}"), if n == 0 { ANNA.to_owned() } else { name(n - 1) }, name(n + 1));
        attributes.extend([("cn", cn.as_str()), ("sAMAccountName", cn.as_str()), ("member", member.as_str())]);
        if n < 9 {
            attributes.push(("memberOf", above.as_str()));
        }
        script = script.entry(&name(n), &attributes);
    }
    script
}

#[tokio::test]
async fn many_nested_groups_of_active_directory_come_in_one_question() {
    let stub = StubLdap::start(chain()).await;
    let ad = settings(SourceKind::ActiveDirectory, &stub.ldaps_url(), stub.ca_pem(), BASE, READER);
    let connector = connect(&source(SourceKind::ActiveDirectory, ad), "reader-secret").unwrap();
    let Found::One(entry) = connector.find("anna").await.unwrap() else { panic!("not found") };
    assert_eq!(groups(&entry).len(), 10, "{:?}", groups(&entry));
    let reads =
        |what: &str| stub.searches().iter().filter(|search| format!("{:?}", search.filter).contains(what)).count();
    assert_eq!(reads("1.2.840.113556.1.4.1941"), 1);
    let alone = stub.searches().iter().filter(|search| search.base.to_lowercase().starts_with("cn=g")).count();
    assert_eq!(alone, 3, "three groups one by one, the other seven together");
    // Somebody with few groups costs the domain controller no such question.
    stub.forget();
    connector.find("anna").await.unwrap();
    assert_eq!(reads("1.2.840.113556.1.4.1941"), 0, "and what is known is not asked again");
}

#[tokio::test]
async fn groups_that_take_longer_than_somebody_waits_are_left_for_later() {
    let id = "0a0b0c0d-0000-4000-8000-000000000101";
    let group = format!("cn=staff,ou=groups,{BASE}");
    let listed = script()
        .entry(&group, &[("objectClass", "groupOfNames"), ("cn", "staff"), ("member", ANNA), ("entryUUID", id)]);
    let stub = StubLdap::start(listed.clone()).await;
    let connector = to_stub(&stub);
    let anna = ANNA_ID.to_owned().into();
    let whole = connector.fetch_soon(&anna, Duration::from_millis(500)).await.unwrap().unwrap();
    assert_eq!((groups(&whole), whole.groups_complete), (vec!["staff"], true), "in time");

    // What lists the groups now takes two seconds, for another connector that knows nothing yet.
    let connector = to_stub(&stub);
    connector.find("nobody").await.unwrap();
    connector.default_lockout().await.unwrap();
    let slow = SearchAnswer::After(Duration::from_secs(1), Box::new(SearchAnswer::Match));
    stub.set(listed.on_search(SearchAnswer::SlowFor("member".into(), Box::new(slow))));
    let started = Instant::now();
    let half = connector.fetch_soon(&anna, Duration::from_millis(300)).await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_millis(900), "took {:?}", started.elapsed());
    assert!(half.groups.is_empty() && !half.groups_complete, "none were read, which is not that there are none");
    assert_eq!((half.locator.as_str(), half.status), (ANNA, whole.status));
    let verified = connector.verify(&half, &"Right-Passw0rd".to_owned().into()).await;
    assert_eq!(verified.result, directory::AdapterResult::Ok);
    let later = connector.fetch(&anna).await.unwrap().unwrap();
    assert_eq!((groups(&later), later.groups_complete), (vec!["staff"], true));
}
