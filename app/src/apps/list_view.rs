//! The Apps page.

use directory::ClientAuthentication;
use leptos::prelude::*;

use super::api::{AppLine, AppList, list_apps};
use crate::ui::{Empty, Icon, Loaded, PageHead, TableFrame, asked};

/// `/console/apps`
#[component]
pub fn AppsPage() -> impl IntoView {
    let list = asked(|| (), |()| list_apps());
    view! { <Loaded of=list show=apps_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn apps_view(list: AppList) -> AnyView {
    if list.lines.is_empty() {
        return view! {
            <PageHead title="Apps" />
            <section class="panel" aria-label="Apps">
                <Empty
                    title="No application signs in here yet"
                    text="Register one, copy its settings into it, and try a sign-in. Its people keep the password they have."
                >
                    {list.editable.then(|| view! { <a class="button primary" href="/console/apps/new">"Register an app"</a> })}
                </Empty>
            </section>
        }
        .into_any();
    }
    let rows = list.lines.into_iter().map(|line| view! { <Line line /> }).collect_view();
    let add: Children = Box::new(move || {
        list.editable
            .then(
                || view! { <a class="button primary" href="/console/apps/new">{Icon::Add.draw()}"Register an app"</a> },
            )
            .into_any()
    });
    view! {
        <PageHead title="Apps" lede="Applications that sign people in with OpenID Connect." actions=add />
        <section class="panel" aria-label="Apps">
            <TableFrame caption="All applications">
                <thead>
                    <tr>
                        <th scope="col">"App"</th>
                        <th scope="col" class="p2">"Client id"</th>
                        <th scope="col" class="p3">"Redirect URI"</th>
                        <th scope="col" class="p3b">"Kind"</th>
                        <th scope="col">"People came from"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        </section>
    }
    .into_any()
}

#[component]
fn Line(line: AppLine) -> impl IntoView {
    let kind = match line.authentication {
        ClientAuthentication::None => "public",
        ClientAuthentication::SecretBasic | ClientAuthentication::SecretPost => "confidential",
    };
    let sources = if line.sources.is_empty() { "–".to_owned() } else { line.sources };
    view! {
        <tr>
            <th scope="row" class="cut"><a href=format!("/console/apps/{}", crate::link::encode(&line.id))><bdi>{line.name}</bdi></a></th>
            <td class="p2"><code>{line.id}</code></td>
            <td class="p3 cut" title=line.redirect_uri.clone()>{line.redirect_uri.clone()}</td>
            <td class="p3b">{kind}</td>
            <td>{sources}</td>
        </tr>
    }
    .into_any()
}
