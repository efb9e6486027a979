//! Pages that only watch: Overview, Audit.

use super::{HOSTILE, LONG, RTL, keep, moment};
use directory::SourceMode;

use crate::{
    audit::{AuditAsk, AuditLine, AuditList, ChainCard, audit_view},
    overview::{DecisionLine, Figure, Mark, OverviewCard, SourceHealthLine, overview_view},
    ui::Choice,
};

fn figure(key: &str, label: &str, figure: &str) -> Figure {
    let href = format!("/console/sign-ins?reason={label}");
    Figure { key: key.to_owned(), label: label.to_owned(), figure: figure.to_owned(), href }
}

fn mark(class: &str, name: &str, figure: &str) -> Mark {
    Mark {
        class: format!("mark {class}"),
        key: format!("key {class}"),
        name: name.to_owned(),
        figure: figure.to_owned(),
        hint: "of 10,000+".to_owned(),
        href: "/console/people?state=mirrored".to_owned(),
    }
}

#[test]
fn overview() {
    keep("overview-empty", || {
        overview_view(OverviewCard { lede: "Nobody is here yet.".to_owned(), ..OverviewCard::default() })
    });
    let source = |label: &str, mode, class: &str, word: &str, trouble: Option<&str>| SourceHealthLine {
        name: "corp".to_owned(),
        label: label.to_owned(),
        kind: "Active Directory".to_owned(),
        mode,
        class: class.to_owned(),
        word: word.to_owned(),
        trouble: trouble.map(str::to_owned),
        took: "41 ms".to_owned(),
        last_success: Some(moment()),
    };
    keep("overview-full", || {
        overview_view(OverviewCard {
            lede: "12,400 people, 3 directories.".to_owned(),
            marks: vec![
                mark("o", "Old shore", "8,011"),
                mark("w", "On the way", "12"),
                mark("n", "New shore", "4,377"),
            ],
            crossing: crate::overview::draw::crossing(8_011, 12, 4_377),
            states: vec![figure("", "Migrated", "4,377"), figure("", "Mirrored", "8,011")],
            chart: String::new(),
            paths: vec![figure("key hub", "Hub", "1,204"), figure("key source", "Directory", "998")],
            reasons: vec![figure("", "Wrong password", "31"), figure("", HOSTILE, "1")],
            hours: vec![["09:00".into(), "120".into(), "88".into(), "4".into()]],
            sources: vec![
                source(LONG, SourceMode::Active, "dot-label ok", "healthy", None),
                source(RTL, SourceMode::Paused, "dot-label off", "paused", None),
                source(HOSTILE, SourceMode::Capture, "dot-label bad", "down", Some(HOSTILE)),
            ],
            decisions: vec![DecisionLine {
                title: HOSTILE.to_owned(),
                text: "Two accounts hold one e-mail address.".to_owned(),
                href: "/console/people/1".to_owned(),
                since: moment(),
            }],
            waiting: "12 open cases".to_owned(),
            trouble: Some("The directory cannot be reached since 10:42.".to_owned()),
        })
    });
}

#[test]
fn audit() {
    let chain = ChainCard { facts: vec![("Sealed up to".to_owned(), "number 4,711".to_owned())], trouble: None };
    keep("audit-none", || {
        audit_view(AuditList {
            ask: AuditAsk { q: HOSTILE.to_owned(), ..AuditAsk::default() },
            lines: Vec::new(),
            next: None,
            looked_until: Some(moment()),
            kinds: vec!["person.captured".to_owned()],
            sources: vec![Choice::new("corp", "Corporate LDAP")],
            chain: ChainCard { trouble: Some("Nobody seals it since 10:42.".to_owned()), ..chain.clone() },
        })
    });
    let line = |kind: &str, who: &str, person: Option<&str>| AuditLine {
        at: moment(),
        kind: kind.to_owned(),
        who: who.to_owned(),
        actor: "person:1".to_owned(),
        person: person.map(|name| ("1".to_owned(), name.to_owned())),
        source: Some("Corporate LDAP".to_owned()),
        facts: vec![("outcome".to_owned(), HOSTILE.to_owned())],
    };
    keep("audit-full", || {
        audit_view(AuditList {
            ask: AuditAsk::default(),
            lines: vec![line("person.created", "the hub", Some(LONG)), line("source.changed", HOSTILE, Some(RTL))],
            next: Some("2026-11-23T10:42:07Z~1".to_owned()),
            looked_until: None,
            kinds: vec!["person.created".to_owned(), "source.changed".to_owned()],
            sources: vec![Choice::new("corp", "Corporate LDAP")],
            chain,
        })
    });
}
