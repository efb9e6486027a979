//! Microsoft Graph, as its reference describes it and stricter: see `crates/testkit/cloud/graph.mjs`.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Change, Connector, Next, Read, ReadFrom, TroubleKind,
    conformance::reading::{self, Hands, ReadingSubject},
};
use directory::{AccountStatus, AttributeName, ImmutableId, ObjectKind, OpenIdSettings, Source, SourceKind};
use serde_json::json;
use testkit::{Cloud, CloudSetup};

use crate::support::{connect, source};

const PEOPLE: usize = 12;

fn at(cloud: &Cloud) -> Source {
    let settings = OpenIdSettings {
        issuer: cloud.issuer().clone(),
        client_id: Cloud::CLIENT.to_owned(),
        ca_pem: Some(cloud.ca_pem().to_owned()),
        graph: Some(cloud.graph()),
        ..OpenIdSettings::preset(SourceKind::Entra)
    };
    source(SourceKind::Entra, settings)
}

async fn id(cloud: &Cloud, name: &str) -> ImmutableId {
    ImmutableId(cloud.user_id(name).await)
}

/// Twelve people; "staff" with five of them; "everybody" with "staff" and one more; three devices.
async fn company() -> Cloud {
    let cloud = Cloud::start(CloudSetup::default()).await;
    let mut ids = Vec::new();
    for number in 0..PEOPLE {
        cloud.add_user(&format!("user{number}")).await;
        ids.push(cloud.user_id(&format!("user{number}")).await);
    }
    cloud.tell(json!({ "addGroup": "staff", "members": &ids[..5] })).await;
    let staff = cloud.user_id("group staff").await;
    cloud.tell(json!({ "addGroup": "everybody", "members": [staff, ids[7]] })).await;
    for (number, owner) in ids.iter().take(3).enumerate() {
        cloud.tell(json!({ "addDevice": format!("LAPTOP-{number}"), "owners": [owner] })).await;
    }
    cloud.tell(json!({ "pageSize": 4 })).await;
    cloud
}

/// Changes things at Graph.
struct Administrator<'a>(&'a Cloud);

#[async_trait]
impl Hands for Administrator<'_> {
    async fn add(&self, kind: ObjectKind, name: &str) -> bool {
        // The suite looks for people by their whole username.
        let what = match kind {
            ObjectKind::Person => json!({ "addUser": name, "more": { "userPrincipalName": name } }),
            ObjectKind::Group => json!({ "addGroup": name, "members": [] }),
            ObjectKind::Device => json!({ "addDevice": name, "owners": [] }),
        };
        self.0.tell(what).await;
        true
    }

    async fn change(&self, kind: ObjectKind, name: &str) -> bool {
        let what = match kind {
            ObjectKind::Person => json!({ "patchUser": name, "more": { "jobTitle": "Pilot" } }),
            ObjectKind::Group => json!({ "patchGroup": name, "more": { "description": "changed" } }),
            ObjectKind::Device => return false,
        };
        self.0.tell(what).await;
        true
    }

    async fn remove(&self, kind: ObjectKind, name: &str) -> bool {
        let what = match kind {
            ObjectKind::Person => json!({ "deleteUser": name }),
            ObjectKind::Group => json!({ "deleteGroup": name }),
            ObjectKind::Device => json!({ "deleteDevice": name }),
        };
        self.0.tell(what).await;
        true
    }

    async fn put_into(&self, group: &str, username: &str, inside: bool) -> bool {
        let member = self.0.user_id(username.trim_end_matches("@example.test")).await;
        let what = if inside { "join" } else { "leave" };
        self.0.tell(json!({ what: group, "member": member })).await;
        true
    }
}

#[tokio::test]
async fn the_reading_half_of_the_conformance_suite() {
    let cloud = company().await;
    let source = at(&cloud);
    let make = || -> Arc<dyn Connector> { Arc::new(connect(&source, Cloud::SECRET)) };
    let subject = ReadingSubject {
        connect: &make,
        people: PEOPLE,
        groups: 2,
        devices: 3,
        members: &[
            ("staff", "user0@example.test"),
            ("staff", "user4@example.test"),
            ("everybody", "staff"),
            ("everybody", "user7@example.test"),
        ],
        rejected: 0,
    };
    reading::all(&subject).await;
    reading::tells_what_changed(&subject, &Administrator(&cloud)).await;
    reading::tells_memberships(&subject, &Administrator(&cloud), "staff", "user9@example.test").await;
}

