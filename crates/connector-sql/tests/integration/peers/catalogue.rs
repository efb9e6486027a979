//! What the wizard offers to choose from, at each of the three.

use connector::{Connector, Found, TableProposal};
use directory::{AttributeName, SqlPassword, SqlSettings};
use testkit::{LegacyKind, LegacySql};

use super::{connect, settings};

/// Nothing is named yet but where the database is.
fn blank(legacy: &LegacySql) -> SqlSettings {
    let full = settings(legacy);
    SqlSettings { url: full.url, ca_pem: full.ca_pem, ..SqlSettings::preset() }
}

fn taken(proposal: TableProposal, over: SqlSettings) -> SqlSettings {
    let password = settings_password(proposal.password_column);
    SqlSettings {
        people: proposal.table,
        id_column: proposal.id_column,
        username_column: proposal.username_column,
        mapping: proposal.mapping,
        changed_column: proposal.changed_column,
        password,
        ..over
    }
}

fn settings_password(column: Option<String>) -> Option<SqlPassword> {
    column.map(|column| serde_json::from_value(serde_json::json!({ "column": column })).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proposal_of_an_unknown_database_works_as_it_is() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 5).await;
        let blank = blank(&legacy);
        let connector = connect(&legacy, blank.clone());
        let steps = connector.probe().await;
        assert!(steps[0].passed && !steps[1].passed && steps.len() == 2, "{kind:?} {steps:#?}");
        assert!(steps[1].detail.contains("none is named yet"), "{steps:#?}");
        let seen = connector.catalogue().await.unwrap().unwrap();
        let mut names: Vec<String> = seen.tables.iter().map(|table| table.name.to_uppercase()).collect();
        names.sort_unstable();
        let schema = if kind == LegacyKind::Postgres { "PUBLIC." } else { "" };
        assert_eq!(names, ["T_GERAET", "T_PERSON", "T_PERS_ROLLE", "T_ROLLE"].map(|name| format!("{schema}{name}")));
        let people = seen.tables.iter().find(|table| table.name.to_uppercase().ends_with("T_PERSON")).unwrap();
        assert_eq!(people.columns.len(), 11, "{people:?}");
        assert!(!seen.more && seen.of_people.is_none());
        let proposal = seen.proposal.unwrap();
        assert!(proposal.id_is_key && proposal.table == people.name, "{kind:?} {proposal:?}");
        let upper = |text: &str| text.to_uppercase();
        assert_eq!(
            (upper(&proposal.id_column), upper(&proposal.username_column)),
            ("PERS_NO".into(), "LOGIN_NAME".into())
        );
        assert_eq!(proposal.password_column.as_deref().map(upper).as_deref(), Some("PW_HASH"));
        assert_eq!(proposal.changed_column.as_deref().map(upper).as_deref(), Some("LAST_UPD"));
        let mapping: Vec<_> = proposal.mapping.iter().map(|(name, column)| (*name, upper(column))).collect();
        let expected = [
            (AttributeName::GivenName, "VORNAME".to_owned()),
            (AttributeName::FamilyName, "NACHNAME".to_owned()),
            (AttributeName::Email, "EMAIL_ADR".to_owned()),
        ];
        assert_eq!(mapping, expected, "{kind:?}");
        let connector = connect(&legacy, taken(proposal, blank));
        let steps = connector.probe().await;
        assert!(steps.iter().all(|step| step.passed), "{kind:?} {steps:#?}");
        let Ok(Found::One(entry)) = connector.find("u000003").await else { panic!("{kind:?}") };
        assert_eq!(entry.attributes[&AttributeName::FamilyName], "Müller-3");
        assert!(connector.stored_password(&entry).await.unwrap().is_some());
        let seen = connector.catalogue().await.unwrap().unwrap();
        assert_eq!(seen.of_people.map(|columns| columns.len()), Some(11), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_shows_its_own_columns_and_a_missing_table_those_that_are_there() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 5).await;
        let people = "select PERS_NO as user_id, LOGIN_NAME as login, NACHNAME as other from T_PERSON".to_owned();
        let seen = connect(&legacy, SqlSettings { people: people.clone(), ..blank(&legacy) });
        let seen = seen.catalogue().await.unwrap().unwrap();
        let columns: Vec<String> = seen.of_people.unwrap();
        assert_eq!(columns, ["user_id", "login", "other"], "{kind:?}");
        let proposal = seen.proposal.unwrap();
        assert_eq!((proposal.table, proposal.id_is_key), (people, false), "a query has no key");
        let missing = SqlSettings { people: "PERSONS".to_owned(), ..blank(&legacy) };
        let seen = connect(&legacy, missing).catalogue().await.unwrap().unwrap();
        assert_eq!(seen.of_people, None);
        assert!(seen.proposal.unwrap().table.to_uppercase().ends_with("T_PERSON"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_a_foreign_database_are_shown_as_they_are_or_not_at_all() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 1).await;
        let mark = if kind == LegacyKind::MariaDb { "`" } else { "\"" };
        for name in ["<b>odd</b> 'users'", "with.dot", "select x", "turned\u{202e}round"] {
            let table = format!("{mark}{name}{mark}");
            legacy.execute(&format!("create table {table} (id int, {mark}lo\ngin{mark} int, login int)")).await;
            if kind == LegacyKind::Postgres {
                legacy.execute(&format!("grant select on {table} to hub_reader")).await;
            }
        }
        if kind == LegacyKind::Postgres {
            legacy.execute("create table t_private (id int, login text)").await;
        }
        let seen = connect(&legacy, blank(&legacy)).catalogue().await.unwrap().unwrap();
        // With its schema before it, this is no query.
        let select = seen.tables.iter().any(|table| table.name.ends_with("select x"));
        assert_eq!(select, kind == LegacyKind::Postgres, "{seen:?}");
        let odd = |name: &str| !name.to_uppercase().contains("T_") && !name.ends_with("select x");
        let odd: Vec<_> = seen.tables.iter().filter(|table| odd(&table.name)).collect();
        assert_eq!(odd.len(), 1, "{kind:?} {odd:?}");
        assert!(odd[0].name.ends_with("<b>odd</b> 'users'"), "{odd:?}");
        assert_eq!(odd[0].columns, ["id", "login"], "{kind:?}");
        assert!(
            !seen.tables.iter().any(|table| table.name.contains("t_private")),
            "what may not be read is not offered"
        );
        let named = SqlSettings { people: odd[0].name.clone(), ..blank(&legacy) };
        let named = connect(&legacy, named).catalogue().await.unwrap().unwrap();
        assert_eq!(named.of_people.map(|columns| columns.len()), Some(2), "it can be named so: {kind:?}");
    }
}
