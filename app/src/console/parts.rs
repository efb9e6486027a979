//! The console in parts: a browser first loads what every page needs and the part with the page it shows; another part
//! comes when one of its pages is first opened. A part is a WebAssembly module of its own, cut out after linking.
//!
//! A new page joins a part here, and gets its route in the module above. A new part needs nothing but its entry.

use std::pin::Pin;

use leptos::prelude::*;
use leptos_router::ChooseView;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::{
    administrators::AdministratorsPage,
    approvals::{ApprovalPage, ApprovalsPage},
    apps::{AppPage, AppsPage, NewAppPage},
    attributes::{AttributePage, AttributesPage, NewAttributePage},
    audit::AuditPage,
    browse::{DevicePage, DevicesPage, GroupPage, GroupsPage},
    find::FindPage,
    imports::ImportRunPage,
    overview::{OverviewPage, SignInsPage},
    people::PeoplePage,
    person::PersonPage,
    source::{EditSourcePage, SourcePage, SourceProfilePage},
    sources::SourcesPage,
    ui::{Notice, PageHead, Tone},
    waiting::WaitingPage,
    wizard::NewSourcePage,
};

type Later<T> = Pin<Box<dyn Future<Output = T>>>;

/// A page for the router, wherever its code is.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    load: fn() -> Later<()>,
    draw: fn() -> Later<AnyView>,
}

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        (self.draw)().await
    }

    async fn preload(&self) {
        (self.load)().await;
    }
}

/// Instead of a page whose part did not arrive: the connection is gone, or another version of the hub serves others.
fn not_loaded() -> AnyView {
    view! {
        <PageHead title="This page was not loaded" />
        <Notice tone=Tone::Bad title="The server cannot be reached, or it was upgraded.">
            <p><a href="" rel="external">"Load the page again"</a></p>
        </Notice>
    }
    .into_any()
}

/// Parts, the words of their addresses after `/console/`, and their pages; the first that fits is the one. Everything
/// of a page, its requests and what they bring included, goes into its part.
macro_rules! parts {
    ($($part:ident at ($words:pat) { $($page:ident => $component:ident,)+ })+) => {
        $($(
            pub fn $page() -> Page {
                #[wasm_split($part, fallible, preload(load))]
                fn $page() -> Result<AnyView, SplitLoaderError> {
                    Ok($component().into_any())
                }
                Page {
                    // What could not be loaded is said when the page is drawn.
                    load: || Box::pin(async { drop(load().await) }),
                    draw: || Box::pin(async { $page().await.unwrap_or_else(|_| not_loaded()) }),
                }
            }
        )+)+

        /// The part that a page's address belongs to, for the server to announce in the document's head.
        #[cfg(feature = "ssr")]
        pub fn part_of(path: &str) -> Option<&'static str> {
            let words: Vec<&str> = path.strip_prefix("/console/")?.split('/').collect();
            match words.as_slice() {
                $($words => Some(stringify!($part)),)+
                _ => None,
            }
        }
    };
}

parts! {
    people at (["people" | "find" | "groups" | "devices", ..]) {
        people => PeoplePage,
        person => PersonPage,
        find => FindPage,
        groups => GroupsPage,
        group => GroupPage,
        devices => DevicesPage,
        device => DevicePage,
    }
    connect at (["sources", "new"] | ["sources", _, "settings" | "profile"]) {
        new_source => NewSourcePage,
        edit_source => EditSourcePage,
        source_profile => SourceProfilePage,
    }
    sources at (["sources", ..]) {
        sources => SourcesPage,
        source => SourcePage,
        import_run => ImportRunPage,
    }
    access at (["approvals" | "administrators" | "attributes" | "waiting", ..]) {
        approvals => ApprovalsPage,
        approval => ApprovalPage,
        administrators => AdministratorsPage,
        attributes => AttributesPage,
        new_attribute => NewAttributePage,
        attribute => AttributePage,
        waiting => WaitingPage,
    }
    apps at (["apps", ..]) {
        apps => AppsPage,
        app => AppPage,
        new_app => NewAppPage,
    }
    watch at (["overview" | "sign-ins" | "audit", ..]) {
        overview => OverviewPage,
        sign_ins => SignInsPage,
        audit => AuditPage,
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::part_of;

    #[test]
    fn connecting_a_directory_is_a_part_of_its_own() {
        for (path, part) in [
            ("/console/sources", "sources"),
            ("/console/sources/corp", "sources"),
            ("/console/sources/corp/imports/7", "sources"),
            ("/console/sources/new", "connect"),
            ("/console/sources/corp/settings", "connect"),
            ("/console/sources/settings/profile", "connect"),
            ("/console/people/7", "people"),
        ] {
            assert_eq!(part_of(path), Some(part), "{path}");
        }
        assert_eq!((part_of("/console"), part_of("/sign-in"), part_of("/console/nowhere")), (None, None, None));
    }
}
