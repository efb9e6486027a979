//! A provider that lies: ID tokens that must not be believed (OpenID Connect Core, 3.1.3.7), and answers that go astray.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connector::{Redirect as _, RedirectFailure, RedirectProof, TroubleKind};
use connector_entra::OpenIdConnector;
use directory::{OpenIdSettings, SourceKind};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Url;

use crate::support::{came_back, connect, source, start};

const SECRET: &str = "a secret that is long enough to sign with";

/// Answers as told, one request per connection.
struct Liar {
    issuer: Url,
    key: KeyPair,
    /// (path, whole answer)
    answers: Arc<Mutex<Vec<(&'static str, String)>>>,
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn json_answer(body: &Value) -> String {
    http("200 OK", "content-type: application/json\r\n", &body.to_string())
}

impl Liar {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer: Url = format!("http://{}/tenant", listener.local_addr().unwrap()).parse().unwrap();
        let answers: Arc<Mutex<Vec<(&'static str, String)>>> = Arc::default();
        let told = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 16_384];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let found =
                    told.lock().unwrap().iter().find(|(known, _)| path.ends_with(known)).map(|(_, a)| a.clone());
                let answer = found.unwrap_or_else(|| http("404 Not Found", "", ""));
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let liar = Self { issuer, key: KeyPair::generate().unwrap(), answers };
        liar.says("/openid-configuration", json_answer(&liar.metadata()));
        liar.says("/keys", json_answer(&json!({ "keys": [liar.public_key()] })));
        liar
    }

    fn says(&self, path: &'static str, answer: String) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, _)| *known != path);
        answers.push((path, answer));
    }

    fn metadata(&self) -> Value {
        json!({
            "issuer": self.issuer, "authorization_endpoint": format!("{}/authorize", self.issuer),
            "token_endpoint": format!("{}/token", self.issuer), "jwks_uri": format!("{}/keys", self.issuer),
        })
    }

    fn public_key(&self) -> Value {
        let point = self.key.der_bytes();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one", "x": x, "y": y })
    }

    #[expect(clippy::disallowed_methods, reason = "what verifies tokens knows only the machine's clock")]
    fn claims(&self) -> Value {
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
        json!({
            "iss": self.issuer, "aud": "isthmus", "sub": "ada", "nonce": "a-nonce", "iat": now, "exp": now + 300,
            "preferred_username": "ada", "name": "Ada",
        })
    }

    fn signed(&self, claims: &Value) -> String {
        sign(&self.key, claims)
    }

    async fn finish(&self, id_token: &str) -> Result<RedirectProof, RedirectFailure> {
        let body = json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token });
        self.says("/token", json_answer(&body));
        self.connector().finish(&came_back(&callback(), &back())).await
    }

    fn connector(&self) -> OpenIdConnector {
        let settings = OpenIdSettings {
            issuer: self.issuer.clone(),
            client_id: "isthmus".to_owned(),
            ..OpenIdSettings::preset(SourceKind::OpenId)
        };
        connect(&source(SourceKind::OpenId, settings), SECRET)
    }
}

fn sign(key: &KeyPair, claims: &Value) -> String {
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap()).unwrap()
}

fn callback() -> Url {
    "https://hub.example/sign-in/callback/cloud".parse().unwrap()
}

fn back() -> Url {
    "https://hub.example/sign-in/callback/cloud?code=a-code&state=a-state".parse().unwrap()
}

#[tokio::test]
async fn only_a_token_of_this_issuer_for_this_client_and_this_sign_in_is_believed() {
    let liar = Liar::start().await;
    let good = liar.claims();
    assert_eq!(liar.finish(&liar.signed(&good)).await.unwrap().entry.immutable_id.as_str(), "ada");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        liar.signed(&claims)
    };
    let unsigned = {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(&good))
    };
    let by_secret =
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &EncodingKey::from_secret(SECRET.as_bytes()));
    let (head, tail) = (liar.signed(&good), with("sub", json!("bob")));
    let mixed: Vec<&str> =
        vec![head.split('.').next().unwrap(), tail.split('.').nth(1).unwrap(), head.split('.').nth(2).unwrap()];
    let lies = [
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("no issuer", with("iss", Value::Null)),
        ("another client", with("aud", json!("somebody-else"))),
        ("another client too", with("aud", json!(["isthmus", "somebody-else"]))),
        ("no audience", with("aud", Value::Null)),
        ("another sign-in", with("nonce", json!("another-nonce"))),
        ("no nonce", with("nonce", Value::Null)),
        ("out of time", with("exp", json!(1_600_000_000))),
        ("for ever", with("exp", Value::Null)),
        ("never issued", with("iat", Value::Null)),
        ("nobody", with("sub", Value::Null)),
        ("an empty subject", with("sub", json!(""))),
        ("a subject without an end", with("sub", json!("x".repeat(256)))),
        ("unsigned", unsigned),
        ("signed with the client secret", by_secret.unwrap()),
        ("signed by somebody else", sign(&KeyPair::generate().unwrap(), &good)),
        ("another payload under a good signature", mixed.join(".")),
        ("no token", "not.a.token".to_owned()),
    ];
    for (what, token) in lies {
        match liar.finish(&token).await {
            Err(RedirectFailure::Refused { .. }) => {}
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn answers_that_go_astray_are_trouble_and_nothing_is_followed() {
    let liar = Liar::start().await;
    let attempt = came_back(&callback(), &back());
    let elsewhere = "location: http://127.0.0.1:1/steal\r\n";
    for (what, answer, kind) in [
        ("a redirect of the token endpoint", http("307 Temporary Redirect", elsewhere, ""), None),
        ("no JSON", http("200 OK", "", "<html>"), Some(TroubleKind::Unavailable)),
        ("an error of theirs", http("500 Oops", "", ""), Some(TroubleKind::Unavailable)),
        ("too many requests", http("429 Too Many Requests", "", ""), Some(TroubleKind::Unavailable)),
        (
            "a client they do not know",
            http("401 Unauthorized", "", "{\"error\":\"invalid_client\"}"),
            Some(TroubleKind::Misconfigured),
        ),
        ("a code that is no good", http("400 Bad Request", "", "{\"error\":\"invalid_grant\"}"), None),
    ] {
        liar.says("/token", answer);
        match (liar.connector().finish(&attempt).await, kind) {
            (Err(RedirectFailure::Trouble(trouble)), Some(kind)) => assert_eq!(trouble.kind, kind, "{what}: {trouble}"),
            (Err(RedirectFailure::Refused { .. }), None) => {}
            (other, _) => panic!("{what}: {other:?}"),
        }
    }
    let mut other = liar.metadata();
    other["issuer"] = json!("https://evil.example");
    liar.says("/openid-configuration", json_answer(&other));
    let trouble = liar.connector().begin(&start(&callback())).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Misconfigured, "another issuer: {trouble}");
    let mut weak = liar.metadata();
    weak["code_challenge_methods_supported"] = json!(["plain"]);
    liar.says("/openid-configuration", json_answer(&weak));
    assert!(liar.connector().begin(&start(&callback())).await.unwrap_err().reason.contains("PKCE"));
}
