//! The Profile page of a source.

use super::{HOSTILE, LONG, RTL, keep};
use crate::source::{MappedCard, MappedRow, ProfileCard, ProfileForm, ProfileLine, profile_view};

fn card() -> ProfileCard {
    let line =
        |key: &str, label: &str, plain: &str| ProfileLine { key: key.into(), label: label.into(), plain: plain.into() };
    ProfileCard {
        label: LONG.into(),
        lines: vec![line("email", "E-mail", "mail"), line("department", "Department", "not read")],
        form: ProfileForm {
            name: "corp-ldap".into(),
            revision: 3,
            priority: "20".into(),
            expressions: [("department".to_owned(), format!("entry.ou + {HOSTILE:?}"))].into(),
            priorities: [("email".to_owned(), "5".to_owned())].into(),
            person: String::new(),
        },
        reads: "entry.username.".into(),
        editable: true,
        preview: None,
    }
}

#[test]
fn source_profile() {
    keep("source-profile", || profile_view(card()));
    let row = |now: &str, then: &str, remark: &str, fault| MappedRow {
        label: "Department".into(),
        now: now.into(),
        then: then.into(),
        remark: remark.into(),
        fault,
    };
    let tried = ProfileCard {
        preview: Some(vec![
            MappedCard { title: HOSTILE.into(), rows: vec![row(HOSTILE, RTL, "changes", false)] },
            MappedCard {
                title: "bob: uid=bob".into(),
                rows: vec![row("Old", "", "the entry has no ou. What the person has would stay.", true)],
            },
        ]),
        ..card()
    };
    keep("source-profile-tried", || profile_view(tried));
    let empty =
        ProfileCard { lines: vec![], form: ProfileForm::default(), editable: false, preview: Some(vec![]), ..card() };
    keep("source-profile-read", || profile_view(empty));
}
