//! Whether what a source's profile says can be meant.

use std::collections::BTreeMap;

use directory::{ConnectorSettings, SourceDraft, names_in};
use profile::Expression;

use super::invalid;
use crate::HubError;

/// The numbers by which sources come one after the other.
const PRIORITIES: std::ops::RangeInclusive<u32> = 1..=1_000;
const FIELD: &str = "profile.expressions";

pub(super) fn check(draft: &mut SourceDraft) -> Result<(), HubError> {
    let profile = &mut draft.profile;
    if profile.priorities.values().chain(&profile.priority).any(|number| !PRIORITIES.contains(number)) {
        return Err(invalid("profile.priority", "give a number from 1 (first) to 1000"));
    }
    let mapped = draft.connector.mapping().into_iter().flat_map(|mapping| mapping.keys());
    if let Some(name) = mapped.chain(&draft.self_written).find_map(|name| name.custom()) {
        return Err(invalid(FIELD, format!("{name} is an attribute of your own: write an expression for it")));
    }
    let written = std::mem::take(&mut profile.expressions);
    profile.expressions = written
        .into_iter()
        .map(|(name, text)| (name, text.trim().to_owned()))
        .filter(|(_, text)| !text.is_empty())
        .collect::<BTreeMap<_, _>>();
    let mut faults = Vec::new();
    for (name, text) in &draft.profile.expressions {
        if let Err(fault) = Expression::compile(text) {
            faults.push(format!("{name}: {fault}"));
        }
        faults
            .extend(names_in(text).iter().filter_map(|read| Some(format!("{name}: {}", refused(draft, *name, read)?))));
    }
    if faults.is_empty() { Ok(()) } else { Err(invalid(FIELD, faults.join("; "))) }
}

/// Why this expression may not read that.
fn refused(draft: &SourceDraft, target: directory::AttributeName, read: &str) -> Option<String> {
    let small = read.to_lowercase();
    if small.contains("passw") || small.contains("pwd") || password_column(&draft.connector) == Some(small) {
        return Some(format!("{read} may hold a password, and passwords are no attributes"));
    }
    let number = directory::AttributeName::NationalNumber;
    let at_source = draft.connector.mapping().and_then(|mapping| mapping.get(&number));
    if target != number && (read == number.as_str() || at_source.is_some_and(|at| at.eq_ignore_ascii_case(read))) {
        return Some(format!("{read} is a national number, of which nothing but a digest is kept"));
    }
    if target.custom().is_some() {
        // Shown as self-written, and neither a name, nor a key, nor an address: see `Source::is_self_written`.
        return None;
    }
    // What people write themselves does not become trustworthy by being computed.
    let mapping = draft.connector.mapping();
    let self_written = draft.self_written.iter().find(|name| {
        let at_source = mapping.and_then(|mapping| mapping.get(name));
        name.as_str() == read || at_source.is_some_and(|at| at.eq_ignore_ascii_case(read))
    });
    let source = self_written.filter(|_| !draft.self_written.contains(&target))?;
    Some(format!("people write {source} themselves: say of {target} that they write it too, or do not read {read}"))
}

fn password_column(connector: &ConnectorSettings) -> Option<String> {
    match connector {
        ConnectorSettings::Sql(sql) => sql.password.as_ref().map(|password| password.column.to_lowercase()),
        ConnectorSettings::File(file) => file.password.as_ref().map(|column| column.to_lowercase()),
        ConnectorSettings::Ldap(_) | ConnectorSettings::OpenId(_) | ConnectorSettings::Scim(_) => None,
    }
}
