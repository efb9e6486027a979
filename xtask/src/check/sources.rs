//! Import rules inside a crate, read from its sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::shell::root;

/// The areas of `hub`: they meet in the shared layer or in storage, never directly.
const AREAS: &[&str] =
    &["sign_in", "provider", "people", "sources", "clients", "access", "apply", "audit", "overview", "imports"];

/// Every source file under a folder of the workspace with one of these extensions, generated folders left out.
pub fn files_under(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "node_modules", ".git", "snapshots"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|is| extensions.iter().any(|extension| is == *extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A path as a reader of the repository writes it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The lines of code of a file with their numbers: comments and everything after the test module left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
}

/// Whether the line names this path and not merely a longer word that ends or begins like it.
fn names(line: &str, path: &str) -> bool {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        !before.is_some_and(word) && (path.ends_with(':') || !after.is_some_and(word))
    })
}

pub fn hub_areas() -> anyhow::Result<Vec<String>> {
    let mut places = Vec::new();
    for path in files_under("crates/hub/src", &["rs"]) {
        let inside = path.strip_prefix(root().join("crates/hub/src")).unwrap_or(&path);
        let Some(home) = inside.iter().next().and_then(|first| first.to_str()) else { continue };
        let home = home.trim_end_matches(".rs");
        // The crate's root declares the areas, and its tests may use them all.
        if ["lib", "hub", "error"].contains(&home) {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        for (number, area) in foreign_areas(&text, home) {
            places.push(format!("{}:{number} names the area {area}", shown(&path)));
        }
    }
    Ok(places)
}

/// Areas that this text names although it lives in another folder. Grouped imports are read whole.
fn foreign_areas(text: &str, home: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let mut in_crate_group = false;
    for (number, line) in code(text) {
        let starts =
            line.trim_start().starts_with("use crate::{") || line.trim_start().starts_with("use super::super::{");
        in_crate_group |= starts;
        for area in AREAS.iter().copied().filter(|area| *area != home) {
            let direct = names(line, &format!("crate::{area}"));
            let grouped = in_crate_group && (names(line, &format!("{area}::")) || grouped_item(line, area));
            if direct || grouped {
                found.push((number, area));
            }
        }
        in_crate_group &= !line.contains(';');
    }
    found
}

/// `use crate::{kernel, people};` names an area as an item of its own.
fn grouped_item(line: &str, area: &str) -> bool {
    let items = line.trim_start().trim_start_matches("use crate::{").trim_end_matches("};");
    items.split(',').any(|item| item.trim().trim_start_matches('{') == area)
}

/// What only the wiring may name.
const STRANGERS: [&str; 7] =
    ["storage", "connector", "connector_entra", "connector_file", "connector_ldap", "connector_scim", "connector_sql"];

pub fn server_wiring() -> anyhow::Result<Vec<String>> {
    let mut places = Vec::new();
    for path in files_under("server/src", &["rs"]) {
        if path.ends_with("wiring.rs") || path.iter().any(|part| part == "wiring") {
            continue;
        }
        for (number, line) in code(&fs::read_to_string(&path)?) {
            for stranger in STRANGERS {
                if names(line, &format!("{stranger}::")) && !line.contains(&format!("::{stranger}::")) {
                    places.push(format!("{}:{number} names {stranger}", shown(&path)));
                }
            }
        }
    }
    Ok(places)
}

pub fn sql_only_in_storage() -> anyhow::Result<Vec<String>> {
    let mut places = Vec::new();
    for folder in ["app", "frontend", "server", "crates"] {
        for path in files_under(folder, &["rs"]) {
            let home = shown(&path);
            // The other three speak it to databases that are not the hub's: sources, the demo's portal, peers of tests.
            let at_home = ["storage", "connector-sql", "demo", "testkit"];
            if at_home.iter().any(|name| home.starts_with(&format!("crates/{name}/"))) {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            for (number, line) in code(&text).filter(|(_, line)| names(line, "sqlx::") || names(line, "sea_query::")) {
                places.push(format!("{home}:{number} {}", line.trim()));
            }
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_that_names_another_is_found() {
        assert_eq!(foreign_areas("use crate::people::Page;\n", "sign_in"), [(1, "people")]);
        assert_eq!(
            foreign_areas("use crate::{\n    kernel::Clock,\n    provider::Grant,\n};\n", "sign_in"),
            [(3, "provider")]
        );
        assert_eq!(foreign_areas("use crate::{kernel, clients};", "sources"), [(1, "clients")]);
        assert_eq!(foreign_areas("let x = crate::access::check();", "kernel"), [(1, "access")]);
        assert!(foreign_areas("use crate::people::Page; // fine at home", "people").is_empty());
        assert!(
            foreign_areas("use storage::people::People;\nuse crate::{kernel::Clock, mirror};", "sign_in").is_empty()
        );
        assert!(foreign_areas("#[cfg(test)]\nuse crate::people::Page;", "sign_in").is_empty());
    }

    #[test]
    fn a_longer_word_is_not_a_name() {
        assert!(names("use storage::Database;", "storage::"));
        assert!(!names("use my_storage::Database;", "storage::"));
    }
}
