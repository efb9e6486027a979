//! Microsoft Graph v1.0: people, groups, members and devices, with the hub's own account (client credentials).

mod objects;
mod properties;
mod read;

use std::{
    collections::BTreeSet,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use connector::{Cursor, Found, Page, Trouble, TroubleKind, http::endpoint_of};
use directory::{AttributeMapping, ImmutableId, Source, SourceEntry, SourceGroup};
use reqwest::{Method, StatusCode, header::ACCEPT};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use crate::{
    OpenIdConnector,
    failure::{kind_of, printable, trouble},
    http::Answer,
};

pub(crate) use read::ABILITIES;

/// How often a read that is throttled is tried again.
const TRIES: u32 = 5;
/// Longer than this nobody waits in the middle of a read: the next run goes on from the same cursor.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Groups of one person that are read; a person in more of them has no complete list, and keeps the old one.
const MOST_GROUP_PAGES: usize = 50;

/// Where Graph is, and the token for it.
pub(crate) struct Graph {
    pub(crate) base: Url,
    reads: AttributeMapping,
    /// What expressions read, under Graph's own names.
    names: BTreeSet<String>,
    /// The properties these names are in.
    named: BTreeSet<String>,
    /// Those of them that Graph shows; empty until that is known.
    properties: OnceLock<BTreeSet<String>>,
    /// Ids of groups whose members are privileged.
    protected: Vec<String>,
    /// Objects per page.
    page_size: u32,
    token: Mutex<Option<(SecretString, Instant)>>,
}

/// Whether a throttled request is worth waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Somebody waits at the sign-in page.
    None,
    /// An import.
    Long,
}

impl Graph {
    pub(crate) fn new(base: Url, reads: AttributeMapping, source: &Source, page_size: u32) -> Self {
        let names = source.profile.reads();
        Self {
            base,
            reads,
            named: properties::of_names(&names),
            names,
            properties: OnceLock::new(),
            protected: source.protected_groups.clone(),
            page_size,
            token: Mutex::default(),
        }
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Trouble> {
        let mut url = self.base.join(path).map_err(|error| odd(&self.base, format!("{path}: {error}")))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Whether a link leads to this Graph: one that leads elsewhere would take the hub's token with it.
    fn is_ours(&self, link: &Url) -> bool {
        link.origin() == self.base.origin() && link.path().starts_with(self.base.path())
    }

    fn token_now(&self) -> Option<SecretString> {
        let token = self.token.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        token.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(token, _)| token.clone())
    }

    fn keep(&self, token: Option<(SecretString, Instant)>) {
        *self.token.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = token;
    }
}

fn odd(at: &Url, reason: String) -> Trouble {
    trouble(TroubleKind::Odd, &endpoint_of(at), reason)
}

impl OpenIdConnector {
    /// The hub's own token (RFC 6749, 4.4).
    async fn graph_token(&self, graph: &Graph) -> Result<SecretString, Trouble> {
        if let Some(token) = graph.token_now() {
            return Ok(token);
        }
        let known = self.metadata().await?;
        let scope = format!("{}/.default", graph.base.origin().ascii_serialization());
        let request =
            self.client_request(known.token.clone()).form(&[("grant_type", "client_credentials"), ("scope", &scope)]);
        let answer = self.http.send(request).await?;
        let body = answer.json().unwrap_or(Value::Null);
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        if answer.status != StatusCode::OK || text("access_token").is_empty() {
            let kind = match kind_of(text("error")) {
                _ if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    TroubleKind::Unavailable
                }
                TroubleKind::Odd => TroubleKind::Misconfigured,
                kind => kind,
            };
            let reason = format!("no token for Graph: {} {}", answer.status, printable(text("error")));
            return Err(trouble(kind, &answer.endpoint, reason));
        }
        let token = SecretString::from(text("access_token").to_owned());
        let seconds = body.get("expires_in").and_then(Value::as_u64).unwrap_or(300).min(24 * 3_600);
        graph.keep(Some((token.clone(), Instant::now() + Duration::from_secs(seconds.saturating_sub(60).max(1)))));
        Ok(token)
    }

