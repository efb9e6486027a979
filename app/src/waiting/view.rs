//! The list of entries that wait.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{WaitingAsk, WaitingLine, WaitingPage as Data, list_waiting};
use crate::ui::{Choice, Empty, Loaded, PageHead, Pager, Picker, TableFrame, When, asked};

/// `/console/waiting?source=…&kind=…&after=…`
#[component]
pub fn WaitingPage() -> impl IntoView {
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        WaitingAsk { source: value("source"), kind: value("kind"), after: value("after") }
    });
    let page = asked(move || ask.get(), list_waiting);
    view! { <Loaded of=page show=waiting_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn waiting_view(page: Data) -> AnyView {
    let Data { ask, lines, sources, kinds, count, next } = page;
    let narrows = !(ask.source.is_empty() && ask.kind.is_empty());
    let any = |label: &str, all: Vec<Choice>| std::iter::once(Choice::new("", label)).chain(all).collect::<Vec<_>>();
    let filters = (narrows || !lines.is_empty() || !ask.after.is_empty()).then(|| {
        view! {
            <form class="filters" method="get" action="/console/waiting" role="search" aria-label="Filter entries that wait">
                <Picker id="kind" name="kind" label="Why" value=ask.kind.clone() choices=any("Whatever they wait for", kinds) quiet=true />
                <Picker id="source" name="source" label="Source" value=ask.source.clone() choices=any("Any source", sources) quiet=true />
                <button class="button">"Show"</button>
                {narrows.then(|| view! { <a class="button quiet" href="/console/waiting">"Clear"</a> })}
            </form>
        }
    });
    let body = if lines.is_empty() {
        let (title, text) = if narrows {
            ("Nothing waits for this", "Choose another reason or another source, or clear the filter.")
        } else {
            (
                "Nothing waits",
                "Entries wait when somebody has to decide who they are, or when they lack what everybody must have. Each is looked at again whenever it is read.",
            )
        };
        view! { <Empty title text /> }.into_any()
    } else {
        let first = (!ask.after.is_empty()).then(|| WaitingAsk { after: String::new(), ..ask.clone() }.link());
        let next = next.map(|after| WaitingAsk { after, ..ask.clone() }.link());
        let rows = lines.into_iter().map(row).collect_view();
        view! {
            <TableFrame caption="Entries that wait, the longest waiting first">
                <thead>
                    <tr>
                        <th scope="col">"Entry"</th>
                        <th scope="col" class="p3">"Source"</th>
                        <th scope="col">"Why, and what to do"</th>
                        <th scope="col" class="p2">"Since"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
            <Pager count first next />
        }
        .into_any()
    };
    view! {
        <PageHead title="Waiting" lede="Entries of directories of which nobody was made, and which were linked to nobody." />
        {filters}
        <section class="panel" aria-label="Waiting">{body}</section>
    }
    .into_any()
}

fn row(line: WaitingLine) -> AnyView {
    let WaitingLine { name, locator, source, kind, why, what_to_do, may_be, since } = line;
    let people = may_be
        .into_iter()
        .map(|(id, name)| view! { <a href=format!("/console/people/{id}")><bdi>{name}</bdi></a>" " })
        .collect_view();
    let place = locator.clone();
    view! {
        <tr>
            <th scope="row" class="cut" title=place><bdi>{name}</bdi><span class="hint"><bdi>{locator}</bdi></span></th>
            <td class="p3">{source}</td>
            <td class="wrap"><strong>{kind}</strong>" "{people}<p class="hint">{why}" "{what_to_do}</p></td>
            <td class="p2"><When at=since otherwise="not known" /></td>
        </tr>
    }
    .into_any()
}
