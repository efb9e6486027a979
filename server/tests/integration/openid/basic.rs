//! Basic OP.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use openidconnect::{
    ClientId, ClientSecret, IssuerUrl, Nonce,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet},
};
use serde_json::json;

use super::{Answer, World};
use crate::openid::world::{CALLBACK, ISSUER, SECRET, VERIFIER, claims_of, form};

/// Without a session, a request that is right leads to the sign-in page.
#[track_caller]
fn assert_sign_in_page(answer: &Answer) -> String {
    assert_eq!(answer.location().path(), "/sign-in", "{answer:?}");
    answer.parameter("transaction").unwrap()
}

#[tokio::test]
async fn oidcc_server() {
    for world in World::all().await {
        // Somebody who is not signed in goes through the sign-in page and comes back to the application.
        let transaction = assert_sign_in_page(&world.authorize(None, &[("scope", "openid profile")]).await);
        world.advance(5);
        let session = world.sign_in(world.alice).await;
        let id = transaction.parse().unwrap();
        let answer = world.hub.resume_authorization(id, Some(session.id)).await.unwrap();
        let hub::provider::AuthorizeAnswer::Redirect(address) = answer else { panic!("{answer:?}") };
        let address = url::Url::parse(&address).unwrap();
        let get = |name: &str| address.query_pairs().find(|(k, _)| k == name).unwrap().1.into_owned();
        assert!(address.as_str().starts_with(CALLBACK));
        assert_eq!((get("state"), get("iss")), ("the state".into(), ISSUER.into()));

        let answer = world.redeem(&get("code")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        let tokens = answer.json();
        assert_eq!((tokens["token_type"].as_str(), tokens["scope"].as_str()), (Some("Bearer"), Some("openid profile")));
        let claims = claims_of(tokens["id_token"].as_str().unwrap());
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(claims["sub"], "subject-of-alice");
        assert_eq!(claims["aud"], "portal");
        assert_eq!(claims["nonce"], "the nonce");
        assert_eq!(claims["auth_time"], session.auth_time.timestamp());
        assert_eq!(claims["amr"], json!(["pwd"]));
        assert_eq!(claims["sid"], session.id.to_string());
        assert!(claims.get("email").is_none() && claims.get("name").is_none(), "personal data in an ID token");

        // The request was answered once.
        let again = world.hub.resume_authorization(id, Some(session.id)).await.unwrap();
        assert!(matches!(again, hub::provider::AuthorizeAnswer::Page(_)), "{again:?}");
    }
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let answer = world.authorize(Some(&session), &[("response_type", "")]).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("invalid_request"));
        assert_eq!(answer.parameter("state").as_deref(), Some("the state"));
        assert_eq!(answer.parameter("iss").as_deref(), Some(ISSUER));
    }
}

#[tokio::test]
async fn oidcc_idtoken_signature() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[]).await;
        let token: CoreIdToken = tokens["id_token"].as_str().unwrap().parse().unwrap();
        let keys: CoreJsonWebKeySet = serde_json::from_str(&world.get("/oauth2/jwks", None).await.body).unwrap();
        let now = session.auth_time;
        let verifier = CoreIdTokenVerifier::new_confidential_client(
            ClientId::new("portal".into()),
            ClientSecret::new(SECRET.into()),
            IssuerUrl::new(ISSUER.into()).unwrap(),
            keys,
        )
        .set_time_fn(move || now);
        let claims = token.claims(&verifier, &Nonce::new("the nonce".into())).unwrap();
        // at_hash binds the two tokens of an answer.
        let expected = oidc::at_hash(tokens["access_token"].as_str().unwrap());
        assert_eq!(claims.access_token_hash().unwrap().as_str(), expected);
        // oidcc-idtoken-unsigned: nothing asks for `none`, and nothing gets it.
        let header = tokens["id_token"].as_str().unwrap().split('.').next().unwrap().to_owned();
        assert_eq!(claims_of(&format!(".{header}."))["alg"], "RS256");
    }
}

#[tokio::test]
async fn oidcc_userinfo_get_post_header_and_post_body() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[]).await;
        let token = tokens["access_token"].as_str().unwrap();
        let get = world.user_info(token).await;
        let header = Request::post("/oauth2/userinfo").header("authorization", format!("bearer {token}"));
        let header = world.send(header.body(Body::empty()).unwrap()).await;
        let body = Request::post("/oauth2/userinfo").header("content-type", "application/x-www-form-urlencoded");
        let body = world.send(body.body(Body::from(form(&[("access_token", token)]))).unwrap()).await;
        for answer in [get, header, body] {
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            assert_eq!(answer.json(), json!({ "sub": "subject-of-alice" }));
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        }
    }
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[("nonce", "")]).await;
        assert!(claims_of(tokens["id_token"].as_str().unwrap()).get("nonce").is_none());
    }
}

