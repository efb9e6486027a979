//! Heads, panels, notices, empty states, and what a page shows while and after it loads.

use std::{any::Any, sync::Arc};

use leptos::prelude::*;

use super::{
    Icon,
    ask::{Answer, Asked, Wait},
};
use crate::problem::ApiError;

/// Title, one sentence that is true now, and actions at the end.
#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    #[prop(optional, into)] lede: Option<String>,
    #[prop(optional)] actions: Option<Children>,
) -> impl IntoView {
    let actions = actions.map(|actions| view! { <div class="actions">{actions()}</div> });
    view! {
        <leptos_meta::Title text=title.clone() />
        <header class="page-head">
            <div><h1>{title}</h1>{lede.map(|lede| view! { <p class="lede">{lede}</p> })}</div>
            {actions}
        </header>
    }
    .into_any()
}

/// A box with a title.
#[component]
pub fn Panel(
    /// For `aria-labelledby`; unique on the page.
    id: &'static str,
    #[prop(into)] title: String,
    #[prop(optional, into)] hint: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby=id>
            <header><h2 id=id>{title}</h2>{hint.map(|hint| view! { <span class="hint">{hint}</span> })}</header>
            {children()}
        </section>
    }
    .into_any()
}

/// How a notice sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Warn,
    Bad,
    Ask,
}

/// A sentence that matters now.
#[component]
pub fn Notice(tone: Tone, #[prop(optional, into)] title: Option<String>, children: Children) -> impl IntoView {
    let (class, icon, role) = match tone {
        Tone::Ok => ("banner ok", Icon::Check, "status"),
        Tone::Warn => ("banner warn", Icon::Warning, "status"),
        Tone::Bad => ("banner bad", Icon::Warning, "alert"),
        Tone::Ask => ("banner ask", Icon::Group, "status"),
    };
    view! {
        <div class=class role=role>
            {icon.draw()} <div>{title.map(|title| view! { <strong>{title}" "</strong> })}{children()}</div>
        </div>
    }
    .into_any()
}

/// Nothing here: the reason and the next step.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let actions = children.map(|children| view! { <div class="actions">{children()}</div> });
    view! {
        <div class="empty">
            <svg width="120" height="36" viewBox="0 0 120 36" aria-hidden="true" fill="currentColor">
                <path d="M4 0h24c10 0 9 15 24 15v6c-15 0-14 15-24 15H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4zM116 0H92c-10 0-9 15-24 15v6c15 0 14 15 24 15h24a4 4 0 0 0 4-4V4a4 4 0 0 0-4-4z"></path>
            </svg>
            <h2>{title}</h2>
            <p>{text}</p>
            {actions}
        </div>
    }
    .into_any()
}

/// Why a page or an action did not happen, in words. They may stand far from the button: the keyboard goes to them, in a
/// document by `autofocus`, later by [`super::PostForm`]. The link is left to the browser, which also moves the focus.
#[component]
pub fn Problem(error: ApiError) -> impl IntoView {
    match error {
        ApiError::SignedOut => view! {
            <Notice tone=Tone::Warn title="You are signed out.">
                <p>"Your session has ended. "<a href="/sign-in?return_to=%2Fconsole" rel="external">"Sign in again"</a></p>
            </Notice>
        }
        .into_any(),
        ApiError::Denied => view! {
            <Notice tone=Tone::Warn title="You are not allowed to see this.">
                <p>"Your role does not include it, or you signed in with the password of another directory: roles count only with a password of this hub."</p>
            </Notice>
        }
        .into_any(),
        ApiError::NotFound(what) => view! {
            <Empty title=format!("{what} was not found") text="It may have been renamed or removed. The lists show what there is now.">
                <a class="button" href="/console/people">"People"</a>
                <a class="button" href="/console/sources">"Sources"</a>
            </Empty>
        }
        .into_any(),
        ApiError::Invalid { field, message } => view! {
            <Notice tone=Tone::Bad title="Not saved.">
                <p>{message}" "<a href=format!("#{field}") rel="external" autofocus>"Go to the field"</a></p>
            </Notice>
        }
        .into_any(),
        ApiError::Refused(message) => view! { <Notice tone=Tone::Bad title="Nothing was changed."><p tabindex="-1" autofocus>{message}</p></Notice> }.into_any(),
        ApiError::Failed(message) => view! { <Notice tone=Tone::Bad title="It did not work."><p tabindex="-1" autofocus>{message}</p></Notice> }.into_any(),
    }
}

/// Shows what a question brings: skeletons, then the page, or the problem.
#[component]
pub fn Loaded<T>(
    of: Asked<T>,
    /// Draws the page.
    show: fn(T) -> AnyView,
) -> impl IntoView
where
    T: Any + Clone + Send + Sync + serde::de::DeserializeOwned,
{
    let draw = move |answer| Asked::<T>::read(answer).map(show);
    loaded(of.wait, Arc::new(draw))
}

type Draw = Arc<dyn Fn(Answer) -> Result<AnyView, ApiError> + Send + Sync>;

fn loaded(wait: Wait, draw: Draw) -> AnyView {
    view! {
        <Transition fallback=Skeleton>
            {move || {
                let (wait, draw) = (Arc::clone(&wait), Arc::clone(&draw));
                Suspend::new(async move {
                    match wait().await.and_then(|answer| draw(answer)) {
                        Ok(page) => page,
                        Err(error) => view! { <PageHead title=error.heading() /><Problem error /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <section class="panel" aria-busy="true" aria-label="Loading">
            <div class="body pad">
                <span class="skeleton l"></span>
                <span class="skeleton"></span>
                <span class="skeleton l"></span>
                <span class="skeleton s"></span>
            </div>
        </section>
    }
    .into_any()
}
