//! The console: document, routes and the frame around every page of it.

mod api;
mod layout;
mod parts;
#[cfg(feature = "ssr")]
mod shell;
mod theme;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Redirect, Route, Router, Routes},
    path,
};

pub use api::{Me, WhoAmI};
#[cfg(all(test, feature = "ssr"))]
pub(crate) use layout::framed_for_tests;
#[cfg(feature = "ssr")]
pub use shell::shell;

use crate::ui::{Again, Empty};

/// Every route of the console. All of them are rendered whole before the first byte leaves, so that a page without
/// scripts is complete.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Again::provide();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Isthmus".to_owned() } else { format!("{title} · Isthmus") } />
        <Router>
            <Routes fallback=NotFound>
                <ParentRoute path=path!("/console") view=layout::Layout ssr=SsrMode::Async>
                    <Route path=path!("") view=|| view! { <Redirect path="/console/overview" /> } ssr=SsrMode::Async />
                    <Route path=path!("people") view=parts::people() ssr=SsrMode::Async />
                    <Route path=path!("people/:id") view=parts::person() ssr=SsrMode::Async />
                    <Route path=path!("groups") view=parts::groups() ssr=SsrMode::Async />
                    <Route path=path!("groups/:id") view=parts::group() ssr=SsrMode::Async />
                    <Route path=path!("devices") view=parts::devices() ssr=SsrMode::Async />
                    <Route path=path!("devices/:id") view=parts::device() ssr=SsrMode::Async />
                    <Route path=path!("find") view=parts::find() ssr=SsrMode::Async />
                    <Route path=path!("sources") view=parts::sources() ssr=SsrMode::Async />
                    <Route path=path!("sources/new") view=parts::new_source() ssr=SsrMode::Async />
                    <Route path=path!("sources/:name") view=parts::source() ssr=SsrMode::Async />
                    <Route path=path!("sources/:name/settings") view=parts::edit_source() ssr=SsrMode::Async />
                    <Route path=path!("sources/:name/imports/:run") view=parts::import_run() ssr=SsrMode::Async />
                    <Route path=path!("sources/:name/profile") view=parts::source_profile() ssr=SsrMode::Async />
                    <Route path=path!("approvals") view=parts::approvals() ssr=SsrMode::Async />
                    <Route path=path!("approvals/:id") view=parts::approval() ssr=SsrMode::Async />
                    <Route path=path!("administrators") view=parts::administrators() ssr=SsrMode::Async />
                    <Route path=path!("waiting") view=parts::waiting() ssr=SsrMode::Async />
                    <Route path=path!("attributes") view=parts::attributes() ssr=SsrMode::Async />
                    <Route path=path!("attributes/new") view=parts::new_attribute() ssr=SsrMode::Async />
                    <Route path=path!("attributes/:name") view=parts::attribute() ssr=SsrMode::Async />
                    <Route path=path!("apps") view=parts::apps() ssr=SsrMode::Async />
                    <Route path=path!("apps/new") view=parts::new_app() ssr=SsrMode::Async />
                    <Route path=path!("apps/:id") view=parts::app() ssr=SsrMode::Async />
                    <Route path=path!("audit") view=parts::audit() ssr=SsrMode::Async />
                    <Route path=path!("sign-ins") view=parts::sign_ins() ssr=SsrMode::Async />
                    <Route path=path!("overview") view=parts::overview() ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

#[component]
fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    let _ = crate::caller::not_found("Page");
    view! {
        <main class="page" id="main">
            <Title text="Not found" />
            <Empty title="There is no such page" text="The address may be mistyped, or the page has moved.">
                <a class="button primary" href="/console/people">"To the console"</a>
            </Empty>
        </main>
    }
}
