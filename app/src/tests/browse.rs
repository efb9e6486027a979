//! Groups and devices.

use super::{HOSTILE, LONG, RTL, keep, moment, sources};
use crate::{
    browse::{BrowseAsk, BrowseLine, BrowseList, Fact, Linked, LinkedPanel, ObjectCard, browse_view, object_view},
    person::GroupLine,
    ui::Choice,
};

fn link(label: &str, href: Option<&str>, hint: &str) -> Linked {
    Linked { label: label.into(), href: href.map(Into::into), hint: hint.into() }
}

pub fn groups_of_a_person() -> Vec<GroupLine> {
    let group = |name: &str, origin: &str| GroupLine { id: "7".into(), name: name.into(), origin: origin.into() };
    vec![
        group("accounts-payable", "list of members at Corporate LDAP; the person’s own entry at Corporate LDAP"),
        group(RTL, "Isthmus"),
    ]
}

pub fn devices_of_a_person() -> LinkedPanel {
    LinkedPanel {
        title: "Devices".into(),
        hint: "2".into(),
        empty: "None.".into(),
        lines: vec![
            link("lt-0417", Some("/console/devices/7"), "Corporate AD · Debian 13"),
            link(HOSTILE, None, HOSTILE),
        ],
        ..LinkedPanel::default()
    }
}

fn list() -> BrowseList {
    BrowseList {
        title: "Groups".into(),
        path: "/console/groups".into(),
        search: "Beginning of a name".into(),
        which: vec![Choice::new("", "Those that are there"), Choice::new("gone", "Gone from their directory")],
        sources: sources(),
        columns: vec!["People".into(), "Description".into()],
        count: "0 groups".into(),
        ..BrowseList::default()
    }
}

#[test]
fn lists() {
    let none = BrowseList { nothing: Some(("No groups yet".into(), "They come with an import.".into())), ..list() };
    keep("groups-none", || browse_view(none.clone()));
    let ask = BrowseAsk { q: HOSTILE.into(), which: "gone".into(), ..BrowseAsk::default() };
    keep("groups-no-match", || browse_view(BrowseList { ask, ..none.clone() }));
    let line = |name: &str, cells: [&str; 2], state: Option<(&str, &str)>| BrowseLine {
        id: "0198c0de-0000-7000-8000-000000000001".into(),
        name: name.into(),
        cells: cells.map(str::to_owned).into(),
        source: "Corporate LDAP".into(),
        state: state.map(|(class, word)| (class.into(), word.into())),
        seen: None,
    };
    let lines = vec![
        line("accounts-payable", ["12", "Pays what is owed"], None),
        line(LONG, ["1,000+", LONG], Some(("dot-label warn", "not there, once"))),
        line(RTL, ["0", ""], Some(("dot-label bad", "gone"))),
        line(HOSTILE, ["0", HOSTILE], None),
    ];
    let ask = BrowseAsk { source: "lagos-ad".into(), after: "x".into(), ..BrowseAsk::default() };
    let full = BrowseList { ask, lines, count: "10,000+ groups".into(), next: Some("y z".into()), ..list() };
    keep("groups-full", || browse_view(full.clone()));
    let seen = BrowseLine { seen: Some(moment()), ..line("lt-0417", ["Debian 13", "Lenovo X13"], None) };
    let devices = BrowseList {
        title: "Devices".into(),
        path: "/console/devices".into(),
        columns: vec!["System".into(), "Model".into()],
        dated: true,
        lines: vec![seen, line("lt-0418", ["", ""], Some(("dot-label warn", "not seen lately")))],
        remark: "No name begins so: these have the serial number.".into(),
        count: "2 devices".into(),
        ..list()
    };
    keep("devices-full", || browse_view(devices.clone()));
}

#[test]
fn one_of_them() {
    let fact = |what: &str, text: &str| Fact { what: what.into(), text: text.into(), ..Fact::default() };
    let people = LinkedPanel {
        title: "People".into(),
        hint: "1,000+".into(),
        empty: "Nobody.".into(),
        lines: vec![link("Amara Okafor", Some("/console/people/7"), "list of members"), link(HOSTILE, Some("/x"), RTL)],
        first: Some("/console/groups/7".into()),
        next: Some("/console/groups/7?after=8".into()),
    };
    let card = ObjectCard {
        name: LONG.into(),
        lede: HOSTILE.into(),
        warning: "Twice not found at its directory.".into(),
        facts: vec![
            Fact { href: Some("/console/sources/corp-ldap".into()), ..fact("Source", "Corporate LDAP") },
            Fact { exact: true, ..fact("Immutable id", "7c1e22aa-4d0a-4b5e-9f0e-1f5a2b3c4b04") },
            Fact { at: Some(moment()), ..fact("Last read", "") },
            fact("SID", ""),
        ],
        panels: vec![
            people,
            LinkedPanel { title: "Groups within".into(), empty: "It lists no group.".into(), ..LinkedPanel::default() },
        ],
    };
    keep("group-full", || object_view(card.clone()));
    let bare = ObjectCard { warning: String::new(), facts: vec![], panels: vec![devices_of_a_person()], ..card };
    keep("device-bare", || object_view(bare.clone()));
}
