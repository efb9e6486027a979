//! Signing keys follow one another without any application noticing.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use directory::Policy;
use hub::{Hub, kernel::Actor, provider::RotateWhen, session::Session};
use oidc::KeyStage;
use serde_json::Value;

use super::World;

async fn published(hub: &Hub) -> Vec<String> {
    let document = hub.jwks().await.unwrap();
    document["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

struct Tokens {
    access: String,
    id: String,
}

async fn tokens(world: &World, session: &Session) -> Tokens {
    let tokens = world.tokens(session, &[]).await;
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Tokens { access: text("access_token"), id: text("id_token") }
}

#[tokio::test]
async fn a_token_of_the_old_key_verifies_through_the_overlap_and_no_longer() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let old = published(&world.hub).await;
        let done = world.hub.rotate_signing_keys(Actor::CommandLine, RotateWhen::Ahead).await.unwrap();
        world.advance(2);
        assert_eq!(published(&world.hub).await.len(), 4, "published ahead");
        let before = tokens(&world, &session).await;
        for token in [&before.access, &before.id] {
            assert!(old.contains(&kid_of(token)), "but not used yet");
        }
        let again = world.hub.rotate_signing_keys(Actor::CommandLine, RotateWhen::Ahead).await.unwrap();
        let again: std::collections::BTreeSet<String> =
            again.published_before.then_some(again.kids).unwrap().into_iter().collect();
        assert_eq!(again, done.kids.iter().cloned().collect(), "one successor at a time");

        // A day later the new pair signs. The last token of the old one was made a moment before.
        world.advance(24 * 60 * 60 - 5);
        let session = world.sign_in(world.alice).await;
        let last = tokens(&world, &session).await;
        assert!(old.contains(&kid_of(&last.access)));
        world.advance(5);
        let first = tokens(&world, &session).await;
        for token in [&first.access, &first.id] {
            assert!(done.kids.contains(&kid_of(token)));
        }
        assert_eq!(published(&world.hub).await.len(), 4, "the old pair is still published");
        assert_eq!(world.user_info(&last.access).await.status, StatusCode::OK);

        // Its last token has expired; then it leaves.
        world.advance(10 * 60 + 5 * 60);
        let now = published(&world.hub).await;
        assert!(now.len() == 2 && now.iter().all(|kid| done.kids.contains(kid)), "{now:?}");
        assert_eq!(world.user_info(&last.access).await.status, StatusCode::UNAUTHORIZED);
        // As a hint, an ID token of it is still known.
        let logout = world.get(&format!("/oauth2/logout?id_token_hint={}", last.id), None).await;
        assert_ne!(logout.status, StatusCode::BAD_REQUEST, "{logout:?}");
        // Its private half is destroyed, and nothing else changes.
        assert!(world.hub.tend_signing_keys().await.unwrap());
        assert!(!world.hub.tend_signing_keys().await.unwrap());
        let lines = world.hub.signing_key_lines().await.unwrap();
        assert_eq!(lines.iter().filter(|line| line.stage == KeyStage::Gone).count(), 2);
        tokens(&world, &world.sign_in(world.alice).await).await;
    }
}

#[tokio::test]
async fn an_application_never_meets_a_key_it_could_not_have_seen_two_seconds_before() {
    for world in World::all().await {
        let other = world.another_server().await;
        let servers = [&world.hub, &other];
        let mut seen = published(&other).await;
        world.hub.rotate_signing_keys(Actor::CommandLine, RotateWhen::Now).await.unwrap();
        let mut kids = std::collections::BTreeSet::new();
        for second in 0..12 {
            world.advance(1);
            let session = world.sign_in(world.alice).await;
            let tokens = tokens(&world, &session).await;
            for token in [&tokens.access, &tokens.id] {
                assert!(
                    seen.contains(&kid_of(token)),
                    "second {second}: known from the document of two seconds before"
                );
                kids.insert(kid_of(token));
            }
            if second % 2 == 1 {
                seen = published(servers[second / 2 % 2]).await;
            }
        }
        assert_eq!(kids.len(), 4, "the old pair signed, then the new one");
    }
}

#[tokio::test]
async fn keys_follow_one_another_by_themselves_and_one_server_does_it() {
    for world in World::all().await {
        let policy = Policy { signing_key_period: 10 * 24 * 60 * 60, signing_key_ahead: 60 * 60, ..Policy::default() };
        let value = serde_json::to_value(policy).unwrap();
        let put: Result<(), storage::StorageError> =
            storage::write!(world.hub.database, |tx| { storage::settings::put(tx, "policy", value.clone()).await });
        put.unwrap();
        world.advance(2);
        // The first pair of this world is as old as time.
        let other = world.another_server().await;
        assert!(world.hub.tend_signing_keys().await.unwrap());
        assert!(!other.tend_signing_keys().await.unwrap(), "its successor waits already");
        world.advance(60 * 60 + 20 * 60);
        assert!(other.tend_signing_keys().await.unwrap(), "the old private halves go");
        assert_eq!(published(&other).await.len(), 2);
        world.advance(9 * 24 * 60 * 60);
        assert!(!world.hub.tend_signing_keys().await.unwrap(), "not due yet");
        world.advance(24 * 60 * 60);
        assert!(world.hub.tend_signing_keys().await.unwrap());
        world.advance(2);
        assert_eq!(published(&other).await.len(), 4);
        // A month after it left, nobody hands its tokens in as hints any more.
        world.advance(40 * 24 * 60 * 60);
        while world.hub.tend_signing_keys().await.unwrap() {}
        let lines = world.hub.signing_key_lines().await.unwrap();
        assert!(lines.iter().all(|line| line.signs_from.timestamp() > 0), "the first pair is forgotten");
    }
}
