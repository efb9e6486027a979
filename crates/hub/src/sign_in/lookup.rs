//! Who a typed name stands for: aliases by namespace (semantics, section 2.2), then the search for somebody unknown
//! (section 2.4(4)). No password is involved.

use std::{collections::BTreeSet, sync::Arc};

use connector::{Found, TroubleKind};
use directory::{AdapterResult, Folded, Namespace, PersonId, SourceEntry, TypedName};
use futures::future::join_all;
use storage::{
    Queries,
    aliases::{Alias, Aliases},
};
use tracing::Instrument as _;

use super::{decision::SourceAnswer, measure, route::Route};
use crate::{Hub, HubError, connections::LiveSource};

/// What the aliases say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Nobody,
    /// Several people hold the name, and the route does not tell them apart.
    Several,
    One {
        alias: Alias,
        /// Held in a namespace the route leads to; false if only because nobody else holds it.
        on_route: bool,
    },
}

/// Looks the typed name up, in the order of section 2.2.
pub(super) async fn by_alias(
    queries: &mut impl Queries,
    route: &Route,
    typed: &TypedName,
    name: &Folded,
) -> Result<Named, HubError> {
    let holders = Aliases(queries).holders(name).await?;
    let in_namespaces =
        |namespaces: &[Namespace]| one_person(holders.iter().filter(|alias| namespaces.contains(&alias.namespace)));
    if let Some(chosen) = &route.chosen {
        return Ok(on_route(in_namespaces(&[Namespace::Source(chosen.source.id)])));
    }
    let qualified = !matches!(typed, TypedName::Bare(_));
    let mut steps: Vec<Vec<Namespace>> = Vec::new();
    if let Some(owner) = route.domain_owner.filter(|_| qualified) {
        steps.push(vec![Namespace::Source(owner)]);
    }
    if route.console {
        steps.push(vec![Namespace::Hub]);
    }
    steps.push(route.originals.iter().copied().map(Namespace::Source).collect());
    for namespaces in steps {
        match in_namespaces(&namespaces) {
            Named::Nobody => {}
            found @ (Named::Several | Named::One { .. }) => return Ok(on_route(found)),
        }
    }
    Ok(one_person(holders.iter()))
}

fn one_person<'a>(holders: impl Iterator<Item = &'a Alias>) -> Named {
    let holders: Vec<&Alias> = holders.collect();
    let people: BTreeSet<PersonId> = holders.iter().map(|alias| alias.person_id).collect();
    match (holders.first(), people.len()) {
        (None, _) => Named::Nobody,
        (Some(alias), 1) => Named::One { alias: (*alias).clone(), on_route: false },
        (Some(_), _) => Named::Several,
    }
}

fn on_route(named: Named) -> Named {
    match named {
        Named::One { alias, .. } => Named::One { alias, on_route: true },
        other @ (Named::Nobody | Named::Several) => other,
    }
}

/// What a search with the service accounts found.
pub(super) enum Searched {
    Nobody,
    /// Borne in two sources, or by two entries that nothing tells apart.
    Several,
    One {
        live: Arc<LiveSource>,
        entry: Box<SourceEntry>,
    },
    /// Nobody can say: this source decides about the refusal.
    Refused {
        live: Arc<LiveSource>,
        answer: SourceAnswer,
        endpoint: String,
        reason: String,
    },
}

/// Searches the sources of one group. A source that is down hides who bears the name, so nobody is chosen then.
pub(super) async fn search(hub: &Hub, group: &[Arc<LiveSource>], typed: &str) -> Searched {
    let found = join_all(group.iter().map(async |live| (live, ask(hub, live, typed).await))).await;
    let mut hit: Option<(Arc<LiveSource>, Box<SourceEntry>)> = None;
    let mut refused = None;
    for (live, answer) in found {
        match answer {
            Ok(Found::Nobody) => {}
            Ok(Found::Several) => {
                refused = Some(Searched::Refused {
                    live: Arc::clone(live),
                    answer: said(AdapterResult::SeveralEntries),
                    endpoint: live.source.name.clone(),
                    reason: "several entries bear the name".to_owned(),
                });
            }
            Ok(Found::One(_)) if hit.is_some() => return Searched::Several,
            Ok(Found::One(entry)) => hit = Some((Arc::clone(live), entry)),
            Err(trouble) => {
                refused = Some(Searched::Refused {
                    live: Arc::clone(live),
                    answer: answer_of(trouble.kind),
                    endpoint: trouble.endpoint,
                    reason: trouble.reason,
                });
            }
        }
    }
    match (refused, hit) {
        (Some(refused), _) => refused,
        (None, Some((live, entry))) => Searched::One { live, entry },
        (None, None) => Searched::Nobody,
    }
}

async fn ask(hub: &Hub, live: &Arc<LiveSource>, typed: &str) -> Result<Found, connector::Trouble> {
    let answer = live.connector()?.find(typed).instrument(measure::asking("find", &live.source.name)).await;
    note_contact(hub, live, answer.as_ref().err().map(|t| t.kind));
    answer
}

/// Remembers whether the source could be reached, for the outage text of its routes.
pub(super) fn note_contact(hub: &Hub, live: &LiveSource, trouble: Option<TroubleKind>) {
    let failed = match trouble {
        None | Some(TroubleKind::Odd) => false,
        Some(TroubleKind::Unavailable | TroubleKind::Misconfigured | TroubleKind::BreakerOpen | TroubleKind::Busy) => {
            true
        }
    };
    hub.state.sign_in.contacted(live.source.id, failed, hub.clock.now());
}

/// What it means that a source could not be asked.
pub(super) const fn answer_of(trouble: TroubleKind) -> SourceAnswer {
    match trouble {
        TroubleKind::Unavailable | TroubleKind::BreakerOpen | TroubleKind::Busy => SourceAnswer::Down,
        TroubleKind::Misconfigured => said(AdapterResult::Misconfigured),
        TroubleKind::Odd => said(AdapterResult::Unavailable),
    }
}

pub(super) const fn said(result: AdapterResult) -> SourceAnswer {
    SourceAnswer::Said { result, proves_password: false }
}
