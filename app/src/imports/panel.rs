//! The imports on the page of a directory.

use leptos::prelude::*;

use super::api::{ImportsCard, RunAsk, RunLine, ScheduleCard, SetImportSchedule, StartImport};
use crate::ui::{Check, Panel, Picker, PostForm, Problem, Sending, TableFrame, When};

/// The newest runs, and how to start one.
pub(crate) fn imports_panel(source: &str, card: ImportsCard) -> AnyView {
    let ImportsCard { runs, may_start, not_now, schedule } = card;
    let none = runs.is_empty();
    let rows = runs.into_iter().map(|run| row(source, run)).collect_view();
    let runs = if none {
        view! { <p class="body soft">"Nothing was imported yet. People are known as they sign in."</p> }.into_any()
    } else {
        view! {
            <TableFrame caption="Imports, newest first">
                <thead>
                    <tr>
                        <th scope="col">"Began"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="p2">"What"</th>
                        <th scope="col" class="p3">"Result"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        }
        .into_any()
    };
    let start = match (may_start, not_now.is_empty()) {
        (false, _) => None,
        (true, false) => Some(view! { <p class="body soft">{not_now}</p> }.into_any()),
        (true, true) => Some(start_form(source)),
    };
    let schedule = schedule_part(source, may_start, schedule);
    view! { <Panel id="h-imports" title="Imports" hint="people, groups and devices">{start}{schedule}{runs}</Panel> }
        .into_any()
}

/// When they begin by themselves; with its form for whoever may change it.
fn schedule_part(source: &str, editable: bool, card: ScheduleCard) -> AnyView {
    if !editable {
        return view! { <p class="body pad soft">{card.sentence}</p> }.into_any();
    }
    let save = Sending::<SetImportSchedule>::new();
    let source = source.to_owned();
    view! {
        <details class="body pad" open=move || save.refusal().is_some()>
            <summary>{card.sentence}" Change the times"</summary>
            <PostForm action=save class="stack m">
                {move || save.refusal().map(|error| view! { <Problem error /> })}
                <input type="hidden" name="name" value=source />
                <div class="form-grid">
                    <Picker id="import_every" name="every" label="Read what changed" value=card.every choices=card.every_choices />
                    <Picker id="full_import_every" name="full_every" label="Read everything" value=card.full_every choices=card.full_every_choices />
                </div>
                <p class="hint">"From one beginning to the next. One server of several does it; a paused directory is left alone."</p>
                <div class="row"><button class="button" aria-busy=move || save.busy()>"Save the times"</button></div>
            </PostForm>
        </details>
    }
    .into_any()
}

fn start_form(source: &str) -> AnyView {
    let start = Sending::<StartImport>::new();
    let source = source.to_owned();
    let choice = |value: &'static str, label: &'static str, hint: &'static str| {
        view! {
            <label class="check">
                <input type="radio" name="what" value=value checked=value == "changes" />
                <span><b class="strong">{label}</b><span class="hint">{hint}</span></span>
            </label>
        }
        .into_any()
    };
    view! {
        <div class="body">
            {move || start.refusal().map(|error| view! { <Problem error /> })}
            <PostForm action=start class="stack m">
                <input type="hidden" name="name" value=source />
                <fieldset class="stack s">
                    <legend class="visually-hidden">"What to read"</legend>
                    {choice("changes", "What changed", "Since the last import; everything, if the directory cannot say what changed.")}
                    {choice("full", "Everything", "Only a complete read notices who is gone where the directory does not say it.")}
                </fieldset>
                <Check name="dry_run" label="Dry run" checked=false hint="The same work, and nothing of it is kept: see what would become of each object." />
                <div class="row"><button class="button" aria-busy=move || start.busy()>"Start the import"</button></div>
            </PostForm>
        </div>
    }
    .into_any()
}

fn row(source: &str, run: RunLine) -> impl IntoView + use<> {
    let href = RunAsk { source: source.to_owned(), run: run.id, ..RunAsk::default() }.page();
    view! {
        <tr>
            <th scope="row"><a href=href><When at=run.started_at /></a></th>
            <td><span class=run.state.0>{run.state.1}</span></td>
            <td class="p2">{run.what}<p class="hint">"by "<bdi>{run.by}</bdi></p></td>
            <td class="p3 wrap">{run.numbers}</td>
        </tr>
    }
    .into_any()
}
