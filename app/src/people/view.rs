//! The People page.

use directory::PersonState;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{PeopleAsk, PeopleList, PersonLine, list_people};
use crate::ui::{Choice, Empty, Icon, Loaded, PageHead, Pager, Picker, StateGlyph, TableFrame, asked, state_word};

/// `/console/people`
#[component]
pub fn PeoplePage() -> impl IntoView {
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        PeopleAsk { q: value("q"), state: value("state"), source: value("source"), after: value("after") }
    });
    let list = asked(move || ask.get(), list_people);
    view! { <Loaded of=list show=people_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn people_view(list: PeopleList) -> AnyView {
    let PeopleList { ask, lines, count, next, sources } = list;
    let nobody_yet = lines.is_empty() && !ask.narrows() && ask.after.is_empty();
    let body = if nobody_yet { nobody(&sources).into_any() } else { results(&ask, lines, &count, next).into_any() };
    view! {
        <PageHead title="People" />
        {(!nobody_yet).then(|| filters(&ask, sources))}
        <section class="panel" aria-label="People">{body}</section>
    }
    .into_any()
}

fn filters(ask: &PeopleAsk, sources: Vec<Choice>) -> impl IntoView + use<> {
    let states = std::iter::once(Choice::new("", "Any state but merged"))
        .chain(
            PersonState::ALL
                .iter()
                .filter(|state| **state != PersonState::Unknown)
                .map(|state| Choice::new(state.as_str(), state_word(*state))),
        )
        .collect();
    let sources: Vec<Choice> = std::iter::once(Choice::new("", "Any source")).chain(sources).collect();
    view! {
        <form class="filters" method="get" action="/console/people" role="search" aria-label="Filter people">
            <div class="affix">
                {Icon::Find.draw()}
                <input
                    class="input"
                    type="search"
                    name="q"
                    value=ask.q.clone()
                    placeholder="Name, e-mail, username, number"
                    aria-label="Search people"
                    autocomplete="off"
                />
            </div>
            <Picker id="state" name="state" label="State" value=ask.state.clone() choices=states quiet=true />
            <Picker id="source" name="source" label="Source" value=ask.source.clone() choices=sources quiet=true />
            <button class="button">"Search"</button>
            {ask.narrows().then(|| view! { <a class="button quiet" href="/console/people">"Clear"</a> })}
        </form>
    }
    .into_any()
}

/// Before the first person: what brings people here.
fn nobody(sources: &[Choice]) -> impl IntoView + use<> {
    if sources.is_empty() {
        view! {
            <Empty
                title="Nobody is here yet"
                text="People come from the directories you have. Connect one, and each person appears when they first sign in."
            >
                <a class="button primary" href="/console/sources/new">"Connect a directory"</a>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty
                title="Nobody has signed in yet"
                text="Each person appears here when they first prove the password of their directory. Nothing is imported before that."
            >
                <a class="button" href="/console/sources">"Sources"</a>
            </Empty>
        }
        .into_any()
    }
}

fn results(ask: &PeopleAsk, lines: Vec<PersonLine>, count: &str, next: Option<String>) -> impl IntoView + use<> {
    if lines.is_empty() {
        return no_match(ask).into_any();
    }
    let one = lines.len() == 1 && count == "1";
    let rows = lines.into_iter().map(|line| view! { <Line line /> }).collect_view();
    let first = (!ask.after.is_empty()).then(|| PeopleAsk { after: String::new(), ..ask.clone() }.link());
    let next = next.map(|after| PeopleAsk { after, ..ask.clone() }.link());
    view! {
        <TableFrame caption="People, by name">
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col" class="p3b">"E-mail"</th>
                    <th scope="col" class="p4">"Username"</th>
                    <th scope="col">"State"</th>
                    <th scope="col" class="p2">"Password checked by"</th>
                    <th scope="col" class="p3">"Accounts in"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </TableFrame>
        <Pager count=format!("{count} {}", if one { "person" } else { "people" }) first next />
    }
    .into_any()
}

fn no_match(ask: &PeopleAsk) -> impl IntoView + use<> {
    let title =
        if ask.q.is_empty() { "Nobody fits these filters".to_owned() } else { format!("Nobody fits “{}”", ask.q) };
    let filtered = !(ask.state.is_empty() && ask.source.is_empty());
    let text = if filtered {
        "Nobody within these filters has that at the start of a name, e-mail address, username or number."
    } else {
        "Nobody has that at the start of a name, e-mail address, username or number. People who never signed in are not here yet."
    };
    let wider = PeopleAsk { q: ask.q.clone(), ..PeopleAsk::default() }.link();
    view! {
        <Empty title=title text=text>
            {filtered.then(|| view! { <a class="button primary" href=wider>"Search all states and sources"</a> })}
            <a class="button" href="/console/people">"Show everybody"</a>
        </Empty>
    }
    .into_any()
}

#[component]
fn Line(line: PersonLine) -> impl IntoView {
    let dash = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let (name, sources) = (line.name.clone(), line.sources.clone());
    let email = line.email.clone().unwrap_or_default();
    view! {
        <tr>
            <th scope="row" class="cut" title=name>
                <a href=format!("/console/people/{}", line.id)><bdi>{line.name}</bdi></a>
            </th>
            <td class="p3b cut" title=email.clone()>{dash(&email)}</td>
            <td class="p4 cut">{line.username.unwrap_or_else(|| "–".to_owned())}</td>
            <td><StateGlyph state=line.state disputed=line.disputed /></td>
            <td class="p2">{line.checked_by.unwrap_or_else(|| "–".to_owned())}</td>
            <td class="p3 cut" title=sources.clone()>{dash(&sources)}</td>
        </tr>
    }
    .into_any()
}
