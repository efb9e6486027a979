//! The import rule between crates, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde::Deserialize;

use crate::shell::{cargo, output};

/// Who may import whom (normal dependencies). A crate that is missing here may not exist.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("directory", &[]),
    ("credential", &["directory"]),
    ("oidc", &["directory"]),
    ("profile", &["directory"]),
    ("matching", &["directory"]),
    ("wave", &["directory"]),
    ("connector", &["directory"]),
    ("connector-entra", &["connector", "directory"]),
    ("connector-file", &["connector", "directory"]),
    ("connector-ldap", &["connector", "directory"]),
    ("connector-scim", &["connector", "directory"]),
    ("connector-sql", &["connector", "directory"]),
    ("storage", &["directory", "credential", "oidc", "profile", "matching", "wave"]),
    ("hub", &["storage", "connector", "matching", "wave", "profile", "oidc", "credential", "directory"]),
    ("app", &["hub", "directory"]),
    ("frontend", &["app"]),
    ("demo", &["directory", "oidc"]),
    (
        "server",
        &[
            "app",
            "hub",
            "connector",
            "connector-entra",
            "connector-file",
            "connector-ldap",
            "connector-scim",
            "connector-sql",
            "storage",
            "oidc",
            "demo",
            "directory",
        ],
    ),
    ("testkit", &["directory", "connector", "oidc", "demo", "credential"]),
    ("bench", &["testkit"]),
    ("xtask", &[]),
];

/// Only tests may depend on it, and the bench, which is one of a kind.
const TESTS_ONLY: &str = "testkit";

const PURE: &[&str] = &["directory", "credential", "oidc", "profile", "matching", "wave"];
const OUTSIDE: &[&str] = &["tokio", "sqlx", "axum", "reqwest", "leptos"];
const NAMES_SQLX: &[&str] = &["storage", "connector-sql", "testkit", "demo"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for a normal one, else `dev` or `build`.
    kind: Option<String>,
}

/// Normal dependencies by package.
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub fn read() -> anyhow::Result<Self> {
        let metadata = output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))
            .context("cargo metadata failed; is Cargo.lock up to date?")?;
        let metadata: Metadata = serde_json::from_str(&metadata)?;
        let normal = |package: Package| {
            let dependencies = package.dependencies.into_iter().filter(|dependency| dependency.kind.is_none());
            (package.name, dependencies.map(|dependency| dependency.name).collect())
        };
        Ok(Self(metadata.packages.into_iter().map(normal).collect()))
    }

    /// The places where the rule does not hold.
    pub fn check(&self) -> Vec<String> {
        let mut places = Vec::new();
        for (package, imports) in &self.0 {
            let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| name == package) else {
                places.push(format!("{package} has no place in the import rule: add it to xtask/src/check/imports.rs"));
                continue;
            };
            for import in imports.iter().filter(|import| self.0.contains_key(*import)) {
                if allowed.contains(&import.as_str()) {
                    continue;
                }
                let why = if import == TESTS_ONLY { ", which is for tests only" } else { "" };
                places.push(format!("{package} imports {import}{why}"));
            }
        }
        places
    }

    /// Foreign crates that only some of ours may name.
    pub fn check_foreign(&self) -> Vec<String> {
        let mut places = Vec::new();
        for (package, imports) in &self.0 {
            let pure = PURE.contains(&package.as_str());
            for outside in OUTSIDE.iter().filter(|outside| pure && imports.contains(**outside)) {
                places.push(format!("{package} is pure and imports {outside}"));
            }
            if imports.contains("sqlx") && !NAMES_SQLX.contains(&package.as_str()) {
                places.push(format!("{package} imports sqlx"));
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Graph(edges.iter().map(|(name, imports)| ((*name).to_owned(), set(imports))).collect())
    }

    #[test]
    fn an_arrow_never_points_up_or_sideways() {
        let fine = graph(&[("directory", &["serde"]), ("storage", &["directory", "sqlx"]), ("hub", &["storage"])]);
        assert!(fine.check().is_empty() && fine.check_foreign().is_empty());
        assert_eq!(graph(&[("storage", &["hub"]), ("hub", &[])]).check(), ["storage imports hub"]);
        assert_eq!(graph(&[("app", &["storage"]), ("storage", &[])]).check(), ["app imports storage"]);
        assert_eq!(graph(&[("hub", &["testkit"]), ("testkit", &[])]).check().len(), 1);
        assert_eq!(graph(&[("stranger", &[])]).check().len(), 1);
    }

    #[test]
    fn pure_crates_stay_pure_and_only_storage_names_sqlx() {
        assert_eq!(graph(&[("oidc", &["tokio"])]).check_foreign(), ["oidc is pure and imports tokio"]);
        assert_eq!(graph(&[("hub", &["sqlx"])]).check_foreign(), ["hub imports sqlx"]);
    }
}
