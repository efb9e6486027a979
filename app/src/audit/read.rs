//! From the page to the hub and back.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use directory::SourceId;
use hub::{Hub, HubError, audit::ChainState, kernel::capability::ReadAudit};
use serde_json::Value;

use super::api::{AuditAsk, AuditLine, AuditList, ChainCard};
use crate::{
    caller::failed,
    people::count_text,
    problem::ApiError,
    ui::{Choice, Moment},
};

/// Events of one page.
const PAGE: u32 = 50;
/// Longest text that a row shows of one value.
const LONGEST: usize = 2_000;

impl AuditAsk {
    /// As the hub understands it.
    pub async fn for_hub(&self, hub: &Hub) -> Result<hub::audit::AuditAsk, HubError> {
        Ok(hub::audit::AuditAsk {
            from: moment("from", &self.from, TimeDelta::zero())?,
            // A day means all of it.
            until: moment("until", &self.until, TimeDelta::days(1))?,
            actor: self.actor.clone(),
            kind: self.kind.clone(),
            person: self.person.clone(),
            source: source(hub, &self.source).await?,
            text: self.q.clone(),
        })
    }
}

async fn source(hub: &Hub, name: &str) -> Result<Option<SourceId>, HubError> {
    if name.is_empty() {
        return Ok(None);
    }
    let sources = hub.sources_now().await?;
    let found = sources.iter().find(|live| live.source.name == name).map(|live| live.source.id);
    found.map(Some).ok_or(HubError::NotFound("The source of this filter"))
}

fn moment(field: &'static str, text: &str, whole_day: TimeDelta) -> Result<Option<DateTime<Utc>>, HubError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    let time = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    match (time, day) {
        (Some(time), _) => Ok(Some(time.and_utc())),
        (None, Some(day)) => Ok(day.and_utc().checked_add_signed(whole_day)),
        (None, None) => Err(HubError::Invalid {
            field,
            message: "Write a day like 2026-11-23, or a day and a time like 2026-11-23T10:30, in UTC.".to_owned(),
        }),
    }
}

pub async fn page(ask: AuditAsk) -> Result<AuditList, ApiError> {
    let (hub, by): (_, ReadAudit) = crate::caller::permit().await?;
    let wanted = ask.for_hub(&hub).await.map_err(failed)?;
    let after = Some(ask.after.as_str()).filter(|after| !after.is_empty());
    let page = hub.audit_page(&by, &wanted, after, PAGE).await.map_err(failed)?;
    let sources = hub.sources_now().await.map_err(failed)?;
    Ok(AuditList {
        lines: page.lines.into_iter().map(line).collect(),
        next: page.next,
        looked_until: page.looked_until.map(Moment::from),
        kinds: hub.audit_kinds(&by).await.map_err(failed)?,
        sources: sources.iter().map(|live| Choice::new(&live.source.name, &live.source.label)).collect(),
        chain: chain(&hub, &by).await.map_err(failed)?,
        ask,
    })
}

fn line(line: hub::audit::AuditLine) -> AuditLine {
    let who = match line.actor.as_str() {
        "command-line" => "Command line".to_owned(),
        "system" => "Isthmus itself".to_owned(),
        other => line.actor_name.unwrap_or_else(|| other.to_owned()),
    };
    let id = line.person.map(|id| id.to_string());
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), cut(value))));
    };
    match &line.details {
        Value::Object(members) => {
            for (name, value) in members {
                fact(&name.replace(['_', '-'], " "), Some(said(value)));
            }
        }
        other => fact("details", Some(said(other))),
    }
    fact("application", line.client);
    fact("request", line.request_id);
    fact("event", Some(line.id.to_string()));
    fact("number", Some(line.sequence.map_or_else(|| "waits for the sealer".to_owned(), |number| number.to_string())));
    fact("hash", line.hash);
    AuditLine {
        at: line.at.into(),
        kind: line.kind,
        who,
        actor: line.actor,
        person: id.map(|id| (id.clone(), line.person_name.unwrap_or(id))),
        source: line.source,
        facts,
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join("; "),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name}: {}", said(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… (the export has all of it)", &text[..end]),
        None => text,
    }
}

async fn chain(hub: &Hub, by: &ReadAudit) -> Result<ChainCard, HubError> {
    let state = hub.audit_chain().await?;
    let keys = hub.audit_public_keys(by).await?;
    let mut facts = Vec::new();
    let text = |at: DateTime<Utc>| Moment::from(at).text;
    facts.push((
        "Sealed up to".to_owned(),
        match state.sealed_at {
            Some(at) => format!("event {}, {}", count_text(state.sequence), text(at)),
            None => "nothing yet".to_owned(),
        },
    ));
    if state.waiting > 0 {
        let more = if state.waiting > 10_000 { "more than 10,000".to_owned() } else { count_text(state.waiting) };
        facts.push(("Waiting for the sealer".to_owned(), more));
    }
    facts.push((
        "Last checkpoint".to_owned(),
        match state.checkpoint {
            Some((sequence, at)) => format!("vouches for events 1 to {}, signed {}", count_text(sequence), text(at)),
            None => "none yet".to_owned(),
        },
    ));
    facts.extend(keys.iter().map(|key| ("Public key".to_owned(), key.to_string())));
    Ok(ChainCard { facts, trouble: trouble(&state) })
}

fn trouble(state: &ChainState) -> Option<String> {
    if let Some(trouble) = &state.checkpoint_trouble {
        return Some(format!(
            "Checkpoints cannot be written ({trouble}). Sign-ins go on; events since the last checkpoint could be cut off unnoticed."
        ));
    }
    if state.checkpoint_late {
        return Some(
            "No checkpoint has been written for some minutes: the log of the server that seals says why. Events since \
             the last one could be cut off unnoticed."
                .to_owned(),
        );
    }
    state
        .sealing_late
        .then(|| "Events wait longer than they should to be sealed: the servers' logs say why.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_all_of_it() {
        let text = |field, text: &str, whole| moment(field, text, whole).unwrap().map(|at| at.to_rfc3339());
        assert_eq!(text("from", "2026-11-23", TimeDelta::zero()).unwrap(), "2026-11-23T00:00:00+00:00");
        assert_eq!(text("until", "2026-11-23", TimeDelta::days(1)).unwrap(), "2026-11-24T00:00:00+00:00");
        assert_eq!(text("until", "2026-11-23T10:30", TimeDelta::days(1)).unwrap(), "2026-11-23T10:30:00+00:00");
        assert_eq!(text("from", " ", TimeDelta::zero()), None);
        assert!(moment("from", "yesterday", TimeDelta::zero()).is_err());
    }
}
