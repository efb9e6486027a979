//! The discovery document, in the types of a widely used relying party, so that what it cannot read we cannot write.

use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, EndSessionUrl, IssuerUrl, JsonWebKeySetUrl, ProviderMetadata, ResponseTypes,
    Scope as ScopeName, TokenUrl, UserInfoUrl,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
        CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Scope;

/// Where the endpoints are, below the issuer.
pub mod paths {
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    pub const TOKEN: &str = "/oauth2/token";
    pub const USER_INFO: &str = "/oauth2/userinfo";
    pub const JWKS: &str = "/oauth2/jwks";
    pub const LOGOUT: &str = "/oauth2/logout";
}

/// Absolute addresses of the endpoints of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub issuer: String,
}

impl Endpoints {
    /// The issuer is the public URL without a trailing slash: clients compare it as text.
    #[must_use]
    pub fn of(public_url: &url::Url) -> Self {
        Self { issuer: public_url.as_str().trim_end_matches('/').to_owned() }
    }

    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

/// Metadata that the OpenID specification of 2014 does not name.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Extra {
    end_session_endpoint: EndSessionUrl,
    /// RFC 8414.
    code_challenge_methods_supported: Vec<String>,
    /// RFC 9207.
    authorization_response_iss_parameter_supported: bool,
    prompt_values_supported: Vec<String>,
}
impl AdditionalProviderMetadata for Extra {}

type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

const CLAIMS: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "amr",
    "sid",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
    "groups",
];

/// OpenID Connect Discovery 1.0, section 3.
///
/// `custom` are the claims that the installation defined.
pub fn discovery_document(endpoints: &Endpoints, custom: &[String]) -> Result<Value, DiscoveryError> {
    let claims = CLAIMS.iter().copied().chain(custom.iter().map(String::as_str));
    let address = |path| endpoints.at(path);
    let extra = Extra {
        end_session_endpoint: EndSessionUrl::new(address(paths::LOGOUT))?,
        code_challenge_methods_supported: vec!["S256".to_owned()],
        authorization_response_iss_parameter_supported: true,
        prompt_values_supported: ["none", "login", "consent", "select_account"].map(str::to_owned).to_vec(),
    };
    let metadata = Metadata::new(
        IssuerUrl::new(endpoints.issuer.clone())?,
        AuthUrl::new(address(paths::AUTHORIZE))?,
        JsonWebKeySetUrl::new(address(paths::JWKS))?,
        vec![ResponseTypes::new(vec![CoreResponseType::Code])],
        vec![CoreSubjectIdentifierType::Public],
        vec![CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256],
        extra,
    )
    .set_token_endpoint(Some(TokenUrl::new(address(paths::TOKEN))?))
    .set_userinfo_endpoint(Some(UserInfoUrl::new(address(paths::USER_INFO))?))
    .set_scopes_supported(Some(Scope::ALL.iter().map(|s| ScopeName::new(s.as_str().to_owned())).collect()))
    .set_response_modes_supported(Some(vec![CoreResponseMode::Query]))
    .set_grant_types_supported(Some(vec![CoreGrantType::AuthorizationCode, CoreGrantType::RefreshToken]))
    .set_token_endpoint_auth_methods_supported(Some(vec![
        CoreClientAuthMethod::ClientSecretBasic,
        CoreClientAuthMethod::ClientSecretPost,
        CoreClientAuthMethod::None,
    ]))
    .set_claim_types_supported(Some(vec![CoreClaimType::Normal]))
    .set_claims_supported(Some(claims.map(|name| CoreClaimName::new(name.to_owned())).collect()))
    .set_claims_parameter_supported(Some(false))
    .set_request_parameter_supported(Some(false))
    .set_request_uri_parameter_supported(Some(false));
    Ok(serde_json::to_value(&metadata)?)
}

/// The public URL cannot carry an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("the public URL cannot carry an endpoint: {0}")]
    Address(#[from] url::ParseError),
    #[error("the discovery document cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}
