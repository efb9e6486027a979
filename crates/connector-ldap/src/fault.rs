//! What can go wrong with a directory, with the remedy where one is known.

use std::{io, time::Duration};

use connector::{Failure, FailureKind, Trouble, TroubleKind};
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

/// The part of reaching a directory that failed; a live test shows them one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Settings,
    Connect,
    Tls,
    ServiceAccount,
    Read,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: TroubleKind,
    pub(crate) stage: Stage,
    pub(crate) endpoint: String,
    pub(crate) what: String,
    pub(crate) remedy: Option<String>,
    /// What exactly it is, where whoever noticed knows; see [`Fault::failure`].
    pub(crate) means: Option<FailureKind>,
    /// The directory answered, and the connection is as good as before.
    pub(crate) clean: bool,
}

impl Fault {
    pub(crate) fn new(kind: TroubleKind, stage: Stage, endpoint: &str, what: impl Into<String>) -> Self {
        Self { kind, stage, endpoint: endpoint.to_owned(), what: what.into(), remedy: None, means: None, clean: false }
    }

    pub(crate) fn odd(endpoint: &str, what: impl Into<String>) -> Self {
        Self::new(TroubleKind::Odd, Stage::Read, endpoint, what)
    }

    pub(crate) fn unavailable(endpoint: &str, what: impl Into<String>) -> Self {
        Self::new(TroubleKind::Unavailable, Stage::Read, endpoint, what)
    }

    pub(crate) fn misconfigured(endpoint: &str, what: impl Into<String>) -> Self {
        Self::new(TroubleKind::Misconfigured, Stage::Read, endpoint, what)
    }

    pub(crate) fn timed_out(stage: Stage, endpoint: &str, after: Duration) -> Self {
        let means = if stage == Stage::Connect { FailureKind::NoAnswer } else { FailureKind::Overloaded };
        Self::new(TroubleKind::Unavailable, stage, endpoint, format!("no answer within {} ms", after.as_millis()))
            .means(means)
    }

    pub(crate) fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn means(mut self, means: FailureKind) -> Self {
        self.means = Some(means);
        self
    }

    /// The same for whoever gives advice.
    pub(crate) fn failure(self) -> Failure {
        let kind = self.means.unwrap_or(match (self.kind, self.stage) {
            (_, Stage::Settings) => FailureKind::Settings,
            (TroubleKind::Misconfigured, Stage::ServiceAccount) => FailureKind::AccountRefused,
            (TroubleKind::Misconfigured, Stage::Connect | Stage::Tls | Stage::Read) => FailureKind::Refused,
            (TroubleKind::Odd, _) => FailureKind::Hostile,
            (TroubleKind::Unavailable, Stage::Connect) => FailureKind::NoAnswer,
            (TroubleKind::Unavailable, Stage::Tls) => FailureKind::TlsFailed,
            (TroubleKind::Unavailable, Stage::ServiceAccount | Stage::Read) => FailureKind::Hostile,
            (TroubleKind::BreakerOpen | TroubleKind::Busy, _) => FailureKind::Overloaded,
        });
        Failure { kind, endpoint: self.endpoint, detail: self.what }
    }

    /// The same, of a connection that is still in a known state.
    pub(crate) fn clean(mut self) -> Self {
        self.clean = true;
        self
    }

    /// What happened and what to do about it.
    pub(crate) fn words(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}. {remedy}", self.what.trim_end_matches('.')),
            None => self.what.clone(),
        }
    }

    /// Whether another connection might do better: nothing was said about the request itself.
    pub(crate) fn is_transport(&self) -> bool {
        self.kind == TroubleKind::Unavailable
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self { kind: fault.kind, reason: fault.words(), endpoint: fault.endpoint }
    }
}

/// What a failed TLS handshake means.
pub(crate) fn tls(endpoint: &str, host: &str, error: &io::Error) -> Fault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    let (means, what, remedy) = match inner {
        Some(TlsError::InvalidCertificate(problem)) => certificate(host, problem),
        Some(TlsError::InvalidMessage(_)) => (
            FailureKind::NotTls,
            "the server does not speak TLS here".to_owned(),
            "Check the port (636 for LDAPS, 389 for StartTLS) and the setting for encryption.".to_owned(),
        ),
        Some(other) => (
            FailureKind::TlsFailed,
            format!("TLS failed: {other}"),
            "Check that the server offers TLS 1.2 or newer.".to_owned(),
        ),
        None => (
            FailureKind::NotTls,
            format!("TLS failed: {error}"),
            "Check the port (636 for LDAPS, 389 for StartTLS) and that the server has a certificate.".to_owned(),
        ),
    };
    // DOWN by the semantics (TLS), not misconfigured: somebody in the middle must not be able to say which it is.
    Fault::new(TroubleKind::Unavailable, Stage::Tls, endpoint, what).remedy(remedy).means(means)
}

fn certificate(host: &str, problem: &CertificateError) -> (FailureKind, String, String) {
    match problem {
        CertificateError::UnknownIssuer => (
            FailureKind::IssuerUnknown,
            "the server's certificate comes from an authority that is not trusted".to_owned(),
            "Paste the PEM certificate of the authority that issued it into the source's settings.".to_owned(),
        ),
        // An authority is found by its name: two may bear the same.
        CertificateError::BadSignature => (
            FailureKind::IssuerUnknown,
            "the server's certificate names a trusted authority, which did not sign it".to_owned(),
            "Paste the PEM certificate of the authority that issued it: another one bears the same name.".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            FailureKind::CertificateForOtherName,
            format!("the server's certificate is not for {host:?}"),
            "Use a host name that the certificate names, or give the server a certificate for this one.".to_owned(),
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            FailureKind::CertificateExpired,
            "the server's certificate has expired".to_owned(),
            "Renew the certificate on the server; check both clocks.".to_owned(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            FailureKind::CertificateNotYetValid,
            "the server's certificate is not valid yet".to_owned(),
            "Check the clocks of both machines.".to_owned(),
        ),
        other => (
            FailureKind::CertificateUnusable,
            format!("the server's certificate is not acceptable: {other}"),
            "Give the server a certificate for its host name, issued by a trusted authority.".to_owned(),
        ),
    }
}
