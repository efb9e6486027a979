//! From a resource to a person or a group. Services differ in what they leave out, so that nothing but an id, and a name,
//! is asked for.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use directory::{
    AccountStatus, Anchors, AttributeName, ImmutableId, LockoutReading, SourceEntry, SourceGroup, SourceGroupEntry,
    fold,
};
use serde_json::Value;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What reading needs beside the resource.
pub(crate) struct Reader {
    /// Folded names or ids of groups whose members are privileged.
    protected: HashSet<String>,
    /// The service's own attributes that expressions read.
    reads: BTreeSet<String>,
}

impl Reader {
    pub(crate) fn new(protected: &[String], reads: BTreeSet<String>) -> Self {
        Self { protected: protected.iter().map(|group| fold(group).as_str().to_owned()).collect(), reads }
    }

    pub(crate) fn person(&self, resource: &Value) -> Result<SourceEntry, String> {
        let immutable_id = id(resource)?;
        let username = text(resource, &["userName"]);
        let attributes = attributes(resource);
        let mut names: Vec<String> = username.iter().cloned().collect();
        names.extend(attributes.get(&AttributeName::Email).filter(|mail| !names.contains(mail)).cloned());
        let groups = groups(resource);
        let is = |text: &str| self.protected.contains(fold(text).as_str());
        let privileged = groups.iter().flatten().any(|group| is(&group.name) || is(group.immutable_id.as_str()));
        let active = resource.get("active") != Some(&Value::Bool(false));
        Ok(SourceEntry {
            raw: raw(resource, &self.reads),
            locator: format!("Users/{immutable_id}"),
            immutable_id,
            username,
            names,
            attributes,
            groups_complete: groups.is_some(),
            groups: groups.unwrap_or_default(),
            status: if active { AccountStatus::Active } else { AccountStatus::Disabled },
            password_set_at: None,
            lockout: LockoutReading { threshold: Some(0), window_seconds: Some(0), ..LockoutReading::default() },
            privileged,
            anchors: Anchors::default(),
            server: String::new(),
        })
    }

    pub(crate) fn group(resource: &Value) -> Result<SourceGroupEntry, String> {
        let immutable_id = id(resource)?;
        let members = match resource.get("members") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(members)) => {
                let ids = members.iter().map(|member| text(member, &["value"]).map(ImmutableId));
                let ids: Option<Vec<ImmutableId>> = ids.collect();
                ids.ok_or("a member has no value")?
            }
            Some(_) => return Err("members is no list".to_owned()),
        };
        let mut members: Vec<ImmutableId> = members.into_iter().filter(|member| *member != immutable_id).collect();
        members.sort_unstable();
        members.dedup();
        Ok(SourceGroupEntry {
            locator: format!("Groups/{immutable_id}"),
            immutable_id,
            name: text(resource, &["displayName"]).ok_or("no displayName")?,
            description: text(resource, &["description"]),
            members,
            members_complete: true,
            left: Vec::new(),
            partial: false,
        })
    }
}

/// RFC 7643 3.1: stable, never given to another resource.
pub(crate) fn id(resource: &Value) -> Result<ImmutableId, String> {
    match resource.get("id") {
        Some(Value::String(id)) if id.is_empty() || id.len() > 256 || id.chars().any(char::is_control) => {
            Err("its id is empty, too long or has a control character".to_owned())
        }
        Some(Value::String(id)) => Ok(ImmutableId(id.clone())),
        _ => Err("no id".to_owned()),
    }
}

