//! scim2-server from PyPI.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Connector, Found, Next, Read as _, ReadFrom, TroubleKind,
    conformance::{
        self, Subject,
        reading::{self, Hands, ReadingSubject},
    },
};
use directory::{AccountStatus, AdapterResult, AttributeName, ImmutableId, ObjectKind};
use serde_json::{Value, json};
use testkit::ScimServer;

use crate::support::connect;

const PEOPLE: usize = 30;
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Somebody who administers the service.
struct Administrator {
    server: ScimServer,
    client: reqwest::Client,
}

impl Administrator {
    /// A service with thirty people and two groups.
    async fn seeded() -> Self {
        let _other_test = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let this = Self { server: ScimServer::start(), client: reqwest::Client::new() };
        for n in 0..PEOPLE {
            this.add_user(&format!("user{n}"), n != 3).await;
        }
        let id = this.id_of("Users", "userName", "user1").await.unwrap();
        this.post("Groups", json!({ "schemas": [GROUP], "displayName": "Staff", "members": [{ "value": id }] })).await;
        let staff = this.id_of("Groups", "displayName", "Staff").await.unwrap();
        let nested = json!({ "schemas": [GROUP], "displayName": "Everybody", "members": [{ "value": staff }] });
        this.post("Groups", nested).await;
        this
    }

    async fn add_user(&self, name: &str, active: bool) {
        let user = json!({
            "schemas": [USER, ENTERPRISE], "userName": name, "active": active, "displayName": format!("The {name}"),
            "name": { "givenName": "The", "familyName": name },
            "emails": [
                { "value": format!("{name}@home.test", ), "type": "home" },
                { "value": format!("{name}@example.test"), "type": "work", "primary": true },
            ],
            ENTERPRISE: { "employeeNumber": "7", "department": "Ferries" },
        });
        self.post("Users", user).await;
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let request = self.client.request(method, format!("{}{path}", self.server.url)).bearer_auth(self.server.token);
        let request = match body {
            Some(body) => request.header("content-type", "application/scim+json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null)
    }

    async fn post(&self, path: &str, body: Value) {
        self.send(reqwest::Method::POST, path, Some(body)).await;
    }

    async fn id_of(&self, path: &str, key: &str, name: &str) -> Option<String> {
        let all = self.send(reqwest::Method::GET, &format!("{path}?count=1000"), None).await;
        let all = all["Resources"].as_array().cloned().unwrap_or_default();
        all.iter().find(|one| one[key] == name).map(|one| one["id"].as_str().unwrap().to_owned())
    }

    async fn patch(&self, kind: ObjectKind, name: &str, operation: Value) -> bool {
        let Some(path) = self.path_of(kind, name).await else { return false };
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        self.send(reqwest::Method::PATCH, &path, Some(json!({ "schemas": [schema], "Operations": [operation] }))).await;
        true
    }

    async fn path_of(&self, kind: ObjectKind, name: &str) -> Option<String> {
        let (path, key) = match kind {
            ObjectKind::Person => ("Users", "userName"),
            ObjectKind::Group => ("Groups", "displayName"),
            ObjectKind::Device => return None,
        };
        Some(format!("{path}/{}", self.id_of(path, key, name).await?))
    }

    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(connect(&self.server.url, self.server.token).unwrap())
    }
}

#[async_trait]
impl Hands for Administrator {
    async fn add(&self, kind: ObjectKind, name: &str) -> bool {
        match kind {
            ObjectKind::Person => self.add_user(name, true).await,
            ObjectKind::Group => self.post("Groups", json!({ "schemas": [GROUP], "displayName": name })).await,
            ObjectKind::Device => return false,
        }
        true
    }

    async fn change(&self, kind: ObjectKind, name: &str) -> bool {
        let title = json!({ "op": "replace", "path": "title", "value": "Pilot" });
        kind == ObjectKind::Person && self.patch(kind, name, title).await
    }

    async fn remove(&self, kind: ObjectKind, name: &str) -> bool {
        let Some(path) = self.path_of(kind, name).await else { return false };
        self.send(reqwest::Method::DELETE, &path, None).await;
        true
    }

