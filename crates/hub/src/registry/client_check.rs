//! Whether an application can be registered as an administrator wants it.

use std::net::{Ipv4Addr, Ipv6Addr};

use directory::{Client, ClientAuthentication, ClientDraft};
use url::{Host, Url};

use super::{check_label, invalid};
use crate::HubError;

const LONGEST_URI: usize = 2_000;
const MOST_URIS: usize = 50;

/// Checks the draft and brings it into its stored form.
pub(super) fn check(mut draft: ClientDraft, before: Option<&Client>) -> Result<ClientDraft, HubError> {
    check_id(&draft, before)?;
    draft.name = draft.name.trim().to_owned();
    check_label("name", &draft.name)?;
    if draft.redirect_uris.is_empty() {
        return Err(invalid("redirect_uris", "give at least one: where people are sent back to after signing in"));
    }
    check_uris("redirect_uris", &draft.redirect_uris)?;
    check_uris("post_logout_redirect_uris", &draft.post_logout_redirect_uris)?;
    if draft.authentication == ClientAuthentication::None && !draft.require_pkce {
        // RFC 9700, section 2.1.1.
        return Err(invalid("require_pkce", "an application without a secret needs PKCE"));
    }
    for (index, source) in draft.original_sources.iter().enumerate() {
        if draft.original_sources[..index].contains(source) {
            return Err(invalid("original_source", "a directory is there twice"));
        }
    }
    for group in &draft.groups {
        check_label("groups", &group.name)?;
    }
    draft.groups.sort_unstable();
    draft.groups.dedup();
    Ok(draft)
}

fn check_id(draft: &ClientDraft, before: Option<&Client>) -> Result<(), HubError> {
    if let Some(before) = before {
        if draft.id != before.id {
            return Err(invalid("id", "the id of an application does not change: register another one"));
        }
        return Ok(());
    }
    let id = &draft.id.0;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
    if id.is_empty() || id.len() > 64 || !begins || !id.chars().all(plain) || id == "new" {
        return Err(invalid("id", "use 1 to 64 letters, digits, '-', '_' and '.', such as portal (not \"new\")"));
    }
    Ok(())
}

fn check_uris(field: &'static str, uris: &[String]) -> Result<(), HubError> {
    if uris.len() > MOST_URIS {
        return Err(invalid(field, format!("give at most {MOST_URIS}")));
    }
    for (index, uri) in uris.iter().enumerate() {
        check_uri(uri).map_err(|why| invalid(field, format!("{uri:?}: {why}")))?;
        if uris[..index].contains(uri) {
            return Err(invalid(field, format!("{uri:?} is there twice")));
        }
    }
    Ok(())
}

/// Redirect URIs are compared as exact text (RFC 9700, section 2.1), so the text must be one that every parser reads
/// alike: no second `@`, no backslash, no wildcard, no fragment (RFC 6749, section 3.1.2).
fn check_uri(uri: &str) -> Result<(), &'static str> {
    if uri.len() > LONGEST_URI {
        return Err("this is too long");
    }
    if uri.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii() || "\\*<>\"{}|^`".contains(c)) {
        return Err("write only the plain characters of an address: no spaces, wildcards or backslashes");
    }
    let parsed = Url::parse(uri).map_err(|_| "this is not an address such as https://app.example.test/callback")?;
    if uri.contains('#') {
        return Err("leave out the part from '#' on");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.authority().contains('@') {
        return Err("leave out user name and password");
    }
    // What the parser would rewrite (dot segments, upper-case hosts, missing slashes) is not what applications send.
    if parsed.as_str() != uri && parsed.as_str().strip_suffix('/') != Some(uri) {
        return Err("write it as browsers do: lower-case host, no default port, no '..' in the path");
    }
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&parsed) => Ok(()),
        "http" => Err("http is only for localhost, 127.0.0.1 and [::1]: use https"),
        _ => Err("use https, or http on a loopback address"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check_uri;

    #[test]
    fn https_and_loopback_http_are_accepted() {
        for good in [
            "https://app.example.test/callback",
            "https://app.example.test",
            "https://app.example.test:8443/a?b=c",
            "http://localhost:9000/callback",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000/",
        ] {
            assert_eq!(check_uri(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        for bad in [
            "",
            "/callback",
            "http://app.example.test/",
            "http://localhost.evil.test/",
            "http://127.0.0.1.evil.test/",
            "https://app.example.test/#x",
            "https://app.example.test/*",
            "https://*.example.test/",
            "https://a@b@evil.test/",
            "https://@evil.test/",
            "https://user:pass@app.example.test/",
            "https://app.example.test\\@evil.test/",
            "https://app.example.test/a/../b",
            "https://APP.example.test/",
            "https://app.example.test:443/",
            "https://app.example.test/ b",
            "https://app.example.test/\r\nX: y",
            "https://exämple.test/",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.example.app:/cb",
            "ftp://app.example.test/",
        ] {
            assert!(check_uri(bad).is_err(), "{bad}");
        }
    }
}
