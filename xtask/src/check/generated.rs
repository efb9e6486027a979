//! What is generated: the SQLite migrations are the PostgreSQL ones with other type names, so they cannot drift.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::sources::{files_under, shown};
use crate::shell::root;

/// From PostgreSQL's type to SQLite's.
const TYPES: &[(&str, &str)] = &[("uuid", "blob"), ("timestamptz", "text"), ("jsonb", "text"), ("bytea", "blob")];

fn names(folder: &str) -> BTreeSet<String> {
    let files = files_under(&format!("migrations/{folder}"), &["sql"]);
    files.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}

pub fn migration_names() -> anyhow::Result<Vec<String>> {
    let (postgres, sqlite) = (names("postgres"), names("sqlite"));
    let one_sided = postgres.symmetric_difference(&sqlite);
    Ok(one_sided.map(|name| format!("{name} is in one folder only")).collect())
}

/// Generated files that are not what would be generated now, and snapshots nobody has looked at.
pub fn stale() -> anyhow::Result<Vec<String>> {
    let mut places = Vec::new();
    for (path, text) in generate()? {
        if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            places.push(shown(&path));
        }
    }
    for folder in ["app", "crates", "server"] {
        let pending = files_under(folder, &["new"]);
        places.extend(pending.iter().map(|path| format!("{} waits for a decision", shown(path))));
    }
    Ok(places)
}

pub fn write() -> anyhow::Result<()> {
    for (path, text) in generate()? {
        fs::write(path, text)?;
    }
    Ok(())
}

fn generate() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for name in names("postgres") {
        let text = fs::read_to_string(root().join("migrations/postgres").join(&name))?;
        files.push((root().join("migrations/sqlite").join(name), sqlite(&text)));
    }
    Ok(files)
}

/// The SQLite text of a PostgreSQL migration. A type follows the name of its column, so only words after a word count.
fn sqlite(text: &str) -> String {
    let text = text.replace(" collate \"C\"", "");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut after_word = false;
    while !rest.is_empty() {
        let word_length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        if word_length == 0 {
            let other = rest.chars().next().map_or(1, char::len_utf8);
            after_word &= rest.starts_with(' ');
            out.push_str(&rest[..other]);
            rest = &rest[other..];
            continue;
        }
        let word = &rest[..word_length];
        let everywhere = word != "uuid";
        let replaced = TYPES.iter().find(|(from, _)| *from == word && (everywhere || after_word));
        out.push_str(replaced.map_or(word, |(_, to)| to));
        after_word = true;
        rest = &rest[word_length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_changes_its_type_and_nothing_else() {
        let postgres = "create table person (\n    id uuid primary key,\n    name text collate \"C\" not null,\n    at timestamptz, data jsonb, key bytea\n);\n";
        let wanted = "create table person (\n    id blob primary key,\n    name text not null,\n    at text, data text, key blob\n);\n";
        assert_eq!(sqlite(postgres), wanted);
    }
}
