//! Redirect URIs are compared as exact text (RFC 9700 2.1): nothing that merely looks like a registered one passes,
//! and nothing that does not pass is ever redirected to.

use std::collections::BTreeSet;

use oidc::{AuthorizationRefusal, AuthorizationRequest, Parameters};
use proptest::prelude::*;
use url::form_urlencoded;

use super::portal;

fn answer(redirect_uri: &str) -> Result<AuthorizationRequest, AuthorizationRefusal> {
    let text = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", "portal"),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let Ok(parameters) = Parameters::parse(&text) else {
        return Err(AuthorizationRefusal::Page(oidc::ProtocolError::new(oidc::ErrorCode::InvalidRequest, "unread")));
    };
    AuthorizationRequest::parse(&parameters, &portal())
}

/// Strings that lenient comparisons of other providers let through, each put on every registered address.
#[expect(clippy::too_many_lines, reason = "one list of strings")]
fn hostile() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for registered in portal().redirect_uris {
        let (scheme, rest) = registered.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let host = authority.split(':').next().unwrap();
        let variants = [
            format!("{registered}/"),
            format!("{registered}/../evil"),
            format!("{registered}/..;/evil"),
            format!("{registered}/%2e%2e/evil"),
            format!("{registered}/%2e%2e%2fevil"),
            format!("{registered}/..%5cevil"),
            format!("{registered}#fragment"),
            format!("{registered}#"),
            format!("{registered}?"),
            format!("{registered}?code=1"),
            format!("{registered}&code=1"),
            format!("{registered}%00"),
            format!("{registered}\0"),
            format!("{registered}%20"),
            format!("{registered} "),
            format!(" {registered}"),
            format!("\t{registered}"),
            format!("{registered}\t"),
            format!("{registered}\r\nLocation: https://evil.test"),
            format!("{registered}%0d%0aLocation:%20https://evil.test"),
            format!("{registered}\n"),
            format!("{registered},https://evil.test"),
            format!("{registered} https://evil.test"),
            format!("{registered};evil"),
            format!("{registered}*"),
            format!("{registered}\u{200b}"),
            format!("\u{feff}{registered}"),
            format!("{scheme}://{authority}"),
            format!("{scheme}://{authority}/"),
            format!("{scheme}://{authority}//{path}"),
            format!("{scheme}://{authority}/./{path}"),
            format!("{scheme}://{authority}/x/../{path}"),
            format!("{scheme}://{authority}/%2e/{path}"),
            format!("{scheme}://{authority}\\{path}"),
            format!("{scheme}://{authority}/{}", path.to_uppercase()),
            format!("{scheme}://{authority}/{}", path.replacen('c', "%63", 1)),
            format!("{scheme}://{authority}./{path}"),
            format!("{scheme}://{authority}:443/{path}"),
            format!("{scheme}://{host}:1/{path}"),
            format!("{scheme}://{host}:/{path}"),
            format!("{scheme}://{host}:65536/{path}"),
            format!("{scheme}://evil.test/{path}"),
            format!("{scheme}://{authority}.evil.test/{path}"),
            format!("{scheme}://{authority}@evil.test/{path}"),
            format!("{scheme}://{authority}%40evil.test/{path}"),
            format!("{scheme}://{authority}@@evil.test/{path}"),
            format!("{scheme}://evil.test@{authority}/{path}"),
            format!("{scheme}://evil.test%23@{authority}/{path}"),
            format!("{scheme}://evil.test\\@{authority}/{path}"),
            format!("{scheme}://evil.test#{authority}/{path}"),
            format!("{scheme}://evil.test?{authority}/{path}"),
            format!("{scheme}://evil.test/{registered}"),
            format!("{scheme}://user:pass@{authority}/{path}"),
            format!("{scheme}://{}/{path}", authority.to_uppercase()),
            format!("{scheme}://{}/{path}", authority.replace('a', "\u{430}").replace('o', "\u{43e}")),
            format!(
                "{scheme}://{}/{path}",
                authority.replace('.', "\u{3002}").replace("localhost", "localhos\u{74}\u{301}")
            ),
            format!("{scheme}://sub.{authority}/{path}"),
            format!("{scheme}:{authority}/{path}"),
            format!("{scheme}:/{authority}/{path}"),
            format!("{scheme}:///{authority}/{path}"),
            format!("{scheme}:\\\\{authority}\\{path}"),
            format!("{}://{authority}/{path}", scheme.to_uppercase()),
            format!("//{authority}/{path}"),
            format!("/{path}"),
            format!("{authority}/{path}"),
            format!("javascript://{authority}/{path}"),
            format!("data:text/html,{registered}"),
            format!("https+{registered}"),
            format!("http://[::1]:9000/{path}"),
            format!("http://127.0.0.1:9000/{path}"),
            format!("http://0x7f.1:9000/{path}"),
            format!("http://2130706433:9000/{path}"),
            format!("http://localhost.evil.test:9000/{path}"),
            format!("http://localhost:9001/{path}"),
            format!("https://localhost:9000/{path}"),
            form_urlencoded::byte_serialize(registered.as_bytes()).collect(),
        ];
        all.extend(variants);
    }
    all.extend(
        [
            "",
            " ",
            "null",
            "about:blank",
            "https:",
            "https://",
            "*",
            "https://*",
            "../callback",
            "urn:ietf:wg:oauth:2.0:oob",
        ]
        .map(str::to_owned),
    );
    let registered = portal().redirect_uris;
    all.retain(|uri| !registered.contains(uri));
    all
}

#[test]
fn threat_17_two_hundred_hostile_addresses_and_not_one_redirect() {
    let hostile = hostile();
    assert!(hostile.len() >= 200, "only {} strings", hostile.len());
    for uri in hostile {
        assert!(matches!(answer(&uri), Err(AuthorizationRefusal::Page(_))), "{uri:?}");
    }
}

#[test]
fn every_registered_address_passes_as_it_is() {
    for uri in portal().redirect_uris {
        assert_eq!(answer(&uri).unwrap().redirect_uri, uri);
    }
}

proptest! {
    #[test]
    fn any_single_change_is_refused(which in 0usize..3, at in 0usize..40, with in any::<char>()) {
        let registered = &portal().redirect_uris[which];
        let mut letters: Vec<char> = registered.chars().collect();
        let at = at % letters.len();
        prop_assume!(letters[at] != with);
        letters[at] = with;
        let changed: String = letters.into_iter().collect();
        prop_assume!(!portal().redirect_uris.contains(&changed));
        prop_assert!(matches!(answer(&changed), Err(AuthorizationRefusal::Page(_))));
    }

    #[test]
    fn no_query_makes_the_parser_panic(text in "\\PC{0,200}") {
        if let Ok(parameters) = Parameters::parse(&text) {
            let _refused = AuthorizationRequest::parse(&parameters, &portal());
        }
    }
}
