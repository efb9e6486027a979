//! Changing the settings of a source. A new one is connected by the wizard.

use std::collections::BTreeMap;

use directory::SourceKind;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::{
    api::{SaveAnswer, SaveSource, settings_of},
    form_parts::{
        address, attributes, beginnings, capture, connection, lockout, newcomers, objects, people, service_account,
    },
    test_panel::tried,
    write_access::{WriteForm, write_panel},
};
use crate::{
    ui::{Check, Field, Lines, Loaded, PageHead, Panel, PostForm, Problem, Sending, asked, kind_word},
    wizard::{WizardField, field},
};

/// What the form holds, as text. The server reads it; wrong values come back as an error that names the field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceForm {
    /// The source's name, which does not change.
    pub original: String,
    /// The revision the form was filled from; a stale form is refused.
    pub revision: i64,
    pub name: String,
    pub label: String,
    pub kind: String,
    pub urls: String,
    pub host_choice: String,
    pub transport: String,
    pub allow_plain: bool,
    pub ca_pem: String,
    pub bind_dn: String,
    /// Never filled in by the server. Empty = unchanged.
    pub bind_password: String,
    pub base_dn: String,
    pub person_filter: String,
    pub name_attributes: String,
    pub id_attribute: String,
    pub username_attribute: String,
    pub netbios_domain: String,
    pub group_base: String,
    pub group_filter: String,
    pub device_base: String,
    pub device_filter: String,
    /// From the hub's attribute to the source's.
    pub mapping: BTreeMap<String, String>,
    /// Ticked attributes.
    pub self_written: BTreeMap<String, String>,
    pub domains: String,
    pub just_in_time: bool,
    pub just_in_time_activation: bool,
    pub lockout_threshold: String,
    pub lockout_window_minutes: String,
    pub lockout_waiver: bool,
    pub capture_settle_minutes: String,
    pub shadow: bool,
    pub outage_sign_in: bool,
    pub protected_groups: String,
    pub connect_timeout_ms: String,
    pub operation_timeout_ms: String,
    pub connections: String,
    pub page_size: String,
    /// Of every kind but LDAP: its own fields as the server composed them, and what the hub's secret there is called.
    pub fields: Vec<WizardField>,
    pub secret_word: String,
    /// What was typed into them.
    pub values: BTreeMap<String, String>,
    /// Writing there, for kinds that can be written to.
    pub writing: Option<WriteForm>,
}

/// `/console/sources/{name}/settings`
#[component]
pub fn EditSourcePage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.read().get("name").unwrap_or_default());
    let form = asked(move || name.get(), settings_of);
    view! { <Loaded of=form show=settings_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn settings_view(form: SourceForm) -> AnyView {
    let kind: SourceKind = form.kind.parse().unwrap_or(SourceKind::Ldap);
    let title = format!("Settings of {}", form.label);
    let back = format!("/console/sources/{}", crate::link::encode(&form.original));
    let save = Sending::<SaveSource>::new();
    let writing = form.writing.clone().map(write_panel);
    view! {
        <PageHead title=title lede="A change is in force within two seconds." />
        {move || save.refusal().map(|error| view! { <Problem error /> })}
        <PostForm action=save class="stack l">
            <input type="hidden" name="form[original]" value=form.original.clone() />
            <input type="hidden" name="form[revision]" value=form.revision.to_string() />
            <input type="hidden" name="form[kind]" value=form.kind.clone() />
            {beginnings(&form)}
            {if form.fields.is_empty() { ldap(&form, kind) } else { whole(&form, kind) }}
            {newcomers(&form)}
            {lockout(&form)}
            {capture(&form)}
            {form.fields.is_empty().then(|| connection(&form))}
            {move || match save.answer() {
                Some(Ok(SaveAnswer::Tested(report))) => Some(tried(*report)),
                Some(Ok(SaveAnswer::Saved) | Err(_)) | None => None,
            }}
            <div class="row">
                <a class="button" href=back>"Leave without saving"</a>
                <span class="push">{test_button(save)}</span>
                <button class="button primary" aria-busy=move || save.busy()>
                    "Save settings"
                </button>
            </div>
        </PostForm>
        {writing}
    }
    .into_any()
}

fn ldap(form: &SourceForm, kind: SourceKind) -> AnyView {
    view! {
        {address(form)}
        {service_account(form)}
        {people(form, kind)}
        {objects(form)}
        {attributes(form)}
    }
    .into_any()
}

/// The fields of any other kind, as the server composed them.
fn whole(form: &SourceForm, kind: SourceKind) -> AnyView {
    let fields = form.fields.iter().cloned().map(|one| field("form[values]", one)).collect_view();
    let secret = (!form.secret_word.is_empty()).then(|| {
        view! {
            <Field id="bind_password" name="form[bind_password]" label=form.secret_word.clone() value="" kind="password" autocomplete="new-password"
                hint="Stored encrypted and never shown. Leave empty to keep it." />
        }
    });
    let protected = form.protected_groups.clone();
    let plain = form.allow_plain;
    view! {
        <Panel id="h-own" title=kind_word(kind) hint="Changing the address asks for the secret again, so that nobody can send it elsewhere.">
            <div class="body form-grid">{fields}{secret}</div>
        </Panel>
        <Panel id="h-guard" title="Protection">
            <div class="body form-grid">
                <Lines id="protected_groups" name="form[protected_groups]" label="Protected groups" value=protected rows=2
                    hint="One name or id per line. Their members are privileged." />
                <div class="field">
                    <Check name="form[allow_plain]" label="Let secrets cross the network unprotected" checked=plain
                        hint="Recorded in the audit log." />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

/// Tries the settings as typed. Only once the page is awake: without scripts, save them paused and test then.
fn test_button(save: Sending<SaveSource>) -> impl IntoView {
    let awake = RwSignal::new(false);
    Effect::new(move |_| awake.set(true));
    move || {
        {
            awake.get().then(|| {
                view! {
                    <button class="button" name="then" value="test" aria-busy=move || save.busy()>
                        "Test these settings"
                    </button>
                }
            })
        }
        .into_any()
    }
}