#[tokio::test]
async fn oidcc_scope_profile_email_phone_all_and_the_published_group() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for (scope, expected) in [
            (
                "openid profile",
                json!({ "name": "Alice Liddell", "given_name": "Alice", "family_name": "Liddell", "updated_at": 1_799_000_000 }),
            ),
            ("openid email", json!({ "email": "alice@example.test", "email_verified": true })),
            // oidcc-scope-address: not supported, and not in the way.
            ("openid address phone", json!({ "phone_number": "+44 1865 276000" })),
            ("openid groups", json!({ "groups": ["rowing"] })),
        ] {
            let tokens = world.tokens(&session, &[("scope", scope)]).await;
            let mut claims = world.user_info(tokens["access_token"].as_str().unwrap()).await.json();
            assert_eq!(claims.as_object_mut().unwrap().remove("sub").unwrap(), "subject-of-alice");
            assert_eq!(claims, expected, "{scope}");
        }
        let all =
            world.tokens(&session, &[("scope", "openid profile email address phone groups offline_access")]).await;
        assert_eq!(all["scope"], "openid profile email phone groups offline_access");
        let claims = world.user_info(all["access_token"].as_str().unwrap()).await.json();
        assert_eq!(claims.as_object().unwrap().len(), 9, "{claims}");
        // Somebody of no directory has the name they hold here.
        let bob = world.sign_in(world.bob).await;
        let tokens = world.tokens(&bob, &[("scope", "openid profile")]).await;
        let claims = world.user_info(tokens["access_token"].as_str().unwrap()).await.json();
        assert_eq!((&claims["preferred_username"], &claims["name"]), (&json!("bob"), &json!("Bob Dodgson")));
    }
}

#[tokio::test]
async fn no_claim_leaks_that_no_scope_covers() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let all = world.tokens(&session, &[("scope", "openid profile email phone groups")]).await;
        let claims = world.user_info(all["access_token"].as_str().unwrap()).await.json();
        assert!(!claims.to_string().contains("1862") && !claims.to_string().contains("payroll"));
    }
}

#[tokio::test]
async fn oidcc_wishes_do_not_stop_a_request() {
    // Display page and popup, ui-locales, claims-locales, acr-values, unknown parameter, essential claims, login hint.
    for world in World::all().await {
        for wish in [
            ("display", "page"),
            ("display", "popup"),
            ("ui_locales", "se"),
            ("claims_locales", "se"),
            ("acr_values", "1 2"),
            ("extra", "foobar"),
            ("claims", r#"{"id_token":{"name":{"essential":true}}}"#),
            ("login_hint", "bob@example.test"),
        ] {
            let transaction = assert_sign_in_page(&world.authorize(None, &[wish]).await);
            let pending = world.hub.pending_authorization(transaction.parse().unwrap()).await.unwrap().unwrap();
            assert_eq!(pending.client_name, "The portal");
            assert_eq!(pending.login_hint.is_some(), wish.0 == "login_hint");
        }
    }
}

#[tokio::test]
async fn oidcc_prompt_login() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        world.advance(5);
        let transaction = assert_sign_in_page(&world.authorize(Some(&session), &[("prompt", "login")]).await);
        let id = transaction.parse().unwrap();
        // The old session does not answer it.
        let answer = world.hub.resume_authorization(id, Some(session.id)).await.unwrap();
        assert_eq!(answer, hub::provider::AuthorizeAnswer::SignIn(id));
        world.advance(5);
        let fresh = world.sign_in(world.alice).await;
        assert!(fresh.auth_time > session.auth_time);
        let answer = world.hub.resume_authorization(id, Some(fresh.id)).await.unwrap();
        assert!(matches!(answer, hub::provider::AuthorizeAnswer::Redirect(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    for world in World::all().await {
        let answer = world.authorize(None, &[("prompt", "none")]).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("login_required"));
        assert!(answer.location().as_str().starts_with(CALLBACK));
    }
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let first = claims_of(world.tokens(&session, &[]).await["id_token"].as_str().unwrap());
        world.advance(60);
        let second = world.tokens(&session, &[("prompt", "none")]).await;
        let second = claims_of(second["id_token"].as_str().unwrap());
        assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
    }
}

#[tokio::test]
async fn oidcc_max_age_1_and_10000() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        world.advance(2);
        assert_sign_in_page(&world.authorize(Some(&session), &[("max_age", "1")]).await);
        assert_sign_in_page(&world.authorize(Some(&session), &[("max_age", "0")]).await);
        let none = world.authorize(Some(&session), &[("max_age", "1"), ("prompt", "none")]).await;
        assert_eq!(none.parameter("error").as_deref(), Some("login_required"));
        let tokens = world.tokens(&session, &[("max_age", "10000")]).await;
        let claims = claims_of(tokens["id_token"].as_str().unwrap());
        assert_eq!(claims["auth_time"], session.auth_time.timestamp());
    }
}