fn text(resource: &Value, path: &[&str]) -> Option<String> {
    let mut value = resource;
    for key in path {
        value = value.get(key)?;
    }
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Values under the service's own names: `nickName`, `name.middleName`, `addresses.locality`, `costCenter` of an extension,
/// or with its schema `urn:…:User:costCenter`. Nothing stands for what is not there.
fn raw(resource: &Value, names: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
    let found = names.iter().filter_map(|name| {
        let values = match name.rsplit_once(':') {
            Some((schema, path)) => values(resource.get(schema)?, path),
            None => {
                let extensions = resource.as_object()?.iter().filter(|(key, _)| key.starts_with("urn:"));
                std::iter::once(resource)
                    .chain(extensions.map(|(_, extension)| extension))
                    .map(|place| values(place, name))
                    .find(|values| !values.is_empty())?
            }
        };
        (!values.is_empty()).then(|| (name.clone(), values))
    });
    found.collect()
}

fn values(value: &Value, path: &str) -> Vec<String> {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    // Names of attributes are case-insensitive (RFC 7643 2.1).
    let named = value.as_object().into_iter().flatten().find(|(name, _)| name.eq_ignore_ascii_case(key));
    let Some((_, value)) = named else { return Vec::new() };
    let each: &[Value] = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    each.iter()
        .flat_map(|one| rest.map_or_else(|| scalar(one).into_iter().collect(), |rest| values(one, rest)))
        .collect()
}

/// A value as text; of one of several, what it calls its value.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Object(fields) => fields.get("value").filter(|value| !value.is_object()).and_then(scalar),
        Value::Null | Value::Array(_) => None,
    }
}

/// The primary one of several, else one for work, else the first.
fn best(resource: &Value, key: &str) -> Option<String> {
    let all = resource.get(key)?.as_array()?;
    let primary = all.iter().find(|one| one.get("primary") == Some(&Value::Bool(true)));
    let work = || all.iter().find(|one| one.get("type").and_then(Value::as_str) == Some("work"));
    text(primary.or_else(work).or_else(|| all.first())?, &["value"])
}

fn attributes(resource: &Value) -> BTreeMap<AttributeName, String> {
    let found = AttributeName::ALL.iter().filter_map(|name| {
        let value = match name {
            AttributeName::DisplayName => {
                text(resource, &["displayName"]).or_else(|| text(resource, &["name", "formatted"]))
            }
            AttributeName::GivenName => text(resource, &["name", "givenName"]),
            AttributeName::FamilyName => text(resource, &["name", "familyName"]),
            AttributeName::Email => best(resource, "emails"),
            AttributeName::Phone => best(resource, "phoneNumbers"),
            AttributeName::EmployeeNumber => text(resource, &[ENTERPRISE, "employeeNumber"]),
            AttributeName::Title => text(resource, &["title"]),
            AttributeName::Department => text(resource, &[ENTERPRISE, "department"]),
            AttributeName::Locale => text(resource, &["preferredLanguage"]).or_else(|| text(resource, &["locale"])),
            // RFC 7643 has neither; what an installation defines is computed, by expressions.
            AttributeName::BirthDate | AttributeName::NationalNumber | AttributeName::Custom(_) => None,
        };
        Some((*name, value?))
    });
    found.collect()
}

/// Groups that the service says a person is in; nothing if it does not say.
fn groups(resource: &Value) -> Option<Vec<SourceGroup>> {
    let groups = resource.get("groups")?.as_array()?;
    let each = groups.iter().map(|group| {
        let id = text(group, &["value"])?;
        let name = text(group, &["display"]).unwrap_or_else(|| id.clone());
        Some(SourceGroup { immutable_id: ImmutableId(id), name })
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_are_read_under_the_services_own_names() {
        let resource = json!({
            "id": "7",
            "nickName": "Zo",
            "name": { "middleName": "Q" },
            "addresses": [{ "locality": "Oslo" }, { "locality": "Bergen" }, { "region": "x" }],
            "emails": [{ "value": "a@corp.test" }, { "value": "b@corp.test" }],
            ENTERPRISE: { "costCenter": 4130, "manager": { "value": "9" } },
            "urn:example:badge": { "active": true },
        });
        let read = |name: &str| raw(&resource, &BTreeSet::from([name.to_owned()])).remove(name);
        for (name, expected) in [
            ("nickname", &["Zo"][..]),
            ("name.middleName", &["Q"]),
            ("addresses.locality", &["Oslo", "Bergen"]),
            ("emails", &["a@corp.test", "b@corp.test"]),
            ("costCenter", &["4130"]),
            ("manager", &["9"]),
            ("urn:example:badge:active", &["true"]),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", &["4130"]),
        ] {
            assert_eq!(
                read(name).as_deref(),
                Some(&expected.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..]),
                "{name}"
            );
        }
        for absent in ["title", "name", "addresses", "urn:example:badge:colour", "urn:nothing:active", ""] {
            assert_eq!(read(absent), None, "{absent}");
        }
    }
}
