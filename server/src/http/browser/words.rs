//! What a browser calls itself, in words that a person recognises: "Firefox on Linux". Nothing finer is kept.

/// Whose name stands in the header of others comes last.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// The words for a `User-Agent`; none for one that says nothing we know.
pub fn of(user_agent: &str) -> Option<String> {
    let named = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_browsers_that_people_use_are_recognised_and_nothing_else_is_kept() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
                Some("Firefox on Linux"),
            ),
            (format!("{windows} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"), Some("Edge on Windows")),
            (format!("{windows} Chrome/140.0.0.0 Safari/537.36"), Some("Chrome on Windows")),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1"
                    .to_owned(),
                Some("Safari on iPhone"),
            ),
            ("curl/8.9.1 <script>".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(of(&agent).as_deref(), words, "{agent}");
        }
    }
}
