//! Attributes under the provider's own names, for expressions: claims of a token, properties of a Graph user.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::claims::LONGEST_VALUE;

/// Values of one attribute that are handed on.
const MOST_VALUES: usize = 100;
/// What a token says of itself and not of its subject (OpenID Connect Core, 2 and 3.3.2.11; RFC 7519, 4.1; RFC 9068), and what
/// Entra ID writes there for itself.
const OF_THE_TOKEN: [&str; 20] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "acr",
    "amr",
    "azp",
    "auth_time",
    "sid",
    "client_id",
    "scope",
    "aio",
    "rh",
    "uti",
];

/// Values under these names. A name is one of the object's own, or leads into objects: `address.locality`,
/// `onPremisesExtensionAttributes/extensionAttribute1`. Nothing stands for what is not there.
pub(crate) fn raw(object: &Map<String, Value>, names: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
    let found = names.iter().filter_map(|name| {
        let values = values(object, name);
        (!values.is_empty()).then(|| (name.clone(), values))
    });
    found.collect()
}

/// The same of claims, without those that are about the token.
pub(crate) fn of_claims(claims: &Map<String, Value>, names: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
    let of_somebody = |name: &&String| !OF_THE_TOKEN.contains(&first(name)) && !OF_THE_TOKEN.contains(&name.as_str());
    raw(claims, &names.iter().filter(of_somebody).cloned().collect())
}

/// The part of a name that an object has itself.
pub(crate) fn first(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

fn values(object: &Map<String, Value>, name: &str) -> Vec<String> {
    // Claims may be named by addresses, which have both signs in them.
    if let Some(value) = object.get(name) {
        return texts(value);
    }
    let Some((key, rest)) = name.split_once(['/', '.']) else { return Vec::new() };
    match object.get(key) {
        Some(Value::Object(inner)) => values(inner, rest),
        Some(Value::Array(each)) => {
            let inner = each.iter().filter_map(Value::as_object);
            inner.flat_map(|inner| values(inner, rest)).take(MOST_VALUES).collect()
        }
        _ => Vec::new(),
    }
}

fn texts(value: &Value) -> Vec<String> {
    let each = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    each.iter().filter_map(text).take(MOST_VALUES).collect()
}

/// One printable line.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let fits = !text.is_empty() && text.len() <= LONGEST_VALUE && !text.chars().any(char::is_control);
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(object: &Value, name: &str) -> Option<Vec<String>> {
        of_claims(object.as_object().unwrap(), &BTreeSet::from([name.to_owned()])).remove(name)
    }

    #[test]
    fn values_are_read_under_the_providers_own_names() {
        let object = json!({
            "cost_center": 4130,
            "groups": ["crew", "", "x\ny", 7, { "id": "a" }, null],
            "manager": true,
            "address": { "locality": " Oslo ", "nonce": "inner" },
            "https://tessaro.example/claims/badge": "B-17",
            "emails": [{ "value": "a@corp.test" }, { "value": "b@corp.test" }, "no object"],
            "onPremisesExtensionAttributes": { "extensionAttribute1": "one", "extensionAttribute2": null },
            "extension_0123456789abcdef0123456789abcdef_badge": "17",
        });
        for (name, expected) in [
            ("cost_center", &["4130"][..]),
            ("groups", &["crew", "7"]),
            ("manager", &["true"]),
            ("address.locality", &["Oslo"]),
            ("https://tessaro.example/claims/badge", &["B-17"]),
            ("emails.value", &["a@corp.test", "b@corp.test"]),
            ("onPremisesExtensionAttributes/extensionAttribute1", &["one"]),
            ("extension_0123456789abcdef0123456789abcdef_badge", &["17"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(read(&object, name), Some(expected), "{name}");
        }
        for absent in ["", "title", "address", "manager.name", "onPremisesExtensionAttributes/extensionAttribute2"] {
            assert_eq!(read(&object, absent), None, "{absent}");
        }
    }

    #[test]
    fn what_is_about_the_token_and_what_is_endless_is_not_handed_on() {
        let many: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        let object = json!({
            "nonce": "n", "at_hash": "h", "exp": 1, "aud": ["isthmus"], "acr": "1", "sid": "s", "iat": 2,
            "long": "x".repeat(LONGEST_VALUE + 1), "many": many, "sub": "17", "aud.x": "y",
        });
        for name in ["nonce", "at_hash", "exp", "aud", "acr", "sid", "iat", "long", "aud.x"] {
            assert_eq!(read(&object, name), None, "{name}");
        }
        assert_eq!(read(&object, "sub"), Some(vec!["17".to_owned()]));
        assert_eq!(read(&object, "many").unwrap().len(), MOST_VALUES);
    }
}
