//! Text of `<title>` and `<textarea>`, whose content is text and never markup (HTML, 13.1.2.2): the comments with which
//! Leptos marks its places would be shown there, so it is written as `inner_html`.

/// Escapes for `inner_html` of such an element.
#[must_use]
pub fn plain_text(text: &str) -> String {
    html_escape::encode_text(text).into_owned()
}
