//! The page of a person.

use directory::{AccountStatus, LinkKind, PersonState};

use super::{HOSTILE, LONG, browse, keep, moment, trace};
use crate::person::{
    AccountCard, AuthorityLine, CaseLine, ChangeLine, PersonCard, ProfileLine, SessionLine, SignInLine, person_view,
};

fn changes() -> Vec<ChangeLine> {
    vec![
        ChangeLine {
            label: "E-mail".into(),
            at: moment(),
            before: HOSTILE.into(),
            after: "amara.okafor@tessaro.example".into(),
            why: "Corporate LDAP says so now, seen at a sign-in.".into(),
        },
        ChangeLine {
            label: "Phone".into(),
            at: moment(),
            before: LONG.into(),
            after: String::new(),
            why: "HR no longer says anything, read by an import.".into(),
        },
    ]
}

fn person_card() -> PersonCard {
    let authority = |what: &str, who: &str, note: Option<&str>| AuthorityLine {
        what: what.into(),
        who: who.into(),
        note: note.map(Into::into),
    };
    let profile = |label: &str, value: &str| ProfileLine {
        label: label.into(),
        value: value.into(),
        origin: "Corporate LDAP".into(),
        note: "since 23 November 2026 at 10:38 UTC, read by an import · HR says <b>Amara</b>".into(),
    };
    let sign_in = |code: &str, signed_in, result: &str, row: &str| SignInLine {
        code: code.into(),
        at: moment(),
        client: "kontor-orders".into(),
        signed_in,
        row: row.into(),
        result: result.into(),
        took_ms: 44,
    };
    PersonCard {
        id: "0198c0de-0000-7000-8000-000000000001".into(),
        name: "Amara Okafor".into(),
        notice: "Unlocked here: they can try again now.".into(),
        subtitle: "Payables clerk, Accounts payable".into(),
        state: PersonState::Mirrored,
        disputed: false,
        privileged: true,
        sentence: "Amara Okafor signs in with the Corporate LDAP password. That account is locked until 23 November 2026 at 11:05 UTC.".into(),
        authorities: vec![
            authority("Password", "Corporate LDAP", None),
            authority("May be here", "Corporate LDAP", Some("last read 23 November 2026 at 10:38 UTC")),
            authority("Profile", "Corporate LDAP", None),
        ],
        accounts: vec![AccountCard {
            username: "aokafor".into(),
            source: "corp-ldap".into(),
            source_label: "Corporate LDAP".into(),
            kind: LinkKind::Primary,
            status: AccountStatus::Active,
            locator: "uid=aokafor,ou=people,dc=tessaro,dc=example".into(),
            immutable_id: "7c1e22aa-4d0a-4b5e-9f0e-1f5a2b3c4b04".into(),
            read_at: Some(moment()),
            locked_until: Some(moment()),
            missing_since: None,
            privileged: true,
        }],
        profile: vec![profile("E-mail", "amara.okafor@tessaro.example"), profile("Employee number", "31882"), profile("Title", HOSTILE)],
        groups: browse::groups_of_a_person(),
        group_count: "2".into(),
        devices: browse::devices_of_a_person(),
        cases: vec![CaseLine {
            title: "Held by somebody else".into(),
            text: "Corporate LDAP gives this person the e-mail address a@b.example that somebody else holds. It was not taken.".into(),
            other: Some(("0198c0de-0000-7000-8000-000000000002".into(), LONG.into())),
            opened_at: moment(),
        }],
        waiting: vec![(HOSTILE.into(), "uid=a at HR may be this person: found by e-mail.".into(), moment())],
        changes: changes(),
        sessions: vec![SessionLine {
            id: "6f1d2c9e-0000-4000-8000-000000000001".into(),
            browser: "Firefox on Linux".into(),
            started_at: moment(),
            last_used_at: moment(),
            text: "Proven by Corporate LDAP. Used for Kontor Orders.".into(),
        }],
        may_help: true,
        unlockable: vec![("corp-ldap".into(), "Corporate LDAP".into(), true)],
        sign_ins: vec![
            sign_in("M7Q-2HX", false, "Refused: locked", "D10"),
            sign_in("K2P-8LM", false, "Refused: bad password", "D7"),
            sign_in("B9C-4TZ", true, "Signed in", "D6"),
        ],
        trace: Some(trace()),
    }
}

#[test]
fn person() {
    keep("person-full", || person_view(person_card()));
    let bare = PersonCard {
        name: HOSTILE.into(),
        notice: String::new(),
        subtitle: String::new(),
        accounts: vec![],
        profile: vec![],
        groups: vec![],
        devices: Default::default(),
        waiting: vec![],
        cases: vec![],
        changes: vec![],
        sessions: vec![],
        sign_ins: vec![],
        trace: None,
        privileged: false,
        state: PersonState::Migrated,
        ..person_card()
    };
    keep("person-bare", || person_view(bare));
}
