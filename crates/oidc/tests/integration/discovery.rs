//! The discovery document.

use oidc::{Endpoints, discovery_document};
use openidconnect::ProviderMetadataWithLogout;

fn document(public_url: &str) -> serde_json::Value {
    discovery_document(&Endpoints::of(&public_url.parse().unwrap()), &["cost_centre".to_owned()]).unwrap()
}

#[test]
fn the_issuer_has_no_trailing_slash_and_carries_every_endpoint() {
    let document = document("https://id.example.org");
    assert_eq!(document["issuer"], "https://id.example.org");
    for name in ["authorization", "token", "userinfo", "end_session"] {
        let address = document[format!("{name}_endpoint")].as_str().unwrap();
        assert!(address.starts_with("https://id.example.org/oauth2/"), "{address}");
    }
    assert_eq!(document["jwks_uri"], "https://id.example.org/oauth2/jwks");
}

#[test]
fn a_widely_used_relying_party_reads_it() {
    let read: ProviderMetadataWithLogout = serde_json::from_value(document("http://localhost:8080/")).unwrap();
    assert_eq!(read.issuer().as_str(), "http://localhost:8080");
}

#[test]
fn it_promises_nothing_that_is_not_built() {
    let document = document("https://id.example.org");
    assert_eq!(document["response_types_supported"], serde_json::json!(["code"]));
    assert_eq!(document["grant_types_supported"], serde_json::json!(["authorization_code", "refresh_token"]));
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["request_parameter_supported"], false);
    assert_eq!(document["request_uri_parameter_supported"], false);
    assert!(document["registration_endpoint"].is_null());
    let claims = document["claims_supported"].as_array().unwrap();
    assert!(claims.contains(&"sub".into()) && claims.contains(&"cost_centre".into()), "{claims:?}");
}
