//! Forms that call a server function: sent by the browser without scripts, and in place once the page is awake. As with
//! questions ([`super::ask`]), only reading the answer knows its type.

use std::{any::Any, marker::PhantomData};

use leptos::{
    prelude::*,
    server::ServerActionError,
    server_fn::{ServerFn, error::ServerFnUrlError},
    web_sys::SubmitEvent,
};
use serde::de::DeserializeOwned;

use super::ask::{Again, Answer};
use crate::problem::ApiError;

/// A server function on its way from a form, and what came back.
pub struct Sending<F> {
    untyped: Untyped,
    function: PhantomData<fn() -> F>,
}

#[derive(Clone, Copy)]
struct Untyped {
    url: &'static str,
    outcome: RwSignal<Option<Result<Answer, ApiError>>>,
    under_way: RwSignal<bool>,
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a page that is awake asks anew"))]
    again: Option<Again>,
}

impl<F> Clone for Sending<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Sending<F> {}

impl<F> Sending<F>
where
    F: ServerFn<Error = ApiError>,
    F::Output: Any + Clone + Send + Sync + DeserializeOwned,
{
    /// Not sent yet; or sent without scripts and refused, as the address of the page says.
    #[expect(clippy::new_without_default, reason = "it reads the context of the page")]
    #[must_use]
    pub fn new() -> Self {
        Self { untyped: Untyped::new(F::PATH, F::url()), function: PhantomData }
    }

    /// What the server answered, if it did.
    #[must_use]
    pub fn answer(&self) -> Option<Result<F::Output, ApiError>> {
        self.untyped.outcome.get().map(|outcome| outcome.and_then(Answer::read))
    }

    /// Why the server refused, if it did.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiError> {
        self.untyped.outcome.get().and_then(Result::err)
    }

    /// For `aria-busy` of the button.
    #[must_use]
    pub fn busy(&self) -> Option<&'static str> {
        self.untyped.under_way.get().then_some("true")
    }
}

impl Untyped {
    fn new(path: &str, url: &'static str) -> Self {
        let refused = use_context::<ServerActionError>().filter(|error| error.path() == path);
        let outcome = refused.map(|error| Err(ServerFnUrlError::<ApiError>::decode_err(error.err())));
        Self { url, outcome: RwSignal::new(outcome), under_way: RwSignal::new(false), again: use_context() }
    }
}

/// The form; its fields are the arguments of the server function.
#[component]
pub fn PostForm<F: 'static>(
    action: Sending<F>,
    #[prop(optional)] class: Option<&'static str>,
    #[prop(default = false)] hidden: bool,
    children: Children,
) -> impl IntoView {
    form(action.untyped, class, hidden, children)
}

fn form(sending: Untyped, class: Option<&'static str>, hidden: bool, children: Children) -> AnyView {
    view! {
        <form action=sending.url method="post" hidden=hidden autocomplete="off" class=class on:submit=move |event| submit(&event, sending)>
            {children()}
        </form>
    }
    .into_any()
}

#[cfg(not(feature = "hydrate"))]
fn submit(_event: &SubmitEvent, _sending: Untyped) {}

#[cfg(feature = "hydrate")]
fn submit(event: &SubmitEvent, sending: Untyped) {
    use leptos::{form::form_data_from_event, web_sys::UrlSearchParams};
    if event.default_prevented() {
        return;
    }
    let fields = form_data_from_event(event).ok();
    let Some(body) = fields.and_then(|fields| UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()) else {
        // Then the browser sends it.
        return;
    };
    event.prevent_default();
    if sending.under_way.get_untracked() {
        return;
    }
    sending.under_way.set(true);
    let body = String::from(body.to_string());
    leptos::task::spawn_local(async move {
        let outcome = post(sending, body).await;
        let refused = outcome.is_err();
        // A redirect may have left the page meanwhile.
        let _ = sending.outcome.try_set(Some(outcome));
        let _ = sending.under_way.try_set(false);
        if refused {
            request_animation_frame(go_to_words);
        }
    });
}

/// To what [`super::Problem`] says.
#[cfg(feature = "hydrate")]
fn go_to_words() {
    use leptos::{wasm_bindgen::JsCast as _, web_sys::HtmlElement};
    let words = document().query_selector("[role=alert] [autofocus]").ok().flatten();
    if let Some(words) = words.and_then(|words| words.dyn_into::<HtmlElement>().ok()) {
        let _ = words.focus();
    }
}

#[cfg(feature = "hydrate")]
async fn post(sending: Untyped, body: String) -> Result<Answer, ApiError> {
    use leptos::server_fn::{
        client::{Client, browser::BrowserClient},
        error::FromServerFnError as _,
        redirect::call_redirect_hook,
        request::{ClientReq, browser::BrowserRequest},
        response::{ClientRes, browser::BrowserResponse},
    };
    let form = "application/x-www-form-urlencoded";
    let request = <BrowserRequest as ClientReq<ApiError>>::try_new_post(sending.url, form, "application/json", body)?;
    let response: BrowserResponse = <BrowserClient as Client<ApiError>>::send(request).await?;
    let status = ClientRes::<ApiError>::status(&response);
    let location = ClientRes::<ApiError>::location(&response);
    let redirected = ClientRes::<ApiError>::has_redirect(&response);
    if status >= 400 {
        return Err(ApiError::de(ClientRes::<ApiError>::try_into_bytes(response).await?));
    }
    let text = ClientRes::<ApiError>::try_into_string(response).await?;
    if redirected || status >= 300 {
        let shown = leptos::prelude::location();
        if let (Ok(path), Ok(query), Some(again)) = (shown.pathname(), shown.search(), sending.again)
            && location.strip_prefix(&*path) == Some(&*query)
        {
            again.0.update(|turn| *turn = !*turn);
        }
        call_redirect_hook(&location);
    }
    Ok(Answer::Written(text.into()))
}
