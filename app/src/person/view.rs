//! The Person page.

use directory::{AccountStatus, LinkKind};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api::{AccountCard, CaseLine, ChangeLine, PersonCard, SignInLine, read_person},
    sessions::{session_panel, unlock_panel},
    trace::trace_panel,
};
use crate::browse::linked_panel;
use crate::ui::{Icon, Loaded, Moment, Notice, PageHead, Panel, StateGlyph, TableFrame, Tone, When, asked};

/// `/console/people/{id}?code=…`
#[component]
pub fn PersonPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let value = |name| query.read().get(name).unwrap_or_default();
        (params.read().get("id").unwrap_or_default(), value("code"), value("done"))
    });
    let card = asked(move || ask.get(), |(id, code, done)| read_person(id, code, done));
    view! { <Loaded of=card show=person_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn person_view(card: PersonCard) -> AnyView {
    let PersonCard {
        id,
        name,
        notice,
        subtitle,
        state,
        disputed,
        privileged,
        sentence,
        cases,
        sessions,
        sign_ins,
        trace,
        waiting,
        ..
    } = card.clone();
    let shown = trace.as_ref().map(|trace| trace.code.clone());
    view! {
        <PageHead title=name lede=subtitle />
        {(!notice.is_empty()).then(|| view! { <Notice tone=Tone::Ok><p>{notice}</p></Notice> })}
        <section class="panel" aria-label="What is going on">
            <div class="body pad stack m">
                <div class="row">
                    <StateGlyph state disputed />
                    {privileged.then(|| view! { <span class="badge">{Icon::Key.draw()}"Privileged"</span> })}
                </div>
                <p class="sentence">{sentence}</p>
            </div>
        </section>
        {(!cases.is_empty()).then(|| case_panel(cases))}
        {(!waiting.is_empty()).then(|| waiting_panel(waiting))}
        <div class="grid rail">
            <div class="stack l">
                {trace.map(trace_panel)}
                {session_panel(&id, sessions, card.may_help)}
                {card.may_help.then(|| unlock_panel(&id, card.unlockable.clone()))}
                {sign_in_panel(&id, sign_ins, shown.as_deref())}
            </div>
            <div class="stack l">{facts(card)}</div>
        </div>
    }
    .into_any()
}

fn facts(card: PersonCard) -> impl IntoView {
    let PersonCard { authorities, accounts, profile, groups, group_count, devices, changes, .. } = card;
    let authorities = authorities
        .into_iter()
        .map(|line| {
            let note = line.note.map(|note| view! { " "<span class="origin">{note}</span> });
            view! { <dt>{line.what}</dt><dd><b>{line.who}</b>{note}</dd> }
        })
        .collect_view();
    let no_accounts = accounts.is_empty();
    let accounts = accounts.into_iter().map(|account| view! { <Account account /> }).collect_view();
    let profile = profile
        .into_iter()
        .map(|line| {
            let note = (!line.note.is_empty()).then(|| view! { <p class="hint"><bdi>{line.note}</bdi></p> });
            view! { <dt>{line.label}</dt><dd><bdi>{line.value}</bdi>" "<span class="origin">{line.origin}</span>{note}</dd> }
        })
        .collect_view();
    let nowhere = groups.is_empty();
    let groups = groups
        .into_iter()
        .map(|group| {
            let href = format!("/console/groups/{}", group.id);
            view! { <li><div><a href=href><bdi>{group.name}</bdi></a>" "<span class="hint">{group.origin}</span></div></li> }
        })
        .collect_view();
    view! {
        <Panel id="h-who" title="Who decides what"><div class="body"><dl class="facts">{authorities}</dl></div></Panel>
        <Panel id="h-accounts" title="Accounts">
            {no_accounts.then(|| view! { <p class="body soft">"No account at any source."</p> })}
            <ul class="list">{accounts}</ul>
        </Panel>
        <Panel id="h-profile" title="Profile"><div class="body"><dl class="facts">{profile}</dl></div></Panel>
        {change_panel(changes)}
        <Panel id="h-groups" title="Groups" hint=group_count>
            {nowhere.then(|| view! { <p class="body soft">"Member of no group."</p> })}
            <ul class="list">{groups}</ul>
        </Panel>
        {linked_panel("h-devices", devices)}
    }
    .into_any()
}

/// "Why did this change?" Nothing where nothing ever did.
fn change_panel(changes: Vec<ChangeLine>) -> Option<impl IntoView> {
    let lines = changes
        .into_iter()
        .map(|line| {
            let after = if line.after.is_empty() { "nothing".to_owned() } else { line.after };
            view! {
                <li>
                    <div>
                        <b class="strong">{line.label}</b>" "<bdi>{line.before}</bdi>" → "<bdi>{after}</bdi>
                        <p class="hint"><When at=line.at />" "{line.why}</p>
                    </div>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!lines.is_empty()).then(|| {
        view! { <Panel id="h-changes" title="Why did this change?"><ul class="list">{lines}</ul></Panel> }.into_any()
    })
}

#[component]
fn Account(account: AccountCard) -> impl IntoView {
    let kind = match account.kind {
        LinkKind::Primary => "primary",
        LinkKind::Admin => "administrator's account",
        LinkKind::Service => "service account",
        LinkKind::Other => "other",
    };
    let status = match account.status {
        AccountStatus::Active => ("dot-label ok", "active there"),
        AccountStatus::Disabled => ("dot-label bad", "disabled there"),
        AccountStatus::Expired => ("dot-label bad", "expired there"),
        AccountStatus::Missing => ("dot-label bad", "not found there"),
    };
    view! {
        <li>
            {Icon::Server.draw_muted()}
            <div>
                <b class="strong"><bdi>{account.username}</bdi></b>
                " in "
                <a href=format!("/console/sources/{}", crate::link::encode(&account.source))>{account.source_label}</a>
                <p class="hint">
                    <span class=status.0>{status.1}</span>
                    {format!(" · {kind} · read ")}
                    <When at=account.read_at />
                </p>
                {account.locked_until.map(|until| view! { <p class="hint c-bad">"locked there until "<When at=until /></p> })}
                {account.missing_since.map(|since| view! { <p class="hint c-warn">"not seen since "<When at=since /></p> })}
                {account.privileged.then(|| view! { <p class="hint">"privileged at its source"</p> })}
                <p class="hint"><code class="id">{account.locator}</code></p>
                <p class="hint">"id "<code class="id">{account.immutable_id}</code></p>
            </div>
        </li>
    }
    .into_any()
}

fn case_panel(cases: Vec<CaseLine>) -> impl IntoView {
    let cases = cases
        .into_iter()
        .map(|case| {
            let other =
                case.other.map(|(id, name)| view! { " "<a href=format!("/console/people/{id}")><bdi>{name}</bdi></a> });
            view! {
                <li>
                    <span class="badge ask">{case.title}</span>
                    <div>{case.text}{other}<p class="hint">"open since "<When at=case.opened_at /></p></div>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel id="h-cases" title="A person must decide" hint="deciding comes with duplicate review">
            <ul class="list">{cases}</ul>
        </Panel>
    }
    .into_any()
}

/// Entries that may be this person; somebody decides, nothing is linked meanwhile.
fn waiting_panel(lines: Vec<(String, String, Moment)>) -> impl IntoView {
    let lines = lines
        .into_iter()
        .map(|(name, text, since)| {
            view! {
                <li>
                    <span class="badge ask">"Waits"</span>
                    <div><b class="strong"><bdi>{name}</bdi></b>" "{text}<p class="hint">"waits since "<When at=since /></p></div>
                </li>
            }
        })
        .collect_view();
    view! { <Panel id="h-waiting" title="Entries that may be this person"><ul class="list">{lines}</ul></Panel> }
        .into_any()
}

fn sign_in_panel(person: &str, lines: Vec<SignInLine>, shown: Option<&str>) -> impl IntoView + use<> {
    if lines.is_empty() {
        return view! {
            <Panel id="h-signins" title="Last sign-ins"><p class="body soft">"No sign-in has been recorded."</p></Panel>
        }
        .into_any();
    }
    let rows = lines
        .into_iter()
        .map(|line| {
            let current = (shown == Some(&line.code)).then_some("true");
            let href = crate::link::with_query(&format!("/console/people/{person}"), &[("code", &line.code)]);
            let class = if line.signed_in { "dot-label ok" } else { "dot-label warn" };
            view! {
                <tr>
                    <th scope="row"><When at=line.at /></th>
                    <td class="p2 cut">{line.client}</td>
                    <td><span class=class>{line.result}</span></td>
                    <td><a href=href aria-current=current title="Show this trace"><code>{line.code}</code></a>" "<code class="tag-code">{line.row}</code></td>
                    <td class="num p3">{format!("{} ms", line.took_ms)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel id="h-signins" title="Last sign-ins">
            <TableFrame caption="Last sign-ins, newest first">
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col" class="p2">"App"</th>
                        <th scope="col">"Result"</th>
                        <th scope="col">"Code"</th>
                        <th scope="col" class="num p3">"Took"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        </Panel>
    }
    .into_any()
}
