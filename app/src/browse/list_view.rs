//! Lists of groups and devices.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{BrowseAsk, BrowseLine, BrowseList, list_devices, list_groups};
use crate::ui::{Choice, Empty, Icon, Loaded, PageHead, Pager, Picker, TableFrame, When, asked};

/// `/console/groups`
#[component]
pub fn GroupsPage() -> impl IntoView {
    let ask = state();
    let list = asked(move || ask.get(), list_groups);
    view! { <Loaded of=list show=browse_view /> }.into_any()
}

/// `/console/devices`
#[component]
pub fn DevicesPage() -> impl IntoView {
    let ask = state();
    let list = asked(move || ask.get(), list_devices);
    view! { <Loaded of=list show=browse_view /> }.into_any()
}

/// The state in the address.
fn state() -> Memo<BrowseAsk> {
    let query = use_query_map();
    Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        BrowseAsk { q: value("q"), source: value("source"), which: value("which"), after: value("after") }
    })
}

/// Classes of the columns between name and source: what a narrow window leaves out.
const CLASSES: [&str; 2] = ["p2 cut", "p4 cut"];

/// The page with its data.
#[must_use]
pub fn browse_view(list: BrowseList) -> AnyView {
    let title = list.title.clone();
    let untouched = list.lines.is_empty() && !list.ask.narrows() && list.ask.after.is_empty();
    let filters = (!untouched).then(|| filters(&list));
    let remark =
        (!list.remark.is_empty()).then(|| view! { <p class="body soft" role="status">{list.remark.clone()}</p> });
    let label = title.clone();
    view! {
        <PageHead title=title />
        {filters}
        <section class="panel" aria-label=label>{remark}{body(list)}</section>
    }
    .into_any()
}

fn filters(list: &BrowseList) -> AnyView {
    let BrowseList { ask, path, search, which, sources, title, .. } = list.clone();
    let sources: Vec<Choice> = std::iter::once(Choice::new("", "Any source")).chain(sources).collect();
    let clear = ask.narrows().then(|| path.clone());
    view! {
        <form class="filters" method="get" action=path role="search" aria-label=format!("Filter {}", title.to_lowercase())>
            <div class="affix">
                {Icon::Find.draw()}
                <input class="input" type="search" name="q" value=ask.q placeholder=search.clone() aria-label=search autocomplete="off" />
            </div>
            <Picker id="which" name="which" label="Which" value=ask.which choices=which quiet=true />
            <Picker id="source" name="source" label="Source" value=ask.source choices=sources quiet=true />
            <button class="button">"Search"</button>
            {clear.map(|href| view! { <a class="button quiet" href=href>"Clear"</a> })}
        </form>
    }
    .into_any()
}

fn body(list: BrowseList) -> AnyView {
    let BrowseList { ask, title, path, columns, dated, lines, count, next, nothing, .. } = list;
    if let Some((heading, text)) = nothing {
        let wider = (ask.narrows() || !ask.after.is_empty())
            .then(|| view! { <a class="button" href=path>"Show all that are there"</a> });
        return view! { <Empty title=heading text=text>{wider}</Empty> }.into_any();
    }
    let first = (!ask.after.is_empty()).then(|| BrowseAsk { after: String::new(), ..ask.clone() }.link(&path));
    let next = next.map(|after| BrowseAsk { after, ..ask.clone() }.link(&path));
    let heads = columns
        .into_iter()
        .zip(CLASSES)
        .map(|(head, class)| view! { <th scope="col" class=class>{head}</th> })
        .collect_view();
    let rows = lines.into_iter().map(|line| row(line, &path, dated)).collect_view();
    view! {
        <TableFrame caption=format!("{title}, in order")>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    {heads}
                    <th scope="col" class="p3">"Source"</th>
                    {dated.then(|| view! { <th scope="col">"Last seen"</th> })}
                    <th scope="col">"State"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </TableFrame>
        <Pager count first next />
    }
    .into_any()
}

fn row(line: BrowseLine, path: &str, dated: bool) -> AnyView {
    let dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let cells = line
        .cells
        .into_iter()
        .zip(CLASSES)
        .map(|(cell, class)| view! { <td class=class title=cell.clone()><bdi>{dash(cell.clone())}</bdi></td> })
        .collect_view();
    let state = match line.state {
        Some((class, word)) => view! { <span class=class>{word}</span> }.into_any(),
        None => view! { <span class="muted">"there"</span> }.into_any(),
    };
    let name = line.name.clone();
    view! {
        <tr>
            <th scope="row" class="cut" title=name>
                <a href=format!("{path}/{}", line.id)><bdi>{line.name}</bdi></a>
            </th>
            {cells}
            <td class="p3 cut">{line.source}</td>
            {dated.then(|| view! { <td><When at=line.seen otherwise="not known" /></td> })}
            <td>{state}</td>
        </tr>
    }
    .into_any()
}
