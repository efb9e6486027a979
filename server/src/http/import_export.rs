//! The results of an import to take away, as CSV, with the filters of the page. Sent as they are read.

use axum::{
    Form,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use directory::ImportRunId;
use futures::stream;
use hub::{
    Hub, HubError,
    imports::{ImportReportLine, Wanted},
    kernel::capability::ReadConfiguration,
};
use serde::Deserialize;

use super::{Browser, Failure};
use crate::spreadsheet::harmless;

/// Results read together.
const PIECE: u32 = 500;
const COLUMNS: [&str; 7] = ["number", "kind", "outcome", "id", "place", "person", "detail"];

/// What the page's form sends.
#[derive(Debug, Deserialize)]
pub struct Asked {
    run: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    kind: String,
}

/// `POST /console/imports/export`. A form and no link, because it writes an event.
pub async fn export(State(hub): State<Hub>, browser: Browser, Form(asked): Form<Asked>) -> Result<Response, Failure> {
    let by: ReadConfiguration = hub.permit(browser.session_id().await?).await?;
    let run: ImportRunId = asked.run.parse().map_err(|_| HubError::NotFound("The import"))?;
    let wanted = Wanted { outcome: asked.outcome.parse().ok(), kind: asked.kind.parse().ok() };
    let line = hub.note_import_export(&by, run).await?;
    let file = format!("isthmus-import-{}.csv", line.started_at.format("%Y%m%d-%H%M%S"));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{file}\""))
        .map_err(|error| Failure::internal(&error.to_string()))?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)];
    // A piece is read when the one before has left; an error in the middle ends the answer without its end.
    let under_way = UnderWay { hub, by, run, wanted, after: Some(0), first: true };
    Ok((headers, Body::from_stream(stream::try_unfold(under_way, next))).into_response())
}

struct UnderWay {
    hub: Hub,
    by: ReadConfiguration,
    run: ImportRunId,
    wanted: Wanted,
    /// Empty behind the last piece.
    after: Option<i64>,
    first: bool,
}

async fn next(mut at: UnderWay) -> Result<Option<(Bytes, UnderWay)>, HubError> {
    let Some(after) = at.after else { return Ok(None) };
    let page = at.hub.import_results(&at.by, at.run, at.wanted, after, PIECE).await?;
    let text = csv(&page.lines, at.first)?;
    at.after = page.next;
    at.first = false;
    Ok(Some((Bytes::from(text), at)))
}

fn csv(lines: &[ImportReportLine], with_head: bool) -> Result<Vec<u8>, HubError> {
    let failed = |error: csv::Error| HubError::Internal(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_head {
        writer.write_record(COLUMNS).map_err(failed)?;
    }
    for line in lines {
        let cells = [
            line.number.to_string(),
            line.kind.to_string(),
            line.outcome.to_string(),
            line.immutable_id.clone(),
            line.locator.clone(),
            line.person.map_or_else(String::new, |person| person.to_string()),
            line.detail.clone().unwrap_or_default(),
        ];
        writer.write_record(cells.iter().map(|cell| harmless(cell))).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| HubError::Internal(error.to_string()))
}
