//! From a resource to a person or a group. Services differ in what they leave out, so that nothing but an id, and a name,
//! is asked for.

use std::collections::{BTreeMap, HashSet};

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
}

impl Reader {
    pub(crate) fn new(protected: &[String]) -> Self {
        Self { protected: protected.iter().map(|group| fold(group).as_str().to_owned()).collect() }
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
            raw: BTreeMap::new(),
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
            // What an installation defines is computed, by expressions.
            AttributeName::Custom(_) => None,
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