#[tokio::test]
async fn oidcc_id_token_hint() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let tokens = world.tokens(&session, &[]).await;
        let hint = [("id_token_hint", tokens["id_token"].as_str().unwrap()), ("prompt", "none")];
        assert!(world.authorize(Some(&session), &hint).await.parameter("code").is_some());
        // Somebody else sits at the browser now.
        let bob = world.sign_in(world.bob).await;
        let answer = world.authorize(Some(&bob), &hint).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("login_required"));
        let junk = [("id_token_hint", "e30.e30.e30"), ("prompt", "none")];
        let answer = world.authorize(Some(&session), &junk).await;
        assert_eq!(answer.parameter("error").as_deref(), Some("login_required"));
    }
}

#[tokio::test]
async fn oidcc_codereuse_and_codereuse_30seconds() {
    for world in World::all().await {
        for wait in [0, 31] {
            let session = world.sign_in(world.alice).await;
            let code = world.code(&session, &[]).await;
            let tokens = world.redeem(&code).await.json();
            world.advance(wait);
            let again = world.redeem(&code).await;
            assert_eq!((again.status, again.error()), (StatusCode::BAD_REQUEST, "invalid_grant".into()));
            // What the first use gave is void too.
            let answer = world.user_info(tokens["access_token"].as_str().unwrap()).await;
            assert_eq!((answer.status, answer.error()), (StatusCode::UNAUTHORIZED, "invalid_token".into()));
            assert_eq!(world.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");
        }
    }
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        for uri in ["https://app.example.org/callback/", "https://evil.test/callback", "", "https://app.example.org/cb"]
        {
            for session in [None, Some(&session)] {
                world.authorize(session, &[("redirect_uri", uri)]).await.assert_error_page();
            }
        }
        world.authorize(Some(&session), &[("client_id", "nobody")]).await.assert_error_page();
        world.authorize(Some(&session), &[("client_id", "")]).await.assert_error_page();
        let twice = format!("/oauth2/authorize?{}&redirect_uri=https%3A%2F%2Fevil.test", World::request(&[]));
        world.get(&twice, Some(&session)).await.assert_error_page();
    }
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let request = Request::post("/oauth2/authorize")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-session", session.id.to_string());
        let answer = world.send(request.body(Body::from(World::request(&[]))).unwrap()).await;
        assert!(answer.parameter("code").is_some());
        let plain = Request::post("/oauth2/authorize").header("content-type", "text/plain");
        world.send(plain.body(Body::from(World::request(&[]))).unwrap()).await.assert_error_page();
    }
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let code = world.code(&session, &[]).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", "portal"),
            ("client_secret", SECRET),
        ];
        assert_eq!(world.post_token(None, &pairs).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn oidcc_request_uri_and_request_object_unsigned_are_refused_by_name() {
    // With oidcc-ensure-request-object-with-redirect-uri: what the object says is not even read.
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwudGVzdCJ9.";
        for (parameter, error) in [
            (("request", object), "request_not_supported"),
            (("request_uri", "https://app.example.org/r"), "request_uri_not_supported"),
        ] {
            let answer = world.authorize(Some(&session), &[parameter]).await;
            assert_eq!(answer.parameter("error").as_deref(), Some(error));
            assert!(answer.location().as_str().starts_with(CALLBACK));
        }
    }
}

#[tokio::test]
async fn oidcc_refresh_token() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let first = world.tokens(&session, &[("scope", "openid offline_access")]).await;
        world.advance(30);
        let answer = world.refresh(first["refresh_token"].as_str().unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let second = answer.json();
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        let (before, after) =
            (claims_of(first["id_token"].as_str().unwrap()), claims_of(second["id_token"].as_str().unwrap()));
        for same in ["iss", "sub", "aud", "auth_time"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["iat"].as_i64() > before["iat"].as_i64() && after.get("nonce").is_none());
        assert_eq!(world.user_info(second["access_token"].as_str().unwrap()).await.status, StatusCode::OK);
        // A client that is not the one it was given to.
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", second["refresh_token"].as_str().unwrap())];
        let other = world.post_token(Some(&super::world::basic("other", SECRET)), &pairs).await;
        assert_eq!(other.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        // A public client has nothing else.
        let code = world.code(&session, &[("client_id", "phone")]).await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("client_id", "phone"),
            ("code_verifier", VERIFIER),
        ];
        let answer = world.post_token(None, &pairs).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}
