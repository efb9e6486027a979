//! The difference between what is stored and what is wanted, field by field, for people and for the audit log.

use std::collections::BTreeMap;

use directory::SourceDraft;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::vault::token_digest;

/// One field that changes. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: String,
    pub before: String,
    pub after: String,
}

impl FieldChange {
    /// A secret was entered that is not the stored one.
    pub(super) fn secret(field: &str) -> Self {
        Self { field: field.to_owned(), before: "(kept secret)".to_owned(), after: "(entered anew)".to_owned() }
    }
}

impl std::fmt::Display for FieldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.field, self.before, self.after)
    }
}

/// What changes between two states of a source.
pub(super) fn of_sources(before: &SourceDraft, after: &SourceDraft) -> Vec<FieldChange> {
    // `allow_plain` is the consent to `transport`, not a setting of its own.
    compare(before, after, &["allow_plain"])
}

/// Compares two JSON objects leaf by leaf.
pub(crate) fn compare<T: Serialize>(before: &T, after: &T, without: &[&str]) -> Vec<FieldChange> {
    let (before, after) = (leaves(before), leaves(after));
    let absent = || "(none)".to_owned();
    let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| !without.contains(&field.as_str()) && before.get(*field) != after.get(*field))
        .map(|field| FieldChange {
            field: field.clone(),
            before: before.get(field).cloned().unwrap_or_else(absent),
            after: after.get(field).cloned().unwrap_or_else(absent),
        })
        .collect()
}

fn leaves<T: Serialize>(value: &T) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // A draft is plain data: it always serialises.
    if let Ok(value) = serde_json::to_value(value) {
        collect(&mut found, "", &value);
    }
    found
}

fn collect(found: &mut BTreeMap<String, String>, path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                // The connector's own fields stand beside the source's, as in `site.toml`.
                let path = match path {
                    "" | "connector" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                collect(found, &path, value);
            }
        }
        Value::Null => {}
        other => {
            found.insert(as_in_the_file(path).to_owned(), shown(other));
        }
    }
}

/// The key of `site.toml` for a stored field.
fn as_in_the_file(path: &str) -> &str {
    match path {
        "ca_pem" => "ca_file",
        "capture_settle_seconds" => "capture_settle",
        "lockout.threshold" => "lockout_threshold",
        "lockout.window_seconds" => "lockout_window",
        "lockout.waiver" => "lockout_waiver",
        other => other,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains("-----BEGIN") => {
            let digest = token_digest(text);
            let short: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
            format!("certificate file {short}")
        }
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use directory::{SourceKind, SourceMode};
    use proptest::prelude::*;

    use super::*;

    fn draft() -> impl Strategy<Value = SourceDraft> {
        (any::<bool>(), "[a-z]{1,8}", prop::collection::vec("[a-z]{1,5}\\.test", 0..3), 0u64..9_000, 0usize..5)
            .prop_map(|(flag, label, domains, settle, mode)| SourceDraft {
                name: "corp".to_owned(),
                label,
                domains,
                shadow: flag,
                capture_settle_seconds: settle,
                mode: SourceMode::ALL[mode],
                ..SourceDraft::preset(SourceKind::Ldap)
            })
    }

    proptest! {
        #[test]
        fn equal_drafts_do_not_differ(a in draft()) {
            prop_assert_eq!(of_sources(&a, &a), vec![]);
        }

        #[test]
        fn a_difference_is_told_both_ways(a in draft(), b in draft()) {
            let (there, back) = (of_sources(&a, &b), of_sources(&b, &a));
            prop_assert_eq!(there.is_empty(), a == b);
            prop_assert_eq!(there.len(), back.len());
            for (x, y) in there.iter().zip(&back) {
                prop_assert_eq!((&x.field, &x.before, &x.after), (&y.field, &y.after, &y.before));
            }
        }
    }

    #[test]
    fn connector_fields_are_named_as_in_the_file() {
        let before = SourceDraft::preset(SourceKind::Ldap);
        let mut after = before.clone();
        after.connector.ldap_mut().unwrap().base_dn = "dc=x".to_owned();
        let fields: Vec<String> = of_sources(&before, &after).into_iter().map(|c| c.field).collect();
        assert_eq!(fields, ["base_dn"]);
    }
}
