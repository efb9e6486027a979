//! From the hub's words to the pages'.

use chrono::{DateTime, Utc};
use directory::SourceId;
use hub::{
    Hub,
    kernel::capability::FindPeople,
    people::{BrowseAsk as Wanted, DeviceLine, ListedGroup, UNSEEN_DAYS},
};

use super::api::{BrowseAsk, BrowseLine, BrowseList, Fact, Linked, LinkedPanel, ObjectCard};
use crate::{
    caller::{failed, not_found},
    link::encode,
    problem::ApiError,
    ui::Choice,
};

/// Rows of one page.
const PAGE: u32 = 50;
const GROUPS: &str = "/console/groups";
const DEVICES: &str = "/console/devices";

/// What the hub is asked for, and the sources to filter by.
async fn wanted(hub: &Hub, ask: &BrowseAsk) -> Result<(Wanted, Vec<Choice>), ApiError> {
    let sources = hub.sources_now().await.map_err(failed)?;
    let source: Option<SourceId> =
        sources.iter().find(|live| live.source.name == ask.source).map(|live| live.source.id);
    if source.is_none() && !ask.source.is_empty() {
        return Err(not_found("The source of this filter"));
    }
    let wanted = Wanted {
        text: ask.q.trim().to_owned(),
        source,
        which: ask.which.parse().map_err(failed)?,
        after: Some(ask.after.clone()).filter(|after| !after.is_empty()),
        size: PAGE,
    };
    Ok((wanted, sources.iter().map(|live| Choice::new(&live.source.name, &live.source.label)).collect()))
}

fn state(missing: Option<DateTime<Utc>>, gone: Option<DateTime<Utc>>) -> Option<(String, String)> {
    match (missing, gone) {
        (_, Some(_)) => Some(("dot-label bad".to_owned(), "gone".to_owned())),
        (Some(_), None) => Some(("dot-label warn".to_owned(), "not there, once".to_owned())),
        (None, None) => None,
    }
}

