//! Rotation of refresh tokens, also when two come at once.

use axum::http::StatusCode;
use futures::future::join_all;

use super::World;

#[tokio::test]
async fn a_second_use_ends_the_whole_family() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let first = world.tokens(&session, &[]).await;
        let second = world.refresh(first["refresh_token"].as_str().unwrap()).await.json();
        assert_eq!(world.refresh(first["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        assert_eq!(world.refresh(second["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        for tokens in [first, second] {
            let answer = world.user_info(tokens["access_token"].as_str().unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_parallel_uses_one_wins_and_the_family_ends() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for parallel in [2, 5] {
            let first = world.tokens(&session, &[("scope", "openid offline_access")]).await;
            let token = first["refresh_token"].as_str().unwrap();
            let answers = join_all((0..parallel).map(|_| world.refresh(token))).await;
            let won: Vec<_> = answers.iter().filter(|a| a.status == StatusCode::OK).collect();
            assert_eq!(won.len(), 1, "{answers:?}");
            assert!(answers.iter().all(|a| a.status == StatusCode::OK || a.error() == "invalid_grant"), "{answers:?}");
            let next = won[0].json();
            assert_eq!(world.refresh(next["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_uses_of_a_code_one_wins_and_its_tokens_end() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let code = world.code(&session, &[]).await;
        let answers = join_all((0..5).map(|_| world.redeem(&code))).await;
        let won: Vec<_> = answers.iter().filter(|a| a.status == StatusCode::OK).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        let tokens = won[0].json();
        assert_eq!(world.user_info(tokens["access_token"].as_str().unwrap()).await.error(), "invalid_token");
    }
}

#[tokio::test]
async fn a_scope_may_shrink_and_never_grow() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let first = world.tokens(&session, &[("scope", "openid email")]).await;
        let ask = |token: String, scope: &'static str| {
            let world = &world;
            async move {
                let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)];
                world.post_token(Some(&super::world::basic("portal", super::world::SECRET)), &pairs).await
            }
        };
        let token = first["refresh_token"].as_str().unwrap().to_owned();
        assert_eq!(ask(token.clone(), "openid email phone").await.error(), "invalid_scope");
        let narrow = ask(token, "openid").await.json();
        assert_eq!(narrow["scope"], "openid");
        let claims = world.user_info(narrow["access_token"].as_str().unwrap()).await.json();
        assert!(claims.get("email").is_none());
        // The grant itself keeps its scope.
        let wide = ask(narrow["refresh_token"].as_str().unwrap().to_owned(), "openid email").await.json();
        assert_eq!(wide["scope"], "openid email");
    }
}

#[tokio::test]
async fn without_offline_access_a_refresh_token_ends_with_its_session() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let bound = world.tokens(&session, &[]).await;
        let free = world.tokens(&session, &[("scope", "openid offline_access")]).await;
        assert!(world.hub.end_session(session.id).await.unwrap());
        assert_eq!(world.refresh(bound["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        assert_eq!(world.refresh(free["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn refreshing_keeps_a_session_from_idling_but_not_from_its_end() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let mut token = world.tokens(&session, &[]).await["refresh_token"].as_str().unwrap().to_owned();
        // The session is 12 hours long and ends when unused for two.
        for _ in 0..11 {
            world.advance(3600);
            let answer = world.refresh(&token).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
        }
        world.advance(3600);
        assert_eq!(world.refresh(&token).await.error(), "invalid_grant");

        let idle = world.sign_in(world.alice).await;
        world.advance(2 * 3600);
        assert!(world.hub.session(idle.id).await.unwrap().is_none());
    }
}
