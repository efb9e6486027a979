//! Attributes that come in parts, as a domain controller sends what has many values.

use connector::{
    Change, Connector as _,
    conformance::reading::{Ended, drain, whole},
};
use directory::{ImmutableId, ObjectKind};
use testkit::{StubEntry, StubLdap, StubScript};

use crate::support::{ANNA, BASE, script, to_stub};

const GROUP: &str = "cn=crowd,ou=groups,dc=example,dc=test";

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A group with this many members, its names in parts of `part`.
fn crowd(members: usize, part: usize) -> StubScript {
    let mut script = script();
    let mut group = StubEntry::new(
        GROUP,
        &[("objectClass", "groupOfNames"), ("cn", "crowd"), ("entryUUID", "00000000-0000-4000-8000-00000000aaaa")],
    );
    let names: Vec<String> = (0..members).map(|number| format!("uid=p{number},ou=people,{BASE}")).collect();
    let parts: Vec<&[String]> = names.chunks(part).collect();
    for (at, some) in parts.iter().enumerate() {
        let (from, last) = (at * part, at + 1 == parts.len());
        let to = if last { "*".to_owned() } else { (from + some.len() - 1).to_string() };
        // The next part is asked for as `from-*`.
        let name = if at == 0 { format!("member;range=0-{to}") } else { format!("member;range={from}-*") };
        for member in *some {
            group.push(&name, member.as_bytes().to_vec());
        }
    }
    script.entries.push(group);
    for (number, name) in names.iter().enumerate() {
        script = script.entry(
            name,
            &[("objectClass", "inetOrgPerson"), ("uid", &format!("p{number}")), ("entryUUID", &id(number))],
        );
    }
    script
}

#[tokio::test]
async fn members_that_come_in_two_parts_are_all_there() {
    let stub = StubLdap::start(crowd(70, 40)).await;
    let connector = to_stub(&stub);
    let groups = whole(connector.reading().unwrap(), ObjectKind::Group).await;
    let Some(Change::Group(group)) = groups.named("crowd") else { panic!("{groups:?}") };
    assert!(group.members_complete);
    assert_eq!(group.members.len(), 70);
    assert!(group.members.contains(&ImmutableId(id(69))));
    let parts = stub.searches().iter().filter(|search| search.attributes == ["member;range=40-*"]).count();
    assert_eq!(parts, 1);
}

#[tokio::test]
async fn a_directory_that_hides_its_stamps_is_always_read_whole() {
    let stub = StubLdap::start(crowd(3, 40)).await;
    let connector = to_stub(&stub);
    let read = connector.reading().unwrap();
    let people = whole(read, ObjectKind::Person).await;
    assert_eq!((people.objects.len(), people.delta), (4, None));
    assert!(people.objects.values().any(|change| matches!(change, Change::Person(person) if person.locator == ANNA)));
}

#[tokio::test]
async fn a_record_without_an_id_is_told_and_stops_nobody() {
    let broken = script().entry(&format!("uid=broken,{BASE}"), &[("objectClass", "inetOrgPerson"), ("uid", "broken")]);
    let stub = StubLdap::start(broken).await;
    let connector = to_stub(&stub);
    let Ended::Complete(people) =
        drain(connector.reading().unwrap(), ObjectKind::Person, connector::ReadFrom::Beginning).await
    else {
        panic!("it starts over")
    };
    assert_eq!((people.objects.len(), people.rejected.len()), (1, 1));
    assert_eq!(people.rejected[0].immutable_id, None);
    assert!(people.rejected[0].locator.starts_with("uid=broken"), "{:?}", people.rejected);
}
