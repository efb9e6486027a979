//! Pages of imports.

use super::{HOSTILE, LONG, RTL, keep, moment, source_card};
use crate::{
    imports::{ImportsCard, Number, ResultLine, RunAsk, RunCard, RunLine, ScheduleCard, import_run_view},
    source::{SourceCard, source_view},
    ui::Choice,
};

fn run(state: (&str, &str), under_way: bool) -> RunLine {
    RunLine {
        id: "0198c0de-0000-7000-8000-000000000001".into(),
        started_at: moment(),
        ended_at: (!under_way).then(moment),
        what: "Dry run of everything".into(),
        state: (format!("dot-label {}", state.0), state.1.into()),
        by: RTL.into(),
        numbers: "1,200 people: 1,000 created, 200 unchanged; 3 groups: 3 created".into(),
        under_way,
        unfinished: under_way,
    }
}

#[test]
fn imports_of_a_source() {
    let card =
        |imports| SourceCard { imports: Some(imports), hosts: vec![], notice: String::new(), ..source_card(None) };
    let schedule = ScheduleCard {
        sentence: "By itself: what changed every 15 minutes.".into(),
        every: "900".into(),
        every_choices: vec![Choice::new("0", "Never"), Choice::new("900", "Every 15 minutes")],
        full_every: "0".into(),
        full_every_choices: vec![Choice::new("0", "Never"), Choice::new("86400", "Every day")],
    };
    let none = ImportsCard { runs: vec![], may_start: true, not_now: String::new(), schedule };
    keep("source-imports-none", || source_view(card(none.clone())));
    let runs = vec![run(("ok", "under way"), true), RunLine { by: HOSTILE.into(), ..run(("bad", "stopped"), false) }];
    keep("source-imports", || source_view(card(ImportsCard { runs: runs.clone(), ..none.clone() })));
    let paused = ImportsCard { runs, not_now: "A paused directory is not contacted.".into(), ..none };
    keep("source-imports-paused", || source_view(card(paused.clone())));
    let read = ImportsCard { may_start: false, not_now: String::new(), ..paused };
    keep("source-imports-read", || source_view(card(read)));
}

fn run_card() -> RunCard {
    RunCard {
        ask: RunAsk { source: "corp ldap".into(), run: "0198c0de".into(), ..RunAsk::default() },
        source: "Corporate LDAP".into(),
        run: run(("ok", "under way"), true),
        remark: String::new(),
        cancelling: false,
        may_cancel: true,
        numbers: vec![],
        outcomes: vec![Choice::new("", "Every outcome"), Choice::new("held", "Waiting")],
        kinds: vec![Choice::new("", "Everything"), Choice::new("person", "People")],
        lines: vec![],
        next: None,
    }
}

#[test]
fn one_import() {
    keep("import-begun", || import_run_view(run_card()));
    let number = |label: &str, number: &str, href: Option<&str>| Number {
        label: label.into(),
        number: number.into(),
        href: href.map(Into::into),
    };
    let line = |place: &str, outcome: (&str, &str), why: &str, person: Option<&str>| ResultLine {
        place: place.into(),
        immutable_id: "7c1e22aa".into(),
        kind: "Person".into(),
        outcome: (format!("dot-label {}", outcome.0), outcome.1.into()),
        why: why.into(),
        person: person.map(Into::into),
    };
    let full = RunCard {
        ask: RunAsk { outcome: "held".into(), after: "100".into(), ..run_card().ask },
        run: run(("bad", "stopped"), false),
        remark: "It was stopped: 40 of 100 people are missing. What it had written stays; nobody more is touched."
            .into(),
        may_cancel: false,
        numbers: vec![
            number("People read", "1,200", None),
            number("People created", "1,000", Some("/x?outcome=created")),
        ],
        lines: vec![
            line("uid=aokafor,ou=people,dc=tessaro,dc=example", ("ok", "created"), "", Some("0198c0de-1")),
            line(HOSTILE, ("bad", "unreadable"), HOSTILE, None),
            line(LONG, ("warn", "waiting"), "somebody with this e-mail address is known; a reviewer decides", None),
            line(RTL, ("off", "updated"), "title, department", Some("0198c0de-2")),
        ],
        next: Some("200".into()),
        ..run_card()
    };
    keep("import-full", || import_run_view(full.clone()));
    let narrowed = RunCard {
        ask: RunAsk { kind: "device".into(), ..run_card().ask },
        run: run(("off", "completed"), false),
        cancelling: true,
        ..run_card()
    };
    keep("import-no-match", || import_run_view(narrowed));
}
