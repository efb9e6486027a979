//! One group or device.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::api::{Fact, Linked, LinkedPanel, ObjectCard, read_device, read_group};
use crate::ui::{Loaded, Notice, PageHead, Pager, Panel, Tone, When, asked};

/// `/console/groups/{id}?after=…`
#[component]
pub fn GroupPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let ask = Memo::new(move |_| {
        (params.read().get("id").unwrap_or_default(), query.read().get("after").unwrap_or_default())
    });
    let card = asked(move || ask.get(), |(id, after)| read_group(id, after));
    view! { <Loaded of=card show=object_view /> }.into_any()
}

/// `/console/devices/{id}`
#[component]
pub fn DevicePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let card = asked(move || id.get(), read_device);
    view! { <Loaded of=card show=object_view /> }.into_any()
}

/// Ids of the panels' headings.
const IDS: [&str; 4] = ["h-first", "h-second", "h-third", "h-fourth"];

/// The page with its data.
#[must_use]
pub fn object_view(card: ObjectCard) -> AnyView {
    let ObjectCard { name, lede, warning, facts, panels } = card;
    let facts = facts.into_iter().map(fact).collect_view();
    let mut panels = panels.into_iter().zip(IDS).map(|(panel, id)| linked_panel(id, panel));
    let main = panels.next();
    let more = panels.collect_view();
    view! {
        <PageHead title=name lede=lede />
        {(!warning.is_empty()).then(|| view! { <Notice tone=Tone::Warn><p>{warning}</p></Notice> })}
        <div class="grid rail">
            <div class="stack l">{main}</div>
            <div class="stack l">
                <Panel id="h-facts" title="What is known"><div class="body"><dl class="facts">{facts}</dl></div></Panel>
                {more}
            </div>
        </div>
    }
    .into_any()
}

fn fact(fact: Fact) -> AnyView {
    let Fact { what, text, href, exact, at } = fact;
    let value = match (href, at) {
        (_, Some(at)) => view! { <When at=at /> }.into_any(),
        (Some(href), None) => view! { <a href=href>{text}</a> }.into_any(),
        (None, None) if text.is_empty() => "–".into_any(),
        (None, None) if exact => view! { <code class="id">{text}</code> }.into_any(),
        (None, None) => view! { <bdi>{text}</bdi> }.into_any(),
    };
    view! { <dt>{what}</dt><dd>{value}</dd> }.into_any()
}

/// A list of links with a hint each.
pub(crate) fn linked_panel(id: &'static str, panel: LinkedPanel) -> AnyView {
    let LinkedPanel { title, hint, empty, lines, first, next } = panel;
    let count = match lines.len() {
        1 => "1 on this page".to_owned(),
        number => format!("{number} on this page"),
    };
    let paged = (first.is_some() || next.is_some()).then(|| view! { <Pager count first next /> });
    let none = lines.is_empty().then(|| view! { <p class="body soft">{empty}</p> });
    let lines = lines.into_iter().map(line).collect_view();
    view! { <Panel id=id title=title hint=hint>{none}<ul class="list">{lines}</ul>{paged}</Panel> }.into_any()
}

fn line(line: Linked) -> AnyView {
    let label = match line.href {
        Some(href) => view! { <a href=href><bdi>{line.label}</bdi></a> }.into_any(),
        None => view! { <code class="id">{line.label}</code> }.into_any(),
    };
    view! { <li><div>{label}" "<span class="hint">{line.hint}</span></div></li> }.into_any()
}
