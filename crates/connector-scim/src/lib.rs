//! A SCIM 2.0 service as a source (RFC 7643, RFC 7644): people and groups, read page by page.
//!
//! SCIM counts its pages by position, in lists that change while they are read: whoever leaves shifts everybody behind
//! them forward, and somebody is never shown. So each page asks again for the last one of the page before, and a read in
//! which they differ, or the total does, begins anew. It is always a read of everything: the protocol has no way to ask
//! who was deleted.

mod http;
mod probe;
mod resource;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use async_trait::async_trait;
use connector::{
    Abilities, AllowedNetworks, Change, Connector, Cursor, Found, MembershipSide, Next, Page, ProbeStep, Read,
    ReadCursor, ReadFrom, ReadPage, Rejected, Trouble, TroubleKind, Verification,
};
use directory::{
    AdapterResult, ConnectorSettings, ImmutableId, LockoutReading, ObjectKind, ScimSettings, Source, SourceEntry, fold,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{http::HttpClient, resource::Reader};

/// Longer than any name; passwords get typed into name fields too.
const NAME_LIMIT: usize = 256;

/// One source. Cheap to make; it connects when it is first asked.
pub struct ScimConnector {
    settings: ScimSettings,
    http: HttpClient,
    reader: Reader,
    /// Tells these settings from others: a cursor of other settings is no good.
    digest: u64,
}

/// Where a read goes on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    settings: u64,
    kind: ObjectKind,
    /// The position of the next one, counted from one.
    next: u64,
    total: u64,
    /// The id of the one before.
    last: String,
}

/// A list as a service shows it (RFC 7644 3.4.2).
struct List {
    total: u64,
    resources: Vec<Value>,
}

impl ScimConnector {
    /// A connector for this source, or what is wrong with its settings. Nothing is dialled.
    pub fn new(source: &Source, token: SecretString, networks: Arc<AllowedNetworks>) -> Result<Self, Trouble> {
        let misconfigured =
            |reason: String| Trouble { kind: TroubleKind::Misconfigured, endpoint: source.name.clone(), reason };
        let ConnectorSettings::Scim(settings) = &source.connector else {
            return Err(misconfigured("the settings are those of another kind of source".to_owned()));
        };
        let http = HttpClient::new(settings, token, networks).map_err(misconfigured)?;
        let mut digest = DefaultHasher::new();
        settings.url.as_str().hash(&mut digest);
        Ok(Self {
            settings: settings.clone(),
            http,
            reader: Reader::new(&source.protected_groups, source.profile.reads()),
            digest: digest.finish(),
        })
    }

    /// `Users`, or one of them.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.settings.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    fn odd(&self, reason: impl Into<String>) -> Trouble {
        Trouble { kind: TroubleKind::Odd, endpoint: self.http.endpoint.clone(), reason: reason.into() }
    }

    async fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<List, Trouble> {
        let mut url = self.url(&[path]);
        url.query_pairs_mut().extend_pairs(query);
        let Some(answer) = self.http.get(url).await? else {
            let reason = format!("there is no {path} below the address of this source");
            return Err(Trouble { kind: TroubleKind::Misconfigured, ..self.odd(reason) });
        };
        let total = answer.get("totalResults").and_then(Value::as_u64);
        let total = total.ok_or_else(|| self.odd("the answer is no SCIM list: it has no totalResults"))?;
        let resources = match answer {
            Value::Object(mut answer) => match answer.remove("Resources") {
                Some(Value::Array(resources)) => resources,
                None | Some(Value::Null) => Vec::new(),
                Some(_) => return Err(self.odd("the answer is no SCIM list: Resources is none")),
            },
            _ => Vec::new(),
        };
        if resources.len() > 10_000 {
            return Err(self.odd("it shows more than 10,000 at once"));
        }
        Ok(List { total, resources })
    }

    /// Where a read goes on, or why the cursor is no good.
    fn place(&self, kind: ObjectKind, from: &ReadFrom) -> Result<Option<Kept>, &'static str> {
        let ReadFrom::Cursor(ReadCursor(bytes)) = from else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(bytes).map_err(|_| "the cursor is not one of a SCIM service")?;
        if kept.kind != kind || kept.settings != self.digest {
            return Err("the settings of this source were changed");
        }
        if kept.next < 2 || kept.next > kept.total {
            return Err("the cursor is not one of this list");
        }
        Ok(Some(kept))
    }

    async fn read_page(&self, kind: ObjectKind, from: &ReadFrom) -> Result<ReadPage, Trouble> {
        let start_over = |reason: &str| {
            let next = Next::StartOver { reason: reason.to_owned() };
            Ok(ReadPage { changes: Vec::new(), rejected: Vec::new(), next })
        };
        let path = match kind {
            ObjectKind::Person => "Users",
            ObjectKind::Group if self.settings.groups => "Groups",
            ObjectKind::Group | ObjectKind::Device => return Err(self.odd(format!("this source has no {kind}s"))),
        };
        let kept = match self.place(kind, from) {
            Ok(kept) => kept,
            Err(why) => return start_over(why),
        };
        // The last one of the page before is asked for again.
        let (start, count) = match &kept {
            Some(kept) => (kept.next - 1, u64::from(self.settings.page_size) + 1),
            None => (1, u64::from(self.settings.page_size)),
        };
        let list = self.list(path, &[("startIndex", &start.to_string()), ("count", &count.to_string())]).await?;
        let mut resources = list.resources.into_iter();
        if let Some(kept) = &kept {
            if list.total != kept.total {
                return start_over("somebody came or went while the list was read");
            }
            let again = resources.next();
            if again.as_ref().and_then(id_of) != Some(kept.last.as_str()) {
                return start_over("the order of the list changed while it was read");
            }
        } else if list.total == 0 && kind == ObjectKind::Person {
            // Far more often a token that may see nobody than a company without people.
            return Err(self.odd("it shows nobody: may this token read people?"));
        }
        let resources: Vec<Value> = resources.collect();
        let first = kept.as_ref().map_or(1, |kept| kept.next);
        let next = first + resources.len() as u64;
        if next - 1 > list.total {
            return Err(self.odd(format!("it says that there are {}, and shows more", list.total)));
        }
        let last = resources.last().and_then(id_of).map(str::to_owned);
        let mut page = self.page_of(kind, path, first, &resources);
        page.next = if next > list.total {
            Next::Complete { delta: None }
        } else {
            let Some(last) = last else {
                return Err(self.odd(format!(
                    "it says that there are {}, and shows no more than {}",
                    list.total,
                    next - 1
                )));
            };
            let kept = Kept { settings: self.digest, kind, next, total: list.total, last };
            Next::More(ReadCursor(serde_json::to_vec(&kept).map_err(|error| self.odd(error.to_string()))?))
        };
        Ok(page)
    }

    fn page_of(&self, kind: ObjectKind, path: &str, first: u64, resources: &[Value]) -> ReadPage {
        let mut page = ReadPage { changes: Vec::new(), rejected: Vec::new(), next: Next::Complete { delta: None } };
        for (at, resource) in (first..).zip(resources) {
            let read = match kind {
                ObjectKind::Person => self.reader.person(resource).map(|person| Change::Person(Box::new(person))),
                ObjectKind::Group | ObjectKind::Device => {
                    Reader::group(resource).map(|group| Change::Group(Box::new(group)))
                }
            };
            match read {
                Ok(change) => page.changes.push(change),
                Err(reason) => {
                    let immutable_id = resource::id(resource).ok();
                    page.rejected.push(Rejected { immutable_id, locator: format!("{path}, number {at}"), reason });
                }
            }
        }
        page
    }
}

