//! Writing at a source: a second account, and what it is for. A form of its own beneath the settings.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Check, Field, Panel, PostForm, Problem, Sending},
};

/// What the form holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteForm {
    /// The source's name.
    pub source: String,
    pub write_dn: String,
    /// Never filled in by the server. Empty = unchanged.
    pub write_password: String,
    pub unlock_at_source: bool,
    pub password_write_back: bool,
    /// Why nothing can be written although it is switched on.
    pub trouble: String,
}

/// Switches writing at a source on or off.
#[server(prefix = "/api", endpoint = "save-write-access")]
pub async fn save_write_access(form: WriteForm) -> Result<(), ApiError> {
    use crate::caller::failed;
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let source = hub.source_by_name(&(&by).into(), &form.source).await.map_err(failed)?.source;
    let secret = (!form.write_password.is_empty()).then(|| form.write_password.clone().into());
    let wanted = directory::WriteAccess {
        bind_dn: form.write_dn,
        unlock_at_source: form.unlock_at_source,
        password_write_back: form.password_write_back,
    };
    hub.set_write_access(&by, source.id, wanted, secret.as_ref()).await.map_err(failed)?;
    leptos_axum::redirect(&super::write::link_after(&source.name, false, "saved"));
    Ok(())
}

/// The form, for kinds of sources that can be written to.
pub(super) fn write_panel(form: WriteForm) -> AnyView {
    let save = Sending::<SaveWriteAccess>::new();
    let trouble =
        (!form.trouble.is_empty()).then(|| view! { <p class="hint">"Not in use: "{form.trouble.clone()}</p> });
    view! {
        <Panel id="h-write" title="Writing there" hint="off unless you switch it on">
            <div class="body">
                {move || save.refusal().map(|error| view! { <Problem error /> })}
                {trouble}
                <PostForm action=save class="stack m">
                    <input type="hidden" name="form[source]" value=form.source />
                    <div class="form-grid">
                        <Field id="write_dn" name="form[write_dn]" label="Second account" value=form.write_dn class="input mono"
                            hint="Never the one that reads. Empty takes writing away." />
                        <Field id="write_password" name="form[write_password]" label="Its password" value="" kind="password" autocomplete="new-password"
                            hint="Stored encrypted and never shown. Empty keeps it, unless account, address or TLS changed." />
                        <div class="field">
                            <Check name="form[unlock_at_source]" label="Help desk may unlock accounts there" checked=form.unlock_at_source
                                hint="Three times per person and day, never privileged people. The person is told." />
                            <Check name="form[password_write_back]" label="Expired passwords may be changed there" checked=form.password_write_back
                                hint="By their owner, at sign-in. The directory’s own rules hold." />
                        </div>
                    </div>
                    <div class="row"><button class="button" aria-busy=move || save.busy()>"Save writing"</button></div>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}
