//! The code flow at a certified provider.

use connector::{Connector as _, Redirect as _, RedirectFailure, TroubleKind};
use directory::{AccountStatus, AttributeName, OpenIdSettings, Source, SourceKind};
use serde_json::json;
use testkit::{Cloud, CloudSetup};
use url::Url;

use crate::support::{came_back, connect, source, start};

fn callback() -> Url {
    "http://127.0.0.1:9/sign-in/callback/cloud".parse().unwrap()
}

async fn cloud(short_id_tokens: bool) -> Cloud {
    Cloud::start(CloudSetup { redirect_uris: vec![callback()], short_id_tokens }).await
}

fn at(cloud: &Cloud, kind: SourceKind) -> Source {
    let settings = OpenIdSettings {
        issuer: cloud.issuer().clone(),
        client_id: Cloud::CLIENT.to_owned(),
        ca_pem: Some(cloud.ca_pem().to_owned()),
        graph: None,
        ..OpenIdSettings::preset(kind)
    };
    source(kind, settings)
}

#[tokio::test]
async fn somebody_signs_in_and_is_who_the_token_says() {
    for short in [false, true] {
        let cloud = cloud(short).await;
        cloud.add_user("ada").await;
        let id = cloud.user_id("ada").await;
        for kind in [SourceKind::OpenId, SourceKind::Entra] {
            let connector = connect(&at(&cloud, kind), Cloud::SECRET);
            let to = connector.begin(&start(&callback())).await.unwrap();
            assert!(to.as_str().contains("login_hint=ada%40example.test") && to.as_str().contains("S256"));
            let back = cloud.sign_in(to.as_str(), "ada").await;
            assert!(back.as_str().starts_with(callback().as_str()) && back.as_str().contains("state=a-state"));
            let proof = connector.finish(&came_back(&callback(), &back)).await.unwrap();
            assert_eq!(proof.entry.immutable_id.as_str(), id);
            assert_eq!(proof.entry.status, AccountStatus::Active);
            assert_eq!((proof.methods.as_slice(), proof.second_factor), (["pwd".to_owned()].as_slice(), false));
            if !(short && kind == SourceKind::Entra) {
                assert_eq!(proof.entry.username.as_deref(), Some("ada@example.test"));
                assert_eq!(proof.entry.attributes[&AttributeName::DisplayName], "Test ada");
                assert_eq!(proof.entry.attributes[&AttributeName::Email], "ada@example.test");
            }
            // A code is used once.
            let again = connector.finish(&came_back(&callback(), &back)).await.unwrap_err();
            assert!(matches!(again, RedirectFailure::Refused { .. }), "{again}");
        }
    }
}

#[tokio::test]
async fn claims_that_expressions_name_are_handed_over_and_those_about_the_token_are_not() {
    for short in [false, true] {
        let cloud = cloud(short).await;
        let claims = json!({ "cost_center": 4130, "roles": ["crew", "pilot"], "address": { "locality": "Oslo" } });
        cloud.tell(json!({ "addUser": "ada", "more": { "claims": claims } })).await;
        let mut source = at(&cloud, SourceKind::OpenId);
        source.profile.expressions = [
            (AttributeName::Department, "entry.cost_center".to_owned()),
            (AttributeName::Title, "entry.roles.first() + entry[\"address.locality\"]".to_owned()),
            (AttributeName::Locale, "entry.nonce + entry.exp + entry.at_hash + entry.aud".to_owned()),
        ]
        .into();
        let connector = connect(&source, Cloud::SECRET);
        let to = connector.begin(&start(&callback())).await.unwrap();
        let back = cloud.sign_in(to.as_str(), "ada").await;
        let proof = connector.finish(&came_back(&callback(), &back)).await.unwrap();
        let expected =
            [("address.locality", vec!["Oslo"]), ("cost_center", vec!["4130"]), ("roles", vec!["crew", "pilot"])];
        let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(proof.entry.raw, expected.map(|(name, values)| (name.to_owned(), owned(values))).into());
    }
}