fn id_of(resource: &Value) -> Option<&str> {
    resource.get("id").and_then(Value::as_str)
}

#[async_trait]
impl Connector for ScimConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        let odd_name = typed_name.chars().any(char::is_control) || typed_name.chars().count() > NAME_LIMIT;
        if typed_name.trim().is_empty() || odd_name {
            return Ok(Found::Nobody);
        }
        // A filter's text is a JSON string (RFC 7644 3.4.2.2).
        let filter = format!("userName eq {}", Value::from(typed_name));
        let list = self.list("Users", &[("filter", &filter), ("count", "2")]).await?;
        // A service that does not know filters shows everybody: only who bears the name counts.
        let bears = |resource: &&Value| {
            resource.get("userName").and_then(Value::as_str).is_some_and(|name| fold(name) == fold(typed_name))
        };
        let bearing: Vec<&Value> = list.resources.iter().filter(bears).collect();
        match bearing.as_slice() {
            [] if list.total > list.resources.len() as u64 => Err(self.odd("it does not look for names")),
            [] => Ok(Found::Nobody),
            [one] => Ok(Found::One(Box::new(self.reader.person(one).map_err(|why| self.odd(why))?))),
            _ => Ok(Found::Several),
        }
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        let id = id.as_str();
        let odd =
            id.is_empty() || id.len() > NAME_LIMIT || matches!(id, "." | "..") || id.chars().any(char::is_control);
        if odd {
            return Ok(None);
        }
        let Some(resource) = self.http.get(self.url(&["Users", id])).await? else { return Ok(None) };
        if id_of(&resource) != Some(id) {
            return Err(self.odd("it shows somebody else under this id"));
        }
        self.reader.person(&resource).map(Some).map_err(|why| self.odd(why))
    }

    /// SCIM checks no passwords (row D13b).
    async fn verify(&self, _entry: &SourceEntry, _password: &SecretString) -> Verification {
        Verification {
            result: AdapterResult::Unverifiable,
            sent: false,
            proves_password: false,
            endpoint: self.http.endpoint.clone(),
            reason: "a SCIM service checks no passwords".to_owned(),
            locked_until: None,
            trouble: None,
        }
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        let from = cursor.map_or(ReadFrom::Beginning, |cursor| ReadFrom::Cursor(ReadCursor(cursor.0)));
        let read = self.read_page(ObjectKind::Person, &from).await?;
        let next = match read.next {
            Next::More(ReadCursor(next)) => Some(Cursor(next)),
            Next::Complete { .. } => None,
            Next::StartOver { reason } => return Err(self.odd(reason)),
        };
        let people = read.changes.into_iter().filter_map(|change| match change {
            Change::Person(person) => Some(*person),
            Change::Group(_) | Change::Device(_) | Change::Removed(_) => None,
        });
        let rejected = read.rejected.into_iter().map(|rejected| (rejected.locator, rejected.reason)).collect();
        Ok(Page { entries: people.collect(), rejected, next })
    }

    /// It locks nobody: it is never asked about a password.
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(LockoutReading { threshold: Some(0), window_seconds: Some(0), ..LockoutReading::default() })
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        self.steps().await
    }

    fn reading(&self) -> Option<&dyn Read> {
        Some(self)
    }
}

#[async_trait]
impl Read for ScimConnector {
    fn abilities(&self) -> Abilities {
        let groups = self.settings.groups;
        let membership = if groups { MembershipSide::Group } else { MembershipSide::Person };
        Abilities { people: true, groups, devices: false, delta: false, membership }
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        self.read_page(kind, &from).await
    }
}
