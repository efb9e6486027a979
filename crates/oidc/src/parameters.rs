//! The parameters of a request: each at most once, none empty.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::ProtocolError;

/// Longest value of one parameter. An `id_token_hint` is the longest that is meant well.
const LONGEST_VALUE: usize = 8 * 1024;
/// Most parameters of one request.
const MOST: usize = 64;

/// Parsed `application/x-www-form-urlencoded` text, from a query or a body.
#[derive(Clone, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// A parameter that stands twice is refused, whichever it is (RFC 6749 3.1; CVE-2026-9689): two readers might take
    /// different ones. An empty one counts as absent. NUL is refused: no database and no log takes it well.
    pub fn parse(text: &str) -> Result<Self, ProtocolError> {
        let mut values = BTreeMap::new();
        for (count, (name, value)) in form_urlencoded::parse(text.as_bytes()).enumerate() {
            if count >= MOST {
                return Err(ProtocolError::request("the request has too many parameters"));
            }
            if value.len() > LONGEST_VALUE || name.len() > LONGEST_VALUE {
                return Err(ProtocolError::request("a parameter is too long"));
            }
            if value.contains('\0') {
                return Err(ProtocolError::request("a parameter contains a NUL character"));
            }
            if values.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(ProtocolError::request("a parameter is given more than once"));
            }
        }
        values.retain(|_, value: &mut String| !value.is_empty());
        Ok(Self(values))
    }

    /// The value, if it is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value as owned text.
    #[must_use]
    pub fn owned(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Values may be codes, tokens and secrets: only the names are shown.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_stands_at_most_once_even_if_unknown_or_empty() {
        assert!(Parameters::parse("a=1&b=2").is_ok());
        for twice in ["a=1&a=1", "a=1&a=", "a=&a=1", "x=&x=", "redirect_uri=a&redirect%5Furi=b"] {
            assert!(Parameters::parse(twice).is_err(), "{twice}");
        }
    }

    #[test]
    fn an_empty_parameter_is_absent() {
        let parameters = Parameters::parse("state=&nonce=n").unwrap();
        assert!(!parameters.has("state"));
        assert_eq!(parameters.get("nonce"), Some("n"));
    }

    #[test]
    fn nul_and_floods_are_refused() {
        assert!(Parameters::parse("state=a%00b").is_err());
        assert!(Parameters::parse(&format!("state={}", "a".repeat(LONGEST_VALUE + 1))).is_err());
        let many: String = (0..=MOST).map(|i| format!("p{i}=1&")).collect();
        assert!(Parameters::parse(&many).is_err());
    }

    #[test]
    fn values_are_never_printed() {
        let shown = format!("{:?}", Parameters::parse("client_secret=canary").unwrap());
        assert!(shown.contains("client_secret") && !shown.contains("canary"));
    }
}
