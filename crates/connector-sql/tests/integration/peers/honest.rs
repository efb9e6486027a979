//! What every connector must do, at each of the three.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Connector, Found,
    conformance::{self, Subject, reading},
};
use directory::{AccountStatus, ObjectKind};
use testkit::{LegacyKind, LegacySql};

use super::{connect, settings};

#[tokio::test(flavor = "multi_thread")]
async fn conforms_at_every_database() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 60).await;
        let subject = Subject {
            connector: Arc::new(connect(&legacy, settings(&legacy))),
            typed_name: "u000001".to_owned(),
            password: "Passw0rd-1".to_owned(),
            people: 60,
            groups: vec!["Rolle 1".to_owned()],
        };
        conformance::all(&subject).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_becomes_a_person() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 60).await;
        legacy.execute("update T_PERSON set GUELTIG_BIS = '2020-01-31' where PERS_NO = 5").await;
        let connector = connect(&legacy, settings(&legacy));
        let named = async |name: &str| match connector.find(name).await {
            Ok(Found::One(entry)) => *entry,
            other => panic!("{kind:?} {name}: {other:?}"),
        };
        let entry = named("U000003").await;
        assert_eq!((entry.immutable_id.as_str(), entry.username.as_deref()), ("3", Some("u000003")), "{kind:?}");
        assert_eq!(entry.names, ["u000003", "u000003@example.test"]);
        let values: Vec<&str> = entry.attributes.values().map(String::as_str).collect();
        assert_eq!(values, ["Zoë", "Müller-3", "u000003@example.test"], "{kind:?}");
        assert!(entry.privileged, "a protected group: {entry:?}");
        assert!(!named("u000001@EXAMPLE.test").await.privileged);
        assert_eq!(named("u000049").await.status, AccountStatus::Disabled);
        assert_eq!(named("u000005").await.status, AccountStatus::Expired, "{kind:?}");
        legacy.execute("update T_PERSON set EMAIL_ADR = 'u000001@example.test' where PERS_NO = 2").await;
        assert_eq!(connector.find("u000001@example.test").await, Ok(Found::Several), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_test_names_tables_and_columns_to_choose_from() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 3).await;
        let steps = connect(&legacy, settings(&legacy)).probe().await;
        assert!(steps.iter().all(|step| step.passed) && steps.len() == 5, "{kind:?} {steps:#?}");
        assert!(steps[1].detail.to_uppercase().contains("LOGIN_NAME"), "{steps:#?}");
        let mut wrong = settings(&legacy);
        wrong.people = "PERSONS".to_owned();
        let steps = connect(&legacy, wrong).probe().await;
        let last = steps.last().unwrap();
        assert!(!last.passed && last.detail.to_uppercase().contains("T_PERSON"), "{kind:?} {steps:#?}");
        let mut wrong = settings(&legacy);
        wrong.username_column = "LOGIN".to_owned();
        let steps = connect(&legacy, wrong).probe().await;
        let last = steps.last().unwrap();
        assert!(!last.passed && last.detail.to_uppercase().contains("LOGIN_NAME"), "{kind:?} {steps:#?}");
    }
}

/// Changes the tables behind the connector's back.
struct Clerk<'l>(&'l LegacySql);

const LATER: &str = "LAST_UPD = '2024-05-06 08:00:00'";

#[async_trait]
impl reading::Hands for Clerk<'_> {
    async fn add(&self, kind: ObjectKind, name: &str) -> bool {
        let sql = match kind {
            ObjectKind::Person => format!(
                "insert into T_PERSON (PERS_NO,LOGIN_NAME,NACHNAME,VORNAME,AKTIV,LAST_UPD) values \
                 (5000,'{name}','New','Comer','J','2024-05-06 07:30:00')"
            ),
            ObjectKind::Group => format!("insert into T_ROLLE values (77,'{name}')"),
            ObjectKind::Device => format!("insert into T_GERAET values ('{name}','Desktop','S',1)"),
        };
        self.0.execute(&sql).await;
        true
    }
    async fn change(&self, kind: ObjectKind, name: &str) -> bool {
        if kind == ObjectKind::Person {
            let sql = format!("update T_PERSON set NACHNAME = 'Married', {LATER} where LOGIN_NAME = '{name}'");
            self.0.execute(&sql).await;
        }
        kind == ObjectKind::Person
    }
    async fn remove(&self, kind: ObjectKind, name: &str) -> bool {
        let (table, column) = match kind {
            ObjectKind::Person => ("T_PERSON", "LOGIN_NAME"),
            ObjectKind::Group => ("T_ROLLE", "BEZ"),
            ObjectKind::Device => ("T_GERAET", "INV_NR"),
        };
        self.0.execute(&format!("delete from {table} where {column} = '{name}'")).await;
        true
    }
    async fn put_into(&self, group: &str, username: &str, inside: bool) -> bool {
        let person: u32 = username.trim_start_matches('u').parse().unwrap();
        let role = group.trim_start_matches("Rolle ");
        let sql = if inside {
            format!("insert into T_PERS_ROLLE values ({person},{role})")
        } else {
            format!("delete from T_PERS_ROLLE where PERS_NO = {person} and ROLLE_ID = {role}")
        };
        self.0.execute(&sql).await;
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_conform_with_a_column_of_changes_and_without() {
    for (kind, with_changes) in LegacyKind::ALL.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let legacy = LegacySql::start(kind, 60).await;
        let mut settings = settings(&legacy);
        if !with_changes {
            settings.changed_column = None;
        }
        let make = || -> Arc<dyn Connector> { Arc::new(connect(&legacy, settings.clone())) };
        let subject = reading::ReadingSubject {
            connect: &make,
            people: 60,
            groups: 10,
            devices: 60,
            members: &[("Rolle 3", "u000013"), ("Rolle 0", "u000050")],
            rejected: 0,
        };
        reading::all(&subject).await;
        reading::tells_what_changed(&subject, &Clerk(&legacy)).await;
        reading::tells_memberships(&subject, &Clerk(&legacy), "Rolle 4", "u000001").await;
    }
}
