//! Entries that wait.

use super::{HOSTILE, LONG, RTL, keep, moment};
use crate::{
    ui::Choice,
    waiting::{WaitingAsk, WaitingData, WaitingLine, waiting_view},
};

#[test]
fn waiting() {
    let line = |name: &str, kind: &str, why: &str, may_be: Vec<(String, String)>| WaitingLine {
        name: name.into(),
        locator: LONG.into(),
        source: "Corporate LDAP".into(),
        kind: kind.into(),
        why: why.into(),
        what_to_do: "Enter what is missing.".into(),
        may_be,
        since: Some(moment()),
    };
    let full = WaitingData {
        ask: WaitingAsk { kind: "link".into(), after: "7~x~y".into(), ..WaitingAsk::default() },
        lines: vec![
            line(HOSTILE, "Lacks something", "badge: it is required.", vec![]),
            line(RTL, "Fits one person", "By number: one person fits.", vec![("7".into(), HOSTILE.into())]),
        ],
        sources: vec![Choice::new("corp-ldap", "Corporate LDAP")],
        kinds: vec![Choice::new("link", "Fits one person")],
        count: "10000+ entries".into(),
        next: Some("8~x~y".into()),
    };
    keep("waiting", || waiting_view(full));
    keep("waiting-empty", || waiting_view(WaitingData::default()));
}
