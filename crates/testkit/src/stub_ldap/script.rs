//! What a stub directory holds and how it misbehaves.

use std::{collections::HashMap, time::Duration};

use crate::ServerCertificate;

/// The whole behaviour of a [`crate::StubLdap`]; it can be replaced while the stub runs.
#[derive(Debug, Clone)]
pub struct StubScript {
    /// The certificate for TLS and StartTLS; a good one for `localhost` and `127.0.0.1` if absent.
    pub certificate: Option<ServerCertificate>,
    pub start_tls: StartTlsAnswer,
    pub entries: Vec<StubEntry>,
    /// Answers to binds by DN in lower case, used up in order; the last one stays. Without one, the bind succeeds if
    /// the entry's `userPassword` is the password, or there is no such entry.
    pub binds: HashMap<String, Vec<BindAnswer>>,
    pub search: SearchAnswer,
}

impl Default for StubScript {
    fn default() -> Self {
        Self {
            certificate: None,
            start_tls: StartTlsAnswer::Accept,
            entries: Vec::new(),
            binds: HashMap::new(),
            search: SearchAnswer::Match,
        }
    }
}

impl StubScript {
    /// Adds an entry.
    #[must_use]
    pub fn entry(mut self, dn: &str, attributes: &[(&str, &str)]) -> Self {
        self.entries.push(StubEntry::new(dn, attributes));
        self
    }

    /// Adds an answer to binds of this DN.
    #[must_use]
    pub fn on_bind(mut self, dn: &str, answer: BindAnswer) -> Self {
        self.binds.entry(dn.to_lowercase()).or_default().push(answer);
        self
    }

    /// Replaces the answer to searches.
    #[must_use]
    pub fn on_search(mut self, answer: SearchAnswer) -> Self {
        self.search = answer;
        self
    }

    /// Replaces the answer to StartTLS.
    #[must_use]
    pub fn on_start_tls(mut self, answer: StartTlsAnswer) -> Self {
        self.start_tls = answer;
        self
    }

    /// Replaces the certificate.
    #[must_use]
    pub fn certificate(mut self, certificate: ServerCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

/// One entry of a stub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StubEntry {
    pub dn: String,
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl StubEntry {
    /// An entry; an attribute named twice has two values.
    #[must_use]
    pub fn new(dn: &str, attributes: &[(&str, &str)]) -> Self {
        let mut entry = Self { dn: dn.to_owned(), attributes: Vec::new() };
        for (name, value) in attributes {
            entry.push(name, value.as_bytes().to_vec());
        }
        entry
    }

    /// Adds a value.
    pub fn push(&mut self, name: &str, value: Vec<u8>) {
        match self.attributes.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.push(value),
            None => self.attributes.push((name.to_owned(), vec![value])),
        }
    }

    /// The values of an attribute.
    #[must_use]
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or(&[], |(_, values)| values.as_slice())
    }
}

/// What a bind is answered with.
#[derive(Debug, Clone)]
pub enum BindAnswer {
    Success,
    /// A result code with a diagnostic message, as AD's `… data 52e, …`.
    Code(i32, String),
    /// A result code with the response value of the password policy control (draft-behera-ldap-password-policy-10).
    PasswordPolicy(i32, Vec<u8>),
    /// Result code 10 with this URL.
    Referral(String),
    /// Never.
    Silence,
    /// The connection ends instead.
    Close,
    /// Later.
    After(Duration, Box<BindAnswer>),
    /// These bytes instead of a message.
    Raw(Vec<u8>),
    /// Success under another message id.
    OtherId,
    /// An entry, or the end of a search, under the bind's id.
    LikeASearch {
        entry: bool,
    },
    /// The beginning of a message that never ends, a byte at a time.
    Drip(Duration),
}

impl BindAnswer {
    /// Active Directory's refusal with this sub-code (`52e`, `775`, …).
    #[must_use]
    pub fn active_directory(code: &str) -> Self {
        Self::Code(
            49,
            format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1"),
        )
    }
}

/// What a search is answered with.
#[derive(Debug, Clone)]
pub enum SearchAnswer {
    /// The entries that match.
    Match,
    /// These entries, whatever was asked.
    Entries(Vec<StubEntry>),
    /// The entries that match, then a search result reference with this URL.
    Reference(String),
    /// Result code 10 with this URL.
    Referral(String),
    /// A result code with a diagnostic message.
    Code(i32, String),
    /// Never.
    Silence,
    /// The connection ends instead.
    Close,
    /// Later.
    After(Duration, Box<SearchAnswer>),
    /// The same entry without end.
    EndlessEntries(StubEntry),
    /// The same page with the same kind of cookie without end.
    EndlessPaging(Vec<StubEntry>),
    /// Every page holds one entry that was not there before, and a cookie of its own, without end.
    EndlessPeople(StubEntry),
    /// The entries that match and the end of the search, under another message id.
    OtherId,
    /// A bind's success under the search's id.
    LikeABind,
    /// The beginning of a message that never ends, a byte at a time.
    Drip(Duration),
    /// These bytes, then those again and again without end.
    Flood(Vec<u8>, Vec<u8>),
    /// These bytes instead of a message.
    Raw(Vec<u8>),
    /// Searches whose filter names this attribute get that; others work.
    SlowFor(String, Box<SearchAnswer>),
    /// Any search but of the root DSE gets this; that one works.
    ButRoot(Box<SearchAnswer>),
}

/// What a StartTLS request is answered with.
#[derive(Debug, Clone)]
pub enum StartTlsAnswer {
    Accept,
    /// A result code; the connection stays plain.
    Refuse(i32),
    /// These bytes in front of the acceptance.
    JunkBefore(Vec<u8>),
    /// These bytes right behind the acceptance, still in plain text (response injection).
    JunkBehind(Vec<u8>),
    /// Acceptance, then plain text instead of TLS.
    NoTls,
    Silence,
}
