//! The Administrators page.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{
    GiveRole, HeldRole, HolderLine, HolderList, InviteHolder, Invited, RenewInvitation, TakeRole, list_holders,
};
use crate::{
    problem::ApiError,
    ui::{
        Choice, Field, Loaded, Notice, PageHead, Panel, Picker, PostForm, Problem, Sending, TableFrame, Tone, When,
        asked,
    },
};

/// `/console/administrators`
#[component]
pub fn AdministratorsPage() -> impl IntoView {
    let query = use_query_map();
    let done = Memo::new(move |_| query.read().get("done").unwrap_or_default());
    let list = asked(move || done.get(), list_holders);
    view! { <Loaded of=list show=administrators_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn administrators_view(list: HolderList) -> AnyView {
    let administers = !list.roles.is_empty();
    let take = Sending::<TakeRole>::new();
    let renew = Sending::<RenewInvitation>::new();
    let invite = Sending::<InviteHolder>::new();
    let give = Sending::<GiveRole>::new();
    let taken = (list.notice == "taken").then(|| {
        view! { <Notice tone=Tone::Ok title="Taken."><p>"They are signed out everywhere."</p></Notice> }
    });
    let rows = list.lines.into_iter().map(|line| row(line, administers, take, renew)).collect_view();
    let forms = administers.then(|| forms(list.roles, invite, give));
    view! {
        <PageHead title="Administrators" lede="Who works in this console, and as what. Roles never come from a directory." />
        {taken}
        {list.invited.map(|invited| shown(Ok(invited)))}
        {move || take.refusal().map(|error| view! { <Problem error /> })}
        {move || renew.answer().map(shown)}
        {move || invite.answer().map(shown)}
        {move || give.answer().map(shown)}
        <section class="panel" aria-label="Administrators">
            <TableFrame caption="Everybody who holds a role" class="tall">
                <thead>
                    <tr>
                        <th scope="col">"Person"</th>
                        <th scope="col">"Roles"</th>
                        <th scope="col" class="p2">"Last sign-in"</th>
                        {administers.then(|| view! { <th scope="col">"New link"</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        </section>
        {forms}
    }
    .into_any()
}

/// The link, once.
fn shown(answer: Result<Invited, ApiError>) -> AnyView {
    let invited = match answer {
        Ok(invited) => invited,
        Err(error) => return view! { <Problem error /> }.into_any(),
    };
    let text = match invited.link {
        Some(link) => view! {
            <p>"Hand this link over. It sets the password, works once and for a day, and is not shown again."</p>
            <p><code class="id" id="invitation">{link}</code></p>
        }
        .into_any(),
        None => view! { <p>"The role counts from the next sign-in on: they are signed out everywhere."</p> }.into_any(),
    };
    view! { <Notice tone=Tone::Ok title=format!("Done for {}.", invited.username)>{text}</Notice> }.into_any()
}

fn row(line: HolderLine, administers: bool, take: Sending<TakeRole>, renew: Sending<RenewInvitation>) -> AnyView {
    let HolderLine { person, name, username, roles, note, last_sign_in } = line;
    let roles = roles
        .into_iter()
        .map(|held| {
            let HeldRole { role, label, since, by } = held;
            let (person, button_label) = (person.clone(), format!("Take {label} from {username}"));
            let button = administers.then(move || {
                view! {
                    <PostForm action=take>
                        <input type="hidden" name="person" value=person />
                        <input type="hidden" name="role" value=role />
                        <button class="button small" aria-label=button_label>"Take"</button>
                    </PostForm>
                }
            });
            view! {
                <div class="row">
                    <span>{label}<span class="hint">"since "<When at=since />", by "<bdi>{by}</bdi></span></span>
                    {button}
                </div>
            }
        })
        .collect_view();
    let note = (!note.is_empty()).then(|| view! { <span class="hint">{note}</span> });
    let (renewed, renewed_name) = (person.clone(), username.clone());
    let again = administers.then(move || {
        let button_label = format!("Make a new set-up link for {renewed_name}");
        view! {
            <td>
                <PostForm action=renew>
                    <input type="hidden" name="person" value=renewed />
                    <input type="hidden" name="username" value=renewed_name />
                    <button class="button small" aria-label=button_label>"Make"</button>
                </PostForm>
            </td>
        }
    });
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/console/people/{person}")><bdi>{name}</bdi></a>
                <span class="hint">{username}</span>
                {note}
            </th>
            <td>{roles}</td>
            <td class="p2"><When at=last_sign_in /></td>
            {again}
        </tr>
    }
    .into_any()
}

fn forms(roles: Vec<Choice>, invite: Sending<InviteHolder>, give: Sending<GiveRole>) -> impl IntoView {
    let others = roles.clone();
    view! {
        <div class="grid g1-1">
            <Panel id="h-new" title="Somebody new">
                <PostForm action=invite class="body stack m">
                    <Field id="new-username" name="username" label="Name to sign in with" value="" required=true />
                    <Field id="new-name" name="name" label="Name people read" value="" />
                    <Field id="new-email" name="email" label="E-mail" value="" kind="email" />
                    <Picker id="new-role" name="role" label="Role" value="help-desk" choices=roles />
                    <div class="row"><button class="button primary">"Create and show the set-up link"</button></div>
                </PostForm>
            </Panel>
            <Panel id="h-give" title="Another role" hint="for somebody whose password is checked here">
                <PostForm action=give class="body stack m">
                    <Field id="give-username" name="username" label="Their name to sign in with" value="" required=true />
                    <Picker id="give-role" name="role" label="Role" value="help-desk" choices=others />
                    <div class="row"><button class="button">"Give the role"</button></div>
                </PostForm>
            </Panel>
        </div>
    }
    .into_any()
}