fn noun(count: &str, one: &str) -> String {
    if count == "1" { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What stands instead of rows.
fn nothing(ask: &BrowseAsk, what: &str, before_the_first: &str) -> (String, String) {
    if !ask.q.is_empty() {
        let text =
            format!("Names are searched by their beginning. {} that are gone are listed by themselves.", capital(what));
        return (format!("Nothing begins with “{}”", ask.q.trim()), text);
    }
    if ask.narrows() {
        return ("Nothing fits these filters".to_owned(), format!("There are no {what} like that."));
    }
    (format!("No {what} yet"), before_the_first.to_owned())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub async fn groups(ask: BrowseAsk) -> Result<BrowseList, ApiError> {
    let (hub, by): (_, FindPeople) = crate::caller::permit().await?;
    let (wanted, sources) = wanted(&hub, &ask).await?;
    let page = hub.groups_page(&by, &wanted).await.map_err(failed)?;
    let line = |group: ListedGroup| BrowseLine {
        id: group.id.to_string(),
        name: group.name,
        cells: vec![group.people, group.description.unwrap_or_default()],
        source: group.source,
        state: state(group.missing_since, group.gone_at),
        seen: None,
    };
    let lines: Vec<BrowseLine> = page.groups.into_iter().map(line).collect();
    let none = "Groups come with an import, and with the entries of people who sign in.";
    Ok(BrowseList {
        title: "Groups".to_owned(),
        path: GROUPS.to_owned(),
        search: "Beginning of a name".to_owned(),
        which: vec![Choice::new("", "Those that are there"), Choice::new("gone", "Gone from their directory")],
        sources,
        columns: vec!["People".to_owned(), "Description".to_owned()],
        dated: false,
        count: noun(&page.count, "group"),
        remark: String::new(),
        next: page.next,
        nothing: lines.is_empty().then(|| nothing(&ask, "groups", none)),
        lines,
        ask,
    })
}

pub async fn devices(ask: BrowseAsk) -> Result<BrowseList, ApiError> {
    let (hub, by): (_, FindPeople) = crate::caller::permit().await?;
    let (wanted, sources) = wanted(&hub, &ask).await?;
    let page = hub.devices_page(&by, &wanted).await.map_err(failed)?;
    let lines: Vec<BrowseLine> = page.devices.into_iter().map(device_line).collect();
    let remark =
        if page.by_number { "No name begins so: these have the serial number or SID, wherever they are." } else { "" };
    let none = "Devices come with an import from a directory that has computers, phones or tablets.";
    Ok(BrowseList {
        title: "Devices".to_owned(),
        path: DEVICES.to_owned(),
        search: "Beginning of a name or serial number, SID".to_owned(),
        which: vec![
            Choice::new("", "Those that are there"),
            Choice::new("unseen", format!("Not seen for {UNSEEN_DAYS} days")),
            Choice::new("gone", "Gone from their directory"),
        ],
        sources,
        columns: vec!["System".to_owned(), "Model".to_owned()],
        dated: true,
        count: noun(&page.count, "device"),
        remark: remark.to_owned(),
        next: page.next,
        nothing: lines.is_empty().then(|| nothing(&ask, "devices", none)),
        lines,
        ask,
    })
}

fn device_line(device: DeviceLine) -> BrowseLine {
    BrowseLine {
        id: device.id.to_string(),
        state: device_state(&device),
        name: device.name,
        cells: vec![device.system, device.model],
        source: device.source,
        seen: device.last_seen_at.map(Into::into),
    }
}

fn device_state(device: &DeviceLine) -> Option<(String, String)> {
    let word = |class: &str, word: &str| Some((format!("dot-label {class}"), word.to_owned()));
    match state(device.missing_since, device.gone_at) {
        None if !device.enabled => word("bad", "disabled"),
        None if device.unseen => word("warn", "not seen lately"),
        other => other,
    }
}

/// A device where it is one of several lines.
pub(crate) fn device_link(device: DeviceLine) -> Linked {
    let state = device_state(&device).map(|(_, word)| word);
    let hint = [Some(device.source), Some(device.system), Some(device.model), state];
    let hint: Vec<String> = hint.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    Linked { label: device.name, href: Some(format!("{DEVICES}/{}", device.id)), hint: hint.join(" · ") }
}

fn fact(what: &str, text: impl Into<String>) -> Fact {
    Fact { what: what.to_owned(), text: text.into(), ..Fact::default() }
}

fn exact(what: &str, text: impl Into<String>) -> Fact {
    Fact { exact: true, ..fact(what, text) }
}

fn time(what: &str, at: Option<DateTime<Utc>>) -> Fact {
    let otherwise = if at.is_none() { "not known" } else { "" };
    Fact { at: at.map(Into::into), ..fact(what, otherwise) }
}

fn source_fact(label: &str, name: &str) -> Fact {
    let href = (!name.is_empty()).then(|| format!("/console/sources/{}", encode(name)));
    Fact { href, ..fact("Source", label) }
}

fn warning(what: &str, missing: Option<DateTime<Utc>>, gone: Option<DateTime<Utc>>) -> String {
    let text = |at: DateTime<Utc>| crate::ui::Moment::from(at).text;
    match (missing, gone) {
        (_, Some(at)) => format!("Twice not found at its directory: this {what} is gone since {}.", text(at)),
        (Some(at), None) => {
            format!("Not found at its directory on {}. Nothing follows from one sighting.", text(at))
        }
        (None, None) => String::new(),
    }
}

pub async fn group(id: String, after: String) -> Result<ObjectCard, ApiError> {
    let (hub, by): (_, FindPeople) = crate::caller::permit().await?;
    let key = id.parse().map_err(|_| not_found("This group"))?;
    let behind = match after.as_str() {
        "" => None,
        after => Some(after.parse().map_err(|_| not_found("This page of the group"))?),
    };
    let page = hub.group_page(&by, key, behind, PAGE).await.map_err(failed)?.ok_or_else(|| not_found("This group"))?;
    let path = format!("{GROUPS}/{id}");
    let people = page.members.into_iter().map(|member| Linked {
        href: Some(format!("/console/people/{}", member.person)),
        label: member.name,
        hint: member.origin,
    });
    let near = |groups: Vec<(directory::GroupId, String)>| -> Vec<Linked> {
        let line = |(id, name)| Linked { label: name, href: Some(format!("{GROUPS}/{id}")), hint: String::new() };
        groups.into_iter().map(line).collect()
    };
    let app = |(id, name): (String, String)| Linked {
        href: Some(format!("/console/apps/{}", encode(&id))),
        label: name,
        hint: String::new(),
    };
    let panel = |title: &str, empty: &str, lines| LinkedPanel {
        title: title.to_owned(),
        empty: empty.to_owned(),
        lines,
        ..LinkedPanel::default()
    };
    let within = LinkedPanel {
        hint: if page.many_listed { "of the first 20,000 it lists".to_owned() } else { String::new() },
        ..panel("Groups within", "It lists no group.", near(page.within))
    };
    let gone = page.line.gone_at.is_some();
    Ok(ObjectCard {
        warning: warning("group", page.line.missing_since, page.line.gone_at),
        lede: page.line.description.unwrap_or_default(),
        facts: vec![
            source_fact(&page.line.source, &page.source_name),
            fact("People", page.line.people.clone()),
            fact("Listed there", format!("{} direct members", page.listed)),
            exact("Immutable id", page.immutable_id),
            exact("Place", page.locator.unwrap_or_default()),
            Fact {
                text: if page.read_at.is_none() {
                    "never; known by its members’ entries".to_owned()
                } else {
                    String::new()
                },
                ..time("Last read", page.read_at)
            },
        ],
        panels: vec![
            LinkedPanel {
                title: "People".to_owned(),
                hint: page.line.people,
                empty: if gone { "Nobody: it is gone." } else { "Nobody the hub knows is in it." }.to_owned(),
                lines: people.collect(),
                first: behind.is_some().then(|| path.clone()),
                next: page.next.map(|next| crate::link::with_query(&path, &[("after", &next.to_string())])),
            },
            within,
            panel("Part of", "No group lists it.", near(page.around)),
            panel("Told to", "No application is told of it.", page.apps.into_iter().map(app).collect()),
        ],
        name: page.line.name,
    })
}

pub async fn device(id: String) -> Result<ObjectCard, ApiError> {
    let (hub, by): (_, FindPeople) = crate::caller::permit().await?;
    let key = id.parse().map_err(|_| not_found("This device"))?;
    let page = hub.device_page(&by, key).await.map_err(failed)?.ok_or_else(|| not_found("This device"))?;
    let owner = |owner: hub::people::OwnerLine| match owner.person {
        Some((id, name)) => Linked {
            label: name,
            href: Some(format!("/console/people/{id}")),
            hint: format!("id there {}", owner.immutable_id),
        },
        None => Linked { label: owner.immutable_id, href: None, hint: "nobody the hub knows".to_owned() },
    };
    let line = page.line.clone();
    let unseen =
        if line.unseen { format!("Its directory has not seen it for {UNSEEN_DAYS} days.") } else { String::new() };
    let missing = warning("device", line.missing_since, line.gone_at);
    Ok(ObjectCard {
        warning: if missing.is_empty() { unseen } else { missing },
        lede: [line.model, line.system].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "),
        facts: vec![
            source_fact(&line.source, &line.source_name),
            fact("Enabled there", if line.enabled { "yes" } else { "no" }),
            time("Last seen there", line.last_seen_at),
            exact("Serial number", page.serial_number.unwrap_or_default()),
            exact("SID", page.sid.unwrap_or_default()),
            exact("Immutable id", page.immutable_id),
            exact("Place", page.locator),
            time("Last read", Some(page.read_at)),
        ],
        panels: vec![
            LinkedPanel {
                title: "Owners".to_owned(),
                empty: "Its directory names no owner.".to_owned(),
                lines: page.owners.into_iter().map(owner).collect(),
                ..LinkedPanel::default()
            },
            LinkedPanel {
                title: "The same device elsewhere".to_owned(),
                hint: "by SID or serial number".to_owned(),
                empty: "No other directory knows it.".to_owned(),
                lines: page.elsewhere.into_iter().map(device_link).collect(),
                ..LinkedPanel::default()
            },
        ],
        name: line.name,
    })
}
