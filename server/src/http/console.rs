//! The console: Leptos' pages and server functions, each given the hub, the caller and the names of the assets.

use app::Caller;
use axum::{
    Router,
    extract::{FromRef, Request, State},
    http::{Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::CookieJar;
use hub::kernel::capability::ReadConfiguration;
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::{LeptosRoutes as _, ResponseOptions, generate_route_list};

use super::{AppState, Browser, Failure, door, headers};

/// Leptos asks for its options; our document and assets need none of them.
impl FromRef<AppState> for LeptosOptions {
    fn from_ref(_state: &AppState) -> Self {
        Self::builder().output_name("isthmus").build()
    }
}

/// The routes of the console and of its server functions.
pub fn router(state: &AppState) -> Router<AppState> {
    let routes = generate_route_list(app::App);
    let (context_state, assets) = (state.clone(), state.site.assets.clone());
    let context = move || {
        provide_context(context_state.hub.clone());
        provide_context(context_state.site.assets.clone());
        let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Caller>().copied());
        provide_context(caller.unwrap_or_default());
    };
    let document = move || {
        let policy = use_nonce().map(|nonce| headers::console_policy(&nonce));
        if let (Some(response), Some(policy)) = (use_context::<ResponseOptions>(), policy) {
            for (name, value) in &policy {
                response.insert_header(name.clone(), value.clone());
            }
        }
        app::shell(assets.clone())
    };
    Router::new()
        .leptos_routes_with_context(state, routes, context, document)
        .layer(middleware::from_fn_with_state(state.clone(), introduce))
}

/// Finds out who calls. Nobody gets to see a page of the console without a living session; what the session may do is
/// the server functions' business.
async fn introduce(State(state): State<AppState>, browser: Browser, mut request: Request, next: Next) -> Response {
    let session = match browser.session_id().await {
        Ok(session) => session,
        Err(failure) => return failure.into_response(),
    };
    if request.uri().path().starts_with("/console") {
        match door::session_of(&state.hub, &browser).await {
            Ok(Some(_)) => {}
            Ok(None) => return to_sign_in(&request),
            Err(failure) => return failure.into_response(),
        }
        if request.uri().path() == "/console" {
            // Who may not see the Overview begins where they can help.
            let overview = state.hub.permit::<ReadConfiguration>(session).await.is_ok();
            return door::see_other(if overview { "/console/overview" } else { "/console/people" }, CookieJar::new());
        }
    }
    request.extensions_mut().insert(Caller { session });
    // Without scripts, Leptos sends a form's sender back to where the form was: only if that was here.
    let origin = &state.site.origin;
    let from_here = |referer: &str| referer.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/'));
    if !request.headers().get(header::REFERER).and_then(|value| value.to_str().ok()).is_some_and(from_here) {
        request.headers_mut().remove(header::REFERER);
    }
    let posted = request.method() == Method::POST;
    let mut response = next.run(request).await;
    if posted && response.status() == StatusCode::FOUND {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    response
}

fn to_sign_in(request: &Request) -> Response {
    let here = request.uri().path_and_query().map_or("/console", |path| path.as_str());
    door::see_other(&app::link::with_query("/sign-in", &[("return_to", here)]), CookieJar::new())
}

/// The mark, for browsers' tabs.
pub async fn favicon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, app::FAVICON).into_response()
}

/// Nothing but the console is at the root.
pub async fn root() -> Result<Response, Failure> {
    Ok(door::see_other("/console", CookieJar::new()))
}
