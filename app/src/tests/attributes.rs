//! The installation's own attributes.

use super::{HOSTILE, LONG, RTL, keep};
use crate::{
    attributes::{AttributeCard, AttributeForm, AttributeLine, AttributeList, Seen, attribute_view, attributes_view},
    ui::Choice,
};

fn line(name: &str, label: &str, kind: &str, filled_by: &str, claim: &str) -> AttributeLine {
    AttributeLine {
        name: name.into(),
        label: label.into(),
        kind: kind.into(),
        filled_by: filled_by.into(),
        claim: claim.into(),
    }
}

#[test]
fn attributes() {
    let lines = vec![
        line("badge", HOSTILE, "whole number, required", LONG, "never"),
        line("cost-centre", RTL, "text, several, sensitive", "none", "cost_centre (profile)"),
    ];
    let list = AttributeList { lines, editable: true, notice: "Saved.".into() };
    keep("attributes", || attributes_view(list.clone()));
    keep("attributes-read", || attributes_view(AttributeList { editable: false, notice: String::new(), ..list }));
    keep("attributes-empty", || attributes_view(AttributeList { editable: true, ..AttributeList::default() }));
}

#[test]
fn attribute() {
    let new = AttributeCard {
        form: AttributeForm { version: 3, kind: "text".into(), ..AttributeForm::default() },
        kinds: vec![Choice::new("text", "Text"), Choice::new("choice", "One of several words")],
        scopes: vec![Choice::new("profile", "profile")],
        ..AttributeCard::default()
    };
    keep("attribute-new", || attribute_view(new.clone()));
    let form = AttributeForm {
        original: "site".into(),
        name: "site".into(),
        label: HOSTILE.into(),
        kind: "choice".into(),
        words: format!("Oslo\n{HOSTILE}"),
        sensitive: true,
        claim: "site".into(),
        ..new.form.clone()
    };
    let removal = Some((LONG.to_owned(), Seen { people: 12, offers: 3, changes: 40 }));
    let known = AttributeCard { form, lede: "Filled by Corporate LDAP.".into(), removal, ..new };
    keep("attribute-removal", || attribute_view(known));
}
