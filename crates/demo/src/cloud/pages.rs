//! The provider's two pages: sign in, and no.

use crate::html::{document, escape};

pub(super) fn sign_in(domain: &str, ticket: &str, name: &str, wrong: Option<&str>) -> String {
    let (domain, ticket, name) = (escape(domain), escape(ticket), escape(name));
    let wrong =
        wrong.map(|text| format!("<p role=\"alert\"><strong>{}</strong></p>", escape(text))).unwrap_or_default();
    document(
        "Skyline cloud",
        &format!(
            "<h1>Skyline cloud</h1>\
             <p class=\"lead\">Sign in with your account at {domain}.</p>{wrong}\
             <form method=\"post\" action=\"/authorize\"><input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\
             <p><label>Account<br><input name=\"name\" value=\"{name}\" autocomplete=\"username\" autofocus></label></p>\
             <p><label>Password<br><input name=\"password\" type=\"password\" autocomplete=\"current-password\"></label></p>\
             <div class=\"actions\"><button>Sign in</button>\
             <button class=\"plain\" name=\"decision\" value=\"cancel\">Cancel</button></div></form>\
             <p class=\"quiet\">This page belongs to the demo's cloud directory, not to Isthmus: the password typed here \
             never reaches the hub.</p>"
        ),
    )
}

pub(super) fn refused(why: &str) -> String {
    document("Skyline cloud", &format!("<h1>Skyline cloud</h1><p>{}</p>", escape(why)))
}
