//! What a hash of the chain covers: the hash before, the number, and every column of the event, in one encoding that no
//! two events share. Changing a byte of it makes every log that exists look altered, so a test pins it.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;
use storage::audit::StoredEvent;

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first event follows.
pub const BEGINNING: Hash = [0; 32];

const FORMAT: &[u8] = b"isthmus audit event 1\0";

/// The hash of an event in its place.
#[must_use]
pub fn hash(before: &[u8], sequence: i64, event: &StoredEvent) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(FORMAT);
    let mut encoded = Vec::with_capacity(512);
    field(&mut encoded, Some(before));
    encoded.extend_from_slice(&sequence.to_be_bytes());
    encode(&mut encoded, event);
    context.update(&encoded);
    let mut hash = BEGINNING;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Every column, in this order for ever.
fn encode(out: &mut Vec<u8>, event: &StoredEvent) {
    let StoredEvent { id, at, actor, action, person_id, source_id, client_id, details, request_id } = event;
    field(out, Some(id.as_bytes()));
    out.extend_from_slice(&at.timestamp_micros().to_be_bytes());
    field(out, Some(actor.as_bytes()));
    field(out, Some(action.as_bytes()));
    field(out, person_id.as_ref().map(|id| id.as_bytes().as_slice()));
    field(out, source_id.as_ref().map(|id| id.as_bytes().as_slice()));
    field(out, client_id.as_deref().map(str::as_bytes));
    value(out, details);
    field(out, request_id.as_deref().map(str::as_bytes));
}

/// Whether it is there, how long it is, what it is.
fn field(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        out.push(0);
        return;
    };
    out.push(1);
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_be_bytes());
}

/// JSON by its meaning: databases keep neither blanks nor the order of keys.
fn value(out: &mut Vec<u8>, json: &Value) {
    match json {
        Value::Null => out.push(b'n'),
        Value::Bool(false) => out.push(b'f'),
        Value::Bool(true) => out.push(b't'),
        Value::Number(number) => {
            out.push(b'#');
            field(out, Some(number.to_string().as_bytes()));
        }
        Value::String(text) => {
            out.push(b'"');
            field(out, Some(text.as_bytes()));
        }
        Value::Array(items) => {
            out.push(b'[');
            length(out, items.len());
            for item in items {
                value(out, item);
            }
        }
        Value::Object(members) => {
            out.push(b'{');
            length(out, members.len());
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            for (name, member) in members {
                field(out, Some(name.as_bytes()));
                value(out, member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event() -> StoredEvent {
        StoredEvent {
            id: Uuid::from_u128(7),
            at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
            actor: "command-line".to_owned(),
            action: "source.registered".to_owned(),
            person_id: None,
            source_id: Some(Uuid::from_u128(9)),
            client_id: None,
            details: json!({ "b": [1, 2.5, null], "a": "text" }),
            request_id: None,
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        let first = hash(&BEGINNING, 1, &event());
        assert_eq!(HEXLOWER.encode(&first), "6061ac22f7ae83f059a51b6d8f5ca2e8b31de3e9d8f3b869ba402bfba39fbabc");
    }

    #[test]
    fn the_order_of_keys_says_nothing_and_all_else_does() {
        let same =
            StoredEvent { details: serde_json::from_str(r#"{"a":"text" , "b":[1,2.5,null]}"#).unwrap(), ..event() };
        let whole = |event: &StoredEvent| hash(&BEGINNING, 1, event);
        assert_eq!(whole(&same), whole(&event()));
        let others = [
            StoredEvent { id: Uuid::from_u128(8), ..event() },
            StoredEvent { at: event().at + chrono::TimeDelta::microseconds(1), ..event() },
            StoredEvent { actor: "command-lin".to_owned(), action: "esource.registered".to_owned(), ..event() },
            StoredEvent { person_id: event().source_id, source_id: None, ..event() },
            StoredEvent { client_id: Some(String::new()), ..event() },
            StoredEvent { request_id: Some(String::new()), ..event() },
            StoredEvent { client_id: Some("x".to_owned()), ..event() },
            StoredEvent { request_id: Some("x".to_owned()), ..event() },
            StoredEvent { details: json!({ "b": [1, 2.5], "a": "text" }), ..event() },
            StoredEvent { details: json!({ "b": [1, 2.5, "null"], "a": "text" }), ..event() },
            StoredEvent { details: json!({ "b": [1, 2.5, []], "a": "text" }), ..event() },
        ];
        let mut seen = vec![whole(&event()), hash(&BEGINNING, 2, &event()), hash(&[1; 32], 1, &event())];
        seen.extend(others.iter().map(whole));
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c\\[\\]{}\",:0-2]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..3).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn two_values_have_one_encoding_only_if_they_are_one(a in any_json(), b in any_json()) {
            let bytes = |json: &Value| { let mut out = Vec::new(); value(&mut out, json); out };
            prop_assert_eq!(a == b, bytes(&a) == bytes(&b));
        }
    }
}
