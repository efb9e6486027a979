//! The Sources page.

use directory::SourceMode;
use leptos::prelude::*;

use super::api::{SourceLine, SourceList, list_sources};
use crate::ui::{Empty, Icon, Loaded, ModeBadge, PageHead, TableFrame, asked, kind_word};

/// `/console/sources`
#[component]
pub fn SourcesPage() -> impl IntoView {
    let list = asked(|| (), |()| list_sources());
    view! { <Loaded of=list show=sources_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn sources_view(list: SourceList) -> AnyView {
    if list.lines.is_empty() {
        return none(list.editable).into_any();
    }
    let rows = list.lines.into_iter().map(|line| view! { <Line line /> }).collect_view();
    let add: Children = Box::new(move || {
        list.editable
            .then(
                || view! { <a class="button primary" href="/console/sources/new">{Icon::Add.draw()}"Add a source"</a> },
            )
            .into_any()
    });
    view! {
        <PageHead title="Sources" lede="Every directory people still come from, and what the hub may do with it." actions=add />
        <section class="panel" aria-label="Sources">
            <TableFrame caption="All sources" class="tall">
                <thead>
                    <tr>
                        <th scope="col">"Source"</th>
                        <th scope="col">"Mode"</th>
                        <th scope="col" class="p2">"Health"</th>
                        <th scope="col" class="num p2">"People"</th>
                        <th scope="col" class="p3">"E-mail domains"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        </section>
    }
    .into_any()
}

fn none(editable: bool) -> impl IntoView {
    let add = editable.then(|| {
        view! {
            <a class="button primary" href="/console/sources/new?kind=ldap">"Connect an LDAP directory"</a>
            <a class="button" href="/console/sources/new?kind=active-directory">"Connect Active Directory"</a>
        }
    });
    view! {
        <PageHead title="Sources" />
        <section class="panel" aria-label="Sources">
            <Empty
                title="No directory is connected yet"
                text="Connect the LDAP directory or Active Directory your people sign in with today. A read-only service account is enough. Nothing is imported, and nobody is asked for a password, before you switch it on."
            >
                {add}
            </Empty>
        </section>
    }
    .into_any()
}

/// The health of a source in a word, with its class.
pub fn health(mode: SourceMode, down: bool, trouble: bool) -> (&'static str, &'static str) {
    match (mode, trouble, down) {
        (SourceMode::Retired, _, _) => ("dot-label off", "Retired"),
        (SourceMode::Paused, _, _) => ("dot-label off", "Not contacted"),
        (_, true, _) => ("dot-label bad", "Misconfigured"),
        (_, false, true) => ("dot-label bad", "Down"),
        (_, false, false) => ("dot-label ok", "Healthy"),
    }
}

#[component]
fn Line(line: SourceLine) -> impl IntoView {
    let (class, word) = health(line.mode, line.down, line.trouble.is_some());
    let flag = line.trouble.is_some().then_some("flag");
    let domains = if line.domains.is_empty() { "–".to_owned() } else { line.domains };
    let people = crate::link::with_query("/console/people", &[("source", &line.name)]);
    view! {
        <tr class=flag>
            <th scope="row">
                <a href=format!("/console/sources/{}", crate::link::encode(&line.name))>{line.label}</a>
                <span class="hint">{format!("{} · {}", kind_word(line.kind), line.address)}</span>
                {line.trouble.map(|trouble| view! { <span class="hint wrap c-bad">{trouble}</span> })}
            </th>
            <td><ModeBadge mode=line.mode /></td>
            <td class="p2"><span class=class>{word}</span></td>
            <td class="num p2"><a href=people>{line.people}</a></td>
            <td class="p3 cut" title=domains.clone()>{domains.clone()}</td>
        </tr>
    }
    .into_any()
}
