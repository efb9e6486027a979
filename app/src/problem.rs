//! What a server function answers when it does not do what was asked.

#[cfg(feature = "ssr")]
use leptos::server_fn::Bytes;
use leptos::{
    prelude::*,
    server_fn::{codec::JsonEncoding, error::ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

/// The public side of an error; the log has the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiError {
    /// No session, or it has ended.
    SignedOut,
    /// The session does not carry the capability.
    Denied,
    NotFound(String),
    /// A field of the form cannot be accepted.
    Invalid {
        field: String,
        message: String,
    },
    /// The state of things forbids it: why, and what to do.
    Refused(String),
    Failed(String),
}

impl ApiError {
    /// The heading of a page that shows nothing but this.
    #[must_use]
    pub const fn heading(&self) -> &'static str {
        match self {
            Self::SignedOut => "Signed out",
            Self::Denied => "Not allowed",
            Self::NotFound(_) => "Not found",
            Self::Invalid { .. } | Self::Refused(_) | Self::Failed(_) => "This page cannot be shown",
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignedOut => f.write_str("You are signed out."),
            Self::Denied => f.write_str("You are not allowed to do this."),
            Self::NotFound(what) => write!(f, "{what} was not found."),
            Self::Invalid { message, .. } | Self::Refused(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    #[cfg(feature = "ssr")]
    fn ser(&self) -> Bytes {
        use leptos::server_fn::Encodes as _;
        crate::caller::status_of(self);
        // Plain text and numbers: this always serialises.
        JsonEncoding::encode(self).unwrap_or_default()
    }

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => {
                Self::Failed("The server cannot be reached. What you typed is still here; try again.".to_owned())
            }
            // A form of another version, or one that somebody wrote by hand.
            ServerFnErrorErr::Args(why) | ServerFnErrorErr::MissingArg(why) => Self::Invalid {
                field: "form".to_owned(),
                message: format!("The form is not complete ({why}). Open the page again."),
            },
            other => Self::Failed(other.to_string()),
        }
    }
}
