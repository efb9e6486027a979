//! Navigation with what exists, who is signed in, and the page beside it.

use directory::Permission;
use leptos::prelude::*;
use leptos_router::{components::Outlet, hooks::use_location};

use super::{
    api::{Me, who_am_i},
    theme::ThemeSwitch,
};
use crate::ui::{Icon, Mark, asked};

/// One line of the navigation.
struct Entry {
    path: &'static str,
    label: &'static str,
    icon: Icon,
    needs: Permission,
}

const GROUPS: [(&str, &[Entry]); 5] = [
    (
        "Migration",
        &[Entry {
            path: "/console/overview",
            label: "Overview",
            icon: Icon::Overview,
            needs: Permission::ReadConfiguration,
        }],
    ),
    (
        "Directory",
        &[
            Entry { path: "/console/people", label: "People", icon: Icon::People, needs: Permission::FindPeople },
            Entry { path: "/console/groups", label: "Groups", icon: Icon::Group, needs: Permission::FindPeople },
            Entry { path: "/console/devices", label: "Devices", icon: Icon::Server, needs: Permission::FindPeople },
            Entry { path: "/console/waiting", label: "Waiting", icon: Icon::Clock, needs: Permission::FindPeople },
        ],
    ),
    (
        "Connections",
        &[
            Entry {
                path: "/console/sources",
                label: "Sources",
                icon: Icon::Source,
                needs: Permission::ReadConfiguration,
            },
            Entry {
                path: "/console/attributes",
                label: "Attributes",
                icon: Icon::Person,
                needs: Permission::ReadConfiguration,
            },
            Entry { path: "/console/apps", label: "Apps", icon: Icon::App, needs: Permission::ReadConfiguration },
        ],
    ),
    (
        "Hub",
        &[
            Entry {
                path: "/console/approvals",
                label: "Approvals",
                icon: Icon::Group,
                needs: Permission::ReadConfiguration,
            },
            Entry { path: "/console/audit", label: "Audit", icon: Icon::Audit, needs: Permission::ReadAudit },
            Entry {
                path: "/console/administrators",
                label: "Administrators",
                icon: Icon::Key,
                needs: Permission::ReadAudit,
            },
        ],
    ),
    (
        "Support",
        &[Entry { path: "/console/find", label: "Find a person", icon: Icon::Help, needs: Permission::FindPeople }],
    ),
];

/// The frame around every page of the console. The page stands outside of what waits for the person's name, so that
/// it is drawn once.
#[component]
pub fn Layout() -> impl IntoView {
    let me = asked(|| (), |()| who_am_i());
    // Somebody without a role sees the frame and, in the page, why it is empty.
    let nobody = || Me { name: "Not signed in".to_owned(), roles: String::new(), may: Vec::new(), one_decides: false };
    let (for_navigation, for_foot) = (me.clone(), me.clone());
    let navigation = move || {
        let me = for_navigation.clone();
        Suspend::new(async move {
            let me = me.answer().await.unwrap_or_else(|_| nobody());
            view! { <Navigation may=me.may /> }
        })
    };
    let top = move || {
        let me = me.clone();
        Suspend::new(async move {
            let me = me.answer().await.unwrap_or_else(|_| nobody());
            view! { <Top me /> }
        })
    };
    let foot = move || {
        let me = for_foot.clone();
        Suspend::new(async move {
            let one = me.answer().await.is_ok_and(|me| me.one_decides);
            one.then(|| view! { <p class="foot" role="note">"One person decides here (approvals = 1): changes that usually take two people take one."</p> })
        })
    };
    view! {
        <a class="skip" href="#main">"Skip to the page"</a>
        <div class="app">
            <Suspense>{navigation}</Suspense>
            <div class="main">
                <Suspense>{top}</Suspense>
                <main class="page" id="main"><Outlet /></main>
                <Suspense>{foot}</Suspense>
            </div>
        </div>
    }
    .into_any()
}

/// Search, who is signed in, theme and sign-out.
#[component]
fn Top(me: Me) -> impl IntoView {
    view! {
        <header class="top">
            <button class="button quiet square menu-button" popovertarget="side" aria-label="Menu">{Icon::Menu.draw()}</button>
            <form class="jump" method="get" action="/console/find" role="search" aria-label="Everywhere">
                {Icon::Find.draw()}
                <input type="search" name="q" placeholder="Find a person or a code" aria-label="Find a person or a code" autocomplete="off" />
            </form>
            <button class="button quiet me-button" popovertarget="me">
                <span class="avatar" aria-hidden="true">{initials(&me.name)}</span>
                <span class="visually-hidden">{me.name.clone()}": account and theme"</span>
            </button>
            <div class="menu" id="me" popover="auto">
                <div class="group">
                    <span><b class="strong">{me.name.clone()}</b><br />{me.roles}</span>
                    <ThemeSwitch />
                </div>
                <hr />
                <a href="/account/password" rel="external">{Icon::Key.draw()}"Change password"</a>
                <a href="/sign-out" rel="external">{Icon::SignOut.draw()}"Sign out"</a>
            </div>
        </header>
    }
    .into_any()
}

/// A page inside the frame and a router, as an administrator sees it.
#[cfg(all(test, feature = "ssr"))]
pub fn framed_for_tests(page: impl FnOnce() -> AnyView) -> impl IntoView {
    let me = Me {
        name: "Marit Solheim".to_owned(),
        roles: "Administrator".to_owned(),
        may: Permission::ALL.to_vec(),
        one_decides: false,
    };
    let page = page();
    view! {
        <leptos_router::components::Router>
            <div class="app">
                <Navigation may=me.may.clone() />
                <div class="main"><Top me /><main class="page" id="main">{page}</main></div>
            </div>
        </leptos_router::components::Router>
    }
    .into_any()
}

#[component]
fn Navigation(may: Vec<Permission>) -> impl IntoView {
    let groups = GROUPS
        .iter()
        .filter_map(|(title, entries)| {
            let links: Vec<_> = entries
                .iter()
                .filter(|entry| may.contains(&entry.needs))
                .map(|entry| view! { <NavigationLink path=entry.path label=entry.label icon=entry.icon /> })
                .collect();
            (!links.is_empty()).then(|| view! { <div class="nav"><h2>{*title}</h2>{links}</div> })
        })
        .collect_view();
    let home = if may.contains(&Permission::ReadConfiguration) { "/console/overview" } else { "/console/people" };
    view! {
        <nav class="side" id="side" popover="auto" aria-label="Main">
            <a class="brand" href=home><Mark />"Isthmus"</a>
            {groups}
        </nav>
    }
    .into_any()
}

#[component]
fn NavigationLink(path: &'static str, label: &'static str, icon: Icon) -> impl IntoView {
    let location = use_location();
    let current = move || {
        let here = location.pathname.get();
        let inside = here.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        inside.then_some("page")
    };
    view! { <a href=path aria-current=current>{icon.draw()}{label}</a> }.into_any()
}

/// The first letters of the first and the last word.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}
