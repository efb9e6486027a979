//! Threat 13: whoever may not be here gets nothing through any grant, and a weak proof opens no more than its own.

use axum::http::StatusCode;
use hub::session::{self, ProvenBy, Reach};

use super::World;
use crate::openid::world::{CALLBACK, SECRET, VERIFIER, basic};

#[tokio::test]
async fn threat_13_a_disabled_person_gets_nothing_through_any_grant() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[]).await;
        let offline = world.tokens(&session, &[("scope", "openid offline_access")]).await;
        let code = world.code(&session, &[]).await;
        let pending = world.authorize(None, &[]).await.parameter("transaction").unwrap().parse().unwrap();
        world.disable_quietly(world.alice).await;

        assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
        assert_eq!(world.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        assert_eq!(world.refresh(offline["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        for tokens in [&tokens, &offline] {
            let answer = world.user_info(tokens["access_token"].as_str().unwrap()).await;
            assert_eq!((answer.status, answer.error()), (StatusCode::UNAUTHORIZED, "invalid_token".into()));
        }
        let answer = world.authorize(Some(&session), &[("prompt", "none")]).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("login_required"));
        let resumed = world.hub.resume_authorization(pending, Some(session.id)).await.unwrap();
        assert_eq!(resumed, hub::provider::AuthorizeAnswer::SignIn(pending));
        assert!(world.hub.session(session.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn asvs_7_4_2_ending_a_persons_sessions_ends_everything_at_once() {
    for world in World::all().await {
        let sessions = [world.sign_in(world.alice).await, world.sign_in(world.alice).await];
        let bystander = world.sign_in(world.bob).await;
        let tokens = world.tokens(&sessions[0], &[("scope", "openid offline_access")]).await;
        let code = world.code(&sessions[1], &[]).await;
        let hub = &world.hub;
        let ended = storage::write!(hub.database, |tx| {
            session::end_all(tx, hub.clock.as_ref(), world.alice, "disabled").await
        });
        assert_eq!(ended.unwrap(), 2);
        for session in &sessions {
            assert!(world.hub.session(session.id).await.unwrap().is_none());
        }
        assert!(world.hub.session(bystander.id).await.unwrap().is_some());
        assert_eq!(world.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
        assert_eq!(world.user_info(tokens["access_token"].as_str().unwrap()).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_proof_at_another_source_opens_only_the_clients_of_that_source() {
    for world in World::all().await {
        let corp = ProvenBy::Source(world.corp);
        let weak = world.sign_in_with(world.alice, corp, Reach::ClientsOf(world.corp), false).await;
        assert!(world.authorize(Some(&weak), &[("client_id", "clinic")]).await.parameter("code").is_some());
        world.advance(1);
        // Any other client: sign in again.
        let answer = world.authorize(Some(&weak), &[]).await;
        assert_eq!(answer.location().path(), "/sign-in");
        let none = world.authorize(Some(&weak), &[("prompt", "none")]).await;
        assert_eq!(none.parameter("error").as_deref(), Some("login_required"));
        // Having signed in again with the same weak password ends the round instead of going in circles.
        let id = answer.parameter("transaction").unwrap().parse().unwrap();
        world.advance(1);
        let again = world.sign_in_with(world.alice, corp, Reach::ClientsOf(world.corp), false).await;
        let resumed = world.hub.resume_authorization(id, Some(again.id)).await.unwrap();
        let hub::provider::AuthorizeAnswer::Redirect(address) = resumed else { panic!("{resumed:?}") };
        assert!(address.contains("error=access_denied"), "{address}");
    }
}

#[tokio::test]
async fn reach_is_asked_again_at_every_refresh() {
    for world in World::all().await {
        let corp = ProvenBy::Source(world.corp);
        let weak = world.sign_in_with(world.alice, corp, Reach::ClientsOf(world.corp), false).await;
        let code = world.code(&weak, &[("client_id", "clinic")]).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let clinic = basic("clinic", SECRET);
        let tokens = world.post_token(Some(&clinic), &pairs).await.json();
        // The client moves to another directory meanwhile.
        storage::write!(world.hub.database, |tx| {
            let id = directory::ClientId("clinic".into());
            let mut client = storage::clients::by_id(tx, &id).await?.unwrap().client;
            client.original_sources.clear();
            storage::clients::update(tx, &client).await
        })
        .unwrap();
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        assert_eq!(world.post_token(Some(&clinic), &pairs).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn a_dead_account_ends_what_was_proven_there_and_nothing_else() {
    for world in World::all().await {
        let corp = ProvenBy::Source(world.corp);
        let there = world.sign_in_with(world.alice, corp, Reach::Everywhere, false).await;
        let here = world.sign_in(world.alice).await;
        let tokens = world.tokens(&there, &[("scope", "openid offline_access")]).await;
        let kept = world.tokens(&here, &[]).await;
        let hub = &world.hub;
        let ended = storage::write!(hub.database, |tx| {
            session::end_proven_at(tx, hub.clock.as_ref(), world.alice, world.corp, "account disabled").await
        });
        assert_eq!(ended.unwrap(), 1);
        assert!(world.hub.session(there.id).await.unwrap().is_none());
        assert!(world.hub.session(here.id).await.unwrap().is_some());
        assert_eq!(world.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        assert_eq!(world.refresh(kept["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_offline_session_gives_nothing_that_lasts() {
    for world in World::all().await {
        let corp = ProvenBy::Source(world.corp);
        let offline = world.sign_in_with(world.alice, corp, Reach::Everywhere, true).await;
        assert_eq!(offline.expires_at - offline.auth_time, chrono::TimeDelta::hours(1));
        let tokens = world.tokens(&offline, &[("scope", "openid offline_access")]).await;
        assert!(tokens.get("refresh_token").is_none());
        assert_eq!(tokens["scope"], "openid");
        // Nor do its access tokens outlive it.
        world.advance(3600 - 60);
        let late = world.tokens(&offline, &[]).await;
        assert!(late["expires_in"].as_u64().unwrap() <= 60, "{late}");
        world.advance(60);
        assert!(world.hub.session(offline.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn access_tokens_end_and_junk_is_refused() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[]).await;
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(tokens["expires_in"], 600);
        for junk in ["", "junk", "e30.e30.", tokens["id_token"].as_str().unwrap(), &token[..token.len() - 2]] {
            let answer = world.user_info(junk).await;
            assert_eq!((answer.status, answer.error()), (StatusCode::UNAUTHORIZED, "invalid_token".into()), "{junk}");
        }
        world.advance(661);
        assert_eq!(world.user_info(token).await.error(), "invalid_token");
    }
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_what_is_not_stays() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let free = world.tokens(&session, &[("scope", "openid offline_access")]).await;
        world.authorize(None, &[]).await;
        let hub = &world.hub;
        let lease = hub.take_lease("tidy", "the test", chrono::TimeDelta::days(365)).await.unwrap().unwrap();
        assert_eq!(hub.forget_expired(&lease).await.unwrap(), 0);
        world.advance(8 * 24 * 3600);
        assert_eq!(hub.forget_expired(&lease).await.unwrap(), 2, "the session and the unanswered request");
        assert_eq!(world.refresh(free["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
        world.advance(30 * 24 * 3600);
        assert_eq!(hub.forget_expired(&lease).await.unwrap(), 1);
    }
}