#[tokio::test]
async fn an_expired_place_starts_over_and_throttling_is_waited_for() {
    let cloud = company().await;
    let connector = connect(&at(&cloud), Cloud::SECRET);
    let whole = reading::whole(&connector, ObjectKind::Person).await;
    let delta = whole.delta.unwrap();
    cloud.tell(json!({ "throttle": 2, "fail": 1, "retryAfter": 0 })).await;
    let page = connector.read(ObjectKind::Person, ReadFrom::Cursor(delta.clone())).await.unwrap();
    assert!(page.changes.is_empty() && !matches!(page.next, Next::StartOver { .. }), "{page:?}");
    // Longer than anybody waits in the middle of a read: trouble, never an end.
    cloud.tell(json!({ "throttle": 1, "retryAfter": 600 })).await;
    let trouble = connector.read(ObjectKind::Person, ReadFrom::Cursor(delta.clone())).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unavailable, "{trouble}");
    cloud.tell(json!({ "epoch": 1 })).await;
    let page = connector.read(ObjectKind::Person, ReadFrom::Cursor(delta)).await.unwrap();
    assert!(matches!(page.next, Next::StartOver { .. }) && page.changes.is_empty(), "410: {page:?}");
}

#[tokio::test]
async fn a_person_is_read_with_all_groups_and_a_failure_keeps_the_old_ones() {
    let cloud = company().await;
    let mut source = at(&cloud);
    source.protected_groups = vec![cloud.user_id("group staff").await];
    let connector = connect(&source, Cloud::SECRET);
    let user = connector.fetch(&id(&cloud, "user1").await).await.unwrap().unwrap();
    let mut groups: Vec<_> = user.groups.iter().map(|group| group.name.as_str()).collect();
    groups.sort_unstable();
    assert!(user.groups_complete && user.privileged && groups == ["everybody", "staff"], "{user:?}");
    assert_eq!(user.attributes[&AttributeName::Department], "Sales");
    assert_eq!(user.password_set_at.unwrap().to_rfc3339(), "2026-02-01T08:30:00+00:00");
    cloud.tell(json!({ "failGroups": true })).await;
    let user = connector.fetch(&id(&cloud, "user1").await).await.unwrap().unwrap();
    assert!(!user.groups_complete && user.groups.is_empty());
    cloud.tell(json!({ "patchUser": "user1", "more": { "accountEnabled": false } })).await;
    let user = connector.fetch(&id(&cloud, "user1").await).await.unwrap().unwrap();
    assert_eq!(user.status, AccountStatus::Disabled);
    assert!(connector.fetch(&id(&cloud, "nobody").await).await.unwrap().is_none());
    assert!(connector.fetch(&ImmutableId("../groups".to_owned())).await.unwrap().is_none(), "no id, no request");
    assert!(matches!(connector.find("user2@example.test").await.unwrap(), connector::Found::One(_)));
    assert!(matches!(connector.find("o'brien@example.test").await.unwrap(), connector::Found::Nobody));
}

#[tokio::test]
async fn what_the_application_may_not_do_is_ours_to_mend() {
    let cloud = company().await;
    let connector = connect(&at(&cloud), Cloud::SECRET);
    assert!(connector.probe().await.iter().all(|step| step.passed));
    cloud.tell(json!({ "forbidden": true })).await;
    for kind in [ObjectKind::Person, ObjectKind::Group, ObjectKind::Device] {
        let trouble = connector.read(kind, ReadFrom::Beginning).await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Misconfigured, "{trouble}");
        assert!(trouble.reason.contains("User.Read.All"), "{trouble}");
    }
    assert!(!connector.probe().await.last().unwrap().passed);
}

#[tokio::test]
async fn devices_have_owners_and_say_when_they_were_seen() {
    let cloud = company().await;
    let connector = connect(&at(&cloud), Cloud::SECRET);
    let whole = reading::whole(&connector, ObjectKind::Device).await;
    assert!(whole.delta.is_none(), "a delta would not tell the owners");
    let Some(Change::Device(device)) = whole.named("LAPTOP-1") else { panic!("{whole:?}") };
    assert_eq!(device.owners, [id(&cloud, "user1").await]);
    assert_eq!((device.manufacturer.as_deref(), device.enabled), (Some("Contoso"), true));
    assert!(device.last_seen_at.is_some());
}

const BADGE: &str = "extension_0123456789abcdef0123456789abcdef_badge";

/// Expressions of a source, as far as they say what is read.
fn reading_names(source: Source, expressions: &[(AttributeName, &str)]) -> Source {
    let mut profile = source.profile.clone();
    profile.expressions = expressions.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    Source { profile, ..source }
}

