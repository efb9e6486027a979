//! Files short enough to be read at one sitting.

use std::fs;

use super::sources::{files_under, shown};

const LONGEST: usize = 600;

pub fn files() -> anyhow::Result<Vec<String>> {
    let mut places = Vec::new();
    for folder in ["app", "crates", "docs", "end2end", "frontend", "migrations", "server", "style", "xtask"] {
        for path in files_under(folder, &["rs", "css", "sql", "mjs", "md"]) {
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > LONGEST {
                places.push(format!("{} has {lines}", shown(&path)));
            }
        }
    }
    Ok(places)
}
