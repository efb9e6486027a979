//! From the hub's words to the page's.

use std::collections::HashMap;

use directory::{AttributeName, SourceId};
use hub::{
    Hub,
    people::PersonPage,
    sign_in::{SignInTrace, Tone, TraceStep},
};

use super::api::{
    AccountCard, AuthorityLine, CaseLine, ChangeLine, GroupLine, PersonCard, ProfileLine, SessionLine, SignInLine,
    TraceCard, TraceStepLine, TraceTone,
};
use crate::{
    browse::{LinkedPanel, device_link},
    caller::failed,
    problem::ApiError,
    source::attribute_word,
};

/// Sign-ins on the page.
pub(super) const SHOWN: u32 = 20;

/// The labels of the sources.
pub(crate) struct Names(HashMap<SourceId, String>);

impl Names {
    pub(crate) async fn read(hub: &Hub) -> Result<Self, ApiError> {
        let sources = hub.sources_now().await.map_err(failed)?;
        Ok(Self(sources.iter().map(|live| (live.source.id, live.source.label.clone())).collect()))
    }
}

/// The page of a person.
pub(super) fn card(
    page: PersonPage,
    traces: Vec<SignInTrace>,
    (sessions, may_help): (Vec<hub::session::SessionLine>, bool),
    code: &str,
    names: &Names,
) -> PersonCard {
    let person = (page.person.id.to_string(), page.person.display_name.clone());
    let chosen = traces.iter().find(|trace| trace.code == code).or(traces.first());
    PersonCard {
        trace: chosen.map(|chosen| trace(chosen.clone(), Some(person), names)),
        sessions: sessions.into_iter().map(session).collect(),
        may_help,
        unlockable: Vec::new(),
        sign_ins: traces.into_iter().map(line).collect(),
        id: page.person.id.to_string(),
        name: page.person.display_name,
        notice: String::new(),
        subtitle: subtitle(&page.attributes),
        state: page.state,
        disputed: page.person.disputed,
        privileged: page.person.privileged,
        sentence: page.sentence,
        authorities: page
            .authorities
            .into_iter()
            .map(|line| AuthorityLine { what: line.what.to_owned(), who: line.who, note: line.note })
            .collect(),
        accounts: page.accounts.into_iter().map(account).collect(),
        profile: profile(page.attributes, page.aliases),
        group_count: format!("{}{}", page.groups.len(), if page.more_groups { "+" } else { "" }),
        groups: page.groups.into_iter().map(group).collect(),
        devices: devices(page.devices, page.more_devices),
        cases: page.cases.into_iter().map(case).collect(),
        changes: page.history.into_iter().map(change).collect(),
        waiting: page.waiting.into_iter().map(|line| (line.name, line.text, line.since.into())).collect(),
    }
}

/// What an action on the page did.
pub(super) fn notice(done: &str) -> &'static str {
    match done {
        "unlocked" => "Unlocked here: they can try again now.",
        "unlocked-there" => "Unlocked there and here: they can try again now, and read of it when they next sign in.",
        "was-not-locked" => "It is not locked there, so nothing was sent. Unlocked here.",
        "signed-out" => "Signed out there.",
        _ => "",
    }
}

fn group(group: hub::people::GroupLine) -> GroupLine {
    GroupLine { id: group.id.to_string(), name: group.name, origin: group.origin }
}

fn devices(devices: Vec<hub::people::DeviceLine>, more: bool) -> LinkedPanel {
    LinkedPanel {
        title: "Devices".to_owned(),
        hint: format!("{}{}", devices.len(), if more { "+" } else { "" }),
        empty: "No directory says that they own one.".to_owned(),
        lines: devices.into_iter().map(device_link).collect(),
        ..LinkedPanel::default()
    }
}

