//! The page of one application.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api::{AppCard, NewSecret, PublishGroups, SaveApp, read_app},
    form::app_form,
    snippet::{Copyable, Snippet},
};
use crate::ui::{Check, Icon, Loaded, Notice, PageHead, Panel, PostForm, Problem, Sending, Tone, When, asked};

/// `/console/apps/{id}?groups=…`
#[component]
pub fn AppPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        (params.read().get("id").unwrap_or_default(), value("groups"), value("done"))
    });
    let card = asked(move || ask.get(), |(id, groups, done)| read_app(id, groups, done));
    view! { <Loaded of=card show=app_view /> }.into_any()
}

/// The secret, once, and the way on.
pub(super) fn secret_panel(id: &str, name: &str, secret: Option<String>) -> impl IntoView + use<> {
    let href = format!("/console/apps/{}", crate::link::encode(id));
    let text = match secret {
        Some(secret) => view! {
            <p class="body soft">"This is its secret. It is shown once: the hub keeps only a digest."</p>
            <div class="body"><Copyable text=secret /></div>
        }
        .into_any(),
        None => view! { <p class="body soft">"It has no secret and proves itself with PKCE."</p> }.into_any(),
    };
    view! {
        <Panel id="h-secret" title=format!("{name} is registered")>
            {text}
            <footer><a class="button small" href=href>"Settings to copy"</a></footer>
        </Panel>
    }
    .into_any()
}

/// The page with its data.
#[must_use]
pub fn app_view(card: AppCard) -> AnyView {
    let AppCard {
        form,
        snippet,
        test_link,
        updated_at,
        secret,
        notice,
        sources,
        groups,
        group_search,
        editable,
        administers,
        ..
    } = card;
    let save = Sending::<SaveApp>::new();
    let confidential = snippet.confidential;
    let (id, name, revision) = (form.id.clone(), form.name.clone(), form.revision);
    let saved = matches!(notice.as_str(), "saved" | "groups" | "registered");
    let lede = if sources.is_empty() {
        "Its people may come from any directory.".to_owned()
    } else {
        format!("Its people came from {}.", sources.join(", "))
    };
    let actions: Children = Box::new(move || {
        view! { <a class="button" href=test_link rel="external" target="_blank">"Test sign-in"</a> }.into_any()
    });
    view! {
        <PageHead title=name.clone() lede=lede actions=actions />
        {saved.then(|| view! { <Notice tone=Tone::Ok title="Saved."><p>"The change is in force within two seconds."</p></Notice> })}
        {secret.map(|secret| secret_panel(&id, &name, Some(secret)))}
        <div class="grid rail">
            <div class="stack l">
                {snippet_panel(&snippet)}
                {editable.then(|| group_panel(&id, revision, groups, group_search))}
                {editable.then(|| app_form(&form, save))}
            </div>
            <div class="stack l">
                {test_panel()}
                {(confidential && administers).then(|| secret_change(&id, revision))}
                <Panel id="h-changed" title="Changed"><p class="body"><When at=updated_at /></p></Panel>
            </div>
        </div>
    }
    .into_any()
}

fn snippet_panel(snippet: &Snippet) -> impl IntoView + use<> {
    let facts = [
        ("Discovery", snippet.discovery.clone()),
        ("Issuer", snippet.issuer.clone()),
        ("Client id", snippet.client_id.clone()),
        ("Redirect URI", snippet.redirect_uri.clone()),
        ("Scopes", snippet.scopes.clone()),
    ]
    .map(|(what, value)| view! { <dt>{what}</dt><dd><code class="id">{value}</code></dd> })
    .collect_view();
    let stacks = snippet
        .stacks()
        .into_iter()
        .map(|(stack, text)| view! { <details class="body"><summary>{stack}</summary><Copyable text /></details> })
        .collect_view();
    view! {
        <Panel id="h-copy" title="Copy into the application">
            <div class="body"><dl class="facts">{facts}</dl></div>
            {stacks}
        </Panel>
    }
    .into_any()
}

fn test_panel() -> impl IntoView {
    view! {
        <Panel id="h-try" title="Test sign-in">
            <p class="body soft">
                "Opens the sign-in page as the application would. Afterwards the application may say that it did not ask for this: it did not, you did."
            </p>
        </Panel>
    }
    .into_any()
}

fn secret_change(id: &str, revision: i64) -> impl IntoView + use<> {
    let make = Sending::<NewSecret>::new();
    let id = id.to_owned();
    view! {
        <Panel id="h-rotate" title="Secret">
            <div class="body stack m">
                <p class="soft">"The hub keeps only a digest. A new secret ends the old one at once: the application cannot sign people in until it has the new one."</p>
                {move || {
                    make.answer().map(|answer| match answer {
                        Ok(changed) => changed.secret.map(|text| view! { <Notice tone=Tone::Ok title="Shown once:"><Copyable text /></Notice> }).into_any(),
                        Err(error) => view! { <Problem error /> }.into_any(),
                    })
                }}
                <PostForm action=make>
                    <input type="hidden" name="id" value=id />
                    <input type="hidden" name="revision" value=revision.to_string() />
                    <button class="button danger" aria-busy=move || make.busy()>"Make a new secret, end the old one"</button>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}

fn group_panel(
    id: &str,
    revision: i64,
    groups: Vec<(crate::ui::Choice, bool)>,
    search: String,
) -> impl IntoView + use<> {
    let publish = Sending::<PublishGroups>::new();
    let here = format!("/console/apps/{}", crate::link::encode(id));
    let id = id.to_owned();
    let none = groups.is_empty();
    let boxes = groups
        .into_iter()
        .map(|(group, ticked)| view! { <Check name=format!("groups[{}]", group.value) label=group.label checked=ticked /> })
        .collect_view();
    view! {
        <Panel id="h-groups" title="Published groups" hint="its tokens name only these">
            <form class="body" method="get" action=here role="search" aria-label="Find groups">
                <div class="row">
                    <div class="affix">
                        {Icon::Find.draw()}
                        <input class="input" type="search" name="groups" value=search aria-label="Groups whose name begins with" placeholder="Groups that begin with" autocomplete="off" />
                    </div>
                    <button class="button">"Find"</button>
                </div>
            </form>
            <div class="body">
                {move || publish.refusal().map(|error| view! { <Problem error /> })}
                {none.then(|| view! { <p class="soft">"None. Groups appear here once a member has signed in."</p> })}
                <PostForm action=publish class="stack s" hidden=none>
                    <input type="hidden" name="id" value=id />
                    <input type="hidden" name="revision" value=revision.to_string() />
                    {boxes}
                    <div class="row"><button class="button" aria-busy=move || publish.busy()>"Publish the ticked groups"</button></div>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}
