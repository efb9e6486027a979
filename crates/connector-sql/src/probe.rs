//! The live test: one step after the other, with advice.

use connector::{ProbeStep, TroubleKind};
use tokio::time::Instant;

use crate::{connector::Inner, fault::Fault, introspect, link::Link, people::PeopleTable, relation::Relation};

/// Columns that a message names.
const MOST_NAMES: usize = 60;

pub(crate) async fn probe(inner: &Inner) -> Vec<ProbeStep> {
    let mut steps = Vec::new();
    if let Err((name, fault, began)) = try_all(inner, &mut steps).await {
        steps.push(ProbeStep {
            name: name.to_owned(),
            passed: false,
            remedy: Some(remedy(name, &fault).to_owned()),
            detail: fault.reason,
            milliseconds: milliseconds(began),
        });
    }
    steps
}

async fn try_all(inner: &Inner, steps: &mut Vec<ProbeStep>) -> Result<(), (&'static str, Fault, Instant)> {
    let compiled = &inner.compiled;
    let mut passed = |name: &str, detail: String, began: Instant| {
        let milliseconds = milliseconds(began);
        steps.push(ProbeStep { name: name.to_owned(), passed: true, detail, remedy: None, milliseconds });
    };
    let began = Instant::now();
    let mut link = Link::connect(compiled).await.map_err(|fault| ("Connect", fault, began))?;
    let version = link.version().await.map_err(|fault| ("Connect", fault, began))?;
    link.close().await;
    let how = match (compiled.settings.is_file(), compiled.tls) {
        (true, _) => "opened as a file, for reading only",
        (false, true) => "over TLS, with the certificate checked",
        (false, false) => "without TLS: anybody on the way can read and change what is said",
    };
    let detail = format!("{} {version} at {}, {how}", compiled.dialect.product(), compiled.endpoint);
    passed("Connect", detail, began);

    let began = Instant::now();
    if compiled.settings.people.trim().is_empty() {
        let fault = Fault::misconfigured("none is named yet");
        return Err(("Table of people", with_tables(inner, fault).await, began));
    }
    let relation = Relation::look_up(&inner.pool, compiled, &compiled.settings.people).await;
    let relation = match relation {
        Ok(relation) => relation,
        Err(fault) => return Err(("Table of people", with_tables(inner, fault).await, began)),
    };
    let names: Vec<&str> = relation.columns().iter().map(|column| column.name.as_str()).take(MOST_NAMES).collect();
    passed("Table of people", format!("its columns: {}", names.join(", ")), began);

    let began = Instant::now();
    let people = PeopleTable::look_up(&inner.pool, compiled).await.map_err(|fault| ("Columns", fault, began))?;
    passed("Columns", "every column of the settings is there".to_owned(), began);

    let began = Instant::now();
    let condition = format!("{} is not null", people.id.sql);
    let question = people.question(compiled.dialect, Some(&condition), &people.id.sql, 5);
    let rows = inner.rows(&question).await.map_err(|fault| ("People", fault, began))?;
    let mut entries: Vec<_> = rows.iter().filter_map(|row| people.entry(compiled, row).ok()).collect();
    if entries.is_empty() {
        return Err(("People", Fault::misconfigured("the table has no row with an id"), began));
    }
    let named = entries.iter().filter(|entry| entry.username.is_some()).count();
    passed("People", format!("{named} of the first {} rows have a name to sign in with", entries.len()), began);

    if compiled.settings.groups.is_some() {
        let began = Instant::now();
        people.add_groups(&inner.pool, compiled, &mut entries).await.map_err(|fault| ("Groups", fault, began))?;
        if entries.iter().any(|entry| !entry.groups_complete) {
            return Err(("Groups", Fault::misconfigured("the groups cannot be read: see the log"), began));
        }
        let groups: usize = entries.iter().map(|entry| entry.groups.len()).sum();
        passed("Groups", format!("the first {} people have {groups} memberships", entries.len()), began);
    }
    Ok(())
}

/// What the account can see, for whoever looks for the right name.
async fn with_tables(inner: &Inner, fault: Fault) -> Fault {
    if fault.kind != TroubleKind::Misconfigured {
        return fault;
    }
    let Ok(tables) = introspect::tables(inner).await else { return fault };
    let seen = if tables.is_empty() { "the account sees no table".to_owned() } else { introspect::listed(&tables) };
    let proposal = introspect::proposal(&tables);
    let proposal = proposal.map_or(String::new(), |proposal| format!(". {}", introspect::in_words(&proposal)));
    Fault { reason: format!("{}. Tables there: {seen}{proposal}", fault.reason), ..fault }
}

fn remedy(step: &str, fault: &Fault) -> &'static str {
    match (step, fault.kind) {
        ("Connect", TroubleKind::Unavailable) => {
            "Check host and port, that the server may be reached from here, and its certificate."
        }
        ("Connect", _) => "Check the account, its password and the name of the database.",
        ("Table of people", _) => "Check the name of the table, with its schema, and the account's right to read it.",
        ("Columns" | "Groups", _) => "Check the names of the columns.",
        _ => "Look at the table: is it the right one?",
    }
}

fn milliseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
