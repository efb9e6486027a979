//! Authorization requests, one rule each.

use directory::ClientAuthentication;
use oidc::{AuthorizationRefusal, AuthorizationRequest, ErrorCode, Parameters, Scope, response_url};
use url::form_urlencoded;

use super::portal;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A request that is right, with changes: an empty value takes the parameter out.
fn request(changes: &[(&str, &str)]) -> Parameters {
    let mut pairs = vec![
        ("client_id", "portal"),
        ("redirect_uri", "https://app.example.org/callback"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    pairs.extend_from_slice(changes);
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Parameters::parse(&text).unwrap()
}

fn refused(changes: &[(&str, &str)]) -> ErrorCode {
    match AuthorizationRequest::parse(&request(changes), &portal()).unwrap_err() {
        AuthorizationRefusal::Redirect { redirect_uri, state, error } => {
            assert_eq!(redirect_uri, "https://app.example.org/callback");
            assert_eq!(state.as_deref(), Some("s"));
            error.code
        }
        AuthorizationRefusal::Page(error) => panic!("a page instead of a redirect: {error}"),
    }
}

fn accepted(changes: &[(&str, &str)]) -> AuthorizationRequest {
    AuthorizationRequest::parse(&request(changes), &portal()).unwrap()
}

#[test]
fn a_request_is_read_whole_and_survives_storage() {
    let read = accepted(&[("prompt", "login consent"), ("max_age", "10"), ("login_hint", "alice")]);
    assert!(read.scope.contains(Scope::Profile) && read.prompt.login && read.prompt.consent && !read.prompt.none);
    assert_eq!((read.max_age, read.login_hint.as_deref()), (Some(10), Some("alice")));
    let stored = serde_json::to_value(&read).unwrap();
    assert_eq!(serde_json::from_value::<AuthorizationRequest>(stored).unwrap(), read);
}

#[test]
fn wishes_and_unknown_parameters_are_tolerated() {
    for wish in [
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("claims", r#"{"userinfo":{"name":{"essential":true}}}"#),
        ("extra", "foobar"),
        ("scope", "openid profile address unheard-of"),
        ("prompt", "create"),
        ("nonce", ""),
        ("state", ""),
    ] {
        accepted(&[wish]);
    }
}

#[test]
fn what_would_change_the_meaning_is_refused_by_name() {
    assert_eq!(refused(&[("request", "e30.e30.")]), ErrorCode::RequestNotSupported);
    assert_eq!(refused(&[("request_uri", "https://app.example.org/r")]), ErrorCode::RequestUriNotSupported);
    assert_eq!(refused(&[("registration", "{}")]), ErrorCode::RegistrationNotSupported);
    assert_eq!(refused(&[("response_mode", "fragment")]), ErrorCode::InvalidRequest);
    assert_eq!(refused(&[("max_age", "-1")]), ErrorCode::InvalidRequest);
    assert_eq!(refused(&[("prompt", "none login")]), ErrorCode::InvalidRequest);
    assert_eq!(refused(&[("scope", "profile")]), ErrorCode::InvalidScope);
    assert_eq!(refused(&[("scope", "")]), ErrorCode::InvalidScope);
}

#[test]
fn bcp_2_1_2_no_implicit_and_no_hybrid_flow() {
    for response_type in ["token", "id_token", "code token", "code id_token", "none", "CODE"] {
        assert_eq!(refused(&[("response_type", response_type)]), ErrorCode::UnsupportedResponseType);
    }
    assert_eq!(refused(&[("response_type", "")]), ErrorCode::InvalidRequest);
}

#[test]
fn bcp_2_1_1_pkce_is_required_of_everybody_but_an_exempted_confidential_client() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(refused(&without), ErrorCode::InvalidRequest);
    assert_eq!(refused(&[("code_challenge_method", "plain")]), ErrorCode::InvalidRequest);
    assert_eq!(refused(&[("code_challenge_method", "")]), ErrorCode::InvalidRequest);
    let mut client = portal();
    client.require_pkce = false;
    assert!(AuthorizationRequest::parse(&request(&without), &client).is_ok());
    // A public client cannot be exempted, whatever its registration says.
    client.authentication = ClientAuthentication::None;
    assert!(AuthorizationRequest::parse(&request(&without), &client).is_err());
}

#[test]
fn the_response_leaves_the_registered_address_as_it_is() {
    let pairs = [("code", "a b&c"), ("state", "ü")];
    assert_eq!(response_url("https://a/cb", &pairs), "https://a/cb?code=a+b%26c&state=%C3%BC");
    assert_eq!(response_url("https://a/cb?x=1", &pairs[..1]), "https://a/cb?x=1&code=a+b%26c");
    assert_eq!(response_url("https://a/cb?", &pairs[..1]), "https://a/cb?code=a+b%26c");
    assert_eq!(response_url("https://A/%2e/cb", &[]), "https://A/%2e/cb");
}
