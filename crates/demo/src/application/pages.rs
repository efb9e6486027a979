//! The application's three pages: signed out, signed in, and something failed.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::relying_party::SignedIn;
use crate::html::{document, escape};

pub(super) fn signed_out(issuer: &str) -> String {
    let issuer = escape(issuer);
    document(
        "Crew portal",
        &format!(
            "<h1>Crew portal</h1>\
             <p class=\"lead\">Rosters, tides and notices for everybody at Harbour &amp; Lagoon Ferries.</p>\
             <p><a class=\"button\" href=\"/sign-in\">Sign in</a></p>\
             <p class=\"quiet\">Sign-in is by OpenID Connect at <code>{issuer}</code>. \
             This application never sees a password.</p>"
        ),
    )
}

pub(super) fn signed_in(person: &SignedIn) -> String {
    let text = |name: &str| person.profile.get(name).and_then(Value::as_str);
    let name = text("name").or_else(|| text("preferred_username")).or_else(|| text("sub")).unwrap_or("somebody");
    let name = escape(name);
    let refreshed = match person.refreshes {
        0 => String::new(),
        1 => "<p role=\"status\">Refreshed once.</p>".to_owned(),
        times => format!("<p role=\"status\">Refreshed {times} times.</p>"),
    };
    let refresh = if person.can_refresh {
        "<form method=\"post\" action=\"/refresh\"><button>Refresh</button></form>"
    } else {
        ""
    };
    document(
        "Crew portal",
        &format!(
            "<h1>Signed in as {name}</h1>{refreshed}\
             <div class=\"actions\">{refresh}\
             <form method=\"post\" action=\"/sign-out\"><button class=\"plain\">Sign out</button></form></div>\
             {}{}",
            table("Who you are (userinfo)", &person.profile),
            table("How you signed in (ID token)", &person.id_claims)
        ),
    )
}

pub(super) fn failed(what: &str, why: &str) -> String {
    let (what, why) = (escape(what), escape(why));
    document(
        "Crew portal: a problem",
        &format!(
            "<h1>{what}</h1><p><code>{why}</code></p>\
             <p><a class=\"button\" href=\"/sign-in\">Try again</a> <a href=\"/\">Home</a></p>"
        ),
    )
}

fn table(caption: &str, claims: &Map<String, Value>) -> String {
    let mut rows = String::new();
    for (name, value) in claims {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(&shown));
    }
    format!("<table><caption>{caption}</caption>{rows}</table>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_sends_is_text() {
        assert_eq!(escape("<b>\"&'"), "&lt;b&gt;&quot;&amp;&#39;");
        let claims = serde_json::from_str(r#"{"groups":["a","<b>"],"auth_time":7}"#).unwrap();
        let html = table("Claims", &claims);
        assert!(html.contains("<td>a, &lt;b&gt;</td>") && html.contains("<td>7</td>"), "{html}");
    }
}
