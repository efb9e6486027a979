//! The sign-in trace: which rule, which source, how long, in whose words, and what to say.

use leptos::prelude::*;

use super::api::{TraceCard, TraceStepLine, TraceTone};
use crate::ui::{Panel, When};

/// The trace in a panel of its own.
#[must_use]
pub fn trace_panel(trace: TraceCard) -> AnyView {
    view! {
        <Panel id="h-trace" title="Sign-in trace">
            <TraceView trace />
        </Panel>
    }
    .into_any()
}

/// Steps and verdict of one attempt.
#[component]
pub fn TraceView(trace: TraceCard) -> impl IntoView {
    let TraceCard { code, at, client, source_label, endpoint, steps, row, signed_in, say, took_ms, person: _ } = trace;
    let steps = steps.into_iter().map(|step| view! { <Step step /> }).collect_view();
    view! {
        <div class="body stack m">
            <dl class="facts">
                <dt>"Code"</dt>
                <dd><code class="tag-code">{code}</code></dd>
                <dt>"When"</dt>
                <dd><When at=at />", into "{client}</dd>
                <dt>"Asked"</dt>
                <dd>{source_label.unwrap_or_else(|| "nobody outside this hub".to_owned())}{endpoint.map(|e| view! { " at "<code>{e}</code> })}</dd>
                <dt>"Decision"</dt>
                <dd>
                    <span class=if signed_in { "dot-label ok" } else { "dot-label warn" }>{if signed_in { "Signed in" } else { "Refused" }}</span>
                    " "
                    <code class="tag-code" title="Row of the decision table">{row}</code>
                    {format!(" after {took_ms} ms")}
                </dd>
            </dl>
            <p class="say"><span class="who">"Say to the caller"</span>{say}</p>
            <ol class="trace">{steps}</ol>
        </div>
    }
    .into_any()
}

#[component]
fn Step(step: TraceStepLine) -> impl IntoView {
    let class = match step.tone {
        TraceTone::Ok => "ok",
        TraceTone::Bad => "bad",
        TraceTone::End => "end",
    };
    view! {
        <li class=class>
            <span class="at">{format!("{} ms", step.ms)}</span>
            <i aria-hidden="true"></i>
            <div>
                <b class="strong">{step.title}</b>
                <div class="soft">{step.text}</div>
                {step.note.map(|note| view! { <div class="hint">{note}</div> })}
            </div>
        </li>
    }
    .into_any()
}