    /// One answer of Graph, whatever its status; throttling is waited for, an old token is renewed once.
    async fn graph_get(&self, graph: &Graph, url: &Url, patience: Patience, eventual: bool) -> Result<Answer, Trouble> {
        let mut renewed = false;
        for attempt in 0..TRIES {
            let token = self.graph_token(graph).await?;
            let mut request = self.http.request(Method::GET, url.clone()).bearer_auth(token.expose_secret());
            request = request.header(ACCEPT, "application/json");
            if eventual {
                request = request.header("ConsistencyLevel", "eventual");
            }
            let answer = self.http.send(request).await?;
            let throttled =
                answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status == StatusCode::SERVICE_UNAVAILABLE;
            if answer.status == StatusCode::UNAUTHORIZED && !renewed {
                graph.keep(None);
                renewed = true;
                continue;
            }
            if !throttled || patience == Patience::None {
                return Ok(answer);
            }
            let wait = answer.retry_after().unwrap_or_else(|| Duration::from_secs(1 << attempt));
            if wait > LONGEST_WAIT {
                let reason = format!("it asks to come back in {} seconds", wait.as_secs());
                return Err(trouble(TroubleKind::Unavailable, &answer.endpoint, reason));
            }
            sleep(wait).await;
        }
        Err(trouble(TroubleKind::Unavailable, &endpoint_of(url), "it asks to wait again and again"))
    }

    /// The object a good answer holds; `None` = there is none.
    async fn graph_object(&self, graph: &Graph, url: &Url, patience: Patience) -> Result<Option<Value>, Trouble> {
        let answer = self.graph_get(graph, url, patience, false).await?;
        match answer.status {
            StatusCode::OK => answer.json().map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(&answer)),
        }
    }

    /// A page of a collection: its items, and the link to the next.
    async fn graph_page(
        &self,
        graph: &Graph,
        url: &Url,
        patience: Patience,
        eventual: bool,
    ) -> Result<(Vec<Value>, Option<Url>), Trouble> {
        let answer = self.graph_get(graph, url, patience, eventual).await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let mut body = answer.json()?;
        let next = link(graph, &body, "@odata.nextLink", url)?;
        Ok((items(&mut body, &answer)?, next))
    }

    pub(crate) async fn graph_find(&self, graph: &Graph, typed: &str) -> Result<Found, Trouble> {
        self.learn_properties(graph, Patience::None).await?;
        let quoted = typed.trim().replace('\'', "''");
        let filter = format!("userPrincipalName eq '{quoted}' or mail eq '{quoted}'");
        let select = objects::user_select(graph);
        let url = graph.url("users", &[("$select", &select), ("$filter", &filter)])?;
        let (mut found, _) = self.graph_page(graph, &url, Patience::None, false).await?;
        if found.len() > 1 {
            return Ok(Found::Several);
        }
        let Some(user) = found.pop() else { return Ok(Found::Nobody) };
        let entry = objects::person(graph, &user).map_err(|rejected| odd(&graph.base, rejected.reason))?;
        Ok(Found::One(Box::new(self.with_groups(graph, entry, None).await)))
    }

    pub(crate) async fn graph_fetch(
        &self,
        graph: &Graph,
        id: &ImmutableId,
        groups_within: Option<Duration>,
    ) -> Result<Option<SourceEntry>, Trouble> {
        if !objects::is_id(id.as_str()) {
            return Ok(None);
        }
        self.learn_properties(graph, Patience::None).await?;
        let select = objects::user_select(graph);
        let url = graph.url(&format!("users/{}", id.as_str()), &[("$select", &select)])?;
        let Some(user) = self.graph_object(graph, &url, Patience::None).await? else { return Ok(None) };
        let entry = objects::person(graph, &user).map_err(|rejected| odd(&graph.base, rejected.reason))?;
        Ok(Some(self.with_groups(graph, entry, groups_within).await))
    }

    /// A page of people, for the sweep that keeps standing fresh.
    pub(crate) async fn graph_people(&self, graph: &Graph, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        self.learn_properties(graph, Patience::Long).await?;
        let url = match cursor {
            None => {
                let select = objects::user_select(graph);
                graph.url("users", &[("$select", &select), ("$top", &graph.page_size.to_string())])?
            }
            Some(cursor) => {
                let link = std::str::from_utf8(&cursor.0).ok().and_then(|text| Url::parse(text).ok());
                link.filter(|link| graph.is_ours(link))
                    .ok_or_else(|| odd(&graph.base, "a cursor of nobody's".to_owned()))?
            }
        };
        let (items, next) = self.graph_page(graph, &url, Patience::Long, false).await?;
        let mut page = Page { entries: Vec::new(), rejected: Vec::new(), next: None };
        for user in &items {
            match objects::person(graph, user) {
                Ok(entry) => page.entries.push(entry),
                Err(rejected) => page.rejected.push((rejected.locator, rejected.reason)),
            }
        }
        page.next = next.map(|link| Cursor(link.as_str().as_bytes().to_vec()));
        Ok(page)
    }

    /// The groups of a person, nested ones included, however many there are: a token would leave them out (overage).
    /// A failure keeps the old ones, never none.
    async fn with_groups(&self, graph: &Graph, mut entry: SourceEntry, within: Option<Duration>) -> SourceEntry {
        let reading = self.groups_of(graph, &entry.immutable_id);
        let read = match within {
            Some(within) => timeout(within, reading).await.ok(),
            None => Some(reading.await),
        };
        match read {
            Some(Ok(groups)) => {
                entry.privileged = groups
                    .iter()
                    .any(|group| graph.protected.iter().any(|id| id.eq_ignore_ascii_case(group.immutable_id.as_str())));
                entry.groups = groups;
                entry.groups_complete = true;
            }
            Some(Err(trouble)) => tracing::info!(source = %self.name, reason = %trouble, "groups were not read"),
            None => {}
        }
        entry
    }

    async fn groups_of(&self, graph: &Graph, id: &ImmutableId) -> Result<Vec<SourceGroup>, Trouble> {
        let path = format!("users/{}/transitiveMemberOf/microsoft.graph.group", id.as_str());
        let query = [("$select", "id,displayName"), ("$count", "true"), ("$top", "999")];
        let mut next = Some(graph.url(&path, &query)?);
        let mut groups = Vec::new();
        for _ in 0..MOST_GROUP_PAGES {
            let Some(url) = next.take() else { return Ok(groups) };
            let (items, more) = self.graph_page(graph, &url, Patience::None, true).await?;
            groups.extend(items.iter().filter_map(objects::group_of));
            next = more;
        }
        if next.is_none() { Ok(groups) } else { Err(odd(&graph.base, "more groups than can be read".to_owned())) }
    }

    /// What a live test shows of Graph.
    pub(crate) async fn graph_probe(&self, graph: &Graph) -> Result<String, Trouble> {
        self.learn_properties(graph, Patience::None).await?;
        let url = graph.url("users", &[("$select", &objects::user_select(graph)), ("$top", "1")])?;
        let (items, _) = self.graph_page(graph, &url, Patience::None, false).await?;
        let shows = if items.is_empty() { "It shows nobody." } else { "It shows people." };
        let unknown = Self::unknown_properties(graph);
        if unknown.is_empty() {
            return Ok(shows.to_owned());
        }
        Ok(format!("{shows} It does not show {}, which expressions read.", unknown.join(", ")))
    }
}

