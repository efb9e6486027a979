//! The demo's cloud directory gives a token to the one client that proves itself, once, and to nobody else.

use std::{net::SocketAddr, sync::Arc};

use demo::{CloudClient, CloudDirectory};
use reqwest::{Client, StatusCode, header::LOCATION, redirect::Policy};
use serde_json::Value;
use url::Url;

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "secret-of-the-client";
const CALLBACK: &str = "http://localhost:9000/back";

struct There {
    cloud: CloudDirectory,
    http: Client,
}

impl There {
    async fn open() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let redirect_uri = CALLBACK.parse().unwrap();
        let client = CloudClient { id: "isthmus".to_owned(), secret: SECRET.to_owned(), redirect_uri };
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let cloud = CloudDirectory::start(listen, client, Arc::new(|| 1_700_000_000)).await.unwrap();
        Self { cloud, http: Client::builder().redirect(Policy::none()).build().unwrap() }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.cloud.issuer())
    }

    async fn authorize(&self, redirect_uri: &str) -> reqwest::Response {
        let mut url = Url::parse(&self.at("/authorize")).unwrap();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", "isthmus")
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", "xyz")
            .append_pair("nonce", "abc")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        self.http.get(url).send().await.unwrap()
    }

    /// Signs the first person in, up to the address the browser goes back to.
    async fn signs_in(&self, password: &str) -> Result<Url, String> {
        let page = self.authorize(CALLBACK).await.text().await.unwrap();
        let ticket = page.split_once("name=\"ticket\" value=\"").unwrap().1.split_once('"').unwrap().0;
        let form = [("ticket", ticket), ("name", &*self.cloud.people()[0].email), ("password", password)];
        let answer = self.http.post(self.at("/authorize")).form(&form).send().await.unwrap();
        let to = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().parse().unwrap());
        match to {
            Some(to) => Ok(to),
            None => Err(answer.text().await.unwrap()),
        }
    }

    async fn exchange(&self, code: &str, verifier: &str, secret: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        let request = self.http.post(self.at("/token")).basic_auth("isthmus", Some(secret)).form(&form);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn code(&self) -> String {
        let password = self.cloud.people()[0].password.clone();
        let back = self.signs_in(&password).await.unwrap();
        let value = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!((value("state").as_deref(), value("iss").as_deref()), (Some("xyz"), Some(self.cloud.issuer())));
        value("code").unwrap()
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_the_client_with_its_secret_and_verifier() {
    let there = There::open().await;
    let (status, tokens) = there.exchange(&there.code().await, VERIFIER, SECRET).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!(tokens["id_token"].as_str().unwrap().split('.').count(), 3);

    let code = there.code().await;
    assert_eq!(there.exchange(&code, VERIFIER, "another secret").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(there.exchange(&code, VERIFIER, SECRET).await.0, StatusCode::OK);
    assert_eq!(there.exchange(&code, VERIFIER, SECRET).await.1["error"], "invalid_grant", "used up");

    let code = there.code().await;
    assert_eq!(
        there.exchange(&code, "another-verifier-of-at-least-43-characters-xx", SECRET).await.1["error"],
        "invalid_grant"
    );
    assert_eq!(there.exchange(&code, VERIFIER, SECRET).await.1["error"], "invalid_grant", "used up by the wrong one");
}

#[tokio::test]
async fn a_wrong_password_or_another_redirect_uri_leads_nowhere() {
    let there = There::open().await;
    for wrong in ["", "demo-somebody-else"] {
        assert!(there.signs_in(wrong).await.unwrap_err().contains("do not belong together"));
    }
    let answer = there.authorize("https://attacker.example/").await;
    assert_eq!((answer.status(), answer.headers().get(LOCATION)), (StatusCode::BAD_REQUEST, None));
}
