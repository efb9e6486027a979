//! Errors with two messages: [`HubError::public`] for the person at the page, `Display` for the log.

use storage::StorageError;

const BUSY: &str = "The server is busy. Try again in a few seconds.";

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller's session does not carry the capability.
    #[error("not allowed: {0}")]
    Denied(&'static str),
    /// What was asked for is not there.
    #[error("{0} was not found")]
    NotFound(&'static str),
    /// The input cannot be accepted: which field, and what to write instead. Safe to show.
    #[error("{field}: {message}")]
    Invalid { field: &'static str, message: String },
    /// The state of things forbids it: why, and what to do. Safe to show.
    #[error("{0}")]
    Refused(String),
    /// A source could not be asked.
    #[error("the source did not answer: {0}")]
    Source(#[from] connector::Trouble),
    /// A sealed value could not be opened.
    #[error("a sealed secret could not be opened: {0}")]
    Vault(String),
    /// The hub sheds load rather than run out of memory.
    #[error("too much work at once")]
    Overloaded,
    /// A defect of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl HubError {
    /// What the person at the page may read: no path, no host, no data.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Self::Invalid { .. } | Self::Refused(_) | Self::NotFound(_) => self.to_string(),
            Self::Denied(_) => "You are not allowed to do this.".to_owned(),
            Self::Source(trouble) => trouble.reason.clone(),
            Self::Storage(StorageError::Stale { what }) => {
                format!("{what} was changed by somebody else meanwhile. Open it again and repeat your change.")
            }
            Self::Storage(StorageError::DiskFull) => "The disk of this server is full. Nothing was changed.".to_owned(),
            Self::Storage(StorageError::Unavailable(_)) => {
                "The database of this server cannot be reached just now. Nothing was changed. Try again in a moment."
                    .to_owned()
            }
            Self::Storage(StorageError::Interrupted) => {
                "The database of this server went away before it confirmed the change. Look whether it was made before \
                 you repeat it."
                    .to_owned()
            }
            Self::Storage(error) if error.is_retryable() => BUSY.to_owned(),
            Self::Overloaded => BUSY.to_owned(),
            Self::Storage(_) | Self::Vault(_) | Self::Internal(_) => {
                "Something failed on this server. Nothing was changed. The log says more.".to_owned()
            }
        }
    }
}

impl HubError {
    /// Whether this server lacks something it needs just now and may have in a moment: 503, not 500.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Overloaded => true,
            Self::Storage(error) => error.is_unavailable(),
            _ => false,
        }
    }
}

impl storage::MaybeRetry for HubError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Storage(error) if error.is_retryable())
    }

    fn is_database_failure(&self) -> bool {
        matches!(self, Self::Storage(error) if storage::MaybeRetry::is_database_failure(error))
    }
}
