//! The audit log to take away, as CSV or as JSON lines, with the filters of the page. Sent as it is read.

use app::audit::AuditAsk;
use axum::{
    Form,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use hub::{
    Hub, HubError,
    audit::{AuditExport, AuditLine},
    kernel::capability::ReadAudit,
};
use serde::Deserialize;
use serde_json::json;

use super::{Browser, Failure};
use crate::spreadsheet::harmless;

/// What the page's form sends.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    format: String,
    #[serde(flatten)]
    ask: AuditAsk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

const COLUMNS: [&str; 13] = [
    "number",
    "at",
    "kind",
    "actor",
    "actor_name",
    "person_id",
    "person_name",
    "source",
    "application",
    "details",
    "request_id",
    "event_id",
    "hash",
];

/// `POST /console/audit/export`. A form and no link, because it writes an event itself.
pub async fn export(State(hub): State<Hub>, browser: Browser, Form(asked): Form<Asked>) -> Result<Response, Failure> {
    let by: ReadAudit = hub.permit(browser.session_id().await?).await?;
    let format = if asked.format == "csv" { Format::Csv } else { Format::JsonLines };
    let ask = asked.ask.for_hub(&hub).await?;
    let (name, kind) = match format {
        Format::Csv => ("csv", "text/csv; charset=utf-8"),
        Format::JsonLines => ("jsonl", "application/jsonl; charset=utf-8"),
    };
    let export = hub.audit_export(&by, &ask, name).await?;
    let file = format!("isthmus-audit-{}.{name}", hub.clock.now().format("%Y%m%d-%H%M%S"));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{file}\""))
        .map_err(|error| Failure::internal(&error.to_string()))?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, disposition)];
    // A piece is read when the one before has left: a slow reader costs no memory, and one that goes away ends it. An
    // error in the middle ends the answer without its end, which no browser takes for a whole file.
    let body = stream::try_unfold((export, format, true), next);
    Ok((headers, Body::from_stream(body)).into_response())
}

type UnderWay = (AuditExport, Format, bool);

async fn next((mut export, format, first): UnderWay) -> Result<Option<(Bytes, UnderWay)>, HubError> {
    let Some(lines) = export.piece().await? else { return Ok(None) };
    let text = match format {
        Format::Csv => csv(&lines, first)?,
        Format::JsonLines => json_lines(&lines),
    };
    Ok(Some((Bytes::from(text), (export, format, false))))
}

fn csv(lines: &[AuditLine], with_head: bool) -> Result<Vec<u8>, HubError> {
    let failed = |error: csv::Error| HubError::Internal(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_head {
        writer.write_record(COLUMNS).map_err(failed)?;
    }
    for line in lines {
        let cells = [
            line.sequence.map(|number| number.to_string()).unwrap_or_default(),
            line.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            line.kind.clone(),
            line.actor.clone(),
            line.actor_name.clone().unwrap_or_default(),
            line.person.map(|id| id.to_string()).unwrap_or_default(),
            line.person_name.clone().unwrap_or_default(),
            line.source.clone().unwrap_or_default(),
            line.client.clone().unwrap_or_default(),
            line.details.to_string(),
            line.request_id.clone().unwrap_or_default(),
            line.id.to_string(),
            line.hash.clone().unwrap_or_default(),
        ];
        writer.write_record(cells.iter().map(|cell| harmless(cell))).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| HubError::Internal(error.to_string()))
}

fn json_lines(lines: &[AuditLine]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        let object = json!({
            "number": line.sequence,
            "at": line.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            "kind": line.kind,
            "actor": line.actor,
            "actor_name": line.actor_name,
            "person_id": line.person,
            "person_name": line.person_name,
            "source": line.source,
            "application": line.client,
            "details": line.details,
            "request_id": line.request_id,
            "event_id": line.id,
            "hash": line.hash,
        });
        text.extend_from_slice(object.to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn line(name: &str) -> AuditLine {
        AuditLine {
            id: uuid::Uuid::from_u128(7),
            at: DateTime::UNIX_EPOCH,
            actor: "system".to_owned(),
            actor_name: None,
            kind: "person.created".to_owned(),
            person: Some(uuid::Uuid::from_u128(9).into()),
            person_name: Some(name.to_owned()),
            source: Some("Corporate, \"LDAP\"".to_owned()),
            client: None,
            details: json!({ "a": "line\nbreak" }),
            request_id: None,
            sequence: Some(1),
            hash: None,
        }
    }

    #[test]
    fn a_name_from_a_directory_runs_in_no_spreadsheet() {
        let text = String::from_utf8(csv(&[line("=cmd|' /C calc'!A0"), line("plain")], true).unwrap()).unwrap();
        assert!(text.starts_with("number,at,kind,"));
        assert!(text.contains(",'=cmd|"), "{text}");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!((rows.len(), &rows[1][6], &rows[1][7]), (2, "plain", "Corporate, \"LDAP\""));
        assert!(!String::from_utf8(csv(&[line("x")], false).unwrap()).unwrap().contains("number,at"));
    }

    #[test]
    fn one_event_is_one_line_of_json() {
        let text = String::from_utf8(json_lines(&[line("a"), line("b")])).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}
