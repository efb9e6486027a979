//! Handing Graph's objects over for an import: whole, and what changed since (delta queries).
//!
//! People come by the delta query from its very beginning: pages may be short, empty, shuffled, and repeat people. Groups
//! and devices are listed; groups take the mark of their delta *before* the list, so that what changes meanwhile is told
//! afterwards, and the members of a group are always read whole: in a delta they come in pieces. Devices have no delta
//! here, because it does not tell their owners.

use std::collections::BTreeSet;

use connector::{
    Abilities, Change, MembershipSide, Next, ReadCursor, ReadFrom, ReadPage, Trouble, TroubleKind, http::endpoint_of,
};
use directory::{ImmutableId, ObjectKind, SourceGroupEntry};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{Graph, Patience, items, link, objects, refusal};
use crate::{OpenIdConnector, failure::trouble};

/// Longer cursors are not ours.
const LONGEST_CURSOR: usize = 16 * 1024;
/// Pages of members of one group.
const MOST_MEMBER_PAGES: usize = 2_000;
/// Groups on one page: each costs a request for its members.
const GROUPS_AT_ONCE: &str = "25";

pub(crate) const ABILITIES: Abilities =
    Abilities { people: true, groups: true, devices: true, delta: true, membership: MembershipSide::Group };

/// Where a read goes on. It comes back from the database, so that nothing of it is believed unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    version: u8,
    kind: ObjectKind,
    /// Of the settings it was made under.
    settings: String,
    step: Step,
    link: Url,
    /// Where the delta begins once the list is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delta: Option<Url>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// The first round of a delta query: everything.
    First,
    /// A list.
    List,
    /// A later round of a delta query: what changed.
    Changes,
}

fn start_over(reason: &str) -> ReadPage {
    ReadPage { changes: Vec::new(), rejected: Vec::new(), next: Next::StartOver { reason: reason.to_owned() } }
}

