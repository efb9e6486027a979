//! The sign-ins of a day: the rows behind the numbers of the Overview.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Choice, Empty, Field, Icon, Loaded, Moment, PageHead, Pager, Picker, TableFrame, When, asked},
};

/// The whole state of the page, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInsAsk {
    /// In UTC; empty = today.
    pub day: String,
    /// `hub`, `delegated`, `refused`, or empty.
    pub path: String,
    pub reason: String,
    pub after: String,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInsList {
    pub ask: SignInsAsk,
    /// "Sign-ins of 23 Nov 2026".
    pub title: String,
    pub lines: Vec<SignInsLine>,
    pub next: Option<String>,
    pub reasons: Vec<Choice>,
}

/// One sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInsLine {
    pub code: String,
    pub at: Moment,
    pub class: String,
    pub result: String,
    pub row: String,
    pub person: Option<(String, String)>,
    pub source: String,
    pub took: String,
}

/// The sign-ins of a day.
#[server(prefix = "/api", endpoint = "sign-ins")]
pub async fn list_sign_ins(ask: SignInsAsk) -> Result<SignInsList, ApiError> {
    super::read::sign_ins(ask).await
}

/// `/console/sign-ins`
#[component]
pub fn SignInsPage() -> impl IntoView {
    let query = use_query_map();
    let ask = Memo::new(move |_| {
        let query = query.read();
        let value = |name| query.get(name).unwrap_or_default();
        SignInsAsk { day: value("day"), path: value("path"), reason: value("reason"), after: value("after") }
    });
    let list = asked(move || ask.get(), list_sign_ins);
    view! { <Loaded of=list show=sign_ins_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn sign_ins_view(list: SignInsList) -> AnyView {
    let SignInsList { ask, title, lines, next, reasons } = list;
    let link = |after: &str| {
        let pairs = [("day", &*ask.day), ("path", &*ask.path), ("reason", &*ask.reason), ("after", after)];
        crate::link::with_query("/console/sign-ins", &pairs)
    };
    let paths = [("", "Every path"), ("hub", "By Isthmus"), ("delegated", "Delegated"), ("refused", "Refused")];
    let paths = paths.map(|(value, label)| Choice::new(value, label)).to_vec();
    let reasons: Vec<Choice> = std::iter::once(Choice::new("", "Any reason")).chain(reasons).collect();
    let body = if lines.is_empty() {
        view! { <Empty title="No sign-in fits" text="Nobody signed in that way on this day." /> }.into_any()
    } else {
        let count = format!("{} on this page, newest first", lines.len());
        let rows = lines.into_iter().map(row).collect_view();
        let (first, next) = ((!ask.after.is_empty()).then(|| link("")), next.map(|after| link(&after)));
        view! {
            <TableFrame caption="Sign-ins, newest first">
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Result"</th>
                        <th scope="col">"Person"</th>
                        <th scope="col" class="p3">"Source"</th>
                        <th scope="col">"Code"</th>
                        <th scope="col" class="num p3">"Took"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
            <Pager count first next />
        }
        .into_any()
    };
    view! {
        <PageHead title=title />
        <form class="filters labelled" method="get" action="/console/sign-ins" role="search" aria-label="Filter sign-ins">
            <Field id="day" name="day" label="Day (UTC)" value=ask.day.clone() placeholder="2026-11-23" />
            <Picker id="path" name="path" label="Path" value=ask.path.clone() choices=paths />
            <Picker id="reason" name="reason" label="Reason" value=ask.reason.clone() choices=reasons />
            <button class="button">{Icon::Find.draw()}"Show"</button>
        </form>
        <section class="panel" aria-label="Sign-ins">{body}</section>
    }
    .into_any()
}

fn row(line: SignInsLine) -> impl IntoView {
    let find = crate::link::with_query("/console/find", &[("q", &line.code)]);
    let person = match line.person {
        Some((id, name)) => view! { <a href=format!("/console/people/{id}")><bdi>{name}</bdi></a> }.into_any(),
        None => "–".into_any(),
    };
    view! {
        <tr>
            <th scope="row"><When at=line.at /></th>
            <td><span class=line.class>{line.result}</span></td>
            <td class="cut">{person}</td>
            <td class="p3 cut">{line.source}</td>
            <td><a href=find title="Show this trace"><code>{line.code}</code></a>" "<code class="tag-code">{line.row}</code></td>
            <td class="num p3">{line.took}</td>
        </tr>
    }
    .into_any()
}
