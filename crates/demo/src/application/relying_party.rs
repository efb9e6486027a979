//! The OpenID Connect half: discovery, the code flow with PKCE, refresh and sign-out.

use anyhow::{Context, bail, ensure};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope, TokenResponse,
    core::{CoreClient, CoreIdToken, CoreResponseType},
};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use url::Url;

use super::{SampleApplicationSettings, http_client::HttpClient};

pub(super) struct RelyingParty {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    redirect_uri: RedirectUrl,
    home: PostLogoutRedirectUrl,
    http: HttpClient,
    /// Read at the first sign-in, so that the application may start before the provider.
    metadata: OnceCell<ProviderMetadataWithLogout>,
}

/// A sign-in that was begun in a browser. Its code verifier is a secret of that browser's session.
#[derive(Clone)]
pub(super) struct Pending {
    state: String,
    nonce: Nonce,
    verifier: String,
}

/// Somebody signed in, with everything the page shows.
#[derive(Clone)]
pub(super) struct SignedIn {
    /// The verified claims of the ID token.
    pub id_claims: Map<String, Value>,
    /// What the userinfo endpoint answered, for the same subject.
    pub profile: Map<String, Value>,
    pub can_refresh: bool,
    pub refreshes: u32,
    id_token: CoreIdToken,
    refresh_token: Option<RefreshToken>,
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl RelyingParty {
    pub fn new(settings: &SampleApplicationSettings, home: &Url) -> anyhow::Result<Self> {
        // `Url` writes the empty path as `/`; an issuer is compared letter by letter and has none.
        let issuer = settings.issuer.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            issuer: IssuerUrl::new(issuer)?,
            client_id: ClientId::new(settings.client_id.clone()),
            client_secret: ClientSecret::new(settings.client_secret.clone()),
            redirect_uri: RedirectUrl::from_url(home.join("callback")?),
            home: PostLogoutRedirectUrl::from_url(home.clone()),
            http: HttpClient::new()?,
            metadata: OnceCell::new(),
        })
    }

    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    async fn metadata(&self) -> anyhow::Result<&ProviderMetadataWithLogout> {
        let discover = || ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http);
        self.metadata
            .get_or_try_init(discover)
            .await
            .map_err(|error| anyhow::Error::new(error).context(format!("discovery at {}", self.issuer())))
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let metadata = self.metadata().await?.clone();
        let client =
            CoreClient::from_provider_metadata(metadata, self.client_id.clone(), Some(self.client_secret.clone()));
        Ok(client.set_redirect_uri(self.redirect_uri.clone()))
    }

    /// Where to send the browser, and what to remember until it is back.
    pub async fn begin(&self) -> anyhow::Result<(Url, Pending)> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (to, state, nonce) = self
            .client()
            .await?
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(["profile", "email", "phone", "groups"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        Ok((to, Pending { state: state.into_secret(), nonce, verifier: verifier.into_secret() }))
    }

    /// Exchanges the code and verifies what came back.
    pub async fn finish(
        &self,
        pending: Pending,
        code: String,
        state: &str,
        issuer: Option<&str>,
    ) -> anyhow::Result<SignedIn> {
        ensure!(state == pending.state, "the answer belongs to another sign-in (state differs)");
        // RFC 9207: an answer of another provider must not be exchanged here.
        ensure!(issuer.is_none_or(|issuer| issuer == self.issuer()), "the answer names another issuer");
        let client = self.client().await?;
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
            .request_async(&self.http)
            .await
            .context("the code could not be exchanged")?;
        let id_token = tokens.id_token().context("the provider sent no ID token")?.clone();
        let claims = id_token.claims(&client.id_token_verifier(), &pending.nonce).context("the ID token is wrong")?;
        let id_claims = as_map(serde_json::to_value(claims)?)?;
        let profile = self.profile(tokens.access_token().secret(), &id_claims).await?;
        let refresh_token = tokens.refresh_token().cloned();
        let can_refresh = refresh_token.is_some();
        Ok(SignedIn { id_claims, profile, can_refresh, refreshes: 0, id_token, refresh_token })
    }

    /// New tokens for the old, and the profile as it is now.
    pub async fn refresh(&self, mut person: SignedIn) -> anyhow::Result<SignedIn> {
        let client = self.client().await?;
        let token = person.refresh_token.take().context("the provider gave this application no refresh token")?;
        let tokens = client
            .exchange_refresh_token(&token)?
            .request_async(&self.http)
            .await
            .context("the provider refused to refresh")?;
        if let Some(id_token) = tokens.id_token() {
            // OpenID Connect Core section 12.2: a refreshed ID token carries no new nonce.
            let claims = id_token.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?;
            person.id_claims = as_map(serde_json::to_value(claims)?)?;
            person.id_token = id_token.clone();
        }
        person.profile = self.profile(tokens.access_token().secret(), &person.id_claims).await?;
        person.refresh_token = tokens.refresh_token().cloned().or(Some(token));
        person.refreshes += 1;
        Ok(person)
    }

    /// Where the browser goes to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0).
    pub async fn sign_out(&self, person: &SignedIn) -> anyhow::Result<Url> {
        let endpoint = self.metadata().await?.additional_metadata().end_session_endpoint.clone();
        let endpoint = endpoint.context("the provider has no end_session_endpoint")?;
        Ok(LogoutRequest::from(endpoint)
            .set_id_token_hint(&person.id_token)
            .set_client_id(self.client_id.clone())
            .set_post_logout_redirect_uri(self.home.clone())
            .http_get_url())
    }

    async fn profile(&self, access_token: &str, id_claims: &Map<String, Value>) -> anyhow::Result<Map<String, Value>> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(Map::new()) };
        let request = self.http.reqwest().get(endpoint.url().clone()).bearer_auth(access_token);
        let answer = request.send().await.context("userinfo")?.error_for_status().context("userinfo")?;
        let profile = as_map(answer.json().await.context("userinfo")?)?;
        // OpenID Connect Core section 5.3.2: another subject's profile must not be shown.
        if profile.get("sub") != id_claims.get("sub") {
            bail!("userinfo answered about somebody else");
        }
        Ok(profile)
    }
}

fn as_map(value: Value) -> anyhow::Result<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        other => bail!("expected a JSON object, got {other}"),
    }
}
