//! The page of one source.

use directory::SourceMode;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api::{HostLine, PasswordLine, SourceCard, read_source},
    mode::mode_panel,
    test_panel::test_panel,
};
use crate::{
    imports::imports_panel,
    sources::health,
    ui::{Loaded, ModeBadge, Notice, PageHead, Panel, Tone, When, asked, kind_word},
};

/// `/console/sources/{name}?test=1&person=…`
#[component]
pub fn SourcePage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        (params.read().get("name").unwrap_or_default(), !value("test").is_empty(), value("person"), value("done"))
    });
    let card = asked(move || ask.get(), |(name, test, person, done)| read_source(name, test, person, done));
    view! { <Loaded of=card show=source_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn source_view(card: SourceCard) -> AnyView {
    let settings = format!("/console/sources/{}/settings", crate::link::encode(&card.name));
    let profile = format!("/console/sources/{}/profile", crate::link::encode(&card.name));
    let editable = card.editable;
    let actions: Children = Box::new(move || {
        view! {
            <a class="button" href=profile>"Profile"</a>
            {editable.then(|| view! { <a class="button" href=settings>"Settings"</a> })}
        }
        .into_any()
    });
    let (class, word) = health(card.mode, card.down, card.trouble.is_some());
    let facts = card
        .facts
        .clone()
        .into_iter()
        .map(|(what, value)| view! { <dt>{what}</dt><dd><bdi>{value}</bdi></dd> })
        .collect_view();
    let people = crate::link::with_query("/console/people", &[("source", &card.name)]);
    view! {
        <PageHead title=card.label.clone() lede=card.meaning.clone() actions=actions />
        {notice(&card)}
        {card.trouble.clone().map(|trouble| view! { <Notice tone=Tone::Bad title="This directory cannot be used."><p>{trouble}</p></Notice> })}
        <div class="grid rail">
            <div class="stack l">
                {card.imports.clone().map(|imports| imports_panel(&card.name, imports))}
                {editable.then(|| test_panel(&card.name, card.takes_passwords, card.test.clone()))}
                {editable.then(|| mode_panel(&card))}
            </div>
            <div class="stack l">
                <Panel id="h-now" title="Now">
                    <div class="body">
                        <dl class="facts">
                            <dt>"Mode"</dt>
                            <dd><ModeBadge mode=card.mode /></dd>
                            <dt>"Health"</dt>
                            <dd><span class=class>{word}</span></dd>
                            <dt>"People"</dt>
                            <dd><a href=people>{card.people.clone()}</a></dd>
                            <dt>"Kind"</dt>
                            <dd>{kind_word(card.kind)}</dd>
                            <dt>"Changed"</dt>
                            <dd><When at=card.updated_at.clone() /></dd>
                        </dl>
                    </div>
                </Panel>
                {(!card.hosts.is_empty()).then(|| hosts(card.hosts.clone()))}
                {passwords(card.passwords.clone())}
                <Panel id="h-settings" title="Settings"><div class="body"><dl class="facts">{facts}</dl></div></Panel>
            </div>
        </div>
    }
    .into_any()
}

/// The servers of the source and how each is doing.
fn hosts(lines: Vec<HostLine>) -> impl IntoView + use<> {
    let line = |line: HostLine| {
        let (class, word) = line.state;
        let trouble = line.last_trouble.map(|(at, reason)| {
            view! { <p class="hint wrap">"Last trouble "<When at />": "<bdi>{reason}</bdi></p> }
        });
        view! {
            <li>
                <div>
                    <bdi class="mono">{line.host}</bdi>" "<span class=class>{word}</span>
                    <p class="hint">{line.hint}" Last answered "<When at=line.last_success />"."</p>
                    {trouble}
                </div>
            </li>
        }
    };
    let lines = lines.into_iter().map(line).collect_view();
    view! { <Panel id="h-hosts" title="Servers"><ul class="list">{lines}</ul></Panel> }.into_any()
}

/// The stored passwords of its people, by kind; nothing where it shows none.
fn passwords(lines: Vec<PasswordLine>) -> Option<AnyView> {
    if lines.is_empty() {
        return None;
    }
    let line = |line: PasswordLine| {
        view! {
            <li>
                <div>
                    <bdi class="mono">{line.scheme}</bdi>" "{line.people}
                    <p class="hint">{line.remark}". Counted "<When at=line.read_at />"."</p>
                </div>
            </li>
        }
    };
    let lines = lines.into_iter().map(line).collect_view();
    Some(view! { <Panel id="h-passwords" title="Stored passwords"><ul class="list">{lines}</ul></Panel> }.into_any())
}

/// What the last action did; the page below already shows it.
fn notice(card: &SourceCard) -> Option<impl IntoView + use<>> {
    let (tone, title, text) = match card.notice.as_str() {
        "saved" if card.mode == SourceMode::Paused => {
            (Tone::Ok, "Saved, paused.", "Test the connection and a person you know, then change the mode to Active.")
        }
        "saved" => (Tone::Ok, "Saved.", "The change is in force within two seconds."),
        "scheduled" => (Tone::Ok, "The times are saved.", "Imports begin by themselves as shown below."),
        "mode" => (Tone::Ok, "The mode is changed.", "It is in force within two seconds."),
        "proposed" => (
            Tone::Ask,
            "A second person must agree.",
            "The change is proposed. Nothing changes until another administrator accepts it (Approvals).",
        ),
        _ => return None,
    };
    Some(view! { <Notice tone title=title><p>{text}</p></Notice> })
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use leptos::reactive::owner::Owner;

    use super::*;

    #[test]
    fn stored_passwords_are_told_by_kind_and_nothing_is_drawn_where_there_are_none() {
        let line = PasswordLine {
            scheme: "<img src=x>".to_owned(),
            people: "3 people, 1 of them checked here by now".to_owned(),
            remark: "cannot be verified here: they need a new password".to_owned(),
            read_at: crate::ui::Moment { exact: "2026-11-23T10:42:07Z".to_owned(), text: "23 Nov 2026".to_owned() },
        };
        assert!(Owner::new().with(|| passwords(Vec::new()).is_none()));
        let html = Owner::new().with(|| passwords(vec![line]).expect("a panel").to_html());
        assert!(html.contains("Stored passwords") && html.contains("3 people, 1 of them"), "{html}");
        assert!(html.contains("they need a new password") && !html.contains("<img"), "{html}");
    }
}
