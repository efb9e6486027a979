//! Config OP.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use openidconnect::core::CoreJsonWebKeySet;
use serde_json::{Value, json};
use url::Url;

use super::World;
use crate::openid::world::ISSUER;

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    for world in World::all().await {
        let answer = world.get("/.well-known/openid-configuration", None).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let document = answer.json();
        assert_eq!(document["issuer"], ISSUER);
        for name in
            ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"]
        {
            let address = Url::parse(document[name].as_str().unwrap()).unwrap();
            assert_eq!((address.scheme(), address.fragment()), ("https", None), "{name}");
            // Whatever it answers: it is there.
            let answer = world.send(Request::get(address.path()).body(Body::empty()).unwrap()).await;
            assert_ne!(answer.status, StatusCode::NOT_FOUND, "{name}");
        }
        assert_eq!(strings(&document["response_types_supported"]), ["code"]);
        assert_eq!(strings(&document["subject_types_supported"]), ["public"]);
        assert!(strings(&document["id_token_signing_alg_values_supported"]).contains(&"RS256"));
        assert!(!strings(&document["id_token_signing_alg_values_supported"]).contains(&"none"));
        for scope in strings(&document["scopes_supported"]) {
            // RFC 6749 3.3.
            assert!(scope.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'"' && b != b'\\'), "{scope}");
        }
        assert!(strings(&document["scopes_supported"]).contains(&"openid"));
        assert!(strings(&document["claims_supported"]).contains(&"sub"));
        assert_eq!(strings(&document["claim_types_supported"]), ["normal"]);
        assert_eq!(strings(&document["grant_types_supported"]), ["authorization_code", "refresh_token"]);
        assert_eq!(strings(&document["response_modes_supported"]), ["query"]);
        assert_eq!(
            strings(&document["token_endpoint_auth_methods_supported"]),
            ["client_secret_basic", "client_secret_post", "none"]
        );
        assert_eq!(strings(&document["code_challenge_methods_supported"]), ["S256"]);
        for (name, value) in [
            ("authorization_response_iss_parameter_supported", true),
            ("request_parameter_supported", false),
            ("request_uri_parameter_supported", false),
            ("claims_parameter_supported", false),
        ] {
            assert_eq!(document[name], json!(value), "{name}");
        }
        assert!(document.as_object().unwrap().values().all(|value| !value.is_null()));
    }
}

#[tokio::test]
async fn oidcc_jwks_is_fetchable_and_stays_the_same_for_every_server() {
    for world in World::all().await {
        let answer = world.get("/oauth2/jwks", None).await;
        let keys: CoreJsonWebKeySet = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(keys.keys().len(), 2);
        let document = answer.json();
        let algorithms: Vec<&str> =
            document["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap()).collect();
        assert!(algorithms.contains(&"RS256") && algorithms.contains(&"ES256"), "{algorithms:?}");
        assert!(!answer.body.contains("\"d\""), "a private part is published");
    }
}

#[tokio::test]
async fn applications_in_a_browser_may_read_but_never_with_cookies() {
    for world in World::all().await {
        for path in ["/.well-known/openid-configuration", "/oauth2/jwks", "/oauth2/token", "/oauth2/userinfo"] {
            let request = Request::options(path)
                .header("origin", "https://spa.example.org")
                .header("access-control-request-method", "POST");
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
            assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
            assert!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).is_none());
        }
        let answer = world.get("/oauth2/authorize", None).await;
        assert!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
    }
}

#[tokio::test]
async fn two_servers_that_start_at_once_agree_on_the_keys() {
    for database in testkit::databases().await {
        let hub = || super::world::hub_on(&database);
        let (one, two) = (hub().await, hub().await);
        let (first, second) = futures::join!(one.jwks(), two.jwks());
        assert_eq!(first.unwrap(), second.unwrap());
    }
}
