//! Looking at a directory before it is registered: how it can be reached, what it says about itself, where its people
//! are. Nothing is written, nobody's password is involved, and the service account's own password goes only to the
//! addresses it was entered for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use directory::AttributeMapping;
use serde::{Deserialize, Serialize};

/// What a connector can find out by itself. Every method is bounded in time and in what it reads; what a hostile
/// directory sends ends in a [`Failure`], never in a belief.
#[async_trait]
pub trait Discovery: Send + Sync {
    /// Resolves, connects to and checks the certificate of every server, and reads what a directory tells strangers
    /// about itself. Sends no credential.
    async fn greet(&self) -> Greeting;

    /// Binds the service account, once, and looks round.
    async fn survey(&self) -> Result<Survey, Failure>;

    /// Looks for people with the settings as they are now: base, filter, immutable id and username.
    async fn inspect(&self) -> Vec<DiscoveryStep>;
}

/// A part of reaching and reading a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiscoveryStage {
    Resolve,
    Connect,
    Tls,
    /// The entry without a name, in which a directory describes itself (RFC 4512 5.1).
    RootDse,
    Account,
    Base,
    People,
    ImmutableId,
    Username,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryStep {
    pub stage: DiscoveryStage,
    /// What was seen, or why it failed.
    pub outcome: Result<String, Failure>,
    pub milliseconds: u64,
}

/// Why a step failed, in one closed set, so that there is advice for every one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{endpoint}: {detail}")]
pub struct Failure {
    pub kind: FailureKind,
    /// Host and port, or the source's name before one was chosen.
    pub endpoint: String,
    /// What was seen. No secret, no attribute values.
    pub detail: String,
}

/// What a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The settings themselves cannot be used: nothing was dialled.
    Settings,
    /// The authority that was pasted is no certificate.
    AuthorityUnreadable,
    NameUnknown,
    AddressNotAllowed,
    /// Nobody answers: no route, or something drops what is sent.
    NoAnswer,
    /// The machine answers that nothing listens there.
    PortClosed,
    StartTlsRefused,
    /// Something answers there, but it does not speak TLS.
    NotTls,
    TlsFailed,
    IssuerUnknown,
    CertificateForOtherName,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateUnusable,
    /// It sent what no honest directory sends.
    Hostile,
    /// It answers, and says that it is too busy, or took too long.
    Overloaded,
    AccountMissing,
    AccountRefused,
    /// It wants an encrypted connection first.
    EncryptionRequired,
    BaseMissing,
    MayNotRead,
    NobodyFound,
    /// The answer was cut short by a limit of the directory.
    CutShort,
    ImmutableIdMissing,
    UsernameMissing,
    /// It points at another server. No pointer is ever followed.
    Referred,
    /// Anything else the directory refused, with its own words.
    Refused,
}

impl FailureKind {
    pub const ALL: &[Self] = &[
        Self::Settings,
        Self::AuthorityUnreadable,
        Self::NameUnknown,
        Self::AddressNotAllowed,
        Self::NoAnswer,
        Self::PortClosed,
        Self::StartTlsRefused,
        Self::NotTls,
        Self::TlsFailed,
        Self::IssuerUnknown,
        Self::CertificateForOtherName,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::CertificateUnusable,
        Self::Hostile,
        Self::Overloaded,
        Self::AccountMissing,
        Self::AccountRefused,
        Self::EncryptionRequired,
        Self::BaseMissing,
        Self::MayNotRead,
        Self::NobodyFound,
        Self::CutShort,
        Self::ImmutableIdMissing,
        Self::UsernameMissing,
        Self::Referred,
        Self::Refused,
    ];
}

/// What strangers are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    pub servers: Vec<ServerGreeting>,
    /// What the first server that could be reached says about itself.
    pub introduction: Option<Introduction>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerGreeting {
    /// "host:port".
    pub server: String,
    pub steps: Vec<DiscoveryStep>,
    /// What the server presented, its own certificate first; also if it was refused.
    pub certificates: Vec<CertificateFacts>,
}

/// A certificate, as people compare it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    pub subject: String,
    pub issuer: String,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    /// Host names and addresses it is for.
    pub names: Vec<String>,
    /// It may issue others.
    pub is_authority: bool,
    /// SHA-256, in pairs of hexadecimal digits.
    pub fingerprint: String,
}

/// The make of a directory, as far as it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vendor {
    ActiveDirectory,
    OpenLdap,
    Directory389,
    Unknown,
}

/// What a directory says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    pub vendor: Vendor,
    /// In its own words, if it has any.
    pub product: String,
    pub naming_contexts: Vec<String>,
    pub default_context: Option<String>,
    pub schema_at: Option<String>,
    /// Object identifiers, as they came.
    pub controls: Vec<String>,
    pub extensions: Vec<String>,
    pub sasl_mechanisms: Vec<String>,
}

/// A number of entries; the directory, or we, may have stopped counting there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub entries: usize,
    pub at_least: bool,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at_least { write!(f, "at least {}", self.entries) } else { write!(f, "{}", self.entries) }
    }
}

/// What the service account sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The server that was asked.
    pub endpoint: String,
    pub introduction: Introduction,
    /// Filters that find people, the proposed one first.
    pub filters: Vec<(String, Count)>,
    /// Places with people below them, the proposed one first.
    pub bases: Vec<(String, Count)>,
    /// How many entries were looked at more closely.
    pub sample: usize,
    /// Attributes that were looked for.
    pub attributes: Vec<AttributeSeen>,
    /// Object classes of the sample.
    pub classes: Vec<String>,
    /// Domains of the sample's e-mail addresses, the most frequent first.
    pub domains: Vec<(String, usize)>,
    pub netbios_domain: Option<String>,
    pub lockout: LockoutFound,
    pub proposal: Proposal,
    /// Sentences worth knowing, such as e-mail addresses that several entries share.
    pub remarks: Vec<String>,
}

/// One attribute in schema and sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeSeen {
    pub name: String,
    /// Empty = the schema cannot be read.
    pub in_schema: Option<bool>,
    /// Entries of the sample with exactly one value.
    pub single: usize,
    /// Entries of the sample with several.
    pub several: usize,
}

/// Settings that fit what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub base_dn: String,
    pub person_filter: String,
    pub name_attributes: Vec<String>,
    pub id_attribute: String,
    pub username_attribute: String,
    pub mapping: AttributeMapping,
}

/// The lockout policy, as far as this service account may see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockoutFound {
    /// Where it was read: a DN, or empty if it cannot be read.
    pub read_at: Option<String>,
    /// `Some(0)` = it never locks.
    pub threshold: Option<u32>,
    /// `Some(0)` = wrong passwords never expire.
    pub window_seconds: Option<u64>,
    /// `Some(0)` = until somebody unlocks it.
    pub duration_seconds: Option<u64>,
    /// Whether the connector reads this by itself at every sign-in, or it has to be entered in the settings.
    pub read_at_sign_in: bool,
    /// Policies for some people only, where the directory has such and shows them: (name, threshold, window).
    pub special: Vec<(String, Option<u32>, Option<u64>)>,
    /// What could not be read, in sentences.
    pub unreadable: Vec<String>,
}
