//! What the Apps pages ask and are told.

use std::collections::BTreeMap;

use directory::{ClientAuthentication, ConsentPolicy};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{form::AppForm, snippet::Snippet};
use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// All applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppList {
    pub lines: Vec<AppLine>,
}

/// One in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLine {
    pub id: String,
    pub name: String,
    pub redirect_uri: String,
    pub authentication: ClientAuthentication,
    /// The names of the sources its people came from.
    pub sources: String,
}

/// Everything on the page of one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCard {
    pub form: AppForm,
    pub consent: ConsentPolicy,
    pub authentication: ClientAuthentication,
    pub sources: Vec<String>,
    pub snippet: Snippet,
    /// Starts a sign-in as the application would.
    pub test_link: String,
    pub updated_at: Moment,
    /// Published groups and, if searched for, others to publish: (value, label), ticked or not.
    pub groups: Vec<(Choice, bool)>,
    /// What was searched for among the groups.
    pub group_search: String,
    /// The secret, once, if it was just made and the browser runs no scripts.
    pub secret: Option<String>,
    /// `registered`, `saved`, `groups`.
    pub notice: String,
}

/// What a change of an application answers to a page with scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppChanged {
    pub id: String,
    pub name: String,
    /// Shown once.
    pub secret: Option<String>,
}

/// Ticked boxes of a form: what they stand for is the key.
pub type Ticks = BTreeMap<String, String>;
