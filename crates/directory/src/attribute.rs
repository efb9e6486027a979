//! Attributes of people: the hub's own, and those that an installation defines, with a type that every value holds to.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::UnknownWord;

/// What the names of an installation's own attributes begin with, wherever they stand beside the hub's.
const PREFIX: &str = "custom.";
/// The longest name behind it.
pub const NAME_LENGTH: usize = 48;
/// The longest value if the definition says nothing.
const TEXT_LENGTH: usize = 1024;
/// The most values one attribute of one person has.
const MOST_VALUES: usize = 50;

/// The name of an attribute: the hub's own word, or `custom.` and what the installation calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AttributeName {
    DisplayName,
    GivenName,
    FamilyName,
    Email,
    Phone,
    EmployeeNumber,
    Title,
    Department,
    Locale,
    /// A day, as ISO 8601 writes it. Two who differ in it are two people.
    BirthDate,
    /// A number that a state gives to one person. Kept as a keyed digest only, to tell two people apart by.
    NationalNumber,
    /// One that the installation defined.
    Custom(CustomName),
}

impl AttributeName {
    /// The hub's own.
    pub const ALL: &'static [Self] = &[
        Self::DisplayName,
        Self::GivenName,
        Self::FamilyName,
        Self::Email,
        Self::Phone,
        Self::EmployeeNumber,
        Self::Title,
        Self::Department,
        Self::Locale,
        Self::BirthDate,
        Self::NationalNumber,
    ];

    /// The one spelling used in storage, configuration and addresses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::DisplayName => "display_name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::EmployeeNumber => "employee_number",
            Self::Title => "title",
            Self::Department => "department",
            Self::Locale => "locale",
            Self::BirthDate => "birth_date",
            Self::NationalNumber => "national_number",
            Self::Custom(name) => name.whole(),
        }
    }

    /// The installation's own name, if it is one of its attributes.
    #[must_use]
    pub const fn custom(self) -> Option<CustomName> {
        if let Self::Custom(name) = self { Some(name) } else { None }
    }
}

impl std::str::FromStr for AttributeName {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.iter().find(|name| name.as_str() == word).copied();
        let custom = || word.strip_prefix(PREFIX).and_then(|name| name.parse().ok()).map(Self::Custom);
        known.or_else(custom).ok_or_else(|| UnknownWord {
            kind: "attribute",
            word: word.to_owned(),
            known: Self::ALL.iter().map(Self::as_str).chain(["custom.…"]).collect::<Vec<_>>().join(", "),
        })
    }
}

impl TryFrom<String> for AttributeName {
    type Error = UnknownWord;
    fn try_from(word: String) -> Result<Self, UnknownWord> {
        word.parse()
    }
}

impl From<AttributeName> for String {
    fn from(name: AttributeName) -> Self {
        name.as_str().to_owned()
    }
}

impl std::fmt::Display for AttributeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an installation calls an attribute of its own: lower-case letters, digits and hyphens, beginning with a letter.
// The text stands in the value, with its prefix, so that names are copied like the hub's own words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomName([u8; PREFIX.len() + NAME_LENGTH]);

impl CustomName {
    /// `cost-centre`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.whole().strip_prefix(PREFIX).unwrap_or_default()
    }

    /// `custom.cost-centre`.
    fn whole(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        // Only ASCII letters, digits and hyphens were ever put in.
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl std::str::FromStr for CustomName {
    type Err = Misfit;

    fn from_str(name: &str) -> Result<Self, Misfit> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || name.len() > NAME_LENGTH || !name.chars().all(letters) {
            return Err(Misfit::Name);
        }
        let mut bytes = [0; PREFIX.len() + NAME_LENGTH];
        for (place, byte) in bytes.iter_mut().zip(PREFIX.bytes().chain(name.bytes())) {
            *place = byte;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for CustomName {
    type Error = Misfit;
    fn try_from(name: String) -> Result<Self, Misfit> {
        name.parse()
    }
}

impl From<CustomName> for String {
    fn from(name: CustomName) -> Self {
        name.as_str().to_owned()
    }
}

impl std::fmt::Display for CustomName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for CustomName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What values an attribute takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AttributeType {
    /// One line of text, of at most so many characters.
    Text {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        longest: Option<usize>,
    },
    WholeNumber {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<i64>,
    },
    YesOrNo,
    /// A day, as ISO 8601 writes it.
    Day,
    /// One of these words, exactly.
    Choice {
        words: BTreeSet<String>,
    },
}

impl AttributeType {
    /// The word of the type alone, as it is written.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::WholeNumber { .. } => "whole-number",
            Self::YesOrNo => "yes-or-no",
            Self::Day => "day",
            Self::Choice { .. } => "choice",
        }
    }
}

/// How applications get to see an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The claim of the user-info answer.
    pub claim: String,
    /// The scope an application has to ask for: `profile`, `email`, `phone` or `groups`.
    #[serde(default = "profile")]
    pub scope: String,
    /// Applications by their ids; empty = whichever asks.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub applications: BTreeSet<String>,
}

