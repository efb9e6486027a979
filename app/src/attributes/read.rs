//! From the hub's words to the pages' and back.

use directory::{AttributeDefinition, AttributeType, CustomName, Release};
use hub::{
    Hub,
    kernel::capability::{Administer, ReadConfiguration},
    registry::{DefinedAttribute, Removal},
};

use super::api::{AttributeCard, AttributeForm, AttributeLine, AttributeList, Seen};
use crate::{
    caller::{failed, not_found, permit, sentence},
    problem::ApiError,
    ui::Choice,
};

pub(super) async fn list(done: &str) -> Result<AttributeList, ApiError> {
    let (hub, by): (_, ReadConfiguration) = permit().await?;
    let defined = hub.defined_attributes(&by).await.map_err(failed)?;
    let editable = hub.permit::<Administer>(Some(by.session_id())).await.is_ok();
    let notice = match done {
        "saved" => "Saved. Directories that fill it are read anew at their next import.",
        "removed" => "Removed, with everything people had of it.",
        _ => "",
    };
    let lines = defined.attributes.into_iter().map(line).collect();
    Ok(AttributeList { lines, editable, notice: notice.to_owned() })
}

fn line(defined: DefinedAttribute) -> AttributeLine {
    let DefinedAttribute { definition, filled_by } = defined;
    let flags =
        [(definition.several, "several"), (definition.required, "required"), (definition.sensitive, "sensitive")];
    let mut kind = kind_word(definition.kind.word()).to_lowercase();
    for (_, word) in flags.into_iter().filter(|(set, _)| *set) {
        kind = format!("{kind}, {word}");
    }
    AttributeLine {
        name: definition.name.to_string(),
        kind,
        filled_by: if filled_by.is_empty() { "none".to_owned() } else { filled_by.join(", ") },
        claim: definition.release.map_or_else(|| "never".to_owned(), |r| format!("{} ({})", r.claim, r.scope)),
        label: definition.label,
    }
}

const KINDS: [(&str, &str); 5] = [
    ("text", "Text"),
    ("whole-number", "Whole number"),
    ("yes-or-no", "Yes or no"),
    ("day", "Day"),
    ("choice", "One of several words"),
];

fn kind_word(word: &str) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == word).map_or("unknown", |(_, label)| label)
}

pub(super) async fn card(name: &str, remove: bool) -> Result<AttributeCard, ApiError> {
    let (hub, by): (_, Administer) = permit().await?;
    let defined = hub.defined_attributes(&(&by).into()).await.map_err(failed)?;
    let mut card = AttributeCard {
        form: AttributeForm { version: defined.version, kind: "text".to_owned(), ..AttributeForm::default() },
        kinds: KINDS.map(|(value, label)| Choice::new(value, label)).to_vec(),
        scopes: ["profile", "email", "phone", "groups"].map(|scope| Choice::new(scope, scope)).to_vec(),
        ..AttributeCard::default()
    };
    if name.is_empty() {
        return Ok(card);
    }
    let found = defined.attributes.into_iter().find(|known| known.definition.name.as_str() == name);
    let DefinedAttribute { definition, filled_by } = found.ok_or_else(|| not_found("This attribute"))?;
    card.lede = match filled_by.as_slice() {
        [] => "No directory fills it yet: write an expression for it on the Profile page of one.".to_owned(),
        labels => format!("Filled by {}.", labels.join(", ")),
    };
    if remove {
        let removal = hub.attribute_removal(&by, definition.name).await.map_err(failed)?;
        card.removal = Some((in_words(&removal, &filled_by, definition.release.as_ref()), seen(removal)));
    }
    card.form = form_of(&definition, defined.version);
    Ok(card)
}

const fn seen(removal: Removal) -> Seen {
    Seen { people: removal.people, offers: removal.offers, changes: removal.changes }
}

fn in_words(removal: &Removal, filled_by: &[String], release: Option<&Release>) -> String {
    let counted = |number: i64, one: &str, more: &str| format!("{number} {}", if number == 1 { one } else { more });
    let mut text = format!(
        "This deletes the values of {}, {} that other directories give for them, and {}. It cannot be undone but by \
         importing again.",
        counted(removal.people, "person", "people"),
        counted(removal.offers, "further value", "further values"),
        counted(removal.changes, "former value", "former values")
    );
    if let Some(release) = release {
        text = format!("{text} Applications no longer get the claim {}.", release.claim);
    }
    if !filled_by.is_empty() {
        text = format!("{text} First take its expression out of the profile of {}.", filled_by.join(", "));
    }
    text
}

fn form_of(definition: &AttributeDefinition, version: i64) -> AttributeForm {
    let number = |number: &Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
    let mut form = AttributeForm {
        version,
        original: definition.name.to_string(),
        name: definition.name.to_string(),
        label: definition.label.clone(),
        kind: definition.kind.word().to_owned(),
        several: definition.several,
        required: definition.required,
        sensitive: definition.sensitive,
        ..AttributeForm::default()
    };
    match &definition.kind {
        AttributeType::Text { longest } => form.longest = longest.map(|n| n.to_string()).unwrap_or_default(),
        AttributeType::WholeNumber { least, most } => (form.least, form.most) = (number(least), number(most)),
        AttributeType::Choice { words } => form.words = words.iter().cloned().collect::<Vec<_>>().join("\n"),
        AttributeType::YesOrNo | AttributeType::Day => {}
    }
    if let Some(release) = &definition.release {
        form.claim.clone_from(&release.claim);
        form.scope.clone_from(&release.scope);
        form.applications = release.applications.iter().cloned().collect::<Vec<_>>().join("\n");
    }
    form
}

fn invalid(field: &str, message: impl std::fmt::Display) -> ApiError {
    ApiError::Invalid { field: field.to_owned(), message: sentence(&message.to_string()) }
}

fn number<T: std::str::FromStr>(field: &str, text: &str) -> Result<Option<T>, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| invalid(field, "Write a whole number, or nothing."))
}

fn definition_of(form: AttributeForm) -> Result<AttributeDefinition, ApiError> {
    let lines = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    let name: CustomName = form.name.trim().parse().map_err(|misfit| invalid("name", misfit))?;
    let kind = match form.kind.as_str() {
        "text" => AttributeType::Text { longest: number("longest", &form.longest)? },
        "whole-number" => {
            AttributeType::WholeNumber { least: number("least", &form.least)?, most: number("most", &form.most)? }
        }
        "yes-or-no" => AttributeType::YesOrNo,
        "day" => AttributeType::Day,
        "choice" => AttributeType::Choice { words: lines(&form.words) },
        _ => return Err(invalid("kind", "Choose a type.")),
    };
    let claim = form.claim.trim().to_owned();
    let release =
        (!claim.is_empty()).then(|| Release { claim, scope: form.scope, applications: lines(&form.applications) });
    Ok(AttributeDefinition {
        name,
        label: form.label,
        kind,
        several: form.several,
        required: form.required,
        sensitive: form.sensitive,
        release,
    })
}

pub(super) async fn save(hub: &Hub, by: &Administer, form: AttributeForm) -> Result<(), ApiError> {
    let (new, version) = (form.original.is_empty(), form.version);
    hub.define_attribute(by, version, definition_of(form)?, new).await.map_err(failed)
}

pub(super) async fn remove(hub: &Hub, by: &Administer, name: &str, version: i64, seen: Seen) -> Result<(), ApiError> {
    let name = name.parse().map_err(|_| not_found("This attribute"))?;
    let Seen { people, offers, changes } = seen;
    hub.remove_attribute(by, version, name, Removal { people, offers, changes }).await.map_err(failed)
}
