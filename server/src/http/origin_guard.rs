//! No page of another site makes a browser change something here. Browsers say where a request comes from in
//! `Sec-Fetch-Site`, older ones in `Origin`; a state-changing request that says neither is refused.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::AppState;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Endpoints that applications call without a browser, and those that OpenID Connect lets other sites post to
/// (Core 3.1.2.1, RP-Initiated Logout 2). They change nothing by the browser's cookie alone.
const OPEN_TO_OTHERS: [&str; 4] = ["/oauth2/token", "/oauth2/userinfo", "/oauth2/authorize", "/oauth2/logout"];

/// Refuses state-changing requests of other origins.
pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if harmless
        || OPEN_TO_OTHERS.contains(&request.uri().path())
        || is_same_origin(request.headers(), &state.site.origin)
    {
        return next.run(request).await;
    }
    tracing::warn!("refused a state-changing request from another origin");
    (StatusCode::FORBIDDEN, "This request came from another site. Open the page again from here and repeat it.\n")
        .into_response()
}

fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => site == "same-origin",
        (Some(_), Some(_)) => false,
        (None, _) => {
            let mut origins = headers.get_all(header::ORIGIN).iter();
            matches!((origins.next(), origins.next()), (Some(given), None) if given == origin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        is_same_origin(&map, "https://id.example.org")
    }

    #[test]
    fn only_our_own_pages_change_anything() {
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("origin", "https://id.example.org")]));
        for refused in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "http://id.example.org")],
            &[("origin", "https://id.example.org:8443")],
            &[("origin", "https://id.example.org"), ("origin", "https://evil.example")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://id.example.org")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!allowed(refused), "{refused:?}");
        }
    }
}
