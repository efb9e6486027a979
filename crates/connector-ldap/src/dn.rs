//! Distinguished names (RFC 4514), as far as comparing them goes.

/// A name in one spelling: attribute types in lower case, values unescaped, folded and with single spaces, from the
/// entry up to the root. Only for comparing; the wire always gets the text that came from the directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Dn(Vec<String>);

impl Dn {
    /// Empty if the text is no distinguished name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        split(text, &[',', ';'])?.into_iter().map(relative_name).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The name above all others: everything is below it. Only for looking round before a base is known.
    pub(crate) const fn root() -> Self {
        Self(Vec::new())
    }

    /// How many parts it has.
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether this name is `base` or below it.
    pub(crate) fn is_within(&self, base: &Self) -> bool {
        self.0.ends_with(&base.0)
    }

    /// One text for hashing and comparing.
    pub(crate) fn key(&self) -> String {
        self.0.join(",")
    }
}

/// The names above `text`, the nearest first, as they are written there; empty if it is no name.
pub(crate) fn ancestors(text: &str) -> Vec<&str> {
    let parts = split(text, &[',', ';']).unwrap_or_default();
    let start = |part: &&str| (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    parts.iter().skip(1).filter_map(|part| text.get(start(part)..)).map(str::trim).collect()
}

/// Type and value of the first part, if it has one of each: what a search can find the entry by.
pub(crate) fn leading(text: &str) -> Option<(String, String)> {
    let first = split(text, &[',', ';'])?.into_iter().next()?;
    let [only] = split(first, &['+'])?.try_into().ok()?;
    let (kind, value) = only.split_once('=')?;
    let kind = kind.trim();
    let known = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    let value = unescape(value.trim())?;
    (known && !value.is_empty()).then(|| (kind.to_owned(), value))
}

/// Whether `text` is a name at or below `base`.
pub(crate) fn within(text: &str, base: &Dn) -> bool {
    Dn::parse(text).is_some_and(|dn| dn.is_within(base))
}

fn relative_name(text: &str) -> Option<String> {
    let mut parts = split(text, &['+'])?.into_iter().map(type_and_value).collect::<Option<Vec<_>>>()?;
    parts.sort_unstable();
    Some(parts.join("+"))
}

fn type_and_value(text: &str) -> Option<String> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim().to_lowercase();
    let known = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    let value = unescape(value.trim())?;
    let folded = value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    // A value may hold what separates names; it must not look like a separator afterwards.
    let marked = folded.replace('\\', "\\5c").replace(',', "\\2c").replace('+', "\\2b");
    (known && !folded.is_empty()).then(|| format!("{kind}={marked}"))
}

/// Splits where a separator is neither escaped nor inside quotes.
fn split<'a>(text: &'a str, separators: &[char]) -> Option<Vec<&'a str>> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted && separators.contains(&c) => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    (!quoted && !escaped).then_some(parts)
}

fn unescape(text: &str) -> Option<String> {
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next()?;
        match char::from(first).to_digit(16) {
            Some(high) => {
                let low = char::from(rest.next()?).to_digit(16)?;
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn spelling_does_not_matter() {
        let one = dn(r"CN=Müller\, Jörg,OU=People, dc=Example,DC=test");
        assert_eq!(one, dn(r"cn=m\C3\BCller\2C  j\C3\B6rg , ou=people,dc=example,dc=test"));
        assert_eq!(one, dn(r#"cn="Müller, Jörg",ou=people,dc=example,dc=test"#));
        assert_eq!(dn("cn=a+uid=b,dc=x"), dn("uid=B + CN=A,dc=x"));
        assert_ne!(dn(r"cn=a\,ou=people,dc=x"), dn("cn=a,ou=people,dc=x"));
    }

    #[test]
    fn the_first_part_is_what_a_search_can_ask_for() {
        let of = |text| leading(text).map(|(kind, value)| format!("{kind}={value}"));
        assert_eq!(of(r"CN=M\C3\BCller\, J,OU=x").as_deref(), Some("CN=Müller, J"));
        assert_eq!(of("uid = a ,dc=x").as_deref(), Some("uid=a"));
        for none in ["cn=a+uid=b,dc=x", "", "nonsense", "cn=", "c*n=a"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_is_within_its_base_only_by_whole_parts() {
        let base = dn("ou=people,dc=example,dc=test");
        assert!(within("uid=a,ou=People,dc=example,dc=test", &base));
        assert!(within("OU=people,DC=example,DC=test", &base));
        for outside in [
            "uid=a,ou=others,dc=example,dc=test",
            "dc=example,dc=test",
            "uid=a,xou=people,dc=example,dc=test",
            r"uid=a\,ou=people,dc=example,dc=test",
            "uid=a,ou=people,dc=example,dc=test,dc=evil",
            "",
            "nonsense",
            "uid=",
            r"uid=a\",
            "uid=\"a",
        ] {
            assert!(!within(outside, &base), "{outside}");
        }
    }
}
