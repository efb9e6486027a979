//! Changing what the hub may do with a source.

use directory::SourceMode;
use leptos::prelude::*;

use super::api::{SetMode, SourceCard};
use crate::ui::{Panel, PostForm, Problem, Sending, mode_meaning, mode_word};

/// The six modes, each with the sentence of what it means.
pub(super) fn mode_panel(card: &SourceCard) -> impl IntoView + use<> {
    let change = Sending::<SetMode>::new();
    let (name, current, revision) = (card.name.clone(), card.mode, card.revision);
    let modes = SourceMode::ALL
        .iter()
        .map(|mode| {
            let mode = *mode;
            let now = (mode == current).then(|| view! { " "<span class="badge accent">"now"</span> });
            view! {
                <label class="check">
                    <input type="radio" name="mode" value=mode.as_str() checked=mode == current required />
                    <span><b class="strong">{mode_word(mode)}</b>{now}<span class="hint">{mode_meaning(mode)}</span></span>
                </label>
            }
        })
        .collect_view();
    view! {
        <Panel id="h-mode" title="Mode">
            <div class="body">
                {move || change.refusal().map(|error| view! { <Problem error /> })}
                <PostForm action=change class="stack m">
                    <input type="hidden" name="name" value=name />
                    <input type="hidden" name="revision" value=revision.to_string() />
                    <fieldset class="stack s"><legend class="visually-hidden">"Mode"</legend>{modes}</fieldset>
                    <div class="row"><button class="button" aria-busy=move || change.busy()>"Change the mode"</button></div>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}