fn subtitle(attributes: &[hub::people::AttributeLine]) -> String {
    let value = |name| attributes.iter().find(|line| line.name == name).map(|line| line.value.as_str());
    [value(AttributeName::Title), value(AttributeName::Department)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn profile(attributes: Vec<hub::people::AttributeLine>, aliases: Vec<(String, String)>) -> Vec<ProfileLine> {
    let attributes = attributes.into_iter().map(|line| {
        let own = if line.self_written { ", self-written" } else { "" };
        let verified = if line.verified { ", verified" } else { "" };
        ProfileLine {
            label: line.label.unwrap_or_else(|| attribute_word(line.name)),
            value: line.value,
            origin: format!("{}{own}{verified}", line.origin),
            note: line.others.iter().fold(line.since, |note, (who, what)| format!("{note} · {who} says {what}")),
        }
    });
    let aliases = aliases.into_iter().map(|(name, origin)| ProfileLine {
        label: "Signs in as".to_owned(),
        value: name,
        origin,
        note: String::new(),
    });
    attributes.chain(aliases).collect()
}

fn change(line: hub::people::ChangeLine) -> ChangeLine {
    ChangeLine {
        label: line.label.unwrap_or_else(|| attribute_word(line.name)),
        at: line.at.into(),
        before: line.before,
        after: line.after.unwrap_or_default(),
        why: line.why,
    }
}

fn session(line: hub::session::SessionLine) -> SessionLine {
    let browser = line.seen_as.browser.unwrap_or_else(|| "A browser".to_owned());
    let offline = if line.session.offline { ", while its directory was down" } else { "" };
    let used = if line.applications.is_empty() {
        "Used for the console only.".to_owned()
    } else {
        format!("Used for {}.", line.applications.join(", "))
    };
    SessionLine {
        id: line.session.id.to_string(),
        browser: line.seen_as.address.map_or_else(|| browser.clone(), |address| format!("{browser}, from {address}")),
        started_at: line.started_at.into(),
        last_used_at: line.last_used_at.into(),
        text: format!("Proven by {}{offline}. {used}", line.proven_by),
    }
}

fn account(line: hub::people::AccountLine) -> AccountCard {
    let account = line.account;
    AccountCard {
        username: account.username.unwrap_or_else(|| "no username".to_owned()),
        source: line.source,
        source_label: line.source_label,
        kind: account.kind,
        status: account.status,
        locator: account.locator,
        immutable_id: account.immutable_id.0,
        read_at: Some(account.read_at.into()),
        locked_until: account.locked_until.map(Into::into),
        missing_since: account.missing_since.map(Into::into),
        privileged: account.privileged,
    }
}

fn case(line: hub::people::CaseLine) -> CaseLine {
    CaseLine {
        title: line.title.to_owned(),
        text: line.text,
        other: line.other.map(|(id, name)| (id.to_string(), name)),
        opened_at: line.opened_at.into(),
    }
}

fn client(trace: &SignInTrace) -> String {
    trace.client.as_ref().map_or_else(|| "the console".to_owned(), |id| id.0.clone())
}

fn line(trace: SignInTrace) -> SignInLine {
    let result = match (&trace.adapter_result, trace.signed_in) {
        (_, true) => "Signed in".to_owned(),
        (Some(word), false) => format!("Refused: {}", word.replace('-', " ")),
        (None, false) => "Refused".to_owned(),
    };
    SignInLine {
        client: client(&trace),
        code: trace.code,
        at: trace.at.into(),
        signed_in: trace.signed_in,
        row: trace.row,
        result,
        took_ms: trace.took_ms,
    }
}

/// One trace, with the person it led to.
pub(crate) fn trace(trace: SignInTrace, person: Option<(String, String)>, names: &Names) -> TraceCard {
    TraceCard {
        client: client(&trace),
        source_label: trace.source.and_then(|id| names.0.get(&id).cloned()),
        code: trace.code,
        at: trace.at.into(),
        person,
        endpoint: trace.endpoint,
        steps: trace.steps.into_iter().map(step).collect(),
        row: trace.row,
        signed_in: trace.signed_in,
        say: trace.say,
        took_ms: trace.took_ms,
    }
}

fn step(step: TraceStep) -> TraceStepLine {
    let tone = match step.tone {
        Tone::Ok => TraceTone::Ok,
        Tone::Bad => TraceTone::Bad,
        Tone::End => TraceTone::End,
    };
    TraceStepLine { ms: step.ms, title: step.title, text: step.text, note: step.note, tone }
}
