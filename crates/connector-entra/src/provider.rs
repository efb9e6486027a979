//! The code flow: where the browser goes, and what is made of the code it comes back with.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connector::{RedirectFailure, RedirectProof, RedirectReturn, RedirectStart, Trouble, TroubleKind};
use openidconnect::{
    ClaimsVerificationError, ClientId, ClientSecret, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm},
};
use reqwest::{Method, StatusCode, header::ACCEPT};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    OpenIdConnector, claims,
    failure::{kind_of, printable, refused, trouble},
    http::Answer,
    metadata::Known,
};

/// Public keys only: a signature that the client secret could have made proves nothing, and `none` less.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
];
/// A key that is not known yet makes the keys be read anew, but not more often than this.
const KEYS_AGAIN: Duration = Duration::from_secs(10);

/// What the token endpoint handed out.
struct Tokens {
    id_token: String,
    access_token: Option<SecretString>,
}

impl OpenIdConnector {
    pub(crate) async fn authorization_url(&self, start: &RedirectStart) -> Result<Url, Trouble> {
        let known = self.metadata().await?;
        let verifier = PkceCodeVerifier::new(start.code_verifier.expose_secret().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let mut url = known.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", start.redirect_uri.as_str())
            .append_pair("scope", "openid profile email")
            .append_pair("state", &start.state)
            .append_pair("nonce", &start.nonce)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        if let Some(hint) = &start.login_hint {
            url.query_pairs_mut().append_pair("login_hint", hint);
        }
        Ok(url)
    }

    pub(crate) async fn exchange_and_verify(&self, back: &RedirectReturn) -> Result<RedirectProof, RedirectFailure> {
        let known = self.metadata().await?;
        let endpoint = self.endpoint();
        match &back.issuer {
            // RFC 9207: an answer of another provider is not exchanged here.
            Some(issuer) if *issuer != known.issuer => {
                return Err(refused(&endpoint, "the answer names another issuer"));
            }
            None if known.names_issuer => {
                return Err(refused(&endpoint, "the answer names no issuer, which this provider promises to do"));
            }
            Some(_) | None => {}
        }
        let tokens = self.exchange(&known, back).await?;
        let said = self.verified(&known, &tokens.id_token, &back.nonce).await?;
        let extra = match (&known.user_info, &tokens.access_token, self.tenant.is_none()) {
            (Some(at), Some(token), true) => self.user_info(at, token, &said).await?,
            (Some(_) | None, Some(_) | None, true | false) => Map::new(),
        };
        let (methods, second_factor) = claims::methods(&said);
        let entry = claims::entry(self, said, extra).map_err(|reason| refused(&endpoint, reason))?;
        Ok(RedirectProof { entry, methods, second_factor, endpoint })
    }

    /// A request to the token endpoint, in the client's name.
    pub(crate) fn client_request(&self, token: Url) -> reqwest::RequestBuilder {
        let secret = in_form(self.secret.expose_secret());
        let request = self.http.request(Method::POST, token).basic_auth(in_form(&self.client_id), Some(secret));
        request.header(ACCEPT, "application/json")
    }

    async fn exchange(&self, known: &Known, back: &RedirectReturn) -> Result<Tokens, RedirectFailure> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", back.code.expose_secret()),
            ("redirect_uri", back.redirect_uri.as_str()),
            ("code_verifier", back.code_verifier.expose_secret()),
        ];
        let answer = self.http.send(self.client_request(known.token.clone()).form(&form)).await?;
        if answer.status != StatusCode::OK {
            return Err(token_error(&answer));
        }
        let body = answer.json()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let Some(id_token) = text("id_token") else {
            return Err(refused(&answer.endpoint, "the provider sent no ID token"));
        };
        let access_token = text("access_token").map(|token| SecretString::from(token.to_owned()));
        Ok(Tokens { id_token: id_token.to_owned(), access_token })
    }

    /// The claims of an ID token that is of this issuer, for this client, of this sign-in, in time, and signed with
    /// one of its keys (OpenID Connect Core, 3.1.3.7).
    async fn verified(
        &self,
        known: &Known,
        id_token: &str,
        nonce: &str,
    ) -> Result<Map<String, Value>, RedirectFailure> {
        let endpoint = self.endpoint();
        let token: CoreIdToken =
            id_token.parse().map_err(|error| refused(&endpoint, format!("the ID token cannot be read: {error}")))?;
        let nonce = Nonce::new(nonce.to_owned());
        let mut outcome = self.check(known, &token, &nonce)?;
        if matches!(outcome, Err(ClaimsVerificationError::SignatureVerification(_))) {
            // The provider may have a new key.
            let known = self.discover(KEYS_AGAIN).await?;
            outcome = self.check(&known, &token, &nonce)?;
        }
        outcome.map_err(|error| {
            refused(&endpoint, format!("the ID token does not hold: {}", printable(&error.to_string())))
        })?;
        payload(id_token).ok_or_else(|| refused(&endpoint, "the ID token has no claims"))
    }

    fn check(
        &self,
        known: &Known,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<Result<(), ClaimsVerificationError>, Trouble> {
        let issuer = IssuerUrl::new(known.issuer.clone())
            .map_err(|error| trouble(TroubleKind::Misconfigured, &self.endpoint(), error.to_string()))?;
        let verifier = CoreIdTokenVerifier::new_confidential_client(
            ClientId::new(self.client_id.clone()),
            ClientSecret::new(self.secret.expose_secret().to_owned()),
            issuer,
            known.keys.clone(),
        )
        .set_allowed_algs(ALGORITHMS);
        Ok(token.claims(&verifier, nonce).map(|_| ()))
    }

    /// What stands only there: many providers keep the ID token short.
    async fn user_info(
        &self,
        at: &Url,
        token: &SecretString,
        said: &Map<String, Value>,
    ) -> Result<Map<String, Value>, RedirectFailure> {
        let request = self.http.request(Method::GET, at.clone()).bearer_auth(token.expose_secret());
        let answer = self.http.send(request.header(ACCEPT, "application/json")).await?;
        if answer.status != StatusCode::OK {
            let reason = format!("it answered {} to userinfo", answer.status);
            return Err(trouble(TroubleKind::Unavailable, &answer.endpoint, reason).into());
        }
        let Value::Object(info) = answer.json()? else {
            return Err(refused(&answer.endpoint, "userinfo is no object"));
        };
        // OpenID Connect Core, 5.3.2: another subject's profile must not be used.
        if info.get("sub") != said.get("sub") {
            return Err(refused(&answer.endpoint, "userinfo answered about somebody else"));
        }
        Ok(info)
    }
}

fn token_error(answer: &Answer) -> RedirectFailure {
    if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
        let reason = format!("the token endpoint answered {}", answer.status);
        return trouble(TroubleKind::Unavailable, &answer.endpoint, reason).into();
    }
    let body = answer.json().unwrap_or(Value::Null);
    let error = body.get("error").and_then(Value::as_str).unwrap_or_default();
    let reason = format!("the token endpoint answered {} {}", answer.status, printable(error));
    match kind_of(error) {
        TroubleKind::Odd => refused(&answer.endpoint, reason),
        kind => trouble(kind, &answer.endpoint, reason).into(),
    }
}

/// RFC 6749, 2.3.1: id and secret are written as in a form before they stand in the header.
fn in_form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The claims of a token whose signature was just verified.
fn payload(token: &str) -> Option<Map<String, Value>> {
    let middle = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(middle).ok()?;
    serde_json::from_slice(&bytes).ok()
}
