//! The Approvals pages.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::api::{
    ApprovalCard, ApprovalLine, ApprovalList, DecideApproval, WithdrawApproval, list_approvals, read_approval,
};
use crate::ui::{
    Empty, Field, Loaded, Notice, PageHead, Panel, PostForm, Problem, Sending, TableFrame, Tone, When, asked,
};

/// `/console/approvals`
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    let query = use_query_map();
    let done = Memo::new(move |_| query.read().get("done").unwrap_or_default());
    let list = asked(move || done.get(), list_approvals);
    view! { <Loaded of=list show=approvals_view /> }.into_any()
}

/// The list with its data.
#[must_use]
pub fn approvals_view(list: ApprovalList) -> AnyView {
    let notice = match list.notice.as_str() {
        "approved" => Some("Approved. The change is in force within two seconds."),
        "refused" => Some("Refused. Nothing was changed."),
        "withdrawn" => Some("Taken back. Nothing was changed."),
        _ => None,
    };
    let none = list.lines.is_empty();
    let rows = list.lines.into_iter().map(row).collect_view();
    let body = if none {
        view! { <Empty title="Nothing waits for a second person" text="What a directory is trusted for, switching its TLS off, and retiring it take two people. Such a change appears here when somebody asks for it." /> }.into_any()
    } else {
        view! {
            <TableFrame caption="Proposals" class="tall">
                <thead>
                    <tr>
                        <th scope="col">"Change"</th>
                        <th scope="col">"Proposed by"</th>
                        <th scope="col">"State"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        }
        .into_any()
    };
    view! {
        <PageHead title="Approvals" lede="Changes that one person does not make alone. Another administrator decides." />
        {notice.map(|text| view! { <Notice tone=Tone::Ok><p>{text}</p></Notice> })}
        <section class="panel" aria-label="Approvals">{body}</section>
    }
    .into_any()
}

fn row(line: ApprovalLine) -> impl IntoView {
    let state = if line.decided.is_empty() { "waits".to_owned() } else { line.decided };
    view! {
        <tr>
            <th scope="row"><a class="wrap" href=format!("/console/approvals/{}", line.id)>{line.summary}</a></th>
            <td><bdi>{line.proposed_by}</bdi><span class="hint"><When at=line.proposed_at /></span></td>
            <td>
                <bdi>{state}</bdi>
                {line.decided_at.map(|at| view! { <span class="hint"><When at=at /></span> })}
                {(!line.reason.is_empty()).then(|| view! { <span class="hint wrap">{line.reason}</span> })}
            </td>
        </tr>
    }
    .into_any()
}

/// `/console/approvals/{id}`
#[component]
pub fn ApprovalPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let card = asked(move || id.get(), read_approval);
    view! { <Loaded of=card show=approval_view /> }.into_any()
}

/// One proposal with its data.
#[must_use]
pub fn approval_view(card: ApprovalCard) -> AnyView {
    let (name, label) = card.source.clone();
    let about = if name.is_empty() {
        label.clone().into_any()
    } else {
        view! { <a href=format!("/console/sources/{}", crate::link::encode(&name))>{label.clone()}</a> }.into_any()
    };
    let rows = card
        .changes
        .clone()
        .into_iter()
        .map(|change| {
            view! {
                <tr>
                    <th scope="row"><code>{change.field}</code></th>
                    <td class="wrap"><bdi>{change.before}</bdi></td>
                    <td class="wrap"><bdi>{change.after}</bdi></td>
                </tr>
            }
        })
        .collect_view();
    let line = card.line.clone();
    view! {
        <PageHead title=format!("Change of {label}") lede="Nothing of it is in force until another administrator agrees." />
        {card.outdated.clone().map(|why| view! { <Notice tone=Tone::Warn title="This can no longer be approved."><p>{why}</p></Notice> })}
        <div class="grid rail">
            <div class="stack l">
                <Panel id="h-change" title="What changes">
                    <TableFrame caption="What changes">
                        <thead><tr><th scope="col">"Setting"</th><th scope="col">"Now"</th><th scope="col">"Proposed"</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </TableFrame>
                </Panel>
                {decision_panel(&card)}
            </div>
            <div class="stack l">
                <Panel id="h-who" title="Proposed">
                    <div class="body">
                        <dl class="facts">
                            <dt>"By"</dt><dd><bdi>{line.proposed_by}</bdi></dd>
                            <dt>"When"</dt><dd><When at=line.proposed_at /></dd>
                            <dt>"About"</dt>
                            <dd>{about}</dd>
                        </dl>
                    </div>
                </Panel>
            </div>
        </div>
    }
    .into_any()
}

fn decision_panel(card: &ApprovalCard) -> impl IntoView + use<> {
    let line = card.line.clone();
    if !line.decided.is_empty() {
        return view! {
            <Panel id="h-decision" title="Decision">
                <div class="body"><p><bdi>{line.decided}</bdi>", "<When at=line.decided_at /></p><p class="soft wrap">{line.reason}</p></div>
            </Panel>
        }
        .into_any();
    }
    let decide = Sending::<DecideApproval>::new();
    let withdraw = Sending::<WithdrawApproval>::new();
    let approve = card.may_not.is_none() && card.outdated.is_none();
    let (refuse, why_not) = (card.may_refuse, card.may_not.clone());
    let (id, own_id) = (line.id.clone(), line.id);
    let secret = (approve && card.needs_secret).then(|| {
        view! {
            <Field id="bind_password" name="bind_password" label="Password of the service account" value="" kind="password"
                hint="Address or TLS settings change: the stored one is not sent to another place. Only for approving." />
        }
    });
    let form = (approve || refuse).then(move || {
        view! {
            <PostForm action=decide class="stack m">
                <input type="hidden" name="id" value=id />
                {secret}
                <Field id="reason" name="reason" label="Reason" value="" hint="Needed to refuse. Whoever proposed it reads this, and so does the audit log." />
                <div class="row">
                    {approve.then(|| view! { <button class="button primary" name="decision" value="approve">"Approve and make the change"</button> })}
                    {refuse.then(|| view! { <button class="button" name="decision" value="refuse">"Refuse"</button> })}
                </div>
            </PostForm>
        }
    });
    let back = card.own.then(move || {
        view! {
            <PostForm action=withdraw>
                <input type="hidden" name="id" value=own_id />
                <button class="button">"Take it back"</button>
            </PostForm>
        }
    });
    view! {
        <Panel id="h-decision" title="Decide">
            <div class="body stack m">
                {move || decide.refusal().map(|error| view! { <Problem error /> })}
                {move || withdraw.refusal().map(|error| view! { <Problem error /> })}
                {why_not.map(|why| view! { <p>{why}</p> })}
                {form}
                {back}
            </div>
        </Panel>
    }
    .into_any()
}
