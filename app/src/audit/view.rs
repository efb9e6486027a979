//! The Audit page.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{AuditAsk, AuditLine, AuditList, ChainCard, read_audit_log};
use crate::ui::{
    Choice, Empty, Field, Icon, Loaded, Notice, PageHead, Pager, Panel, Picker, TableFrame, Tone, When, asked,
};

/// `/console/audit`
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        AuditAsk {
            from: value("from"),
            until: value("until"),
            actor: value("actor"),
            kind: value("kind"),
            person: value("person"),
            source: value("source"),
            q: value("q"),
            after: value("after"),
        }
    });
    let list = asked(move || ask.get(), read_audit_log);
    view! { <Loaded of=list show=audit_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn audit_view(list: AuditList) -> AnyView {
    let AuditList { ask, lines, next, looked_until, kinds, sources, chain } = list;
    let narrowed = ask.filters().iter().any(|(_, value)| !value.is_empty());
    let first = (!ask.after.is_empty()).then(|| ask.link(""));
    let body = if lines.is_empty() && next.is_none() {
        let text = if narrowed {
            "No event fits all of these filters."
        } else {
            "Whatever is changed here, and every sign-in, is written down as it happens."
        };
        let wider = narrowed.then(|| view! { <a class="button" href="/console/audit">"Show everything"</a> });
        view! { <Empty title=if narrowed { "Nothing fits" } else { "Nothing has happened yet" } text=text>{wider}</Empty> }.into_any()
    } else {
        let count = match (&looked_until, lines.len()) {
            (Some(until), number) => format!("{number} found back to {}", until.text),
            (None, number) => format!("{number} on this page, newest first"),
        };
        let rows = lines.into_iter().map(row).collect_view();
        let next = next.map(|after| ask.link(&after));
        view! {
            <TableFrame caption="Events, newest first">
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"When"</th>
                        <th scope="col" class="p2">"Who"</th>
                        <th scope="col" class="p3">"About"</th>
                        <th scope="col" class="p4">"Source"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
            <Pager count first next />
        }
        .into_any()
    };
    let taking = taking(&ask);
    view! {
        <PageHead title="Audit" lede="Every change and every sign-in, with who did it. The log is a chain: what is altered later is found." actions=taking />
        {filters(&ask, kinds, sources, narrowed)}
        <section class="panel" aria-label="Events">{body}</section>
        {chain_panel(chain)}
    }
    .into_any()
}

/// Export with the filters of the page. A form, because that somebody takes the log away is written down.
fn taking(ask: &AuditAsk) -> Children {
    let fields = ask
        .filters()
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| view! { <input type="hidden" name=name value=value.to_owned() /> })
        .collect_view();
    Box::new(move || {
        view! {
            <form class="row" method="post" action="/console/audit/export">
                {fields}
                <button class="button" name="format" value="csv">"Export CSV"</button>
                <button class="button" name="format" value="jsonl">"Export JSON lines"</button>
            </form>
        }
        .into_any()
    })
}

fn filters(ask: &AuditAsk, kinds: Vec<String>, sources: Vec<Choice>, narrowed: bool) -> impl IntoView + use<> {
    let mut choices = vec![Choice::new("", "Every kind")];
    let mut group = "";
    for kind in &kinds {
        let (begin, _) = kind.split_once('.').unwrap_or((kind, ""));
        if begin != group {
            choices.push(Choice::new(begin, format!("{begin}: all")));
            group = begin;
        }
        choices.push(Choice::new(kind, kind));
    }
    if !choices.iter().any(|choice| choice.value == ask.kind) {
        choices.push(Choice::new(&ask.kind, &ask.kind));
    }
    let sources: Vec<Choice> = std::iter::once(Choice::new("", "Any source")).chain(sources).collect();
    view! {
        <form class="filters labelled" method="get" action="/console/audit" role="search" aria-label="Filter events">
            <Field id="q" name="q" label="Text" value=ask.q.clone() kind="search" placeholder="In kind and details" />
            <Picker id="kind" name="kind" label="Kind" value=ask.kind.clone() choices />
            <Field id="actor" name="actor" label="Who" value=ask.actor.clone() placeholder="A person, command-line, system" />
            <Field id="person" name="person" label="About" value=ask.person.clone() placeholder="A person" />
            <Picker id="source" name="source" label="Source" value=ask.source.clone() choices=sources />
            <Field id="from" name="from" label="From (UTC)" value=ask.from.clone() placeholder="2026-11-23" />
            <Field id="until" name="until" label="To (UTC)" value=ask.until.clone() placeholder="2026-11-23T18:00" />
            <div class="row">
                <button class="button primary">{Icon::Find.draw()}"Show"</button>
                {narrowed.then(|| view! { <a class="button quiet" href="/console/audit">"Clear"</a> })}
            </div>
        </form>
    }
    .into_any()
}

fn row(line: AuditLine) -> impl IntoView {
    let narrow = |name: &str, value: &str| crate::link::with_query("/console/audit", &[(name, value)]);
    let who = narrow("actor", &line.actor);
    let about = match line.person {
        Some((id, name)) => view! { <a href=format!("/console/people/{id}")><bdi>{name}</bdi></a> }.into_any(),
        None => "–".into_any(),
    };
    let source = line.source.unwrap_or_else(|| "–".to_owned());
    view! {
        <tr class="event">
            <th scope="row" class="wrap">
                <details><summary>{line.kind}</summary>{facts(line.facts)}</details>
            </th>
            <td><When at=line.at /></td>
            <td class="p2 cut"><a href=who><bdi>{line.who}</bdi></a></td>
            <td class="p3 cut">{about}</td>
            <td class="p4 cut" title=source.clone()>{source.clone()}</td>
        </tr>
    }
    .into_any()
}

fn facts(facts: Vec<(String, String)>) -> impl IntoView {
    let lines =
        facts.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd><bdi>{value}</bdi></dd> }).collect_view();
    view! { <dl class="facts">{lines}</dl> }.into_any()
}

fn chain_panel(chain: ChainCard) -> impl IntoView {
    view! {
        <Panel id="h-chain" title="The chain">
            <div class="body">
                {chain.trouble.map(|trouble| view! { <Notice tone=Tone::Bad title="Not vouched for.".to_owned()><p>{trouble}</p></Notice> })}
                {facts(chain.facts)}
                <p class="soft">
                    "Note the public key down elsewhere. "<code>"isthmus audit verify"</code>
                    " on the server reads every event again and says which was altered, deleted, moved or cut off."
                </p>
            </div>
        </Panel>
    }
    .into_any()
}
