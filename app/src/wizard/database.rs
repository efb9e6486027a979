//! What the wizard offers of a database: its tables and columns to choose from, and a filling to take. The names are
//! the foreign database's.

use std::collections::BTreeMap;

use directory::ConnectorSettings;
use hub::sources::wizard::{Catalogue, Proposed, ProposedSetting, Wizard, differences};

use super::api::WizardField;
use crate::{source::attribute_word, ui::Choice};

/// Adds what is there to choose from to the fields, and says in which ways the proposal may be taken.
pub(super) fn offer(wizard: &Wizard, fields: &mut [WizardField]) -> Vec<Choice> {
    offer_choices(wizard, fields);
    offers(wizard)
}

/// Adds choices to the fields that name tables and columns. What is written there may be anything else.
fn offer_choices(wizard: &Wizard, fields: &mut [WizardField]) {
    let (ConnectorSettings::Sql(_), Some(catalogue)) = (&wizard.settings.connector, &wizard.catalogue) else { return };
    let tables = tables(catalogue);
    // As the form will be drawn: with what was typed, even where it could not be taken.
    let typed: BTreeMap<String, String> =
        fields.iter().map(|field| (field.id.clone(), field.value.trim().to_owned())).collect();
    let columns = |field: &str| columns_of(catalogue, typed.get(field).map(String::as_str).unwrap_or_default());
    let people = match &catalogue.of_people {
        Some(columns) => columns.clone(),
        None => {
            let proposed = catalogue.proposal.as_ref().map(|proposal| columns_of(catalogue, &proposal.table));
            Some(columns("people")).filter(|columns| !columns.is_empty()).or(proposed).unwrap_or_default()
        }
    };
    for field in fields.iter_mut().filter(|field| field.kind == "text") {
        field.choices = match field.id.as_str() {
            "people" | "groups-groups" | "groups-memberships" | "devices-devices" => tables.clone(),
            "groups-id_column" | "groups-name_column" => named(&columns("groups-groups")),
            "groups-person_column" | "groups-group_column" => named(&columns("groups-memberships")),
            id if id.starts_with("devices-") => named(&columns("devices-devices")),
            id if id.ends_with("_column") || id.ends_with("-column") || id.starts_with("mapping-") => named(&people),
            "name_columns" => named(&people),
            _ => continue,
        };
    }
}

fn tables(catalogue: &Catalogue) -> Vec<Choice> {
    let shown = |table: &hub::sources::wizard::TableSeen| {
        Choice::new(table.name.clone(), format!("{} ({} columns)", table.name, table.columns.len()))
    };
    catalogue.tables.iter().map(shown).collect()
}

/// Columns of a table as somebody names it: with its schema or without, in any case.
fn columns_of(catalogue: &Catalogue, named: &str) -> Vec<String> {
    let same = |name: &str| {
        let bare = name.rsplit('.').next().unwrap_or_default();
        name.eq_ignore_ascii_case(named) || bare.eq_ignore_ascii_case(named)
    };
    let table = catalogue.tables.iter().find(|table| !named.is_empty() && same(&table.name));
    table.map(|table| table.columns.clone()).unwrap_or_default()
}

fn named(columns: &[String]) -> Vec<Choice> {
    columns.iter().map(|column| Choice::new(column.clone(), "")).collect()
}

fn different(wizard: &Wizard) -> Vec<ProposedSetting> {
    let proposal = wizard.catalogue.as_ref().and_then(|catalogue| catalogue.proposal.as_ref());
    proposal.map(|proposal| differences(&wizard.settings.connector, proposal)).unwrap_or_default()
}

/// What is proposed, where it is not there already.
pub(super) fn proposed(wizard: &Wizard) -> Vec<(String, String)> {
    let key = wizard.catalogue.as_ref().and_then(|catalogue| catalogue.proposal.as_ref()).is_some_and(|p| p.id_is_key);
    let fact = |setting: ProposedSetting| {
        let instead = if setting.now.is_empty() { String::new() } else { format!(" instead of {}", setting.now) };
        let remark = match setting.what {
            Proposed::Id if key => ", the primary key",
            Proposed::Id => ": make sure that no two people share it, and that it is never used again",
            Proposed::Password => ": try it, and it is looked at how they are stored",
            Proposed::Table | Proposed::Username | Proposed::Attribute(_) | Proposed::Changed => "",
        };
        (label(setting.what), format!("{}{instead}{remark}", setting.value))
    };
    different(wizard).into_iter().map(fact).collect()
}

/// As the form calls it.
fn label(what: Proposed) -> String {
    match what {
        Proposed::Attribute(name) => attribute_word(name),
        other => {
            let label = other.label();
            let mut letters = label.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// The ways to take it: what stands empty, unless another table stands there; and everything.
fn offers(wizard: &Wizard) -> Vec<Choice> {
    let different = different(wizard);
    let written = |setting: &ProposedSetting| !setting.now.is_empty();
    let other_table = different.iter().any(|setting| setting.what == Proposed::Table && written(setting));
    let mut offers = Vec::new();
    if !other_table && different.iter().any(|setting| !written(setting)) {
        offers.push(Choice::new("empty", "Fill in what is empty"));
    }
    if different.iter().any(written) {
        offers.push(Choice::new("all", "Fill in all of it, in place of what is there"));
    }
    offers
}
