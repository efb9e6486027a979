//! Whether all is well: sign-ins of today, people by state, sources, and what waits for a decision. Counts only, each
//! bounded, so that the page is as quick with two hundred thousand people as with two.

mod attempts;
mod path;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

pub use attempts::{AttemptAsk, AttemptLine, AttemptList};
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use directory::{PersonId, PersonState, SourceKind, SourceMode};

pub use path::{Path, Reason};
use storage::overview::{self, AttemptTally, StateTally};

use crate::{
    Hub, HubError,
    kernel::capability::ReadConfiguration,
    registry::{Proposal, open_proposals},
};

/// Traces are written when an attempt ends: an hour is over this long after its end.
const LATE: TimeDelta = TimeDelta::minutes(5);
/// People are counted at most this often.
const PEOPLE_AGE: TimeDelta = TimeDelta::seconds(10);
/// Cases are counted up to here.
const MOST_CASES: u32 = 10_001;
const SHOWN: u32 = 5;
/// Sign-ins at a source that its time is the middle of.
const TIMED: u32 = 20;

/// Counts of this process: hours that are over do not change.
#[derive(Default)]
pub(crate) struct OverviewMemory {
    hours: Mutex<BTreeMap<DateTime<Utc>, Vec<AttemptTally>>>,
    people: Mutex<Option<(DateTime<Utc>, Vec<StateTally>)>>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    pub at: DateTime<Utc>,
    /// From midnight UTC to now, each hour once.
    pub hours: Vec<Hour>,
    /// Refusals of today by reason; those that did not happen are left out.
    pub reasons: Vec<(Reason, i64)>,
    /// How many people are in each state.
    pub people: BTreeMap<PersonState, i64>,
    pub sources: Vec<SourceHealth>,
    /// Up to 10,001.
    pub open_cases: i64,
    pub newest_cases: Vec<WaitingCase>,
    /// Oldest first.
    pub proposals: Vec<Proposal>,
}

/// Sign-ins of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    pub begins: DateTime<Utc>,
    pub hub: i64,
    pub delegated: i64,
    pub refused: i64,
}

/// A source as a sign-in meets it now.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceHealth {
    pub name: String,
    pub label: String,
    pub kind: SourceKind,
    pub mode: SourceMode,
    /// The breaker is open, or it is paused, or misconfigured.
    pub down: bool,
    pub trouble: Option<String>,
    /// When somebody last proved a password there.
    pub last_success: Option<DateTime<Utc>>,
    /// The middle of the last sign-ins there, from the button to the decision.
    pub milliseconds: Option<i64>,
}

/// A case that waits, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCase {
    pub person: PersonId,
    pub name: String,
    /// What somebody else holds: `alias`, `email`, `employee_number`.
    pub identifier: String,
    pub source: String,
    pub opened_at: DateTime<Utc>,
}

impl Hub {
    /// The Overview.
    pub async fn overview_now(&self, _: &ReadConfiguration) -> Result<Overview, HubError> {
        let now = self.clock.now();
        let midnight =
            now - TimeDelta::nanoseconds(i64::from(now.nanosecond())) - seconds(now.num_seconds_from_midnight());
        let mut hours = Vec::new();
        let mut reasons: BTreeMap<Reason, i64> = BTreeMap::new();
        let mut begins = midnight;
        while begins <= now {
            let mut hour = Hour { begins, hub: 0, delegated: 0, refused: 0 };
            for AttemptTally { decision, signed_in, number } in self.hour(begins, now).await? {
                match Path::of(&decision, signed_in) {
                    Path::Hub => hour.hub += number,
                    Path::Delegated => hour.delegated += number,
                    Path::Refused => {
                        hour.refused += number;
                        if let Some(reason) = Reason::of(&decision) {
                            *reasons.entry(reason).or_default() += number;
                        }
                    }
                }
            }
            hours.push(hour);
            begins += TimeDelta::hours(1);
        }
        let mut reader = self.database.reader();
        let sources = self.sources_now().await?;
        let mut health = Vec::new();
        for live in sources.iter() {
            health.push(self.health_of(live).await?);
        }
        let label = |id: uuid::Uuid| {
            sources.iter().find(|live| live.source.id.uuid() == id).map(|live| live.source.label.clone())
        };
        let newest_cases = overview::newest_cases(&mut reader, SHOWN).await?;
        Ok(Overview {
            at: now,
            hours,
            reasons: reasons.into_iter().collect(),
            people: self.people_by_state(now).await?,
            sources: health,
            open_cases: overview::open_cases(&mut reader, MOST_CASES).await?,
            newest_cases: newest_cases
                .into_iter()
                .map(|case| WaitingCase {
                    person: case.person_id.into(),
                    name: case.name,
                    identifier: case.identifier,
                    source: label(case.source_id).unwrap_or_default(),
                    opened_at: case.opened_at,
                })
                .collect(),
            proposals: open_proposals(self).await?,
        })
    }

    /// The attempts of one hour. Those of an hour that is over are counted once.
    async fn hour(&self, begins: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<AttemptTally>, HubError> {
        let hours = &self.state.overview.hours;
        let known = hours.lock().unwrap_or_else(PoisonError::into_inner).get(&begins).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let ends = begins + TimeDelta::hours(1);
        let tallies = overview::attempts(&mut self.database.reader(), begins, ends).await?;
        if now >= ends + LATE {
            let mut hours = hours.lock().unwrap_or_else(PoisonError::into_inner);
            hours.retain(|hour, _| now - *hour < TimeDelta::hours(25));
            hours.insert(begins, tallies.clone());
        }
        Ok(tallies)
    }

    async fn people_by_state(&self, now: DateTime<Utc>) -> Result<BTreeMap<PersonState, i64>, HubError> {
        let memory = &self.state.overview.people;
        let known = memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tallies = match known.filter(|(at, _)| now >= *at && now - *at < PEOPLE_AGE) {
            Some((_, tallies)) => tallies,
            None => {
                let tallies = overview::people_by_state(&mut self.database.reader()).await?;
                *memory.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, tallies.clone()));
                tallies
            }
        };
        // A state that this version does not know was written by a newer one: it is counted by that one.
        Ok(tallies.into_iter().filter_map(|tally| Some((tally.state.parse().ok()?, tally.number))).collect())
    }

    async fn health_of(&self, live: &crate::connections::LiveSource) -> Result<SourceHealth, HubError> {
        let mut reader = self.database.reader();
        let mut timings = Vec::new();
        // Rows in which a source has just proven a password; the index leads to the newest of each.
        for row in ["D6", "D18", "D18b", "D19", "D23", "D24"] {
            timings.extend(overview::timings(&mut reader, live.source.id, row, TIMED).await?);
        }
        timings.sort_unstable_by_key(|timing| std::cmp::Reverse(timing.at));
        timings.truncate(TIMED as usize);
        let last_success = timings.first().map(|timing| timing.at);
        let mut milliseconds: Vec<i64> = timings.iter().map(|timing| timing.took_ms).collect();
        milliseconds.sort_unstable();
        Ok(SourceHealth {
            down: live.is_down(),
            trouble: live.connector().err().map(|trouble| trouble.reason),
            last_success,
            milliseconds: milliseconds.get(milliseconds.len() / 2).copied(),
            name: live.source.name.clone(),
            label: live.source.label.clone(),
            kind: live.source.kind,
            mode: live.source.mode,
        })
    }
}

fn seconds(number: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(number))
}
