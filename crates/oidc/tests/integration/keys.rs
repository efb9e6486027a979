//! Signing keys: what we sign, an independent implementation verifies; what we did not sign, we refuse.

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use oidc::{AccessTokenClaims, Audience, IdTokenClaims, KeySet, KeyStage, SigningAlgorithm, SigningKey, generate_key};
use openidconnect::{
    ClientId, ClientSecret, IssuerUrl, Nonce,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet},
};

const ISSUER: &str = "https://id.example.org";

static KEYS: LazyLock<KeySet> = LazyLock::new(fresh);

fn fresh() -> KeySet {
    let make = |algorithm| SigningKey::from_pem(algorithm, &generate_key(algorithm).unwrap()).unwrap();
    KeySet::new(SigningAlgorithm::ALL.map(|algorithm| (KeyStage::Current, Arc::new(make(algorithm)))).into())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn id_token() -> IdTokenClaims {
    IdTokenClaims {
        iss: ISSUER.into(),
        sub: "s".into(),
        aud: Audience::One("portal".into()),
        exp: now().timestamp() + 600,
        iat: now().timestamp(),
        auth_time: now().timestamp(),
        nonce: Some("n".into()),
        at_hash: None,
        amr: vec!["pwd".into()],
        sid: Some("sid".into()),
    }
}

fn access_token() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.into(),
        sub: "s".into(),
        aud: Audience::One(ISSUER.into()),
        client_id: "portal".into(),
        exp: now().timestamp() + 600,
        iat: now().timestamp(),
        jti: "j".into(),
        scope: "openid".into(),
        auth_time: now().timestamp(),
        amr: vec![],
        grant: "g".into(),
    }
}

#[test]
fn an_independent_relying_party_verifies_our_id_tokens() {
    let keys: CoreJsonWebKeySet = serde_json::from_value(KEYS.public_document().unwrap()).unwrap();
    assert_eq!(keys.keys().len(), 2);
    let verifier = |id: &str| {
        CoreIdTokenVerifier::new_confidential_client(
            ClientId::new(id.into()),
            ClientSecret::new("unused".into()),
            IssuerUrl::new(ISSUER.into()).unwrap(),
            keys.clone(),
        )
        .set_time_fn(now)
    };
    let token: CoreIdToken = KEYS.sign_id_token(&id_token()).unwrap().parse().unwrap();
    let claims = token.claims(&verifier("portal"), &Nonce::new("n".into())).unwrap();
    assert_eq!(claims.subject().as_str(), "s");
    assert!(token.claims(&verifier("other"), &Nonce::new("n".into())).is_err());
    assert!(token.claims(&verifier("portal"), &Nonce::new("m".into())).is_err());
}

#[test]
fn the_published_document_holds_no_private_part() {
    let document = KEYS.public_document().unwrap();
    for key in document["keys"].as_array().unwrap() {
        let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        for name in names {
            assert!(["kty", "use", "alg", "kid", "n", "e", "crv", "x", "y"].contains(&name), "{name}");
        }
        assert_eq!(key["use"], "sig");
    }
}

#[test]
fn rfc9068_an_id_token_is_no_access_token_and_the_reverse() {
    let id_token = KEYS.sign_id_token(&id_token()).unwrap();
    let access_token = KEYS.sign_access_token(&access_token()).unwrap();
    assert!(KEYS.verify_access_token(&access_token, ISSUER, now()).is_ok());
    assert!(KEYS.verify_id_token_hint(&id_token, ISSUER).is_ok());
    assert!(KEYS.verify_access_token(&id_token, ISSUER, now()).is_err());
    assert!(KEYS.verify_id_token_hint(&access_token, ISSUER).is_err());
}

#[test]
fn an_access_token_is_good_for_its_time_issuer_and_keys_only() {
    let token = KEYS.sign_access_token(&access_token()).unwrap();
    assert!(KEYS.verify_access_token(&token, ISSUER, now() + TimeDelta::seconds(659)).is_ok());
    assert!(KEYS.verify_access_token(&token, ISSUER, now() + TimeDelta::seconds(660)).is_err());
    assert!(KEYS.verify_access_token(&token, "https://other.example.org", now()).is_err());
    assert!(fresh().verify_access_token(&token, ISSUER, now()).is_err());
}

#[test]
fn every_tampering_is_noticed() {
    let token = KEYS.sign_id_token(&id_token()).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let none = encode(r#"{"alg":"none","typ":"JWT"}"#);
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let hmac = encode(&header.replace("RS256", "HS256"));
    let elsewhere = encode(&header.replace("\"kid\":\"", "\"kid\":\"x"));
    let claims =
        encode(&String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap().replace("\"s\"", "\"t\""));
    for forged in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{hmac}.{}.{}", parts[1], parts[2]),
        format!("{elsewhere}.{}.{}", parts[1], parts[2]),
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        String::new(),
        "...".to_owned(),
    ] {
        assert!(KEYS.verify_id_token_hint(&forged, ISSUER).is_err(), "{forged}");
    }
}

#[test]
fn a_private_key_is_never_printed() {
    let key = SigningKey::from_pem(SigningAlgorithm::Es256, &generate_key(SigningAlgorithm::Es256).unwrap()).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.kid) && !shown.contains("BEGIN") && shown.len() < 200, "{shown}");
}

#[test]
fn a_key_verifies_through_its_life_and_signs_only_while_it_is_current() {
    let make = |algorithm| Arc::new(SigningKey::from_pem(algorithm, &generate_key(algorithm).unwrap()).unwrap());
    let old = SigningAlgorithm::ALL.map(make);
    let new = SigningAlgorithm::ALL.map(make);
    let set = |stages: [KeyStage; 2]| {
        let of = |stage: KeyStage, keys: &[Arc<SigningKey>; 2]| keys.clone().map(|key| (stage, key));
        KeySet::new([of(stages[0], &old), of(stages[1], &new)].concat())
    };
    let kids = |keys: &KeySet| -> Vec<String> {
        let document = keys.public_document().unwrap();
        document["keys"].as_array().unwrap().iter().map(|k| k["kid"].as_str().unwrap().to_owned()).collect()
    };
    let before = set([KeyStage::Current, KeyStage::Next]);
    let access = before.sign_access_token(&access_token()).unwrap();
    let id = before.sign_id_token(&id_token()).unwrap();
    assert_eq!(kids(&before).len(), 4, "the next pair is published ahead");
    let overlap = set([KeyStage::Previous, KeyStage::Current]);
    assert_eq!(kids(&overlap).len(), 4);
    overlap.verify_access_token(&access, ISSUER, now()).unwrap();
    let header = jsonwebtoken::decode_header(overlap.sign_access_token(&access_token()).unwrap()).unwrap();
    assert!(new.iter().any(|key| header.kid.as_ref() == Some(&key.kid)), "the new one signs");
    let after = set([KeyStage::Gone, KeyStage::Current]);
    assert_eq!(kids(&after).len(), 2);
    assert!(after.verify_access_token(&access, ISSUER, now()).is_err());
    after.verify_id_token_hint(&id, ISSUER).unwrap();
    // Without its private half it is the same key, and signs nothing.
    let public = old.clone().map(|key| {
        let public = SigningKey::from_public_jwk(key.algorithm, key.public_jwk().unwrap()).unwrap();
        assert_eq!(public.kid, key.kid);
        (KeyStage::Current, Arc::new(public))
    });
    let public = KeySet::new(public.into());
    public.verify_access_token(&access, ISSUER, now()).unwrap();
    assert!(public.sign_access_token(&access_token()).is_err());
}
