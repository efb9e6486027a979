//! The settings of every kind of source but LDAP as fields of a form: from the settings to text and back. Each kind has
//! a list of its own beside this file; a field names a key of the settings as `site.toml` does, `groups.id_column` for one
//! in a section. A key that no list names keeps its value.

mod file;
mod openid;
mod scim;
mod sql;

use std::collections::BTreeMap;

use directory::{AttributeName, ConnectorSettings, SourceDraft, SourceKind};
use serde_json::{Map, Value};

use super::form_parts::attribute_word;
use crate::{problem::ApiError, ui::Choice, wizard::WizardField};

/// How a field is written and read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// Text, or nothing.
    Optional,
    /// A web address.
    Url,
    OptionalUrl,
    /// Several lines of one text: a certificate.
    Pem,
    Number,
    Check,
    /// Spelling and word of each choice.
    Pick(&'static [(&'static str, &'static str)]),
    /// Several, separated by commas.
    List,
    /// One field for each attribute of the hub.
    Mapping,
}

/// One field of a kind's form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
}

pub(crate) const fn setting(key: &'static str, kind: Kind, label: &'static str, hint: &'static str) -> Setting {
    Setting { key, kind, label, hint }
}

/// What the form of a kind asks. LDAP and Active Directory have forms of their own.
const fn settings_of(kind: SourceKind) -> &'static [Setting] {
    match kind {
        SourceKind::Ldap | SourceKind::ActiveDirectory => &[],
        SourceKind::Sql => sql::SETTINGS,
        SourceKind::Entra | SourceKind::OpenId => openid::SETTINGS,
        SourceKind::Scim => scim::SETTINGS,
        SourceKind::File => file::SETTINGS,
    }
}

/// What the hub's own secret at such a source is called.
pub(crate) const fn secret_word(kind: SourceKind) -> Option<&'static str> {
    match kind {
        SourceKind::Ldap | SourceKind::ActiveDirectory => Some("Password of the service account"),
        SourceKind::Sql => Some("Password of the database account"),
        SourceKind::Entra | SourceKind::OpenId => Some("Client secret"),
        SourceKind::Scim => Some("Bearer token"),
        SourceKind::File => None,
    }
}

/// The fields of a source's own settings, filled.
pub(crate) fn fields(draft: &SourceDraft) -> Vec<WizardField> {
    let values = json(&draft.connector);
    let mut fields = Vec::new();
    for setting in settings_of(draft.kind) {
        let value = get(&values, setting.key);
        let field = |kind: &str, value: String| WizardField {
            id: id(setting.key),
            label: setting.label.to_owned(),
            value,
            hint: setting.hint.to_owned(),
            kind: kind.to_owned(),
            ..WizardField::default()
        };
        fields.push(match setting.kind {
            Kind::Text | Kind::Optional | Kind::Url | Kind::OptionalUrl => field("text", text(value)),
            Kind::Pem => field("lines", text(value)),
            Kind::Number => field("number", text(value)),
            Kind::Check => field("check", if value == Some(&Value::Bool(true)) { "true" } else { "" }.to_owned()),
            Kind::Pick(choices) => WizardField {
                choices: choices.iter().map(|(word, label)| Choice::new(*word, *label)).collect(),
                ..field("pick", text(value))
            },
            Kind::List => field("text", list(value)),
            Kind::Mapping => {
                fields.extend(AttributeName::ALL.iter().map(|name| WizardField {
                    id: format!("{}-{name}", id(setting.key)),
                    label: format!("{}: {}", setting.label, attribute_word(*name)),
                    value: text(value.and_then(|value| value.get(name.as_str()))),
                    kind: "text".to_owned(),
                    ..WizardField::default()
                }));
                continue;
            }
        });
    }
    fields
}

/// The settings with what was typed. A mistake names its field.
pub(crate) fn read(before: &SourceDraft, typed: &BTreeMap<String, String>) -> Result<ConnectorSettings, ApiError> {
    let mut values = json(&before.connector);
    let typed_text = |field: &str| typed.get(field).map(|text| text.trim()).unwrap_or_default();
    for setting in settings_of(before.kind) {
        let field = id(setting.key);
        let text = typed_text(&field);
        let wrong = |message: &str| ApiError::Invalid {
            field: field.clone(),
            message: format!("{}: {message}", setting.label),
        };
        let url = |text: &str| {
            let sane = text.contains(':') && !text.contains(char::is_whitespace);
            sane.then(|| Value::from(text)).ok_or_else(|| wrong("this is not an address such as https://example.org."))
        };
        let value = match setting.kind {
            Kind::Text | Kind::Pick(_) => Value::from(text),
            Kind::Url => url(text)?,
            Kind::Optional | Kind::OptionalUrl | Kind::Pem if text.is_empty() => Value::Null,
            Kind::OptionalUrl => url(text)?,
            Kind::Optional => Value::from(text),
            Kind::Pem => Value::from(pem(text, get(&values, setting.key))),
            Kind::Number => Value::from(text.parse::<u64>().map_err(|_| wrong("this is not a whole number."))?),
            Kind::Check => Value::Bool(typed.contains_key(&field)),
            Kind::List => {
                let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
                parts.map(Value::from).collect()
            }
            Kind::Mapping => {
                let named = AttributeName::ALL.iter().map(|name| (name, typed_text(&format!("{field}-{name}"))));
                let filled = named.filter(|(_, column)| !column.is_empty());
                Value::Object(filled.map(|(name, column)| (name.to_string(), Value::from(column))).collect())
            }
        };
        set(&mut values, setting.key, value);
    }
    forget_empty_sections(&mut values, before.kind);
    serde_json::from_value(Value::Object(values)).map_err(|error| {
        let message = format!("These settings do not fit together: {error}.");
        ApiError::Invalid { field: String::new(), message }
    })
}

