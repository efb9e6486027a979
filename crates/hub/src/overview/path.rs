//! Which way a sign-in went, and why it was refused, by the row of the decision table that its trace bears.

/// How somebody got in, or that they did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// The hub checked the password.
    Hub,
    /// A source did.
    Delegated,
    Refused,
}

/// Why not, in groups that call for the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    WrongPassword,
    Limited,
    SourceDown,
    Disabled,
    NotEnabled,
    SomethingFirst,
    /// A provider's answer to a redirect does not hold: a setting to mend, or somebody's forgery.
    ProviderAnswer,
}

/// Rows in which the hub itself let somebody in.
pub(super) const BY_HUB: &[&str] = &["D1", "D1c", "D4", "D15", "D28"];

impl Reason {
    /// In the order of the page.
    pub const ALL: [Self; 7] = [
        Self::WrongPassword,
        Self::Limited,
        Self::SourceDown,
        Self::Disabled,
        Self::NotEnabled,
        Self::SomethingFirst,
        Self::ProviderAnswer,
    ];

    /// As people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::WrongPassword => "Wrong name or password",
            Self::Limited => "Too many tries, or locked",
            Self::SourceDown => "Directory not reachable",
            Self::Disabled => "Disabled or gone",
            Self::NotEnabled => "Not enabled here yet",
            Self::SomethingFirst => "Something to do first",
            Self::ProviderAnswer => "Provider's answer refused",
        }
    }

    /// As it stands in an address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::Limited => "limited",
            Self::SourceDown => "source-down",
            Self::Disabled => "disabled",
            Self::NotEnabled => "not-enabled",
            Self::SomethingFirst => "something-first",
            Self::ProviderAnswer => "provider-answer",
        }
    }

    /// The rows of the decision table that refuse for it.
    #[must_use]
    pub const fn rows(self) -> &'static [&'static str] {
        match self {
            Self::WrongPassword => &["D2", "D2b", "D5", "D6t", "D7", "D15b", "D20", "D20b", "D24", "2.1"],
            Self::Limited => &["D2c", "D10", "2.3", "2.7"],
            Self::SourceDown => &["D1c", "D14", "D15", "D16", "D17", "D22"],
            Self::Disabled => &["D8", "D9", "D25", "D26"],
            Self::NotEnabled => &["D18", "D18b", "D19", "D21", "D23", "D23b"],
            // D1, D1b and D6 let in; where they do not, a second step was missing.
            Self::SomethingFirst => {
                &["D1", "D1b", "D4", "D6", "D6r", "D6s", "D11", "D11b", "D12", "D13", "D13b", "D22b", "D27", "D28"]
            }
            Self::ProviderAnswer => &["2.8"],
        }
    }

    /// Of a refused attempt, by its row.
    #[must_use]
    pub fn of(row: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.rows().contains(&row))
    }
}

impl Path {
    /// As it stands in an address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Delegated => "delegated",
            Self::Refused => "refused",
        }
    }

    /// Of an attempt, by its row.
    #[must_use]
    pub fn of(row: &str, signed_in: bool) -> Self {
        match signed_in {
            false => Self::Refused,
            true if BY_HUB.contains(&row) => Self::Hub,
            true => Self::Delegated,
        }
    }
}
