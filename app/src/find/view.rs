//! The page.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{Finding, find_person};
use crate::{
    people::PersonLine,
    person::{TraceCard, TraceView},
    ui::{Empty, Icon, Loaded, PageHead, Panel, StateGlyph, asked},
};

/// `/console/find?q=…`
#[component]
pub fn FindPage() -> impl IntoView {
    let query = use_query_map();
    let ask = Memo::new(move |_| query.read().get("q").unwrap_or_default());
    let found = asked(move || ask.get(), find_person);
    view! { <Loaded of=found show=find_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn find_view(found: Finding) -> AnyView {
    let Finding { q, code, trace, people, more } = found;
    let answer = match (q.is_empty(), trace) {
        (true, _) => ().into_any(),
        (false, Some(trace)) => this_code(trace).into_any(),
        (false, None) if people.is_empty() => nobody(&q, code).into_any(),
        (false, None) => hits(&q, people, more).into_any(),
    };
    view! {
        <div class="finder stack l">
            <PageHead title="Who is calling?" lede="Name, e-mail, username, employee number, phone, or the code they read out." />
            <form method="get" action="/console/find" role="search" aria-label="Who is calling">
                <div class="affix huge">
                    {Icon::Find.draw()}
                    <input class="input" type="search" name="q" value=q aria-label="Find a person" autocomplete="off" autofocus />
                </div>
            </form>
            {answer}
        </div>
    }
    .into_any()
}

fn this_code(trace: TraceCard) -> impl IntoView {
    let who = trace.person.clone().map_or_else(
        || {
            view! { <p class="body soft">"The name that was typed belongs to nobody here. It is not kept."</p> }
                .into_any()
        },
        |(id, name)| {
            let href = crate::link::with_query(&format!("/console/people/{id}"), &[("code", &trace.code)]);
            view! {
                <ul class="list">
                    <li class="hit">
                        {Icon::Person.draw_muted()}
                        <div>
                            <a class="t" href=href.clone()><bdi>{name}</bdi></a>
                            <p class="hint">"The code does not prove who is calling."</p>
                        </div>
                        <a class="button primary push" href=href>"Open"</a>
                    </li>
                </ul>
            }
            .into_any()
        },
    );
    view! { <Panel id="h-code" title="This code" hint=trace.code.clone()>{who}<TraceView trace /></Panel> }.into_any()
}

fn hits(q: &str, people: Vec<PersonLine>, more: bool) -> impl IntoView + use<> {
    let lines = people
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let href = format!("/console/people/{}", line.id);
            let hint = [line.email, line.username, Some(line.sources)]
                .into_iter()
                .flatten()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(" · ");
            view! {
                <li class=(index == 0).then_some("hit")>
                    <div>
                        <div class="row"><a class="t" href=href><bdi>{line.name}</bdi></a><StateGlyph state=line.state disputed=line.disputed /></div>
                        <p class="hint">{hint}</p>
                    </div>
                </li>
            }
        })
        .collect_view();
    let all = crate::link::with_query("/console/people", &[("q", q)]);
    view! {
        <Panel id="h-hits" title="People">
            <ul class="list">{lines}</ul>
            {more.then(|| view! { <footer><a href=all>"Show all that fit"</a></footer> })}
        </Panel>
    }
    .into_any()
}

fn nobody(q: &str, code: bool) -> impl IntoView + use<> {
    let text = if code {
        "No sign-in has this code. Ask the caller to read it again; traces are kept for a limited time."
    } else {
        "Nobody has that at the start of a name, e-mail address, username or number. People who never signed in are not here yet."
    };
    view! { <section class="panel" aria-label="Nobody found"><Empty title=format!("Nobody fits “{q}”") text=text /></section> }.into_any()
}
