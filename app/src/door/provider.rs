//! "Continue with …": the way to a directory that asks for the password itself.

use leptos::prelude::*;

use super::{Passage, field};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLink {
    /// The source's name.
    pub source: String,
    /// What people call it: "Contoso cloud".
    pub label: String,
}

/// Links, not forms: a form's redirects are held against `form-action` as far as they go, and providers send browsers
/// on to others.
pub(super) fn providers(
    passage: &Passage,
    identifier: &str,
    providers: &[ProviderLink],
) -> Option<impl IntoView + use<>> {
    let links = providers
        .iter()
        .map(|provider| {
            let transaction = passage.transaction.clone().unwrap_or_default();
            let return_to = passage.return_to.clone().unwrap_or_default();
            let pairs = [
                ("source", provider.source.as_str()),
                (field::TRANSACTION, &transaction),
                (field::RETURN_TO, &return_to),
                (field::IDENTIFIER, identifier),
            ];
            let href = crate::link::with_query("/sign-in/redirect", &pairs);
            view! { <a class="button wide" href=href>{format!("Continue with {}", provider.label)}</a> }
        })
        .collect_view();
    (!providers.is_empty()).then(|| view! { <nav aria-label="Other ways to sign in">{links}</nav> })
}
