//! The call-out: the old application is asked whether a password is right, because only it knows how it stores them.
//!
//! `POST` with a bearer token and a JSON object of `id`, `username` and `password`. 200 = right, 403 = wrong; every other
//! answer, or none, says nothing about the password. Redirects are not followed, and nothing is asked twice.

use std::{io::Read as _, sync::Arc, time::Duration};

use connector::{AllowedNetworks, SourceFolder, TroubleKind, Verification, http};
use directory::{AdapterResult, SourceEntry, SqlCallOut};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;

use crate::fault::Fault;

/// For a whole answer.
const ANSWER: Duration = Duration::from_secs(5);
const LONGEST_TOKEN: u64 = 4_096;

/// The old application.
pub(crate) struct CallOut {
    client: reqwest::Client,
    url: Url,
    /// Host and port.
    endpoint: String,
    folder: Arc<SourceFolder>,
    token_file: String,
}

impl CallOut {
    /// Prepares it; does not dial.
    pub(crate) fn new(
        settings: &SqlCallOut,
        networks: Arc<AllowedNetworks>,
        folder: Arc<SourceFolder>,
    ) -> Result<Self, Fault> {
        let url = settings.url.clone();
        let wrong = |reason: String| Fault::misconfigured(format!("the call-out: {reason}"));
        http::may_be_dialled(&url, &networks).map_err(wrong)?;
        if url.scheme() != "https" {
            return Err(Fault::misconfigured("the call-out needs https://: it is sent passwords"));
        }
        let client = http::client(settings.ca_pem.as_deref(), networks, ANSWER)
            .map_err(wrong)?
            // A request on a kept connection that breaks would be sent once more by the library.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| wrong(format!("it cannot be set up: {error}")))?;
        let endpoint = http::endpoint_of(&url);
        Ok(Self { client, url, endpoint, folder, token_file: settings.token_file.clone() })
    }

    /// Asks once.
    pub(crate) async fn ask(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        let token = match self.token() {
            Ok(token) => token,
            Err(reason) => return self.no_answer(false, reason),
        };
        let body = json!({
            "id": entry.immutable_id.as_str(), "username": entry.username, "password": password.expose_secret(),
        });
        let request = self
            .client
            .post(self.url.clone())
            .header(AUTHORIZATION, token)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        match request.send().await {
            Ok(answer) => self.read(answer.status()),
            Err(error) => {
                let sent = !error.is_connect() && !error.is_builder();
                self.no_answer(sent, http::no_answer(error))
            }
        }
    }

    fn read(&self, status: StatusCode) -> Verification {
        let said = |result, reason: &str| Verification {
            result,
            sent: true,
            proves_password: result == AdapterResult::Ok,
            endpoint: self.endpoint.clone(),
            reason: format!("the old application {reason} ({status})"),
            locked_until: None,
            trouble: None,
        };
        match status {
            StatusCode::OK => said(AdapterResult::Ok, "takes the password"),
            StatusCode::FORBIDDEN => said(AdapterResult::BadPassword, "does not take the password"),
            StatusCode::UNAUTHORIZED => self.no_answer(true, format!("it refuses the token of the hub ({status})")),
            _ => self.no_answer(true, format!("it answered {status}, which says nothing about the password")),
        }
    }

    /// Never about the password, and never about the database: the breaker of the source is not concerned.
    fn no_answer(&self, sent: bool, reason: String) -> Verification {
        tracing::warn!(endpoint = %self.endpoint, %reason, "the call-out gave no answer");
        Verification {
            result: AdapterResult::Unavailable,
            sent,
            proves_password: false,
            endpoint: self.endpoint.clone(),
            reason,
            locked_until: None,
            trouble: Some(TroubleKind::Odd),
        }
    }

    /// Read each time, so that a new token counts at once.
    fn token(&self) -> Result<HeaderValue, String> {
        let file = self.folder.open(&self.token_file).map_err(|refused| refused.to_string())?;
        let mut text = String::new();
        file.take(LONGEST_TOKEN).read_to_string(&mut text).map_err(|error| format!("{}: {error}", self.token_file))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(format!("{} is empty: write the token into it", self.token_file));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| format!("{} has characters that cannot be sent", self.token_file))?;
        header.set_sensitive(true);
        Ok(header)
    }
}
