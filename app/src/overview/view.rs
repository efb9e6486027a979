//! The Overview page.

use leptos::prelude::*;

use super::api::{DecisionLine, Figure, Mark, OverviewCard, SourceHealthLine, read_overview};
use crate::ui::{Empty, Icon, Loaded, ModeBadge, Notice, PageHead, Panel, TableFrame, Tone, When, asked};

/// `/console/overview`
#[component]
pub fn OverviewPage() -> impl IntoView {
    let card = asked(|| (), |()| read_overview());
    view! { <Loaded of=card show=overview_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn overview_view(card: OverviewCard) -> AnyView {
    let OverviewCard {
        lede,
        marks,
        crossing,
        states,
        chart,
        paths,
        reasons,
        hours,
        sources,
        decisions,
        waiting,
        trouble,
    } = card;
    let marks = marks.into_iter().map(mark).collect_view();
    view! {
        <PageHead title="Overview" lede=lede />
        {trouble.map(|trouble| view! { <Notice tone=Tone::Bad>{trouble}</Notice> })}
        <section class="panel" aria-label="The crossing">
            <div class="body pad">
                <div class="passage"><div class="marks">{marks}</div><div inner_html=crossing></div></div>
                {figures(states)}
            </div>
        </section>
        <div class="grid g2-1 stretch">
            {source_panel(sources)}
            {decision_panel(decisions, waiting)}
        </div>
        {chart_panel(chart, paths, reasons, hours)}
    }
    .into_any()
}

fn mark(mark: Mark) -> impl IntoView {
    view! {
        <a class=mark.class href=mark.href>
            <span class="name"><i class=mark.key></i>{mark.name}</span>
            <span class="figure">{mark.figure}</span>
            <span class="hint">{mark.hint}</span>
        </a>
    }
    .into_any()
}

/// Numbers in a row, each a link to the rows behind it.
fn figures(figures: Vec<Figure>) -> impl IntoView {
    let lines = figures
        .into_iter()
        .map(|figure| {
            let key = (!figure.key.is_empty()).then(|| format!("sw {}", figure.key));
            view! { <li>{key.map(|class| view! { <span class=class></span> })}<a href=figure.href>{figure.label}" "<b>{figure.figure}</b></a></li> }
        })
        .collect_view();
    view! { <ul class="legend">{lines}</ul> }.into_any()
}

fn source_panel(sources: Vec<SourceHealthLine>) -> impl IntoView {
    if sources.is_empty() {
        return view! {
            <Panel id="h-sources" title="Sources">
                <Empty title="No directory is connected yet" text="Connect the directory your people sign in with today.">
                    <a class="button primary" href="/console/sources/new">"Connect a directory"</a>
                </Empty>
            </Panel>
        }
        .into_any();
    }
    let rows = sources
        .into_iter()
        .map(|line| {
            let flag = line.trouble.is_some().then_some("flag");
            view! {
                <tr class=flag>
                    <th scope="row">
                        <a href=format!("/console/sources/{}", crate::link::encode(&line.name))>{line.label}</a>
                        <span class="hint">{line.kind}</span>
                        {line.trouble.map(|trouble| view! { <span class="hint wrap c-bad">{trouble}</span> })}
                    </th>
                    <td><ModeBadge mode=line.mode /></td>
                    <td><span class=line.class>{line.word}</span></td>
                    <td class="num p2">{line.took}</td>
                    <td class="p3"><When at=line.last_success /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel id="h-sources" title="Sources">
            <TableFrame caption="Sources and how they do" class="tall">
                <thead>
                    <tr>
                        <th scope="col">"Source"</th>
                        <th scope="col">"Mode"</th>
                        <th scope="col">"Health"</th>
                        <th scope="col" class="num p2" title="The middle of the last twenty sign-ins there">"Sign-in takes"</th>
                        <th scope="col" class="p3">"Last success"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        </Panel>
    }
    .into_any()
}

fn decision_panel(decisions: Vec<DecisionLine>, waiting: String) -> impl IntoView {
    let nothing = decisions.is_empty();
    let lines = decisions
        .into_iter()
        .map(|line| {
            view! {
                <li>
                    {Icon::Group.draw_muted()}
                    <div>
                        <a class="t" href=line.href><bdi>{line.title}</bdi></a>
                        <p class="hint">{line.text}" "<When at=line.since /></p>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel id="h-decide" title="Needs a decision" hint=waiting>
            {nothing.then(|| view! { <p class="body soft">"Nothing waits for anybody."</p> })}
            <ul class="list">{lines}</ul>
        </Panel>
    }
    .into_any()
}

fn chart_panel(chart: String, paths: Vec<Figure>, reasons: Vec<Figure>, hours: Vec<[String; 4]>) -> impl IntoView {
    let rows = hours
        .into_iter()
        .map(|[hour, hub, delegated, refused]| {
            view! { <tr><th scope="row">{hour}</th><td class="num">{hub}</td><td class="num">{delegated}</td><td class="num">{refused}</td></tr> }
        })
        .collect_view();
    let refused = !reasons.is_empty();
    view! {
        <Panel id="h-sign-ins" title="Sign-ins today" hint="by hour, in UTC">
            <div class="body">
                <figure class="chart">
                    <div inner_html=chart></div>
                    {figures(paths)}
                    <details>
                        <summary>"Show as a table"</summary>
                        <TableFrame caption="Sign-ins today by hour and path" class="tight">
                            <thead>
                                <tr>
                                    <th scope="col">"Hour"</th>
                                    <th scope="col" class="num">"By Isthmus"</th>
                                    <th scope="col" class="num">"Delegated"</th>
                                    <th scope="col" class="num">"Refused"</th>
                                </tr>
                            </thead>
                            <tbody>{rows}</tbody>
                        </TableFrame>
                    </details>
                </figure>
                {refused.then(|| view! { <h3>"Refused, by reason"</h3> {figures(reasons)} })}
            </div>
        </Panel>
    }
    .into_any()
}
