//! What the Sources page is told.

use directory::{SourceKind, SourceMode};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::problem::ApiError;

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceList {
    pub lines: Vec<SourceLine>,
}

/// One source in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLine {
    pub name: String,
    pub label: String,
    pub kind: SourceKind,
    /// The first address.
    pub address: String,
    pub mode: SourceMode,
    /// A sign-in would find it down right now.
    pub down: bool,
    /// Why, if it is misconfigured.
    pub trouble: Option<String>,
    /// "214", or "10,000+"; people with an account there.
    pub people: String,
    pub domains: String,
}
