//! Where a person is signed in, and ending it.

use leptos::prelude::*;

use super::api::{EndSessions, SessionLine, UnlockAtSource, UnlockPerson};
use crate::ui::{Field, Panel, PostForm, Problem, Sending, When};

/// The living sessions. One, or all of them, can be ended with a reason.
pub(super) fn session_panel(person: &str, sessions: Vec<SessionLine>, may_end: bool) -> impl IntoView + use<> {
    if sessions.is_empty() {
        return view! { <Panel id="h-sessions" title="Signed in at"><p class="body soft">"Nowhere right now."</p></Panel> }
            .into_any();
    }
    if !may_end {
        let lines = sessions.into_iter().map(|line| view! { <li><div>{words(line)}</div></li> }).collect_view();
        return view! { <Panel id="h-sessions" title="Signed in at"><ul class="list">{lines}</ul></Panel> }.into_any();
    }
    let person = person.to_owned();
    let end = Sending::<EndSessions>::new();
    let choice = |id: String, all: bool, label: AnyView| {
        view! { <label class="check"><input type="radio" name="session" value=id checked=all />{label}</label> }
            .into_any()
    };
    let lines = sessions
        .into_iter()
        .map(|line| {
            let id = line.id.clone();
            choice(id, false, words(line))
        })
        .collect_view();
    let all = choice(String::new(), true, view! { <span>"All of them"</span> }.into_any());
    view! {
        <Panel id="h-sessions" title="Signed in at">
            <div class="body">
                {move || end.refusal().map(|error| view! { <Problem error /> })}
                <PostForm action=end class="stack m">
                    <input type="hidden" name="id" value=person />
                    <fieldset class="stack s"><legend class="visually-hidden">"Sessions"</legend>{lines}{all}</fieldset>
                    <Field id="reason" name="reason" label="Why" value="" hint="Goes to the audit log." required=true />
                    <div class="row"><button class="button" aria-busy=move || end.busy()>"Sign them out"</button></div>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}

/// Help desk lets somebody try again.
pub(super) fn unlock_panel(person: &str, unlockable: Vec<(String, String, bool)>) -> impl IntoView + use<> {
    let there = unlockable.into_iter().map(|at| unlock_there(person, at)).collect_view();
    let person = person.to_owned();
    let unlock = Sending::<UnlockPerson>::new();
    view! {
        <Panel id="h-unlock" title="Too many wrong passwords?">
            <div class="body">
                {move || unlock.refusal().map(|error| view! { <Problem error /> })}
                <PostForm action=unlock class="stack m">
                    <input type="hidden" name="id" value=person />
                    <p class="hint">
                        "Forgets what the hub counted and remembered. A lock at the directory itself stays."
                    </p>
                    <div class="row"><button class="button" aria-busy=move || unlock.busy()>"Unlock here"</button></div>
                </PostForm>
                {there}
            </div>
        </Panel>
    }
    .into_any()
}

/// At one directory too, where an administrator switched that on.
fn unlock_there(person: &str, (source, label, locked): (String, String, bool)) -> AnyView {
    let person = person.to_owned();
    let unlock = Sending::<UnlockAtSource>::new();
    let seen = if locked { "Locked there, as last seen. " } else { "Not locked there, as last seen. " };
    let hint = format!("{seen}Three times a day at most. The person reads of it when they next sign in.");
    view! {
        {move || unlock.refusal().map(|error| view! { <Problem error /> })}
        <PostForm action=unlock class="stack m">
            <input type="hidden" name="id" value=person />
            <input type="hidden" name="source" value=source />
            <p class="hint">{hint}</p>
            <div class="row"><button class="button" aria-busy=move || unlock.busy()>"Unlock at "{label}" too"</button></div>
        </PostForm>
    }
    .into_any()
}

fn words(line: SessionLine) -> AnyView {
    view! {
        <span>
            <b class="strong">{line.browser}</b>
            <span class="hint">"since "<When at=line.started_at />", last used "<When at=line.last_used_at /></span>
            <span class="hint">{line.text}</span>
        </span>
    }
    .into_any()
}
