//! From the form to the hub and back.

use std::collections::BTreeMap;

use directory::{AttributeDefinition, AttributeName, ProfileSettings, SessionId, Source, SourceDraft};
use hub::{Hub, kernel::capability::ManageSources, sources::MappedEntry};
use serde::{Deserialize, Serialize};

use super::api::{MappedCard, MappedRow, ProfileCard, ProfileForm, ProfileLine};
use crate::{
    caller::failed,
    flash,
    problem::ApiError,
    source::{attribute_word, write::link_after},
};

/// What a browser without scripts typed and asked to try.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    form: ProfileForm,
    cards: Vec<MappedCard>,
}

fn place(name: &str) -> String {
    format!("source-profile:{name}")
}

pub(super) async fn kept(hub: &Hub, session: SessionId, name: &str) -> Option<Kept> {
    let text = flash::take(hub, session, &place(name)).await?;
    serde_json::from_str(&text).ok()
}

/// The page; with what was typed last, if it was only tried.
pub(super) fn card(source: &Source, kept: Option<Kept>, editable: bool) -> ProfileCard {
    let mapping = source.connector.mapping();
    let plain = |name: &AttributeName| match mapping {
        Some(mapping) => mapping.get(name).cloned().unwrap_or_else(|| "not read".to_owned()),
        None => "as the protocol has it".to_owned(),
    };
    let lines = AttributeName::ALL.iter().map(|name| ProfileLine {
        key: name.to_string(),
        label: attribute_word(*name),
        plain: plain(name),
    });
    let lines = lines.chain(source.definitions.iter().map(|definition| ProfileLine {
        key: definition.attribute().to_string(),
        label: definition.label.clone(),
        plain: own_line(definition),
    }));
    let reads = "entry.username, the attributes below by their names (entry.given_name), and any attribute of the \
                 directory by its own (entry.departmentNumber).";
    let (form, preview) = match kept {
        Some(kept) => (kept.form, Some(kept.cards)),
        None => (form_of(source), None),
    };
    ProfileCard {
        label: source.label.clone(),
        lines: lines.collect(),
        form,
        reads: reads.to_owned(),
        editable,
        preview,
    }
}

/// What one of the installation's own attributes takes, in the place where the others say what they are read from.
fn own_line(definition: &AttributeDefinition) -> String {
    let several = if definition.several { ", several" } else { "" };
    let required = if definition.required { ", required" } else { "" };
    format!("your own: {}{several}{required}", definition.kind.word())
}

fn form_of(source: &Source) -> ProfileForm {
    let ProfileSettings { priority, priorities, expressions } = &source.profile;
    let text = |map: &BTreeMap<AttributeName, u32>| map.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    ProfileForm {
        name: source.name.clone(),
        revision: source.revision,
        priority: priority.map(|number| number.to_string()).unwrap_or_default(),
        expressions: expressions.iter().map(|(name, text)| (name.to_string(), text.clone())).collect(),
        priorities: text(priorities),
        person: String::new(),
    }
}

fn invalid(field: &str, message: String) -> ApiError {
    ApiError::Invalid { field: field.to_owned(), message }
}

fn settings(form: &ProfileForm) -> Result<ProfileSettings, ApiError> {
    let number = |text: &str| -> Result<Option<u32>, ApiError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| invalid("profile.priority", format!("{text:?} is not a whole number.")))
    };
    let attribute = |name: &String| -> Result<AttributeName, ApiError> {
        name.parse().map_err(|error: directory::UnknownWord| invalid("profile.expressions", error.to_string()))
    };
    let mut profile = ProfileSettings { priority: number(&form.priority)?, ..ProfileSettings::default() };
    for (name, text) in &form.priorities {
        if let Some(priority) = number(text)? {
            profile.priorities.insert(attribute(name)?, priority);
        }
    }
    for (name, text) in form.expressions.iter().filter(|(_, text)| !text.trim().is_empty()) {
        profile.expressions.insert(attribute(name)?, text.trim().to_owned());
    }
    Ok(profile)
}

/// Saves the form and says where to go on.
pub(super) async fn save(hub: &Hub, by: &ManageSources, form: ProfileForm) -> Result<String, ApiError> {
    let source = hub.source_by_name(&by.into(), &form.name).await.map_err(failed)?.source;
    let draft = SourceDraft { profile: settings(&form)?, ..SourceDraft::from(&source) };
    let change = hub.update_source(by, source.id, form.revision, draft, None).await.map_err(failed)?;
    Ok(link_after(&change.source.name, change.proposal.is_some(), "saved"))
}

/// Tries the form on real entries. Nothing is saved.
pub(super) async fn tried(hub: &Hub, by: &ManageSources, form: ProfileForm) -> Result<Vec<MappedCard>, ApiError> {
    let source = hub.source_by_name(&by.into(), &form.name).await.map_err(failed)?.source;
    let draft = SourceDraft { profile: settings(&form)?, ..SourceDraft::from(&source) };
    let entries = hub.preview_mapping(by, source.id, draft, &form.person).await.map_err(failed)?;
    let cards: Vec<MappedCard> = entries.into_iter().map(|entry| mapped(entry, &source.definitions)).collect();
    if flash::without_scripts() {
        let kept = Kept { form, cards: cards.clone() };
        if let Ok(text) = serde_json::to_string(&kept) {
            flash::keep(hub, by.session_id(), &place(&kept.form.name), text).await;
        }
    }
    Ok(cards)
}

fn mapped(entry: MappedEntry, definitions: &[AttributeDefinition]) -> MappedCard {
    let rows = entry.values.into_iter().map(|value| {
        let fault = value.fault.is_some();
        let remark = match value.fault {
            Some(why) => format!("{why}. What the person has would stay."),
            None if value.now == value.then => "same".to_owned(),
            None => "changes".to_owned(),
        };
        let own = definitions.iter().find(|definition| definition.attribute() == value.name);
        let shown = |stored: Option<String>| {
            let stored = stored.unwrap_or_default();
            own.map_or(stored.clone(), |definition| if stored.is_empty() { stored } else { definition.shown(&stored) })
        };
        MappedRow {
            label: own.map_or_else(|| attribute_word(value.name), |definition| definition.label.clone()),
            now: shown(value.now),
            then: shown(value.then),
            remark,
            fault,
        }
    });
    MappedCard {
        title: entry.username.map_or_else(|| entry.locator.clone(), |name| format!("{name}: {}", entry.locator)),
        rows: rows.collect(),
    }
}