#[tokio::test]
async fn a_second_factor_is_seen() {
    let cloud = cloud(false).await;
    cloud.add_user("ada").await;
    cloud.tell(json!({ "amr": ["pwd", "otp"] })).await;
    let connector = connect(&at(&cloud, SourceKind::OpenId), Cloud::SECRET);
    let to = connector.begin(&start(&callback())).await.unwrap();
    let back = cloud.sign_in(to.as_str(), "ada").await;
    let proof = connector.finish(&came_back(&callback(), &back)).await.unwrap();
    assert!(proof.second_factor && proof.methods == ["pwd", "otp"]);
}

#[tokio::test]
async fn another_tenant_another_nonce_and_another_issuer_are_refused() {
    let cloud = cloud(false).await;
    cloud.add_user("ada").await;
    let connector = connect(&at(&cloud, SourceKind::Entra), Cloud::SECRET);
    let to = connector.begin(&start(&callback())).await.unwrap();
    let attempt = async || came_back(&callback(), &cloud.sign_in(to.as_str(), "ada").await);

    let mut mixed_up = attempt().await;
    assert!(mixed_up.issuer.is_some(), "the provider names itself (RFC 9207)");
    mixed_up.issuer = Some("https://evil.example".to_owned());
    let mut silent = attempt().await;
    silent.issuer = None;
    let mut stale = attempt().await;
    stale.nonce = "another-nonce".to_owned();
    let mut stolen = attempt().await;
    stolen.code_verifier = "another-verifier-another-verifier-another-verifier".to_owned().into();
    let expected = ["another issuer", "names no issuer", "nonce", "invalid_grant"];
    for (attempt, words) in [mixed_up, silent, stale, stolen].into_iter().zip(expected) {
        match connector.finish(&attempt).await {
            Err(RedirectFailure::Refused { reason, .. }) => assert!(reason.contains(words), "{reason}"),
            other => panic!("{words}: {other:?}"),
        }
    }
    cloud.tell(json!({ "tenant": "99999999-2222-4333-8444-555555555555" })).await;
    match connector.finish(&attempt().await).await {
        Err(RedirectFailure::Refused { reason, .. }) => assert!(reason.contains("tenant"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_client_secret_is_ours_to_mend_and_a_provider_that_is_down_is_unavailable() {
    let cloud = cloud(false).await;
    cloud.add_user("ada").await;
    let good = connect(&at(&cloud, SourceKind::OpenId), Cloud::SECRET);
    let wrong = connect(&at(&cloud, SourceKind::OpenId), "another secret");
    let to = wrong.begin(&start(&callback())).await.unwrap();
    let attempt = came_back(&callback(), &cloud.sign_in(to.as_str(), "ada").await);
    match wrong.finish(&attempt).await {
        Err(RedirectFailure::Trouble(trouble)) => assert_eq!(trouble.kind, TroubleKind::Misconfigured, "{trouble}"),
        other => panic!("{other:?}"),
    }
    let steps = good.probe().await;
    assert!(steps.len() == 2 && steps.iter().all(|step| step.passed), "{steps:?}");
    cloud.tell(json!({ "down": true })).await;
    let unknown = connect(&at(&cloud, SourceKind::OpenId), Cloud::SECRET);
    assert_eq!(unknown.begin(&start(&callback())).await.unwrap_err().kind, TroubleKind::Unavailable);
    let failed = unknown.probe().await;
    assert!(!failed[0].passed && failed[0].remedy.is_some());
    match good.finish(&attempt).await {
        Err(RedirectFailure::Trouble(trouble)) => assert_eq!(trouble.kind, TroubleKind::Unavailable, "{trouble}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn addresses_of_the_hubs_own_network_are_not_dialled() {
    let cloud = cloud(false).await;
    let refused = connector_entra::OpenIdConnector::new(
        &at(&cloud, SourceKind::OpenId),
        Cloud::SECRET.to_owned().into(),
        std::sync::Arc::default(),
    );
    let trouble = refused.unwrap().begin(&start(&callback())).await.unwrap_err();
    assert!(trouble.reason.contains("neither public nor"), "{trouble}");
}
