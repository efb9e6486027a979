//! Changing the settings of a source. A new one is connected by the wizard.

use std::collections::BTreeMap;

use directory::SourceKind;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::{
    api::{SaveAnswer, SaveSource, settings_of},
    form_parts::{address, attributes, beginnings, capture, connection, lockout, newcomers, people, service_account},
    test_panel::tried,
};
use crate::ui::{Loaded, PageHead, PostForm, Problem, Sending, asked};

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
    view! {
        <PageHead title=title lede="A change is in force within two seconds." />
        {move || save.refusal().map(|error| view! { <Problem error /> })}
        <PostForm action=save class="stack l">
            <input type="hidden" name="form[original]" value=form.original.clone() />
            <input type="hidden" name="form[revision]" value=form.revision.to_string() />
            <input type="hidden" name="form[kind]" value=form.kind.clone() />
            {beginnings(&form)}
            {address(&form)}
            {service_account(&form)}
            {people(&form, kind)}
            {attributes(&form)}
            {newcomers(&form)}
            {lockout(&form)}
            {capture(&form)}
            {connection(&form)}
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
