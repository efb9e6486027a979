//! The settings of an application, for a new one and for a change.

use std::collections::BTreeMap;

use directory::{ClientAuthentication, ConsentPolicy};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    api::{SaveApp, app_settings_of},
    app_view::secret_panel,
};
use crate::ui::{Check, Choice, Field, Lines, Loaded, PageHead, Panel, Picker, PostForm, Problem, Sending, asked};

/// What the form holds, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppForm {
    /// The id before the change; empty for a new application.
    pub original: String,
    pub revision: i64,
    pub id: String,
    pub name: String,
    pub authentication: String,
    pub redirect_uris: String,
    pub post_logout_redirect_uris: String,
    /// Said as the exception, so that an absent box is the safe answer.
    pub without_pkce: bool,
    pub consent: String,
    /// The ticked sources, by name.
    pub sources: BTreeMap<String, String>,
    /// Every source to choose from: shown, not sent.
    #[serde(default)]
    pub source_choices: Vec<Choice>,
}

/// `/console/apps/new`
#[component]
pub fn NewAppPage() -> impl IntoView {
    let form = asked(|| (), |()| app_settings_of());
    view! { <Loaded of=form show=app_settings_view /> }.into_any()
}

/// The page for a new application, with its data.
#[must_use]
pub fn app_settings_view(form: AppForm) -> AnyView {
    let save = Sending::<SaveApp>::new();
    let done = move || save.answer().and_then(Result::ok);
    view! {
        <PageHead title="Register an app" lede="An application that signs people in with OpenID Connect. You get its id and, once, its secret." />
        {move || done().map(|changed| secret_panel(&changed.id, &changed.name, changed.secret))}
        <div hidden=move || done().is_some()>{app_form(&form, save)}</div>
    }
    .into_any()
}

/// The form.
pub(super) fn app_form(form: &AppForm, save: Sending<SaveApp>) -> impl IntoView + use<> {
    let form = form.clone();
    let new = form.original.is_empty();
    let original = form.original.clone();
    let revision = form.revision.to_string();
    view! {
        {move || save.refusal().map(|error| view! { <Problem error /> })}
        <PostForm action=save class="stack l">
            <input type="hidden" name="form[original]" value=original />
            <input type="hidden" name="form[revision]" value=revision />
            {names(&form)}
            {addresses(&form)}
            {people(&form)}
            <div class="row">
                <button class="button primary push" aria-busy=move || save.busy()>
                    {if new { "Register" } else { "Save settings" }}
                </button>
            </div>
        </PostForm>
    }
    .into_any()
}

fn names(form: &AppForm) -> impl IntoView + use<> {
    let form = form.clone();
    let new = form.original.is_empty();
    let kinds = vec![
        Choice::new(
            ClientAuthentication::SecretBasic.as_str(),
            "On a server, secret in the header (client_secret_basic)",
        ),
        Choice::new(ClientAuthentication::SecretPost.as_str(), "On a server, secret in the body (client_secret_post)"),
        Choice::new(ClientAuthentication::None.as_str(), "In a browser or on a phone: no secret, PKCE"),
    ];
    view! {
        <Panel id="h-app" title="Application">
            <div class="body form-grid">
                <Field id="name" name="form[name]" label="Name" value=form.name required=true placeholder="Kontor Orders" hint="People read it on the sign-in page." />
                <Field id="id" name="form[id]" label="Client id" value=form.id required=true readonly=!new class="input mono" placeholder="kontor-orders"
                    hint="Goes into the application’s configuration. It does not change later." />
                <Picker id="authentication" name="form[authentication]" label="Where it runs" value=form.authentication choices=kinds />
                <div class="field">
                    <span class="label">"Exception"</span>
                    <Check name="form[without_pkce]" label="It cannot do PKCE" checked=form.without_pkce hint="Only with a secret, and only until it can." />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

fn addresses(form: &AppForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-addresses" title="Addresses" hint="compared letter by letter">
            <div class="body form-grid">
                <Lines id="redirect_uris" name="form[redirect_uris]" label="Redirect URIs" value=form.redirect_uris rows=2 required=true
                    hint="One per line, as the application sends it." />
                <Lines id="post_logout_redirect_uris" name="form[post_logout_redirect_uris]" label="After sign-out" value=form.post_logout_redirect_uris rows=2
                    hint="One per line. Empty = people stay on our page." />
            </div>
        </Panel>
    }
    .into_any()
}

fn people(form: &AppForm) -> impl IntoView + use<> {
    let form = form.clone();
    let ticked = form.sources;
    let none = form.source_choices.is_empty();
    let sources = form
        .source_choices
        .into_iter()
        .map(|source| {
            let checked = ticked.contains_key(&source.value);
            view! { <Check name=format!("form[sources][{}]", source.value) label=source.label checked=checked /> }
        })
        .collect_view();
    let consents = vec![
        Choice::new(ConsentPolicy::Never.as_str(), "Never: you answer for it"),
        Choice::new(ConsentPolicy::FirstTime.as_str(), "At the first sign-in"),
    ];
    view! {
        <Panel id="h-origin" title="People">
            <div class="body form-grid">
                <fieldset class="field">
                    <legend class="label">"Where its people came from"</legend>
                    {sources}
                    {none.then(|| view! { <span class="hint">"No directory is connected yet."</span> })}
                    <span class="hint">"The directory the application used before. A name typed without more is looked for there first."</span>
                </fieldset>
                <Picker id="consent" name="form[consent]" label="Ask people whether it may know them" value=form.consent choices=consents />
            </div>
        </Panel>
    }
    .into_any()
}
