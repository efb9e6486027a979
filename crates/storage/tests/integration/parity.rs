//! The two migration folders say the same.

use std::{collections::BTreeMap, fs, path::Path};

/// The only differences that are allowed: the names of four types, and the collation SQLite has by itself.
fn as_sqlite(postgres: &str) -> String {
    let mut text = postgres.replace(" collate \"C\"", "");
    for (from, to) in [(" uuid", " blob"), (" timestamptz", " text"), (" jsonb", " text"), (" bytea", " blob")] {
        text = replace_word(&text, from, to);
    }
    text
}

/// Replaces `from` where no letter follows it.
fn replace_word(text: &str, from: &str, to: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = rest.split_at(at);
        let after = &after[from.len()..];
        out.push_str(before);
        let inside_a_word = after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        out.push_str(if inside_a_word { from } else { to });
        rest = after;
    }
    out + rest
}

fn folder(name: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(name);
    fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn migrations_of_both_databases_are_the_same() {
    let (postgres, sqlite) = (folder("postgres"), folder("sqlite"));
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&postgres), names(&sqlite));
    for (name, text) in &postgres {
        for (number, (ours, theirs)) in as_sqlite(text).lines().zip(sqlite[name].lines()).enumerate() {
            assert_eq!(ours, theirs, "{name}, line {}", number + 1);
        }
        assert_eq!(as_sqlite(text).lines().count(), sqlite[name].lines().count(), "{name}");
    }
}

#[test]
fn no_migration_uses_the_database_clock_or_a_type_of_one_database() {
    for (name, text) in folder("postgres") {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let code = code.join("\n").to_lowercase();
        for forbidden in [
            "now()",
            "current_timestamp",
            " serial ",
            " serial,",
            "bigserial",
            "varchar",
            "integer",
            " int ",
            "autoincrement",
        ] {
            assert!(!code.contains(forbidden), "{name} uses {forbidden}");
        }
    }
}

#[test]
fn text_columns_compare_by_bytes_on_both() {
    for (name, text) in folder("postgres") {
        for line in text.lines() {
            let line = line.trim();
            let is_column = !line.starts_with("--") && line.split_whitespace().nth(1).is_some_and(|t| t == "text");
            assert!(!is_column || line.contains(" collate \"C\""), "{name}: {line}");
        }
    }
}
