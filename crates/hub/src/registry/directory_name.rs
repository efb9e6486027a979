//! The syntax of what LDAP settings name: DNs (RFC 4514), attribute descriptions (RFC 4512, 2.5) and the outer shape
//! of filters (RFC 4515). The connector itself reads them with a real parser; these checks only give clear words.

/// Why a text is not a DN.
pub(super) fn check_dn(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("write a DN such as dc=example,dc=test".to_owned());
    }
    if text.len() > 1_000 || text.chars().any(char::is_control) {
        return Err("this is too long or holds control characters".to_owned());
    }
    for part in split_unescaped(text, &[',', '+'])? {
        let Some((attribute, value)) = part.split_once('=') else {
            return Err(format!("{:?} has no '=': a DN looks like ou=people,dc=example,dc=test", part.trim()));
        };
        check_attribute(attribute.trim()).map_err(|_| format!("{:?} is not an attribute name", attribute.trim()))?;
        if value.trim().is_empty() {
            return Err(format!("{:?} has no value", part.trim()));
        }
    }
    Ok(())
}

/// Splits at separators that no backslash escapes.
fn split_unescaped<'a>(text: &'a str, separators: &[char]) -> Result<Vec<&'a str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if separators.contains(&c) {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    if escaped {
        return Err("it ends with a lone backslash".to_owned());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

/// Why a text is not an attribute name: letters, digits and hyphens, or a dotted number; options after `;`.
pub(super) fn check_attribute(text: &str) -> Result<(), String> {
    let (name, options) = text.split_once(';').unwrap_or((text, "x"));
    let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let dotted = |w: &str| {
        w.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())) && w.contains('.')
    };
    let named = word(name) && name.starts_with(|c: char| c.is_ascii_alphabetic());
    if text.len() <= 200 && (named || dotted(name)) && options.split(';').all(word) {
        return Ok(());
    }
    Err(format!("{text:?} is not an attribute name: letters, digits and hyphens, such as mail"))
}

/// Why a text cannot be a filter.
pub(super) fn check_filter(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.len() > 4_000 {
        return Err("it is longer than 4,000 characters".to_owned());
    }
    if !text.starts_with('(') || !text.ends_with(')') {
        return Err("a filter stands in parentheses, such as (objectClass=inetOrgPerson)".to_owned());
    }
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("it closes a parenthesis that was not opened")?,
            _ => {}
        }
        if depth > 32 {
            return Err("it is nested deeper than 32 levels".to_owned());
        }
        if depth == 0 && at + 1 < text.len() {
            return Err("it ends before its last character: is an (& …) around it missing?".to_owned());
        }
    }
    if depth > 0 {
        return Err("it opens a parenthesis that is not closed".to_owned());
    }
    if !text.contains('=') {
        return Err("it compares nothing: write (attribute=value)".to_owned());
    }
    Ok(())
}

/// Why a text is not an e-mail domain, folded.
pub(super) fn check_domain(text: &str) -> Result<(), String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if text.contains('@') {
        return Err(format!("{text:?} holds an '@': write only what stands behind it"));
    }
    if text.len() > 253 || !text.contains('.') || !text.split('.').all(label) {
        return Err(format!("{text:?} is not a domain such as example.test"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_are_told_from_other_text() {
        for good in
            ["dc=example,dc=test", "cn=reader,ou=services,dc=example,dc=test", r"cn=Smith\, John,o=x", "2.5.4.3=a"]
        {
            assert_eq!(check_dn(good), Ok(()), "{good}");
        }
        for bad in ["", "example.test", "dc=example,", "dc=,o=x", r"cn=a\", "=x", "cn=a\u{0}b"] {
            assert!(check_dn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn filters_that_cannot_be_are_refused_with_words() {
        for good in ["(uid=*)", "(&(objectCategory=person)(objectClass=user))", "(!(a=b))"] {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
        for bad in
            ["", "uid=*", "(uid=*", "(a=b)(c=d)", "()", "(a=b))", &format!("{}a=b{}", "(".repeat(40), ")".repeat(40))]
        {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_and_attributes() {
        assert!(check_domain("example.test").is_ok());
        assert!(check_domain("münchen.example").is_ok());
        for bad in ["a@example.test", "*.example.test", "example", "-a.b", "a..b", ""] {
            assert!(check_domain(bad).is_err(), "{bad}");
        }
        for good in ["mail", "member;range=0", "2.5.4.3", "userCertificate;binary"] {
            assert_eq!(check_attribute(good).is_ok(), !good.contains('='), "{good}");
        }
        for bad in ["", "ma il", "mail)(uid=*", "1", "é"] {
            assert!(check_attribute(bad).is_err(), "{bad}");
        }
    }
}
