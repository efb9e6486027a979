//! The page of one run.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::api::{CancelImport, ResultLine, RunAsk, RunCard, read_import};
use crate::ui::{
    Empty, Loaded, Notice, PageHead, Pager, Panel, Picker, PostForm, Problem, Sending, TableFrame, Tone, When, asked,
};

/// How often a run under way is looked at again.
const AGAIN: Duration = Duration::from_secs(2);

/// Counts up whenever the page is to be read again.
#[derive(Clone, Copy)]
struct Again(RwSignal<u32>);

/// `/console/sources/{name}/imports/{run}`
#[component]
pub fn ImportRunPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let (params, query) = (params.read(), query.read());
        let value = |name| query.get(name).unwrap_or_default();
        RunAsk {
            source: params.get("name").unwrap_or_default(),
            run: params.get("run").unwrap_or_default(),
            outcome: value("outcome"),
            kind: value("kind"),
            after: value("after"),
        }
    });
    let again = RwSignal::new(0);
    provide_context(Again(again));
    let card = asked(move || (ask.get(), again.get()), |(ask, _)| read_import(ask));
    view! { <Loaded of=card show=import_run_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn import_run_view(card: RunCard) -> AnyView {
    let RunCard { ask, source, run, remark, cancelling, may_cancel, numbers, outcomes, kinds, lines, next } = card;
    if run.under_way {
        read_again();
    }
    let back = format!("/console/sources/{}", crate::link::encode(&ask.source));
    let here = ask.page();
    let (under_way, class, word) = (run.under_way, run.state.0, run.state.1);
    let actions: Children = Box::new(move || {
        view! {
            {under_way.then(|| view! { <a class="button" href=here rel="external">"Look again"</a> })}
            <a class="button" href=back>"The directory"</a>
        }
        .into_any()
    });
    let tone = if class.contains("bad") { Tone::Bad } else { Tone::Warn };
    let counted = numbers
        .into_iter()
        .map(|number| {
            let value = match number.href {
                Some(href) => view! { <a href=href>{number.number}</a> }.into_any(),
                None => number.number.into_any(),
            };
            view! { <dt>{number.label}</dt><dd>{value}</dd> }
        })
        .collect_view();
    view! {
        <PageHead title=format!("Import from {source}") lede=format!("{}, started by {}.", run.what, run.by) actions=actions />
        {(!remark.is_empty()).then(|| view! { <Notice tone=tone><p>{remark}</p></Notice> })}
        {cancelling.then(|| view! { <Notice tone=Tone::Warn title="It is ending."><p>"It ends behind what it is writing; what is written stays."</p></Notice> })}
        <div class="grid rail">
            <div class="stack l">{results(&ask, (outcomes, kinds), lines, next, under_way)}</div>
            <div class="stack l">
                <Panel id="h-run" title="The run">
                    <div class="body" aria-live="polite">
                        <dl class="facts">
                            <dt>"State"</dt>
                            <dd><span class=class>{word}</span></dd>
                            <dt>"Began"</dt>
                            <dd><When at=run.started_at /></dd>
                            <dt>"Ended"</dt>
                            <dd><When at=run.ended_at otherwise="not yet" /></dd>
                            {counted}
                        </dl>
                    </div>
                </Panel>
                {may_cancel.then(|| cancel_panel(&ask))}
            </div>
        </div>
    }
    .into_any()
}

/// Asks again in a moment, while scripts are there to do so.
fn read_again() {
    if let Some(Again(again)) = use_context::<Again>() {
        // An effect runs in browsers only.
        Effect::new(move |_| {
            set_timeout(
                move || {
                    // Whoever looked may have left the page.
                    let _ = again.try_update(|times| *times += 1);
                },
                AGAIN,
            );
        });
    }
}

fn cancel_panel(ask: &RunAsk) -> impl IntoView + use<> {
    let cancel = Sending::<CancelImport>::new();
    let (name, run) = (ask.source.clone(), ask.run.clone());
    view! {
        <Panel id="h-cancel" title="Cancel">
            <div class="body">
                {move || cancel.refusal().map(|error| view! { <Problem error /> })}
                <PostForm action=cancel class="stack m">
                    <input type="hidden" name="name" value=name />
                    <input type="hidden" name="run" value=run />
                    <p class="hint">"It ends behind what it is writing. What is written stays, and nobody is taken for gone."</p>
                    <div class="row"><button class="button" aria-busy=move || cancel.busy()>"Cancel the import"</button></div>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}

fn results(
    ask: &RunAsk,
    (outcomes, kinds): (Vec<crate::ui::Choice>, Vec<crate::ui::Choice>),
    lines: Vec<ResultLine>,
    next: Option<String>,
    under_way: bool,
) -> impl IntoView + use<> {
    let page = ask.page();
    let narrowed = ask.narrows();
    let filters = view! {
        <form class="filters" method="get" action=page.clone() role="search" aria-label="Filter results">
            <Picker id="outcome" name="outcome" label="Outcome" value=ask.outcome.clone() choices=outcomes quiet=true />
            <Picker id="kind" name="kind" label="Kind" value=ask.kind.clone() choices=kinds quiet=true />
            <button class="button">"Show"</button>
            {narrowed.then(|| view! { <a class="button quiet" href=page.clone()>"Clear"</a> })}
        </form>
    };
    let taking = [("run", &ask.run), ("outcome", &ask.outcome), ("kind", &ask.kind)]
        .map(|(name, value)| view! { <input type="hidden" name=name value=value.clone() /> })
        .collect_view();
    if lines.is_empty() && ask.after.is_empty() {
        let (title, text) = match (narrowed, under_way) {
            (true, _) => ("Nothing has this outcome", "No object of this run fits these filters."),
            (false, true) => ("Nothing yet", "What becomes of each object appears here as it is written."),
            (false, false) => {
                ("Nothing to tell", "Everything that was read reads as it did before: it is only counted.")
            }
        };
        return view! { {filters}<section class="panel" aria-label="Results"><Empty title=title text=text /></section> }
            .into_any();
    }
    let count = format!("{} on this page, as they were read", lines.len());
    let first = (!ask.after.is_empty()).then(|| RunAsk { after: String::new(), ..ask.clone() }.link());
    let next = next.map(|after| RunAsk { after, ..ask.clone() }.link());
    let rows = lines.into_iter().map(row).collect_view();
    view! {
        {filters}
        <section class="panel" aria-label="Results">
            <TableFrame caption="What became of each object, as it was read">
                <thead>
                    <tr>
                        <th scope="col">"Object"</th>
                        <th scope="col">"Outcome"</th>
                        <th scope="col">"Why"</th>
                        <th scope="col" class="p4">"Kind"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
            <Pager count first next />
        </section>
        // A form, because that somebody takes the results away is written down.
        <form class="row" method="post" action="/console/imports/export">
            {taking}
            <button class="button">"Export CSV"</button>
            <span class="hint">"All results of these filters; the unchanged are only counted."</span>
        </form>
    }
    .into_any()
}

fn row(line: ResultLine) -> impl IntoView {
    let place = match line.person {
        Some(id) => view! { <a href=format!("/console/people/{id}")><bdi>{line.place.clone()}</bdi></a> }.into_any(),
        None => view! { <bdi>{line.place.clone()}</bdi> }.into_any(),
    };
    let title =
        if line.immutable_id.is_empty() { line.place } else { format!("{} (id {})", line.place, line.immutable_id) };
    view! {
        <tr>
            <th scope="row" class="cut" title=title>{place}</th>
            <td><span class=line.outcome.0>{line.outcome.1}</span></td>
            <td class="wrap"><bdi>{line.why}</bdi></td>
            <td class="p4">{line.kind}</td>
        </tr>
    }
    .into_any()
}
