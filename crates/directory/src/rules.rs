//! Who is the same person: the rules as administrators write them (semantics, section 6). `matching` gives them
//! meaning.

use serde::{Deserialize, Serialize};

use crate::{SourceId, words::words};

words! {
    /// What two records can be compared by.
    MatchAttribute, "attribute to match by" {
        Username = "username",
        Email = "email",
        EmployeeNumber = "employee_number",
        DisplayName = "display_name",
        GivenName = "given_name",
        FamilyName = "family_name",
        Department = "department",
        Title = "title",
        /// Two who differ in it are never linked by a rule, whatever the rules say.
        BirthDate = "birth_date",
        /// Likewise; compared as a digest.
        NationalNumber = "national_number",
        /// The key that synchronised directories share; compared for declared pairs only, never by a rule.
        AnchorGuid = "anchor.guid",
        /// The Windows security identifier; likewise.
        AnchorSid = "anchor.sid",
    }
}

impl MatchAttribute {
    /// Whether one value belongs to one person. Names and the like never link anybody by themselves.
    #[must_use]
    pub const fn identifies(self) -> bool {
        match self {
            Self::Email | Self::EmployeeNumber => true,
            Self::Username
            | Self::DisplayName
            | Self::GivenName
            | Self::FamilyName
            | Self::Department
            | Self::Title
            | Self::BirthDate
            | Self::NationalNumber
            | Self::AnchorGuid
            | Self::AnchorSid => false,
        }
    }

    /// Whether two who differ in it can be said not to be one person.
    #[must_use]
    pub const fn contradicts(self) -> bool {
        self.identifies() || matches!(self, Self::BirthDate | Self::NationalNumber)
    }

    /// Whether people are looked up by it. A rule needs one such term: nobody is found by a scan.
    #[must_use]
    pub const fn is_looked_up(self) -> bool {
        match self {
            Self::Username | Self::Email | Self::EmployeeNumber | Self::AnchorGuid | Self::AnchorSid => true,
            Self::DisplayName
            | Self::GivenName
            | Self::FamilyName
            | Self::Department
            | Self::Title
            | Self::BirthDate
            | Self::NationalNumber => false,
        }
    }

    /// A key of declared pairs, which no rule may name.
    #[must_use]
    pub const fn is_anchor(self) -> bool {
        matches!(self, Self::AnchorGuid | Self::AnchorSid)
    }

    /// As people read it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "e-mail address",
            Self::EmployeeNumber => "employee number",
            Self::DisplayName => "display name",
            Self::GivenName => "given name",
            Self::FamilyName => "family name",
            Self::Department => "department",
            Self::Title => "title",
            Self::BirthDate => "birth date",
            Self::NationalNumber => "national number",
            Self::AnchorGuid => "synchronisation key",
            Self::AnchorSid => "security identifier",
        }
    }
}

words! {
    /// What does not count when two values are compared. Each ignores what the one before it ignores, and more.
    Folding, "folding" {
        /// Only the Unicode composition and spaces at the ends.
        Exact = "exact",
        /// Upper and lower case.
        Case = "case",
        /// Width and compatibility forms, spaces and punctuation.
        Form = "form",
        /// Zeros in front.
        Zeros = "zeros",
    }
}

/// One comparison: equal under this folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchTerm {
    pub attribute: MatchAttribute,
    pub folding: Folding,
}

/// All of its terms equal: this much speaks for the two being one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRule {
    /// What cases and the log call it; unique.
    pub name: String,
    pub terms: Vec<MatchTerm>,
    /// Thousandths, 1 to 1000. What several rules say adds up, to 1000 at most.
    pub weight: u16,
    /// Not asked about a candidate whom one of these rules found already.
    #[serde(default)]
    pub ignore_if_matched_by: Vec<String>,
    /// Whether it may link by itself; else what it finds waits for a reviewer.
    pub automatic: bool,
}

/// Rules that are asked together. The first tier with exactly one definite candidate is the last that is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchTier {
    pub rules: Vec<MatchRule>,
}

/// Somebody answers for this: people of the source cannot write the attribute, and the source gives it to nobody
/// else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedAttribute {
    pub source: SourceId,
    pub attribute: MatchAttribute,
}

/// Two directories that a synchronisation keeps alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynchronisedPair {
    pub one: SourceId,
    pub other: SourceId,
}

impl SynchronisedPair {
    /// Whether it is about these two, whichever way around.
    #[must_use]
    pub fn joins(&self, a: SourceId, b: SourceId) -> bool {
        (self.one == a && self.other == b) || (self.one == b && self.other == a)
    }
}

/// All of it. The default finds nobody: a new installation links nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchRules {
    pub tiers: Vec<MatchTier>,
    /// Thousandths from which a candidate is the one.
    pub definite: u16,
    /// Thousandths from which a candidate is worth a question.
    pub candidate: u16,
    /// Two records that differ here are never linked by a rule; nor those of [`Self::ALWAYS_CONTRADICT`].
    pub contradictions: Vec<MatchTerm>,
    pub trusted: Vec<TrustedAttribute>,
    pub synchronised: Vec<SynchronisedPair>,
}

impl Default for MatchRules {
    fn default() -> Self {
        Self {
            tiers: Vec::new(),
            definite: 1000,
            candidate: 1,
            contradictions: vec![MatchTerm { attribute: MatchAttribute::EmployeeNumber, folding: Folding::Zeros }],
            trusted: Vec::new(),
            synchronised: Vec::new(),
        }
    }
}

impl MatchRules {
    /// What no rules can switch off: a birth date and a national number do not change, and nobody has two (semantics,
    /// section 6).
    pub const ALWAYS_CONTRADICT: [MatchTerm; 2] = [
        MatchTerm { attribute: MatchAttribute::BirthDate, folding: Folding::Exact },
        MatchTerm { attribute: MatchAttribute::NationalNumber, folding: Folding::Exact },
    ];

    /// Everything in which two records of one person cannot differ.
    pub fn vetoes(&self) -> impl Iterator<Item = &MatchTerm> {
        self.contradictions.iter().chain(&Self::ALWAYS_CONTRADICT)
    }

    /// Every rule, in the order in which they are asked.
    pub fn rules(&self) -> impl Iterator<Item = &MatchRule> {
        self.tiers.iter().flat_map(|tier| &tier.rules)
    }

    /// Whether anything could be found at all.
    #[must_use]
    pub fn finds_nothing(&self) -> bool {
        self.synchronised.is_empty() && self.tiers.iter().all(|tier| tier.rules.is_empty())
    }

    #[must_use]
    pub fn trusts(&self, source: SourceId, attribute: MatchAttribute) -> bool {
        self.trusted.iter().any(|t| t.source == source && t.attribute == attribute)
    }
}