impl OpenIdConnector {
    pub(crate) async fn graph_read(
        &self,
        graph: &Graph,
        kind: ObjectKind,
        from: ReadFrom,
    ) -> Result<ReadPage, Trouble> {
        self.learn_properties(graph, Patience::Long).await?;
        let place = match from {
            ReadFrom::Beginning => self.beginning(graph, kind).await?,
            ReadFrom::Cursor(cursor) => match self.place(graph, kind, &cursor) {
                Ok(place) => place,
                Err(reason) => return Ok(start_over(reason)),
            },
        };
        let answer = self.graph_get(graph, &place.link, Patience::Long, false).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::GONE => return Ok(start_over("Graph no longer knows the place where the last read ended")),
            // A place that this Graph did not hand out, or not for this query.
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
                return Ok(start_over("Graph does not accept the place where the last read ended"));
            }
            _ => return Err(refusal(&answer)),
        }
        let mut body = answer.json()?;
        let next = link(graph, &body, "@odata.nextLink", &place.link)?;
        let delta = link(graph, &body, "@odata.deltaLink", &place.link)?;
        let objects = items(&mut body, &answer)?;
        let mut page = self.changes(graph, &place, objects).await?;
        page.next = match (next, delta, place.step) {
            (Some(link), _, _) => Next::More(encode(&Place { link, ..place })?),
            (None, Some(link), Step::First | Step::Changes) => {
                let delta = encode(&Place { link, step: Step::Changes, delta: None, ..place })?;
                Next::Complete { delta: Some(delta) }
            }
            (None, _, Step::List) => {
                let delta = place.delta.clone().map(|link| Place { link, step: Step::Changes, delta: None, ..place });
                Next::Complete { delta: delta.as_ref().map(encode).transpose()? }
            }
            (None, None, Step::First | Step::Changes) => {
                let reason = "a page leads neither on nor to the end";
                return Err(trouble(TroubleKind::Unavailable, &answer.endpoint, reason));
            }
        };
        Ok(page)
    }

    fn settings_mark(&self, graph: &Graph) -> String {
        format!("{} {} {}", self.issuer, graph.base, objects::user_select(graph))
    }

    async fn beginning(&self, graph: &Graph, kind: ObjectKind) -> Result<Place, Trouble> {
        let top = graph.page_size.to_string();
        let (step, link, delta) = match kind {
            ObjectKind::Person => {
                (Step::First, graph.url("users/delta", &[("$select", &objects::user_select(graph))])?, None)
            }
            ObjectKind::Group => {
                let list = [("$select", objects::OF_GROUPS), ("$top", GROUPS_AT_ONCE)];
                (Step::List, graph.url("groups", &list)?, Some(self.group_mark(graph).await?))
            }
            ObjectKind::Device => {
                let owners = ("$expand", "registeredOwners($select=id)");
                (Step::List, graph.url("devices", &[("$select", objects::OF_DEVICES), ("$top", &top), owners])?, None)
            }
        };
        Ok(Place { version: 1, kind, settings: self.settings_mark(graph), step, link, delta })
    }

    /// The place of the groups' delta as it is now.
    async fn group_mark(&self, graph: &Graph) -> Result<Url, Trouble> {
        let select = format!("{},members", objects::OF_GROUPS);
        let url = graph.url("groups/delta", &[("$select", &select), ("$deltatoken", "latest")])?;
        let answer = self.graph_get(graph, &url, Patience::Long, false).await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let marked = link(graph, &answer.json()?, "@odata.deltaLink", &url)?;
        marked.ok_or_else(|| trouble(TroubleKind::Unavailable, &answer.endpoint, "no place for a delta was given"))
    }

    fn place(&self, graph: &Graph, kind: ObjectKind, cursor: &ReadCursor) -> Result<Place, &'static str> {
        let odd = "the place where the last read ended cannot be read";
        if cursor.0.len() > LONGEST_CURSOR {
            return Err(odd);
        }
        let place: Place = serde_json::from_slice(&cursor.0).map_err(|_| odd)?;
        if place.version != 1 || place.kind != kind {
            return Err("the place where the last read ended is one of another read");
        }
        if place.settings != self.settings_mark(graph) {
            return Err("the settings have changed since the last read");
        }
        let links = std::iter::once(&place.link).chain(&place.delta);
        if links.into_iter().all(|link| graph.is_ours(link)) { Ok(place) } else { Err(odd) }
    }

    async fn changes(&self, graph: &Graph, place: &Place, objects: Vec<Value>) -> Result<ReadPage, Trouble> {
        let next = Next::StartOver { reason: String::new() };
        let mut page = ReadPage { changes: Vec::new(), rejected: Vec::new(), next };
        let mut seen: BTreeSet<ImmutableId> = BTreeSet::new();
        for object in objects {
            let id = objects::id_of(&object);
            if object.get("@removed").is_some() {
                // Everything that is there was asked for: what is not is not told.
                if let (Some(id), Step::Changes) = (id, place.step) {
                    page.changes.push(Change::Removed(id));
                }
                continue;
            }
            if id.is_some_and(|id| !seen.insert(id)) {
                continue;
            }
            let made = match place.kind {
                ObjectKind::Person => self.person_change(graph, object, place.step).await?,
                ObjectKind::Group => self.group_change(graph, &object, place.step).await?,
                ObjectKind::Device => Some(objects::device(&object).map(|device| Change::Device(Box::new(device)))),
            };
            match made {
                Some(Ok(change)) => page.changes.push(change),
                Some(Err(rejected)) => page.rejected.push(rejected),
                None => {}
            }
        }
        Ok(page)
    }

    /// "Updated instances are represented by their id with at least the updated properties": the rest is fetched.
    async fn person_change(
        &self,
        graph: &Graph,
        user: Value,
        step: Step,
    ) -> Result<Option<Result<Change, connector::Rejected>>, Trouble> {
        let whole = match objects::id_of(&user) {
            Some(id) if !objects::is_whole(graph, &user, step == Step::First) => {
                let select = objects::user_select(graph);
                let url = graph.url(&format!("users/{}", id.as_str()), &[("$select", &select)])?;
                // Gone meanwhile: the next delta says so.
                let Some(whole) = self.graph_object(graph, &url, Patience::Long).await? else { return Ok(None) };
                whole
            }
            Some(_) | None => user,
        };
        Ok(Some(objects::person(graph, &whole).map(|entry| Change::Person(Box::new(entry)))))
    }

    async fn group_change(
        &self,
        graph: &Graph,
        object: &Value,
        step: Step,
    ) -> Result<Option<Result<Change, connector::Rejected>>, Trouble> {
        let mut whole = object.clone();
        if step == Step::Changes
            && let Some(id) = objects::id_of(object)
        {
            let url = graph.url(&format!("groups/{}", id.as_str()), &[("$select", objects::OF_GROUPS)])?;
            match self.graph_object(graph, &url, Patience::Long).await? {
                Some(now) => whole = now,
                None => return Ok(None),
            }
        }
        let (immutable_id, name, description) = match objects::group(&whole) {
            Ok(group) => group,
            Err(rejected) => return Ok(Some(Err(rejected))),
        };
        let Some(members) = self.members_of(graph, &immutable_id).await? else { return Ok(None) };
        Ok(Some(Ok(Change::Group(Box::new(SourceGroupEntry {
            locator: immutable_id.as_str().to_owned(),
            immutable_id,
            name,
            description,
            members,
            members_complete: true,
            left: Vec::new(),
            partial: false,
        })))))
    }

    /// Every direct member. Empty if the group is gone meanwhile.
    async fn members_of(&self, graph: &Graph, id: &ImmutableId) -> Result<Option<Vec<ImmutableId>>, Trouble> {
        let mut url = graph.url(&format!("groups/{}/members", id.as_str()), &[("$select", "id"), ("$top", "999")])?;
        let mut members = BTreeSet::new();
        for _ in 0..MOST_MEMBER_PAGES {
            let answer = self.graph_get(graph, &url, Patience::Long, false).await?;
            match answer.status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Err(refusal(&answer)),
            }
            let mut body = answer.json()?;
            let next = link(graph, &body, "@odata.nextLink", &url)?;
            members.extend(items(&mut body, &answer)?.iter().filter_map(objects::id_of));
            match next {
                Some(next) => url = next,
                None => {
                    members.remove(id);
                    return Ok(Some(members.into_iter().collect()));
                }
            }
        }
        Err(trouble(TroubleKind::Odd, &endpoint_of(&graph.base), "a group has more members than can be read"))
    }
}

fn encode(place: &Place) -> Result<ReadCursor, Trouble> {
    let bytes = serde_json::to_vec(place);
    bytes.map(ReadCursor).map_err(|error| trouble(TroubleKind::Odd, "the cursor", error.to_string()))
}
