//! The live test: the connection step by step, and a named person.

use leptos::prelude::*;

use super::api::{FoundPerson, PersonTest, TestPassword, TestReport, TestStep};
use crate::ui::{Field, Icon, Panel, PostForm, Problem, Sending};

/// The panel. `report` is the test that the address asked for.
pub(super) fn test_panel(name: &str, takes_passwords: bool, report: Option<TestReport>) -> impl IntoView + use<> {
    let here = format!("/console/sources/{}", crate::link::encode(name));
    let (steps, person) = report.map_or((None, None), |report| (Some(report.steps), report.person));
    let typed = person.as_ref().map(|person| person.typed.clone()).unwrap_or_default();
    let verdict = steps.as_ref().map(|steps| verdict(steps));
    let again = steps.is_some();
    let password = takes_passwords.then(|| password_form(name, typed.clone()));
    view! {
        <Panel id="h-test" title="Live test" hint="neither creates nor captures anybody">
            {verdict}
            {steps.map(|steps| view! { <ol class="checks">{steps.into_iter().map(step).collect_view()}</ol> })}
            {person.map(person_result)}
            <form class="body pad" method="get" action=here>
                <input type="hidden" name="test" value="1" />
                <div class="form-grid">
                    <Field id="person" name="person" label="Also look for this person (optional)" value=typed.clone() placeholder="fatima.yusuf" />
                </div>
                <div class="row"><button class="button primary">{Icon::Retry.draw()}{if again { "Test again" } else { "Test the connection" }}</button></div>
            </form>
            {password}
        </Panel>
    }
    .into_any()
}

/// The steps with their verdict, where settings are tried that are not saved.
pub(super) fn tried(report: TestReport) -> impl IntoView {
    view! {
        <Panel id="h-tried" title="These settings, tried" hint="nothing was saved">
            {verdict(&report.steps)}
            <ol class="checks">{report.steps.into_iter().map(step).collect_view()}</ol>
        </Panel>
    }
    .into_any()
}

fn verdict(steps: &[TestStep]) -> impl IntoView + use<> {
    let failed = steps.iter().filter(|step| !step.passed).count();
    let text = match failed {
        0 => format!("All {} steps passed.", steps.len()),
        1 => "One step failed.".to_owned(),
        n => format!("{n} steps failed."),
    };
    view! { <p class="body" role="status"><span class=if failed == 0 { "dot-label ok" } else { "dot-label bad" }>{text}</span></p> }.into_any()
}

fn step(step: TestStep) -> impl IntoView {
    let (class, icon) = if step.passed { ("pass", Icon::Check) } else { ("fail", Icon::Close) };
    view! {
        <li class=class>
            {icon.draw()}
            <span>
                <b class="strong">{step.name}</b>
                ": "
                {step.detail}
                {step.remedy.map(|remedy| view! { <br /><span class="hint">{remedy}</span> })}
            </span>
            <span class="val">{format!("{} ms", step.milliseconds)}</span>
        </li>
    }
    .into_any()
}

/// What was found about the named person.
fn person_result(test: PersonTest) -> impl IntoView {
    let (class, icon) = if test.found.is_some() { ("pass", Icon::Check) } else { ("fail", Icon::Close) };
    view! {
        <ol class="checks">
            <li class=class>
                {icon.draw()}
                <span><b class="strong"><bdi>{test.typed}</bdi></b>": "{test.verdict}{test.password.map(|said| view! { <br /><span class="hint">{said}</span> })}</span>
                <span class="val"></span>
            </li>
        </ol>
        {test.found.map(found)}
    }
    .into_any()
}

fn found(person: FoundPerson) -> impl IntoView {
    let attributes = person
        .attributes
        .into_iter()
        .map(|(name, value)| view! { <dt>{name}</dt><dd><bdi>{value}</bdi></dd> })
        .collect_view();
    let groups = if person.groups.is_empty() { "none".to_owned() } else { person.groups.join(", ") };
    view! {
        <div class="body pad">
            <dl class="facts">
                <dt>"Entry"</dt>
                <dd><code class="id">{person.locator}</code></dd>
                <dt>"Immutable id"</dt>
                <dd><code class="id">{person.immutable_id}</code></dd>
                <dt>"There"</dt>
                <dd>{person.status}</dd>
                {attributes}
                <dt>"Groups"</dt>
                <dd><bdi>{groups}</bdi></dd>
                <dt>"Lockout"</dt>
                <dd>{person.lockout}</dd>
            </dl>
        </div>
    }
    .into_any()
}

/// A password is sent by POST only and never stands in an address.
fn password_form(name: &str, typed: String) -> impl IntoView + use<> {
    let test = Sending::<TestPassword>::new();
    let name = name.to_owned();
    let open = !typed.is_empty();
    view! {
        <details class="body pad" open=open>
            <summary>"Test with a password"</summary>
            {move || {
                test.answer().map(|answer| match answer {
                    Ok(report) => person_result(report).into_any(),
                    Err(error) => view! { <Problem error /> }.into_any(),
                })
            }}
            <PostForm action=test class="stack m">
                <input type="hidden" name="name" value=name />
                <div class="form-grid">
                    <Field id="test-person" name="person" label="Person" value=typed required=true />
                    <Field id="test-password" name="password" label="Their password" value="" kind="password" required=true
                        hint="Sent to the directory once for this test and not kept. Refused if the account stands near its lockout." />
                </div>
                <div class="row"><button class="button" aria-busy=move || test.busy()>"Test the password"</button></div>
            </PostForm>
        </details>
    }
    .into_any()
}