/// Browsers send line breaks of their own making: an authority that nobody touched must not look changed, or the secret
/// would be asked for again.
fn pem(text: &str, before: Option<&Value>) -> String {
    let text = text.replace("\r\n", "\n");
    match before.and_then(Value::as_str) {
        Some(before) if before.trim().replace("\r\n", "\n") == text => before.to_owned(),
        _ => text,
    }
}

/// A section whose every text is empty is one that nobody wants.
fn forget_empty_sections(values: &mut Map<String, Value>, kind: SourceKind) {
    for setting in settings_of(kind) {
        let Some((section, _)) = setting.key.split_once('.') else { continue };
        let inside =
            settings_of(kind).iter().filter(|other| other.key.split_once('.').is_some_and(|(s, _)| s == section));
        let says_something = inside
            .filter(|other| matches!(other.kind, Kind::Text | Kind::Optional | Kind::Url | Kind::OptionalUrl))
            .any(|other| get(values, other.key).and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
        if !says_something {
            values.insert(section.to_owned(), Value::Null);
        }
    }
}

/// As the field stands in the page and in errors.
fn id(key: &str) -> String {
    key.replace('.', "-")
}

fn json(settings: &ConnectorSettings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(values)) => values,
        // Plain data: it is always an object.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn get<'a>(values: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((section, rest)) => get(values.get(section)?.as_object()?, rest),
        None => values.get(key),
    }
}

fn set(values: &mut Map<String, Value>, key: &str, value: Value) {
    let Some((section, rest)) = key.split_once('.') else {
        values.insert(key.to_owned(), value);
        return;
    };
    let inside = values.entry(section).or_insert(Value::Null);
    if !inside.is_object() {
        *inside = Value::Object(Map::new());
    }
    if let Some(inside) = inside.as_object_mut() {
        // An empty list in a section stands for its default.
        match value {
            Value::Array(parts) if parts.is_empty() => drop(inside.remove(rest)),
            value => set(inside, rest, value),
        }
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn list(value: Option<&Value>) -> String {
    let parts = value.and_then(Value::as_array).into_iter().flatten();
    parts.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use directory::FileFormat;

    use super::*;

    fn typed(draft: &SourceDraft) -> BTreeMap<String, String> {
        // A browser sends no box that is not ticked.
        let sent = |field: &WizardField| field.kind != "check" || field.value == "true";
        fields(draft).into_iter().filter(sent).map(|field| (field.id, field.value)).collect()
    }

    #[test]
    fn fields_filled_from_settings_give_the_same_settings_back() {
        for kind in SourceKind::ALL.iter().filter(|kind| !settings_of(**kind).is_empty()) {
            let draft = SourceDraft::preset(*kind);
            assert_eq!(read(&draft, &typed(&draft)).unwrap(), draft.connector, "{kind}");
        }
    }

    #[test]
    fn every_key_of_a_list_is_one_of_the_settings() {
        for kind in SourceKind::ALL {
            let preset = json(&ConnectorSettings::preset(*kind));
            for setting in settings_of(*kind) {
                let first = setting.key.split('.').next().unwrap();
                assert!(preset.contains_key(first), "{kind}: {}", setting.key);
            }
        }
    }

    #[test]
    fn what_is_typed_is_what_is_stored() {
        let draft = SourceDraft::preset(SourceKind::File);
        let mut form = typed(&draft);
        for (field, value) in [
            ("path", " staff.jsonl "),
            ("format", "json-lines"),
            ("names", "mail, alias,"),
            ("status", ""),
            ("groups_path", "groups.jsonl"),
            ("mapping-phone", "tel"),
            ("settle_seconds", "9"),
        ] {
            form.insert(field.to_owned(), value.to_owned());
        }
        let Ok(ConnectorSettings::File(file)) = read(&draft, &form) else { panic!() };
        assert_eq!((file.path.as_str(), file.format), ("staff.jsonl", FileFormat::JsonLines));
        assert_eq!(file.names, ["mail", "alias"]);
        assert_eq!((file.status, file.groups_path.as_deref()), (None, Some("groups.jsonl")));
        assert_eq!(file.mapping[&AttributeName::Phone], "tel");
        assert_eq!(file.settle_seconds, 9);
    }

    #[test]
    fn a_mistake_names_its_field() {
        let draft = SourceDraft::preset(SourceKind::File);
        let mut form = typed(&draft);
        form.insert("settle_seconds".to_owned(), "soon".to_owned());
        let Err(ApiError::Invalid { field, .. }) = read(&draft, &form) else { panic!() };
        assert_eq!(field, "settle_seconds");
        let draft = SourceDraft::preset(SourceKind::Scim);
        let mut form = typed(&draft);
        form.insert("url".to_owned(), "scim.example".to_owned());
        let Err(ApiError::Invalid { field, .. }) = read(&draft, &form) else { panic!() };
        assert_eq!(field, "url");
    }
}
