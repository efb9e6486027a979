//! From Graph's objects to the hub's.

use chrono::{DateTime, Utc};
use connector::Rejected;
use directory::{
    AccountStatus, Anchors, AttributeName, ImmutableId, LockoutReading, SourceDevice, SourceEntry, SourceGroup,
};
use serde_json::Value;

use super::Graph;
use crate::{claims::shown, raw};

/// What is read of everybody, beside the mapped properties.
const OF_USERS: [&str; 7] = [
    "id",
    "userPrincipalName",
    "mail",
    "accountEnabled",
    "lastPasswordChangeDateTime",
    "onPremisesImmutableId",
    "onPremisesSecurityIdentifier",
];
pub(super) const OF_GROUPS: &str = "id,displayName,description";
pub(super) const OF_DEVICES: &str = "id,displayName,operatingSystem,operatingSystemVersion,manufacturer,model,\
                                     accountEnabled,approximateLastSignInDateTime";

fn user_properties(graph: &Graph) -> Vec<&str> {
    let mut names: Vec<&str> = OF_USERS.to_vec();
    names.extend(graph.reads.values().map(String::as_str));
    names
}

/// Of what expressions read, what Graph shows.
fn read_by_name(graph: &Graph) -> impl Iterator<Item = &str> {
    graph.properties.get().into_iter().flatten().map(String::as_str)
}

pub(super) fn user_select(graph: &Graph) -> String {
    let mut names = user_properties(graph);
    names.extend(read_by_name(graph));
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

/// Whether an item of a delta shows everything: it may hold only what changed. In the first round nothing stands for an
/// extension without a value.
pub(super) fn is_whole(graph: &Graph, user: &Value, first: bool) -> bool {
    let shows = |name: &str| user.get(name).is_some();
    user_properties(graph).into_iter().all(shows) && (first || read_by_name(graph).all(shows))
}

/// The shape of an object's id; nothing else is written into an address.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

pub(super) fn id_of(object: &Value) -> Option<ImmutableId> {
    let id = object.get("id").and_then(Value::as_str)?;
    is_id(id).then(|| ImmutableId(id.to_ascii_lowercase()))
}

fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(shown)
}

fn time(object: &Value, name: &str) -> Option<DateTime<Utc>> {
    let text = object.get(name).and_then(Value::as_str)?;
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

fn rejected(object: &Value, reason: &str) -> Rejected {
    let id = id_of(object);
    let locator = id.as_ref().map_or_else(|| "an object without an id".to_owned(), |id| id.as_str().to_owned());
    Rejected { immutable_id: id, locator, reason: reason.to_owned() }
}

/// A user. Groups are not in it, and not complete: they are read by themselves.
pub(super) fn person(graph: &Graph, user: &Value) -> Result<SourceEntry, Rejected> {
    let immutable_id = id_of(user).ok_or_else(|| rejected(user, "it has no id"))?;
    let username = text(user, "userPrincipalName").ok_or_else(|| rejected(user, "it has no userPrincipalName"))?;
    // Without the word nobody is taken for active.
    let status = match user.get("accountEnabled").and_then(Value::as_bool) {
        Some(true) => AccountStatus::Active,
        Some(false) => AccountStatus::Disabled,
        None => return Err(rejected(user, "accountEnabled cannot be read")),
    };
    let attributes: std::collections::BTreeMap<AttributeName, String> =
        graph.reads.iter().filter_map(|(name, at)| text(user, at).map(|value| (*name, value))).collect();
    let mut names = vec![username.clone()];
    names.extend(text(user, "mail").filter(|mail| *mail != username));
    Ok(SourceEntry {
        raw: user.as_object().map(|user| raw::raw(user, &graph.names)).unwrap_or_default(),
        immutable_id,
        locator: username.clone(),
        username: Some(username),
        names,
        attributes,
        groups: Vec::new(),
        groups_complete: false,
        status,
        password_set_at: time(user, "lastPasswordChangeDateTime"),
        lockout: LockoutReading::default(),
        privileged: false,
        anchors: Anchors { guid: text(user, "onPremisesImmutableId"), sid: text(user, "onPremisesSecurityIdentifier") },
        server: String::new(),
    })
}

/// A group of a person.
pub(super) fn group_of(group: &Value) -> Option<SourceGroup> {
    let immutable_id = id_of(group)?;
    let name = text(group, "displayName").unwrap_or_else(|| immutable_id.as_str().to_owned());
    Some(SourceGroup { immutable_id, name })
}

/// (id, name, description) of a group.
pub(super) fn group(group: &Value) -> Result<(ImmutableId, String, Option<String>), Rejected> {
    let id = id_of(group).ok_or_else(|| rejected(group, "it has no id"))?;
    let name = text(group, "displayName").ok_or_else(|| rejected(group, "it has no displayName"))?;
    Ok((id, name, text(group, "description")))
}

pub(super) fn device(device: &Value) -> Result<SourceDevice, Rejected> {
    let immutable_id = id_of(device).ok_or_else(|| rejected(device, "it has no id"))?;
    let name = text(device, "displayName").ok_or_else(|| rejected(device, "it has no displayName"))?;
    let owners = device.get("registeredOwners").and_then(Value::as_array).into_iter().flatten();
    Ok(SourceDevice {
        locator: immutable_id.as_str().to_owned(),
        immutable_id,
        name,
        // Entra ID shows neither; Intune would.
        sid: None,
        serial_number: None,
        manufacturer: text(device, "manufacturer"),
        model: text(device, "model"),
        operating_system: text(device, "operatingSystem"),
        operating_system_version: text(device, "operatingSystemVersion"),
        enabled: device.get("accountEnabled").and_then(Value::as_bool).unwrap_or(false),
        owners: owners.filter_map(id_of).collect(),
        last_seen_at: time(device, "approximateLastSignInDateTime"),
    })
}