    async fn put_into(&self, group: &str, username: &str, inside: bool) -> bool {
        let id = self.id_of("Users", "userName", username).await.unwrap();
        let operation = if inside {
            json!({ "op": "add", "path": "members", "value": [{ "value": id }] })
        } else {
            json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") })
        };
        self.patch(ObjectKind::Group, group, operation).await
    }
}

#[tokio::test]
async fn it_can_be_read_for_an_import() {
    let administrator = Administrator::seeded().await;
    let connect = || administrator.connector();
    let subject = ReadingSubject {
        connect: &connect,
        people: PEOPLE,
        groups: 2,
        devices: 0,
        members: &[("Staff", "user1"), ("Everybody", "Staff")],
        rejected: 0,
    };
    reading::all(&subject).await;
    reading::tells_what_changed(&subject, &administrator).await;
    reading::tells_memberships(&subject, &administrator, "Staff", "user2").await;
}

#[tokio::test]
async fn people_are_found_by_name_and_by_id() {
    let administrator = Administrator::seeded().await;
    let connector = administrator.connector();
    let subject = Subject {
        connector: Arc::clone(&connector),
        typed_name: "user5".into(),
        password: String::new(),
        people: PEOPLE,
        groups: vec![],
    };
    conformance::healthy(&subject).await;
    conformance::reads_everybody_once(&subject).await;
    let Found::One(entry) = connector.find("USER5").await.unwrap() else { panic!("nobody") };
    assert_eq!(entry.names, ["user5", "user5@example.test"]);
    assert_eq!(entry.attributes[&AttributeName::Email], "user5@example.test", "the primary one");
    assert_eq!(entry.attributes[&AttributeName::EmployeeNumber], "7");
    assert_eq!(entry.status, AccountStatus::Active);
    assert_eq!(connector.fetch(&entry.immutable_id).await.unwrap().as_ref(), Some(&*entry));
    let Found::One(gone) = connector.find("user3").await.unwrap() else { panic!("nobody") };
    assert_eq!(gone.status, AccountStatus::Disabled);
    for odd in ["", " ", "nobody", "*", "x\" or userName pr or userName eq \"", "a\\", "a\0b", "\u{202e}x"] {
        assert_eq!(connector.find(odd).await, Ok(Found::Nobody), "{odd:?}");
    }
    for odd in ["", "*", "not an id", "../Groups", "..", ".search", "\\2a", "a?b#c"] {
        assert_eq!(connector.fetch(&ImmutableId(odd.into())).await, Ok(None), "{odd:?}");
    }
    let verification = connector.verify(&entry, &"anything".to_owned().into()).await;
    assert_eq!((verification.result, verification.sent), (AdapterResult::Unverifiable, false));
}

#[tokio::test]
async fn whoever_leaves_while_the_list_is_read_hides_nobody() {
    let administrator = Administrator::seeded().await;
    let connector = connect(&administrator.server.url, administrator.server.token).unwrap();
    let first = connector.read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap();
    let Next::More(cursor) = first.next else { panic!("one page") };
    let names: Vec<String> = first.changes.iter().map(name_of).collect();
    // One leaves and one comes: the total is the same, and everybody behind has moved. Unless the newcomer's random id
    // comes first: then nobody has moved, and the next pair tries.
    for (number, name) in names[..6].iter().enumerate() {
        assert!(administrator.remove(ObjectKind::Person, name).await);
        assert!(administrator.add(ObjectKind::Person, &format!("another{number}")).await);
        let page = connector.read(ObjectKind::Person, ReadFrom::Cursor(cursor.clone())).await.unwrap();
        if let Next::StartOver { .. } = page.next {
            assert!(page.changes.is_empty(), "{page:?}");
            return;
        }
        assert!(page.changes.iter().map(name_of).all(|seen| !names.contains(&seen)), "{page:?}");
    }
    panic!("six newcomers in front of seven of thirty");
}

fn name_of(change: &connector::Change) -> String {
    let connector::Change::Person(person) = change else { panic!("{change:?}") };
    person.username.clone().unwrap()
}

#[tokio::test]
async fn a_wrong_token_is_the_administrators_to_mend() {
    let administrator = Administrator::seeded().await;
    let connector = connect(&administrator.server.url, "another token").unwrap();
    let trouble = connector.find("user1").await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Misconfigured);
    assert!(!trouble.to_string().contains("another token"));
    let steps = connector.probe().await;
    assert!(steps.iter().any(|step| !step.passed && step.remedy.is_some()), "{steps:#?}");
}
