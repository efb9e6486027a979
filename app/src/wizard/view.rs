//! The one page of the wizard.

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_query_map;

use super::api::{WizardCheck, WizardField, WizardLink, WizardPage, WizardReport, WizardStep, read_wizard};
use crate::ui::{Choice, Icon, Loaded, Notice, PageHead, Panel, Tone, asked, plain_text};

/// `/console/sources/new?kind=…&draft=…&step=…`
#[component]
pub fn NewSourcePage() -> impl IntoView {
    let query = use_query_map();
    let ask = move || {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        (value("draft"), value("step"), value("kind"))
    };
    let page = asked(ask, |(draft, step, kind)| read_wizard(draft, step, kind));
    view! { <Loaded of=page show=wizard_view /> }.into_any()
}

/// The page with its data. The form is sent by the browser itself, and the links leave the page: what was typed in one
/// step, a password even, must not stand in the fields of the next.
#[must_use]
pub fn wizard_view(page: WizardPage) -> AnyView {
    let action = <WizardStep as ServerFn>::PATH;
    let steps = page.steps.into_iter().map(step_link).collect_view();
    let problem = page.problem.map(|(field, message)| {
        view! {
            <Notice tone=Tone::Bad title="Not taken."><p>{message}" "<a href=format!("#{field}")>"Go there"</a></p></Notice>
        }
    });
    let fields = page.fields.into_iter().map(|one| field("values", one)).collect_view();
    let others = page
        .others
        .into_iter()
        .map(|(href, label)| view! { <a class="button small" href=href rel="external">{label}</a> });
    let others = (others.len() > 0)
        .then(|| view! { <nav class="row" aria-label="Other kinds of sources">{others.collect_view()}</nav> });
    let ready = page.next.is_some();
    let offered = !page.offers.is_empty();
    let facts = (!page.facts.is_empty()).then(|| {
        let facts = page
            .facts
            .into_iter()
            .map(|(what, value)| view! { <dt>{what}</dt><dd><bdi>{value}</bdi></dd> })
            .collect_view();
        let offers = page
            .offers
            .into_iter()
            .map(|Choice { value, label }| {
                view! { <button class="button" form="step" name="values[take]" value=value>{label}</button> }
            })
            .collect_view();
        view! {
            <Panel id="h-facts" title=page.facts_title>
                <div class="body"><dl class="facts">{facts}</dl><div class="row">{offers}</div></div>
            </Panel>
        }
    });
    let offered = offered.then(|| {
        view! { <Notice tone=Tone::Ask title="There is a proposal."><p><a href="#h-facts">"Look at it"</a></p></Notice> }
    });
    let back = page.back.map(|(href, label)| {
        view! { <a class="button" href=href rel="external">{Icon::Back.draw()}{label}</a> }
    });
    let next = page.next.map(|(href, label)| {
        view! { <a class="button primary" href=href rel="external">{label}{Icon::Next.draw()}</a> }
    });
    view! {
        <PageHead title=page.title lede=page.lede />
        <div class="grid wizard">
            <ol class="steps" aria-label="Steps">{steps}</ol>
            <div class="stack l">
                {problem}
                {offered}
                {others}
                <Panel id="h-step" title=page.heading hint=page.hint>
                    <form id="step" class="body" method="post" action=action autocomplete="off">
                        <input type="hidden" name="draft" value=page.draft />
                        <input type="hidden" name="revision" value=page.revision.to_string() />
                        <input type="hidden" name="step" value=page.step />
                        <div class="form-grid">{fields}</div>
                        <div class="row"><button class=if ready { "button" } else { "button primary" }>{page.go}</button></div>
                    </form>
                </Panel>
                {page.report.map(report)}
                {facts}
                <div class="row">{back}<span class="push"></span>{next}</div>
            </div>
        </div>
    }
    .into_any()
}

fn step_link(link: WizardLink) -> AnyView {
    let text = view! { <b>{link.label}</b><br /><span class="hint">{link.hint}</span> };
    let inside = if link.href.is_empty() || link.current {
        view! { <span>{text}</span> }.into_any()
    } else {
        view! { <span><a href=link.href rel="external">{text}</a></span> }.into_any()
    };
    view! { <li class=link.done.then_some("done") aria-current=link.current.then_some("step")>{inside}</li> }.into_any()
}

fn report(report: WizardReport) -> AnyView {
    let checks = report.checks.into_iter().map(check).collect_view();
    let class = if report.good { "dot-label ok" } else { "dot-label bad" };
    view! {
        <Panel id="h-report" title="What was seen">
            <p class="body" role="status"><span class=class>{report.verdict}</span></p>
            <ol class="checks">{checks}</ol>
        </Panel>
    }
    .into_any()
}

fn check(check: WizardCheck) -> AnyView {
    let icon = match check.tone.as_str() {
        "pass" => Icon::Check,
        "fail" => Icon::Close,
        "warn" => Icon::Warning,
        _ => Icon::Find,
    };
    let advice = check.advice.into_iter().map(|text| view! { <br /><span class="hint">{text}</span> }).collect_view();
    view! {
        <li class=check.tone>
            {icon.draw()}
            <span><b class="strong">{check.title}</b>": "<bdi>{check.detail}</bdi>{advice}</span>
            <span class="val">{check.value}</span>
        </li>
    }
    .into_any()
}

/// One field of a form that the server composed, sent as `form[id]`.
#[must_use]
pub fn field(form: &str, field: WizardField) -> AnyView {
    let WizardField { id, label, value, hint, kind, choices, required } = field;
    let name = format!("{form}[{id}]");
    if kind == "hidden" {
        return view! { <input type="hidden" name=name value=value /> }.into_any();
    }
    if kind == "check" {
        let ticked = value == "true";
        return view! {
            <label class="check">
                <input type="checkbox" id=id name=name value="true" checked=ticked />
                <span>{label}<span class="hint">{hint}</span></span>
            </label>
        }
        .into_any();
    }
    let list = format!("{id}-list");
    let described = format!("{id}-hint");
    let options = choices
        .into_iter()
        .map(|choice| {
            let selected = choice.value == value;
            view! { <option value=choice.value selected=selected>{choice.label}</option> }
        })
        .collect_view();
    let control = match kind.as_str() {
        "pick" => view! {
            <span class="select">
                <select class="input" id=id.clone() name=name aria-describedby=described.clone()>{options}</select>
                {Icon::Down.draw()}
            </span>
        }
        .into_any(),
        "lines" => view! {
            <textarea class="input mono" id=id.clone() name=name rows="3" spellcheck="false" required=required aria-describedby=described.clone() inner_html=plain_text(&value)></textarea>
        }
        .into_any(),
        _ => view! {
            <input
                class="input"
                id=id.clone()
                name=name
                type=kind.clone()
                value=value
                required=required
                autocomplete=if kind == "password" { "new-password" } else { "off" }
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=described.clone()
                list=list.clone()
            />
            <datalist id=list>{options}</datalist>
        }
        .into_any(),
    };
    let class = if kind == "lines" { "field span" } else { "field" };
    view! {
        <div class=class>
            <label for=id>{label}</label>
            {control}
            <span class="hint" id=described>{hint}</span>
        </div>
    }
    .into_any()
}
