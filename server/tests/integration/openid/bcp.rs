//! RFC 9700, Best Current Practice for OAuth 2.0 Security: one test per clause that binds a provider.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};

use super::World;
use crate::openid::world::{CALLBACK, ISSUER, SECRET, VERIFIER, basic, form};

#[tokio::test]
async fn bcp_2_1_redirect_uris_are_compared_as_exact_text() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let registered = "https://app.example.org/cb?tenant=1";
        let answer = world.authorize(Some(&session), &[("redirect_uri", registered)]).await;
        assert!(answer.location().as_str().starts_with("https://app.example.org/cb?tenant=1&code="));
        for lookalike in [
            "https://app.example.org/cb?tenant=2",
            "https://APP.example.org/callback",
            "http://app.example.org/callback",
        ] {
            world.authorize(Some(&session), &[("redirect_uri", lookalike)]).await.assert_error_page();
        }
    }
}

#[tokio::test]
async fn bcp_2_1_1_pkce_and_no_downgrade() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let none = [("code_challenge", ""), ("code_challenge_method", "")];
        let answer = world.authorize(Some(&session), &none).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("invalid_request"));
        // A challenge was sent: the verifier must come, and be right.
        for verifier in [None, Some("a".repeat(43))] {
            let code = world.code(&session, &[]).await;
            let mut pairs = vec![("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
            pairs.extend(verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
            let answer = world.post_token(Some(&basic("portal", SECRET)), &pairs).await;
            assert_eq!(answer.error(), "invalid_grant");
        }
        // No challenge was sent, as an exempted client may: then a verifier says that somebody took it out.
        for (verifier, status) in [(Some(VERIFIER), StatusCode::BAD_REQUEST), (None, StatusCode::OK)] {
            let code = world.code(&session, &[none[0], none[1], ("client_id", "elderly")]).await;
            let mut pairs = vec![("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
            pairs.extend(verifier.map(|verifier| ("code_verifier", verifier)));
            let answer = world.post_token(Some(&basic("elderly", SECRET)), &pairs).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn bcp_2_1_2_no_implicit_grant() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for response_type in ["token", "id_token", "id_token token", "code token"] {
            let answer = world.authorize(Some(&session), &[("response_type", response_type)]).await;
            assert_eq!(answer.parameter("error").as_deref(), Some("unsupported_response_type"));
            assert!(answer.location().fragment().is_none());
        }
    }
}

#[tokio::test]
async fn bcp_2_2_2_refresh_tokens_rotate_and_end_absolutely() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let mut token = world.tokens(&session, &[("scope", "openid offline_access")]).await["refresh_token"].clone();
        for _ in 0..29 {
            world.advance(24 * 3600);
            let answer = world.refresh(token.as_str().unwrap()).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            token = answer.json()["refresh_token"].clone();
        }
        world.advance(24 * 3600);
        assert_eq!(world.refresh(token.as_str().unwrap()).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn bcp_2_4_no_password_grant() {
    for world in World::all().await {
        let pairs = [("grant_type", "password"), ("username", "alice"), ("password", "secret")];
        let answer = world.post_token(Some(&basic("portal", SECRET)), &pairs).await;
        assert_eq!(answer.error(), "unsupported_grant_type");
    }
}

#[tokio::test]
async fn bcp_2_5_clients_prove_themselves_in_one_way() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let code = world.code(&session, &[]).await;
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let with = |more: &[(&'static str, &'static str)]| [grant.as_slice(), more].concat();
        let right = basic("portal", SECRET);
        for (authorization, pairs, status, error) in [
            (Some(basic("portal", "wrong")), with(&[]), 401, "invalid_client"),
            (Some(basic("nobody", SECRET)), with(&[]), 401, "invalid_client"),
            (None, with(&[]), 401, "invalid_client"),
            (None, with(&[("client_id", "portal")]), 401, "invalid_client"),
            (None, with(&[("client_id", "phone"), ("client_secret", SECRET)]), 401, "invalid_client"),
            (Some(right.clone()), with(&[("client_secret", SECRET)]), 400, "invalid_request"),
            (Some(right.clone()), with(&[("client_id", "other")]), 400, "invalid_request"),
            (Some(basic("other", SECRET)), with(&[]), 400, "invalid_grant"),
        ] {
            let answer = world.post_token(authorization.as_deref(), &pairs).await;
            assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, error), "{pairs:?}");
            assert_eq!(answer.headers.contains_key(header::WWW_AUTHENTICATE), status == 401);
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        }
        // None of these used the code up.
        assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn bcp_4_1_no_open_redirector() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for path in [
            "/oauth2/authorize?redirect_uri=https://evil.test",
            "/oauth2/authorize?client_id=portal&redirect_uri=//evil.test&prompt=none",
            "/oauth2/logout?post_logout_redirect_uri=https://evil.test",
            "/oauth2/logout?client_id=portal&post_logout_redirect_uri=https://evil.test",
        ] {
            for session in [None, Some(&session)] {
                let answer = world.get(path, session).await;
                assert!(answer.headers.get(header::LOCATION).is_none(), "{path}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn bcp_4_3_2_no_access_token_in_a_query() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[]).await;
        let token = tokens["access_token"].as_str().unwrap();
        let answer = world.get(&format!("/oauth2/userinfo?access_token={token}"), None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"isthmus\"");
        // Nor a code or a client secret.
        let code = world.code(&session, &[]).await;
        let pairs = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", "portal"),
            ("client_secret", SECRET),
        ]);
        let request =
            Request::post(format!("/oauth2/token?{pairs}")).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(world.get(&format!("/oauth2/token?{pairs}"), None).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn bcp_4_4_every_response_names_its_issuer() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for changes in [&[][..], &[("scope", "profile")], &[("response_type", "token")]] {
            let answer = world.authorize(Some(&session), changes).await;
            assert_eq!(answer.parameter("iss").as_deref(), Some(ISSUER));
        }
    }
}

#[tokio::test]
async fn bcp_4_5_a_code_is_for_its_client_its_address_and_one_minute() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let code = world.code(&session, &[]).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://app.example.org/cb?tenant=1"),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(world.post_token(Some(&basic("portal", SECRET)), &pairs).await.error(), "invalid_grant");
        world.advance(59);
        assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
        let code = world.code(&session, &[]).await;
        world.advance(60);
        assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
        assert_eq!(world.redeem("made-up").await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn bcp_4_12_redirects_after_credentials_are_303() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for answer in [
            world.authorize(Some(&session), &[]).await,
            world.authorize(None, &[]).await,
            world.authorize(None, &[("prompt", "none")]).await,
        ] {
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        }
    }
}