fn profile() -> String {
    "profile".to_owned()
}

/// An attribute that an installation defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeDefinition {
    pub name: CustomName,
    /// What people read.
    pub label: String,
    pub kind: AttributeType,
    /// A person may have several values of it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub several: bool,
    /// Whoever lacks it is held back and listed, and not created half.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Shown only to those who may manage directories, who could read it there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sensitive: bool,
    /// Empty = applications never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A value that holds to its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TypedValue {
    YesOrNo(bool),
    WholeNumber(i64),
    Day(NaiveDate),
    Text(String),
}

/// Why a value or a definition does not fit. Holds nothing of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("it is empty")]
    Empty,
    #[error("it has {length} characters, and {longest} are allowed")]
    TooLong { length: usize, longest: usize },
    #[error("it has more than one line, or characters that cannot be shown")]
    NotOneLine,
    #[error("it is no whole number")]
    NoNumber,
    #[error("it lies outside of what is allowed")]
    OutOfRange,
    #[error("it is neither yes nor no")]
    NeitherYesNorNo,
    #[error("it is no day: write it as 2026-11-23")]
    NoDay,
    #[error("it is none of the words that are allowed")]
    NoSuchWord,
    #[error(
        "it has several values, and one is wanted: take the first with .first(), or let the attribute have several"
    )]
    Several,
    #[error("it has more than {MOST_VALUES} values")]
    TooMany,
    #[error("the name may have up to {NAME_LENGTH} lower-case letters, digits and hyphens, and begins with a letter")]
    Name,
    #[error("no value could ever fit")]
    Impossible,
}

impl AttributeDefinition {
    /// How mappings and stored values call it.
    #[must_use]
    pub const fn attribute(&self) -> AttributeName {
        AttributeName::Custom(self.name)
    }

    /// Whether the definition can be meant.
    pub fn check(&self) -> Result<(), Misfit> {
        one_line(&self.label)?;
        match &self.kind {
            AttributeType::Text { longest: Some(0) } => Err(Misfit::Impossible),
            AttributeType::Text { longest: Some(longest) } if *longest > TEXT_LENGTH => {
                Err(Misfit::TooLong { length: *longest, longest: TEXT_LENGTH })
            }
            AttributeType::WholeNumber { least: Some(least), most: Some(most) } if least > most => {
                Err(Misfit::Impossible)
            }
            AttributeType::Choice { words } => {
                if words.is_empty() {
                    return Err(Misfit::Impossible);
                }
                words.iter().try_for_each(|word| one_line(word).map(|_| ()))
            }
            AttributeType::Text { .. }
            | AttributeType::WholeNumber { .. }
            | AttributeType::YesOrNo
            | AttributeType::Day => Ok(()),
        }
    }