/// Its items, or why it is no page.
fn items(body: &mut Value, answer: &Answer) -> Result<Vec<Value>, Trouble> {
    match body.get_mut("value").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(trouble(TroubleKind::Unavailable, &answer.endpoint, "the answer holds no list")),
    }
}

/// A link of an answer. It must lead on, and stay here.
fn link(graph: &Graph, body: &Value, name: &str, from: &Url) -> Result<Option<Url>, Trouble> {
    let Some(text) = body.get(name).and_then(Value::as_str) else { return Ok(None) };
    let parsed = Url::parse(text).ok().filter(|link| graph.is_ours(link) && link != from);
    parsed.map(Some).ok_or_else(|| {
        trouble(TroubleKind::Unavailable, &endpoint_of(&graph.base), format!("{name} leads elsewhere, or nowhere"))
    })
}

/// What a refusal of Graph means. Its words stand in the log; its code is short.
fn refusal(answer: &Answer) -> Trouble {
    let body = answer.json().unwrap_or(Value::Null);
    let code = body.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
    let kind = match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => TroubleKind::Misconfigured,
        StatusCode::TOO_MANY_REQUESTS => TroubleKind::Unavailable,
        status if status.is_server_error() => TroubleKind::Unavailable,
        _ => TroubleKind::Odd,
    };
    let remedy = if answer.status == StatusCode::FORBIDDEN {
        ": grant the application User.Read.All, Group.Read.All and Device.Read.All"
    } else {
        ""
    };
    trouble(kind, &answer.endpoint, format!("Graph answered {} {}{remedy}", answer.status, printable(code)))
}
