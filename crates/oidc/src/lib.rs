//! The protocol rules of the OpenID provider, as pure functions: what a request may say, what is answered, which
//! claims a token carries. Nothing here reads a clock, a database or a network; the hub hands all of it in.
//!
//! OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0; RFC 6749, 6750, 7636 (PKCE), 9068 (access
//! tokens), 9207 (`iss` in the response), 9700 (security best current practice).

mod authorization;
mod claims;
mod client_authentication;
mod discovery;
mod error;
mod keys;
mod logout;
mod parameters;
mod pkce;
mod scope;
mod token;

pub use authorization::{AuthorizationRefusal, AuthorizationRequest, Prompt, client_of, response_url};
pub use claims::{AccessTokenClaims, Audience, IdTokenClaims, PersonClaims, at_hash, claim_fault, user_info};
pub use client_authentication::{PresentedClient, presented_client};
pub use discovery::{DiscoveryError, Endpoints, discovery_document, paths};
pub use error::{ErrorCode, ProtocolError};
pub use keys::{KeyError, KeySet, KeyStage, SigningAlgorithm, SigningKey, generate_key};
pub use logout::{LogoutRequest, post_logout_url};
pub use parameters::Parameters;
pub use pkce::{CodeChallenge, verify as verify_code_verifier};
pub use scope::{Scope, Scopes};
pub use token::{BearerError, TokenRequest, TokenResponse, bearer_token};