    /// Text as a source has it, as a value of this type. Blanks around it are the source's padding and not meant.
    pub fn read(&self, text: &str) -> Result<TypedValue, Misfit> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Misfit::Empty);
        }
        match &self.kind {
            AttributeType::Text { longest } => {
                let text = one_line(text)?;
                let (length, longest) = (text.chars().count(), longest.unwrap_or(TEXT_LENGTH));
                if length > longest { Err(Misfit::TooLong { length, longest }) } else { Ok(TypedValue::Text(text)) }
            }
            AttributeType::WholeNumber { least, most } => {
                let number: i64 = text.parse().map_err(|_| Misfit::NoNumber)?;
                if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                    return Err(Misfit::OutOfRange);
                }
                Ok(TypedValue::WholeNumber(number))
            }
            AttributeType::YesOrNo => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Ok(TypedValue::YesOrNo(true)),
                "false" | "no" | "0" => Ok(TypedValue::YesOrNo(false)),
                // Other languages are the mapping's: `entry.aktiv == "J"`.
                _ => Err(Misfit::NeitherYesNorNo),
            },
            AttributeType::Day => {
                NaiveDate::parse_from_str(text, "%Y-%m-%d").map(TypedValue::Day).map_err(|_| Misfit::NoDay)
            }
            AttributeType::Choice { words } => {
                if words.contains(text) {
                    Ok(TypedValue::Text(text.to_owned()))
                } else {
                    Err(Misfit::NoSuchWord)
                }
            }
        }
    }

    /// What a source says, in the form it is stored in: the value itself, or of an attribute with several a JSON array
    /// of them, each once and in the source's order. Blank ones are the source's padding. Nothing is left of nothing.
    pub fn stored(&self, texts: &[String]) -> Result<Option<String>, Misfit> {
        let texts: Vec<&String> = texts.iter().filter(|text| !text.trim().is_empty()).collect();
        if !self.several {
            return match texts.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some(self.read(one)?.to_string())),
                [_, ..] => Err(Misfit::Several),
            };
        }
        let mut values: Vec<String> = Vec::with_capacity(texts.len());
        for text in texts {
            let value = self.read(text)?.to_string();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if values.len() > MOST_VALUES {
            return Err(Misfit::TooMany);
        }
        Ok((!values.is_empty()).then(|| json!(values).to_string()))
    }

    /// The values in what is stored, as text.
    #[must_use]
    pub fn texts(&self, stored: &str) -> Vec<String> {
        let several = self.several.then(|| serde_json::from_str(stored).ok()).flatten();
        several.unwrap_or_else(|| vec![stored.to_owned()])
    }

    /// What is stored, as people read it.
    #[must_use]
    pub fn shown(&self, stored: &str) -> String {
        self.texts(stored).join("; ")
    }

    /// What is stored, as an application is told; nothing if it does not hold to the type (any more).
    #[must_use]
    pub fn claimed(&self, stored: &str) -> Option<Value> {
        let typed: Option<Vec<TypedValue>> = self.texts(stored).iter().map(|text| self.read(text).ok()).collect();
        let typed = typed?;
        if self.several { Some(json!(typed)) } else { typed.first().map(|value| json!(value)) }
    }
}

fn one_line(text: &str) -> Result<String, Misfit> {
    if text.trim().is_empty() {
        return Err(Misfit::Empty);
    }
    if text.chars().any(char::is_control) { Err(Misfit::NotOneLine) } else { Ok(text.to_owned()) }
}

