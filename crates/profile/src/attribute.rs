//! Attributes of one's own, with a type that every value holds to.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The longest name of an attribute.
pub const NAME_LENGTH: usize = 64;
/// The longest value if the definition says nothing.
const TEXT_LENGTH: usize = 1024;

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

/// An attribute that an installation defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeDefinition {
    /// Lower-case letters, digits and hyphens: the name in mappings and claims.
    pub name: String,
    /// What people read.
    pub label: String,
    pub kind: AttributeType,
    /// Whoever lacks it is held back and listed, and not created half.
    #[serde(default)]
    pub required: bool,
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
    #[error("the name may have lower-case letters, digits and hyphens, and begins with a letter")]
    Name,
    #[error("no value could ever fit")]
    Impossible,
}

impl AttributeDefinition {
    /// Whether the definition can be meant.
    pub fn check(&self) -> Result<(), Misfit> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = self.name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || self.name.len() > NAME_LENGTH || !self.name.chars().all(letters) {
            return Err(Misfit::Name);
        }
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
        AttributeDefinition { name: "cost-centre".to_owned(), label: "Cost centre".to_owned(), kind, required: false }
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
        for name in ["", "Cost", "1st", "a b", "é", &"x".repeat(65)] {
            assert_eq!(
                AttributeDefinition { name: name.to_owned(), ..text(None) }.check(),
                Err(Misfit::Name),
                "{name}"
            );
        }
    }

    #[test]
    fn a_definition_survives_being_written_down() {
        let json = serde_json::to_string(&text(Some(8))).unwrap();
        assert_eq!(
            json,
            r#"{"name":"cost-centre","label":"Cost centre","kind":{"type":"text","longest":8},"required":false}"#
        );
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
