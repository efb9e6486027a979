//! What the pages of imports ask and are told.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// The newest runs on the page of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportsCard {
    pub runs: Vec<RunLine>,
    /// Whoever looks may start one.
    pub may_start: bool,
    /// Why none can be started now, in words; else empty.
    pub not_now: String,
    /// When they begin by themselves.
    pub schedule: ScheduleCard,
}

/// When the imports of a source begin by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleCard {
    /// "What changed every 15 minutes, everything every day."
    pub sentence: String,
    /// Seconds between two that read what changed; 0 for never.
    pub every: String,
    pub every_choices: Vec<Choice>,
    /// The same of those that read everything.
    pub full_every: String,
    pub full_every_choices: Vec<Choice>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    pub id: String,
    pub started_at: Moment,
    pub ended_at: Option<Moment>,
    /// "Everything", "What changed", "Dry run of everything".
    pub what: String,
    /// The class of its dot, and its state in words.
    pub state: (String, String),
    /// "the command line", a person.
    pub by: String,
    /// "1,200 people: 1,000 created, 200 unchanged".
    pub numbers: String,
    /// It is being worked on: it can be cancelled, and the page is worth reading again.
    pub under_way: bool,
    /// It has not ended: it goes on, or could.
    pub unfinished: bool,
}

/// The whole state of the page of a run, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunAsk {
    /// The source's name.
    pub source: String,
    pub run: String,
    /// One outcome, or empty.
    pub outcome: String,
    /// `person`, `group`, `device`, or empty.
    pub kind: String,
    /// The number of the last result of the page before.
    pub after: String,
}

impl RunAsk {
    /// The page without filters.
    #[must_use]
    pub fn page(&self) -> String {
        format!("/console/sources/{}/imports/{}", crate::link::encode(&self.source), crate::link::encode(&self.run))
    }

    /// The address with this state.
    #[must_use]
    pub fn link(&self) -> String {
        let pairs = [("outcome", &*self.outcome), ("kind", &*self.kind), ("after", &*self.after)];
        crate::link::with_query(&self.page(), &pairs)
    }

    /// Whether anything narrows the results.
    #[must_use]
    pub fn narrows(&self) -> bool {
        !(self.outcome.is_empty() && self.kind.is_empty())
    }
}

/// Everything on the page of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCard {
    pub ask: RunAsk,
    /// The label of the source.
    pub source: String,
    pub run: RunLine,
    /// Why it ended early, what it left undone, or what is to be known; else empty.
    pub remark: String,
    /// Somebody has asked it to end.
    pub cancelling: bool,
    pub may_cancel: bool,
    pub numbers: Vec<Number>,
    pub outcomes: Vec<Choice>,
    pub kinds: Vec<Choice>,
    pub lines: Vec<ResultLine>,
    /// Where the next page of results starts.
    pub next: Option<String>,
}

/// How many objects had one outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// "People created".
    pub label: String,
    pub number: String,
    /// The results behind it; none for those that are only counted.
    pub href: Option<String>,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultLine {
    /// Where it is at its source.
    pub place: String,
    pub immutable_id: String,
    /// "Person", "Group", "Device".
    pub kind: String,
    /// The class of its dot, and the outcome in words.
    pub outcome: (String, String),
    /// Why; or what of it changed.
    pub why: String,
    pub person: Option<String>,
}

/// One run with a page of its results.
#[server(prefix = "/api", endpoint = "import")]
pub async fn read_import(ask: RunAsk) -> Result<RunCard, ApiError> {
    super::read::run_card(ask).await
}

/// Starts an import in the background of the server; `what` is `changes` or `full`.
#[server(prefix = "/api", endpoint = "start-import")]
pub async fn start_import(
    name: String,
    #[server(default)] what: String,
    #[server(default)] dry_run: bool,
) -> Result<(), ApiError> {
    use crate::caller::failed;
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let source = hub.source_by_name(&(&by).into(), &name).await.map_err(failed)?.source;
    let request = hub::imports::ImportRequest { full: what == "full", dry_run };
    let run = hub.start_import(&by, source.id, request).await.map_err(failed)?;
    let ask = RunAsk { source: name, run: run.to_string(), ..RunAsk::default() };
    leptos_axum::redirect(&ask.page());
    Ok(())
}

/// Asks an import to end. What it has written stays.
#[server(prefix = "/api", endpoint = "cancel-import")]
pub async fn cancel_import(name: String, run: String) -> Result<(), ApiError> {
    use crate::caller::{failed, not_found};
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let id = run.parse().map_err(|_| not_found("This import"))?;
    hub.cancel_import(&by, id).await.map_err(failed)?;
    leptos_axum::redirect(&RunAsk { source: name, run, ..RunAsk::default() }.page());
    Ok(())
}

/// Changes when the imports of a source begin by themselves: seconds from one beginning to the next, 0 for never.
#[server(prefix = "/api", endpoint = "set-import-schedule")]
pub async fn set_import_schedule(name: String, every: u64, full_every: u64) -> Result<(), ApiError> {
    use crate::caller::failed;
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let source = hub.source_by_name(&(&by).into(), &name).await.map_err(failed)?.source;
    let schedule = directory::ImportSchedule { every_seconds: every, full_every_seconds: full_every };
    hub.set_import_schedule(&by, source.id, schedule).await.map_err(failed)?;
    let page = format!("/console/sources/{}", crate::link::encode(&name));
    leptos_axum::redirect(&crate::link::with_query(&page, &[("done", "scheduled")]));
    Ok(())
}