impl std::fmt::Display for TypedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::YesOrNo(yes) => f.write_str(if *yes { "true" } else { "false" }),
            Self::WholeNumber(number) => write!(f, "{number}"),
            Self::Day(day) => write!(f, "{day}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn definition(kind: AttributeType) -> AttributeDefinition {
        AttributeDefinition {
            name: "cost-centre".parse().unwrap(),
            label: "Cost centre".to_owned(),
            kind,
            several: false,
            required: false,
            sensitive: false,
            release: None,
        }
    }

    fn text(longest: Option<usize>) -> AttributeDefinition {
        definition(AttributeType::Text { longest })
    }

    #[test]
    fn a_value_holds_to_its_type() {
        let number = definition(AttributeType::WholeNumber { least: Some(1), most: Some(9_999) });
        assert_eq!(number.read(" 0042 "), Ok(TypedValue::WholeNumber(42)));
        assert_eq!(number.read("0"), Err(Misfit::OutOfRange));
        assert_eq!(number.read("4.2"), Err(Misfit::NoNumber));
        assert_eq!(definition(AttributeType::YesOrNo).read("Yes"), Ok(TypedValue::YesOrNo(true)));
        assert_eq!(definition(AttributeType::YesOrNo).read("J"), Err(Misfit::NeitherYesNorNo));
        let day = NaiveDate::from_ymd_opt(2024, 2, 29).map(TypedValue::Day);
        assert_eq!(definition(AttributeType::Day).read("2024-02-29").ok(), day);
        assert_eq!(definition(AttributeType::Day).read("2023-02-29"), Err(Misfit::NoDay));
        assert_eq!(text(Some(3)).read("Zoë"), Ok(TypedValue::Text("Zoë".to_owned())), "letters, not bytes");
        assert_eq!(text(Some(3)).read("four"), Err(Misfit::TooLong { length: 4, longest: 3 }));
        assert_eq!(text(None).read("two\nlines"), Err(Misfit::NotOneLine));
        let choice = definition(AttributeType::Choice { words: ["east", "west"].map(str::to_owned).into() });
        assert_eq!(choice.read("west"), Ok(TypedValue::Text("west".to_owned())));
        assert_eq!(choice.read("West"), Err(Misfit::NoSuchWord), "a word is not guessed");
        for any in [text(None), number, choice, definition(AttributeType::Day)] {
            assert_eq!(any.read("  "), Err(Misfit::Empty));
        }
    }

    #[test]
    fn a_definition_that_nothing_fits_is_refused() {
        assert_eq!(text(None).check(), Ok(()));
        assert_eq!(text(Some(0)).check(), Err(Misfit::Impossible));
        let none = AttributeType::Choice { words: BTreeSet::new() };
        assert_eq!(definition(none).check(), Err(Misfit::Impossible));
        let turned = AttributeType::WholeNumber { least: Some(2), most: Some(1) };
        assert_eq!(definition(turned).check(), Err(Misfit::Impossible));
    }

    #[test]
    fn a_name_is_the_hubs_own_word_or_stands_behind_its_prefix() {
        for name in ["", "Cost", "1st", "a b", "é", "a.b", &"x".repeat(NAME_LENGTH + 1)] {
            assert_eq!(name.parse::<CustomName>(), Err(Misfit::Name), "{name}");
        }
        for name in ["x", "cost-centre-2", &"x".repeat(NAME_LENGTH)] {
            let custom: CustomName = name.parse().unwrap();
            assert_eq!(custom.as_str(), name);
            let whole = AttributeName::Custom(custom);
            assert_eq!(whole.as_str(), format!("custom.{name}"));
            assert_eq!(whole.as_str().parse(), Ok(whole));
            assert_eq!(serde_json::from_value::<AttributeName>(json!(whole)).unwrap(), whole);
        }
        for name in AttributeName::ALL {
            assert_eq!(name.as_str().parse(), Ok(*name));
        }
        let unknown = "colour".parse::<AttributeName>().unwrap_err();
        assert!(
            unknown.to_string().contains("employee_number") && unknown.to_string().contains("custom."),
            "{unknown}"
        );
        assert!("custom.Colour".parse::<AttributeName>().is_err());
    }

    #[test]
    fn several_values_are_kept_apart_and_each_holds_to_the_type() {
        let several = AttributeDefinition { several: true, ..definition(AttributeType::Day) };
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let stored = several.stored(&texts(&["2024-02-29", " ", "2025-01-01", "2024-02-29"])).unwrap().unwrap();
        assert_eq!(stored, r#"["2024-02-29","2025-01-01"]"#);
        assert_eq!(several.shown(&stored), "2024-02-29; 2025-01-01");
        assert_eq!(several.claimed(&stored), Some(json!(["2024-02-29", "2025-01-01"])));
        assert_eq!(several.stored(&texts(&["2024-02-29", "soon"])), Err(Misfit::NoDay), "all of them or none");
        assert_eq!(several.stored(&texts(&["", " "])), Ok(None));
        let one = definition(AttributeType::WholeNumber { least: None, most: None });
        assert_eq!(one.stored(&texts(&["1", "2"])), Err(Misfit::Several), "none of them is guessed");
        assert_eq!(one.claimed("7"), Some(json!(7)), "a number is a number to an application");
        assert_eq!(one.claimed("seven"), None, "what does not hold to the type is not told");
        let many: Vec<String> = (0..=MOST_VALUES).map(|n| n.to_string()).collect();
        assert_eq!(AttributeDefinition { several: true, ..one }.stored(&many), Err(Misfit::TooMany));
    }

    #[test]
    fn a_definition_survives_being_written_down() {
        let json = serde_json::to_string(&text(Some(8))).unwrap();
        assert_eq!(json, r#"{"name":"cost-centre","label":"Cost centre","kind":{"type":"text","longest":8}}"#);
        assert_eq!(serde_json::from_str::<AttributeDefinition>(&json).unwrap(), text(Some(8)));
    }

    proptest! {
        /// What was read once reads the same again.
        #[test]
        fn a_value_that_was_read_fits_again(value in any::<String>(), number in any::<i64>()) {
            for one in [text(None), definition(AttributeType::WholeNumber { least: None, most: None }), definition(AttributeType::Day)] {
                for value in [value.clone(), number.to_string()] {
                    if let Ok(first) = one.read(&value) {
                        prop_assert_eq!(one.read(&first.to_string()), Ok(first));
                    }
                }
            }
        }
    }
}
