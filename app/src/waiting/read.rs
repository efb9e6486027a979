//! From the hub's words to the page's.

use directory::WaitingFor;
use hub::{
    kernel::capability::FindPeople,
    people::{WaitingAsk as Wanted, WaitingEntry},
};

use super::api::{WaitingAsk, WaitingLine, WaitingPage};
use crate::{
    caller::{failed, not_found, permit, sentence},
    problem::ApiError,
    ui::Choice,
};

/// Entries of one page.
const PAGE: u32 = 50;

const fn kind_word(kind: WaitingFor) -> &'static str {
    match kind {
        WaitingFor::Link => "Fits one person",
        WaitingFor::Review => "May be somebody",
        WaitingFor::Ambiguous => "Fits several people",
        WaitingFor::Taken => "Has another account there",
        WaitingFor::Incomplete => "Lacks something",
    }
}

pub(super) async fn list(ask: WaitingAsk) -> Result<WaitingPage, ApiError> {
    let (hub, by): (_, FindPeople) = permit().await?;
    let sources = hub.sources_now().await.map_err(failed)?;
    let source = sources.iter().find(|live| live.source.name == ask.source).map(|live| live.source.id);
    let kind = WaitingFor::ALL.iter().copied().find(|kind| kind.as_str() == ask.kind);
    if (source.is_none() && !ask.source.is_empty()) || (kind.is_none() && !ask.kind.is_empty()) {
        return Err(not_found("What this filter asks for"));
    }
    let after = Some(ask.after.clone()).filter(|after| !after.is_empty());
    let page = hub.waiting_entries(&by, &Wanted { source, kind, after, size: PAGE }).await.map_err(failed)?;
    Ok(WaitingPage {
        lines: page.entries.into_iter().map(line).collect(),
        sources: sources.iter().map(|live| Choice::new(&live.source.name, &live.source.label)).collect(),
        kinds: WaitingFor::ALL.iter().map(|kind| Choice::new(kind.as_str(), kind_word(*kind))).collect(),
        count: if page.count == "1" { "1 entry".to_owned() } else { format!("{} entries", page.count) },
        next: page.next,
        ask,
    })
}

fn line(entry: WaitingEntry) -> WaitingLine {
    WaitingLine {
        name: entry.name,
        locator: entry.locator,
        source: entry.source,
        kind: kind_word(entry.kind).to_owned(),
        why: sentence(&entry.why),
        what_to_do: entry.what_to_do.to_owned(),
        may_be: entry.may_be.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        since: Some(entry.since.into()),
    }
}
