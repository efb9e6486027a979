//! RP-Initiated Logout OP.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use hub::session::Session;
use oidc::Parameters;

use super::{Answer, World};
use crate::openid::world::form;

const BYE: &str = "https://app.example.org/bye";

struct SignedIn {
    session: Session,
    id_token: String,
}

async fn signed_in(world: &World) -> SignedIn {
    let session = world.sign_in(world.alice).await;
    let tokens = world.tokens(&session, &[]).await;
    SignedIn { session, id_token: tokens["id_token"].as_str().unwrap().to_owned() }
}

async fn logout(world: &World, session: &Session, pairs: &[(&str, &str)]) -> Answer {
    world.get(&format!("/oauth2/logout?{}", form(pairs)), Some(session)).await
}

async fn is_signed_in(world: &World, session: &Session) -> bool {
    world.authorize(Some(session), &[("prompt", "none")]).await.parameter("code").is_some()
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    for world in World::all().await {
        let document = world.get("/.well-known/openid-configuration", None).await.json();
        assert_eq!(document["end_session_endpoint"], "https://id.example.org/oauth2/logout");
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        assert!(is_signed_in(&world, &session).await);
        let pairs = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
        let answer = logout(&world, &session, &pairs).await;
        assert_eq!(answer.location().as_str(), "https://app.example.org/bye?state=s");
        assert!(!is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_by_post_without_the_cookie() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        world.advance(3600);
        let body = form(&[("id_token_hint", &id_token), ("post_logout_redirect_uri", BYE)]);
        let request = Request::post("/oauth2/logout").header("content-type", "application/x-www-form-urlencoded");
        let answer = world.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.location().as_str(), BYE);
        assert!(!is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        let pairs =
            [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", "https://app.example.org/callback")];
        logout(&world, &session, &pairs).await.assert_error_page();
        assert!(is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        let pairs =
            [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", "https://app.example.org/bye?foo=bar")];
        logout(&world, &session, &pairs).await.assert_error_page();
        assert!(is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_and_bad_id_token_hint() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        let (signed, signature) = id_token.rsplit_once('.').unwrap();
        let modified = format!("{signed}.{}", signature.chars().rev().collect::<String>());
        for hint in [modified.as_str(), "bad", "e30.e30.e30"] {
            let pairs = [("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "s")];
            logout(&world, &session, &pairs).await.assert_error_page();
        }
        assert!(is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint_no_params_and_only_state() {
    for world in World::all().await {
        let SignedIn { session, .. } = signed_in(&world).await;
        for pairs in [&[("post_logout_redirect_uri", BYE), ("state", "s")][..], &[], &[("state", "s")]] {
            let answer = logout(&world, &session, pairs).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.body.starts_with("sign out?"), "{answer:?}");
            assert!(is_signed_in(&world, &session).await);
        }
        // The button was pressed: no client vouches for the address, so nobody is sent there.
        let parameters = Parameters::parse(&form(&[("post_logout_redirect_uri", BYE)])).unwrap();
        let answer = world.hub.logout(&parameters, Some(session.id), true).await.unwrap();
        assert_eq!(answer, hub::provider::LogoutAnswer::SignedOut { next: None });
        assert!(!is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        let answer = logout(&world, &session, &[("id_token_hint", &id_token), ("state", "s")]).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "signed out"));
        assert!(!is_signed_in(&world, &session).await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    for world in World::all().await {
        let SignedIn { session, id_token } = signed_in(&world).await;
        let pairs = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BYE)];
        assert_eq!(logout(&world, &session, &pairs).await.location().as_str(), BYE);
    }
}

#[tokio::test]
async fn asvs_10_6_2_nobody_is_signed_out_by_the_token_of_another_session() {
    for world in World::all().await {
        let SignedIn { id_token, .. } = signed_in(&world).await;
        let other = world.sign_in(world.bob).await;
        let pairs = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BYE)];
        let answer = logout(&world, &other, &pairs).await;
        assert!(answer.body.starts_with("sign out?"), "{answer:?}");
        assert!(is_signed_in(&world, &other).await);
        let two = [("id_token_hint", id_token.as_str()), ("client_id", "other")];
        logout(&world, &other, &two).await.assert_error_page();
    }
}

#[tokio::test]
async fn a_client_that_names_itself_gets_its_person_back_once_the_button_was_pressed() {
    for world in World::all().await {
        let SignedIn { session, .. } = signed_in(&world).await;
        let pairs = [("client_id", "portal"), ("post_logout_redirect_uri", BYE)];
        let answer = logout(&world, &session, &pairs).await;
        assert!(answer.body.contains("The portal") && answer.body.contains(BYE), "{answer:?}");
        let parameters = Parameters::parse(&form(&pairs)).unwrap();
        let answer = world.hub.logout(&parameters, Some(session.id), true).await.unwrap();
        assert_eq!(answer, hub::provider::LogoutAnswer::SignedOut { next: Some(BYE.into()) });
    }
}
