//! What the pages of one source ask and are told.

use directory::{SourceKind, SourceMode};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::form::SourceForm;
use crate::{problem::ApiError, ui::Moment};

/// Everything on the page of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCard {
    pub name: String,
    pub label: String,
    pub kind: SourceKind,
    pub mode: SourceMode,
    pub revision: i64,
    pub down: bool,
    pub trouble: Option<String>,
    /// People with an account there.
    pub people: String,
    /// Settings worth reading at a glance: (what, value).
    pub facts: Vec<(String, String)>,
    pub updated_at: Moment,
    /// The live test, if the address asks for one.
    pub test: Option<TestReport>,
    /// What just happened: `saved`, `mode`, `proposed`.
    pub notice: String,
}

/// A live test, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    pub steps: Vec<TestStep>,
    /// What the test of a named person found.
    pub person: Option<PersonTest>,
}

/// One step, with advice if it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestStep {
    pub name: String,
    pub passed: bool,
    pub detail: String,
    pub remedy: Option<String>,
    pub milliseconds: u64,
}

/// What the source says about a named person. Nothing was created and nothing captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonTest {
    /// The name that was looked up.
    pub typed: String,
    pub found: Option<FoundPerson>,
    /// One sentence: nobody, several, or what a sign-in would do.
    pub verdict: String,
    /// What the source said to the password, if one was given.
    pub password: Option<String>,
}

/// The entry, as the hub would read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPerson {
    pub locator: String,
    pub immutable_id: String,
    /// (attribute, value).
    pub attributes: Vec<(String, String)>,
    pub groups: Vec<String>,
    pub status: String,
    pub lockout: String,
}