#[tokio::test]
async fn properties_that_expressions_name_are_read_whole_and_by_what_changed() {
    let cloud = company().await;
    let more = json!({
        "employeeType": "Contractor", "otherMails": ["a@corp.test", "b@corp.test"], "isResourceAccount": false,
        "employeeOrgData": { "costCenter": 4130 }, "onPremisesExtensionAttributes": { "extensionAttribute1": "one" },
        BADGE: "17",
    });
    cloud.tell(json!({ "patchUser": "user1", "more": more })).await;
    let badge = format!("entry.{BADGE}");
    let source = reading_names(
        at(&cloud),
        &[
            (AttributeName::Title, "entry.employeeType + entry[\"employeeOrgData/costCenter\"]"),
            (AttributeName::Phone, "entry.otherMails.first()"),
            (AttributeName::Department, "entry[\"onPremisesExtensionAttributes/extensionAttribute1\"]"),
            (AttributeName::EmployeeNumber, &badge),
            (AttributeName::Locale, "entry.isResourceAccount"),
        ],
    );
    let connector = connect(&source, Cloud::SECRET);
    let whole = reading::whole(&connector, ObjectKind::Person).await;
    let Some(Change::Person(user)) = whole.named("user1@example.test") else { panic!("{whole:?}") };
    let expected = [
        ("employeeOrgData/costCenter", &["4130"][..]),
        ("employeeType", &["Contractor"]),
        (BADGE, &["17"]),
        ("isResourceAccount", &["false"]),
        ("onPremisesExtensionAttributes/extensionAttribute1", &["one"]),
        ("otherMails", &["a@corp.test", "b@corp.test"]),
    ];
    let owned = |values: &[&str]| values.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let expected = expected.map(|(name, values)| (name.to_owned(), owned(values)));
    assert_eq!(user.raw, expected.clone().into());
    let Some(Change::Person(other)) = whole.named("user2@example.test") else { panic!("{whole:?}") };
    assert!(other.raw.is_empty(), "{other:?}");
    assert_eq!(connector.fetch(&id(&cloud, "user1").await).await.unwrap().unwrap().raw, expected.into());
    cloud.tell(json!({ "patchUser": "user2", "more": { "employeeType": "Crew" } })).await;
    let page = connector.read(ObjectKind::Person, ReadFrom::Cursor(whole.delta.unwrap())).await.unwrap();
    let changed = page.changes.iter().find_map(|change| match change {
        Change::Person(entry) if entry.raw.contains_key("employeeType") => Some(&entry.raw["employeeType"]),
        _ => None,
    });
    let mut next = page.next.clone();
    let mut found = changed.cloned();
    while let (None, Next::More(cursor)) = (&found, &next) {
        let page = connector.read(ObjectKind::Person, ReadFrom::Cursor(cursor.clone())).await.unwrap();
        found = page.changes.iter().find_map(|change| match change {
            Change::Person(entry) => entry.raw.get("employeeType").cloned(),
            _ => None,
        });
        next = page.next;
    }
    assert_eq!(found, Some(owned(&["Crew"])));
}

#[tokio::test]
async fn a_property_that_graph_does_not_know_costs_its_expression_and_not_the_import() {
    let cloud = company().await;
    cloud.tell(json!({ "patchUser": "user1", "more": { "employeeType": "Crew" } })).await;
    let wrong = [(AttributeName::Title, "entry.employeeTyp"), (AttributeName::Phone, "entry.employeeType")];
    let connector = connect(&reading_names(at(&cloud), &wrong), Cloud::SECRET);
    let steps = connector.probe().await;
    let graph = steps.last().unwrap();
    assert!(graph.passed && graph.detail.contains("It does not show employeeTyp,"), "{graph:?}");
    let whole = reading::whole(&connector, ObjectKind::Person).await;
    let Some(Change::Person(user)) = whole.named("user1@example.test") else { panic!("{whole:?}") };
    assert_eq!(user.raw.keys().collect::<Vec<_>>(), ["employeeType"]);
    // It was found out once.
    cloud.tell(json!({ "requests": true })).await;
    connector.find("user2@example.test").await.unwrap();
    let seen = cloud.tell(json!({ "requests": true })).await.to_string();
    assert!(!seen.contains("employeeTyp%") && seen.contains("employeeType%2C"), "{seen}");
    // Everything refused is no word about a property.
    cloud.tell(json!({ "forbidden": true })).await;
    let connector = connect(&reading_names(at(&cloud), &wrong), Cloud::SECRET);
    let trouble = connector.read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Misconfigured, "{trouble}");
    cloud.tell(json!({ "forbidden": false })).await;
    assert!(connector.probe().await.last().unwrap().detail.contains("employeeTyp"));
}
