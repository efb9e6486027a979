//! Tables: a caption always, scrollable by keyboard.

use leptos::prelude::*;

/// The scrolling frame with the table and its caption; children are head and body.
#[component]
pub fn TableFrame(
    #[prop(into)] caption: String,
    #[prop(default = "")] class: &'static str,
    children: Children,
) -> impl IntoView {
    let label = caption.clone();
    view! {
        <div class="table-wrap" tabindex="0" role="group" aria-label=label>
            <table class=class><caption class="visually-hidden">{caption}</caption>{children()}</table>
        </div>
    }
    .into_any()
}

/// The foot of a paged list: how many, and the way on.
#[component]
pub fn Pager(
    /// "1,204 people".
    #[prop(into)]
    count: String,
    /// Set when this is not the first page.
    first: Option<String>,
    next: Option<String>,
) -> impl IntoView {
    view! {
        <nav class="pager" aria-label="Pages">
            <span>{count}</span>
            <div class="row push">
                {first.map(|href| view! { <a class="button small" href=href>"First"</a> })}
                {next.map(|href| view! { <a class="button small" href=href>"Next"{super::Icon::Next.draw()}</a> })}
            </div>
        </nav>
    }
    .into_any()
}
