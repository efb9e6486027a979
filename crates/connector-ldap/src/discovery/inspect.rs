//! With the settings as they are now: does the base hold people who can be told apart and named?

use connector::{DiscoveryStage, DiscoveryStep, FailureKind};
use ldap3::Scope;

use super::{
    LdapDiscovery,
    greet::Steps,
    look::{Look, Seen},
    survey::bound_in_steps,
};
use crate::{fault::Fault, search::Entry, settings::Compiled};

/// Entries looked at.
const SAMPLE: usize = 100;

pub(super) async fn inspect(discovery: &LdapDiscovery) -> Vec<DiscoveryStep> {
    let mut steps = Steps::new();
    let mut compiled = match discovery.complete() {
        Ok(compiled) => compiled,
        Err(fault) => {
            steps.add(DiscoveryStage::Account, Err(fault));
            return steps.steps;
        }
    };
    let Some(mut connection) = bound_in_steps(discovery, &mut compiled, &mut steps).await else { return steps.steps };
    let mut look = Look::new(&compiled, &mut connection);
    if let Err((stage, fault)) = look_for_people(&mut look, &compiled, &mut steps).await {
        steps.add(stage, Err(fault));
    }
    steps.steps
}

type Ended = (DiscoveryStage, Fault);

async fn look_for_people(look: &mut Look<'_>, compiled: &Compiled, steps: &mut Steps) -> Result<(), Ended> {
    let at = |stage| move |fault| (stage, fault);
    let label = look.connection.endpoint.label.clone();
    let base = &compiled.base_dn;
    if let Some(introduction) = super::root::read(look).await.map_err(at(DiscoveryStage::Base))? {
        look.heed(&introduction);
    }
    let seen =
        look.search(base, Scope::Base, "(objectClass=*)", &["1.1"], 1).await.map_err(at(DiscoveryStage::Base))?;
    if seen.entries.is_empty() {
        let fault = match seen.refused {
            Some(said) => Fault::misconfigured(&label, format!("{base} is not there, or may not be seen ({said})"))
                .means(FailureKind::BaseMissing),
            None => Fault::misconfigured(&label, format!("the service account may not see {base}"))
                .means(FailureKind::MayNotRead),
        };
        return Err((DiscoveryStage::Base, fault));
    }
    steps.add(DiscoveryStage::Base, Ok(format!("{base} is there")));

    let names = [compiled.id_attribute.as_str(), compiled.username_attribute.as_str()];
    let seen = look.search(base, Scope::Subtree, &compiled.person_filter, &names, SAMPLE).await;
    let seen = seen.map_err(at(DiscoveryStage::People))?;
    steps.add(DiscoveryStage::People, Ok(people(&label, compiled, &seen).map_err(at(DiscoveryStage::People))?));
    if let Some(odd) = seen.entries.iter().find(|entry| !crate::dn::within(&entry.dn, &compiled.base)) {
        let shown: String = odd.dn.chars().filter(|c| !c.is_control()).take(200).collect();
        return Err((
            DiscoveryStage::People,
            Fault::odd(&label, format!("it returned {shown}, which is not below the base")),
        ));
    }
    let id = carried(&label, &seen.entries, &compiled.id_attribute, FailureKind::ImmutableIdMissing);
    steps.add(DiscoveryStage::ImmutableId, Ok(id.map_err(at(DiscoveryStage::ImmutableId))?));
    let username = carried(&label, &seen.entries, &compiled.username_attribute, FailureKind::UsernameMissing);
    steps.add(DiscoveryStage::Username, Ok(username.map_err(at(DiscoveryStage::Username))?));
    Ok(())
}

fn people(label: &str, compiled: &Compiled, seen: &Seen) -> Result<String, Fault> {
    let refused = seen.refused.as_ref();
    if let Some(said) = refused.filter(|_| seen.entries.is_empty()) {
        return Err(
            Fault::misconfigured(label, format!("the search is refused ({said})")).means(FailureKind::MayNotRead)
        );
    }
    match (seen.entries.len(), seen.cut) {
        (0, true) => Err(Fault::misconfigured(label, "the directory ends the search before the first entry")
            .means(FailureKind::CutShort)),
        (0, false) => Err(Fault::misconfigured(
            label,
            format!("{} finds nobody below {}", compiled.person_filter, compiled.base_dn),
        )
        .means(FailureKind::NobodyFound)),
        (found, true) => Ok(format!("at least {found} entries fit {}", compiled.person_filter)),
        (found, false) => Ok(format!("{found} entries fit {}", compiled.person_filter)),
    }
}

/// Whether every entry has the attribute, once.
fn carried(label: &str, entries: &[Entry], attribute: &str, missing: FailureKind) -> Result<String, Fault> {
    let all = entries.len();
    let single = entries.iter().filter(|entry| !entry.bytes(attribute).is_empty()).count();
    let unique =
        missing != FailureKind::ImmutableIdMissing || entries.iter().all(|entry| entry.bytes(attribute).len() == 1);
    if single == all && unique {
        return Ok(format!("all {all} entries looked at have {attribute}"));
    }
    let what = if single == all { "exactly one" } else { "any" };
    let have = entries.iter().filter(|entry| {
        if what == "any" { !entry.bytes(attribute).is_empty() } else { entry.bytes(attribute).len() == 1 }
    });
    Err(Fault::misconfigured(
        label,
        format!("only {} of {all} entries looked at have {what} {attribute}", have.count()),
    )
    .means(missing))
}
