//! What a decision consists of.

use super::{Facts, Row};

/// What is done about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub row: Row,
    /// The row that says what happens, where this one refers to another ("as D7").
    pub like: Option<Row>,
    pub grant: Grant,
    /// In the order in which they are written, in one transaction.
    pub writes: Vec<Write>,
    pub counter: Counter,
    pub page: Page,
}

/// Whether a session is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    No,
    Session {
        extent: Extent,
        /// An hour, no refresh token.
        offline: bool,
    },
}

/// Which clients the session opens (semantics, section 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Everywhere,
    /// Clients whose original source this is.
    OfSource,
}

/// One typed effect. `mirror` and `session` carry out what concerns people and sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    /// Make the hub's own verifier anew under the current cost.
    Rehash,
    /// The imported verifier gives way to one of the hub's own (U5).
    ReplaceImported,
    /// Attributes, memberships and standing from the entry just read.
    Refresh,
    Capture(Capture),
    /// The captured verifier no longer stands for the password at the source.
    DeleteShadow,
    /// The two verifiers disagree: counted as parity.
    AuditParity,
    /// Person, link, attributes, groups.
    Provision,
    /// The same beside a holder of its names, with a case.
    ProvisionDisputed,
    /// A link to the one candidate.
    Link,
    Activate,
    /// First sighting without the entry.
    NoteMissing,
    /// U7(source), as the service account read it or the proven password shows; all sessions end.
    DisableBySource,
    /// The account is dead, the person is not: sessions proven there end.
    EndSessionsProvenThere,
    CacheLock,
    AuditSeveralEntries,
    AuditMisconfigured,
    AuditWouldCreate,
    AuditMergedAliasUsed,
    /// What came back from a redirect does not hold.
    AuditRedirectRefused,
    /// In memory, as a keyed digest.
    RememberWrongPassword,
}

/// What becomes of a proven password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capture {
    /// The hub takes the credential authority over (U5).
    TakeOver,
    /// Kept and compared; the source goes on deciding (U3).
    Shadow,
}

/// Which counter of refusals moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    None,
    /// The person's consecutive failures end, and their budget places return.
    Clear,
    /// The person's consecutive failures, and the throttle.
    Hub,
    /// The throttle alone.
    Identifier,
}

/// What the person sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// They are in.
    None,
    /// In, with a banner: the directory has not answered for a while.
    Banner,
    /// The one page of section 5: generic, or the outage text where the route leads to a source that is down.
    Refusal,
    /// The outage text whatever the route.
    Outage,
    NotEnabledYet,
    NotAllowedNow,
    Disabled,
    /// The password is right; the break-glass code is asked for.
    Code,
    /// Proven by redirect (row D6r), or by a password that has expired where people move (D11); "set a password here"
    /// comes before the session.
    SetPassword,
    /// The right password, which must be changed first: at the source, on a page of ours (row D11).
    ChangeThere,
    /// The same, and nobody can change it here.
    PasswordExpired,
    /// Proven by redirect, and "you sign in here now" (row D6s).
    SignInHere,
    /// The right password, and a factor that only the provider asks for: on by redirect (row D12).
    ContinueThere,
    /// What came back from a redirect does not hold (section 2.8).
    AnswerRefused,
}

impl Decision {
    /// A refusal that writes and counts nothing.
    pub(super) const fn refuse(row: Row) -> Self {
        Self { row, like: None, grant: Grant::No, writes: Vec::new(), counter: Counter::None, page: Page::Refusal }
    }

    /// A refusal before the table was reached: form of the password, throttle.
    #[must_use]
    pub const fn before_the_table(row: Row) -> Self {
        Self::refuse(row)
    }

    /// A session.
    pub(super) fn let_in(row: Row, extent: Extent) -> Self {
        Self {
            grant: Grant::Session { extent, offline: false },
            counter: Counter::Clear,
            page: Page::None,
            ..Self::refuse(row)
        }
    }

    pub(super) fn writing(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    pub(super) const fn counting(mut self, counter: Counter) -> Self {
        self.counter = counter;
        self
    }

    pub(super) const fn showing(mut self, page: Page) -> Self {
        self.page = page;
        self
    }

    /// Names the row that was reached by way of this one.
    pub(super) fn under(self, row: Row) -> Self {
        Self { like: Some(self.like.unwrap_or(self.row)), row, ..self }
    }

    /// The code for the trace: "D23b", "D1b".
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.row.as_str()
    }

    /// A refusal of what came back from a redirect (section 2.8): refused and audited, and nobody's counter.
    #[must_use]
    pub fn redirect_refused() -> Self {
        Self::refuse(Row::Redirect).writing(Write::AuditRedirectRefused).showing(Page::AnswerRefused)
    }

    /// Whether the person is proven, and a session is opened now or after one more page.
    pub(super) fn proves(&self) -> bool {
        self.lets_in() || self.page == Page::SetPassword
    }

    /// Whether a session is opened.
    #[must_use]
    pub const fn lets_in(&self) -> bool {
        match self.grant {
            Grant::Session { .. } => true,
            Grant::No => false,
        }
    }
}

/// The reach of a proof at the hub or at a source.
pub(super) const fn extent(facts: &Facts, at_credential_authority: bool) -> Extent {
    if at_credential_authority && !facts.person.restricted_reach { Extent::Everywhere } else { Extent::OfSource }
}
