//! What the pages of the wizard ask and are told.

use std::collections::BTreeMap;

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{problem::ApiError, ui::Choice};

/// One step, ready to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WizardPage {
    pub title: String,
    pub lede: String,
    /// Empty before the first step was sent.
    pub draft: String,
    pub revision: i64,
    pub step: String,
    pub steps: Vec<WizardLink>,
    /// What was entered could not be taken: (field, why).
    pub problem: Option<(String, String)>,
    pub heading: String,
    pub hint: String,
    pub fields: Vec<WizardField>,
    /// Other kinds of sources, before one was begun: address and word.
    pub others: Vec<(String, String)>,
    pub report: Option<WizardReport>,
    /// Title and facts of a panel beside the report: what was found, what would be created, what will be saved.
    pub facts_title: String,
    pub facts: Vec<(String, String)>,
    /// Ways to take these facts over into the form, which then is sent with what stands in it: each a button.
    pub offers: Vec<Choice>,
    /// The word on the button.
    pub go: String,
    /// Where and how to go on, once the step went well.
    pub next: Option<(String, String)>,
    pub back: Option<(String, String)>,
}

/// One line of the list of steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WizardLink {
    pub label: String,
    pub hint: String,
    /// Empty where one cannot go yet.
    pub href: String,
    pub done: bool,
    pub current: bool,
}

/// One field. `kind` is `text`, `number`, `password`, `lines`, `pick`, `check` or `hidden`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WizardField {
    pub id: String,
    pub label: String,
    pub value: String,
    pub hint: String,
    pub kind: String,
    /// To pick from; of a text, to choose from or not.
    pub choices: Vec<Choice>,
    pub required: bool,
}

/// What the last try saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WizardReport {
    pub verdict: String,
    pub good: bool,
    pub checks: Vec<WizardCheck>,
}

/// One line of it. `tone` is `pass`, `warn`, `fail` or `wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WizardCheck {
    pub tone: String,
    pub title: String,
    pub detail: String,
    /// What it means, what to do, what to ask for.
    pub advice: Vec<String>,
    pub value: String,
}

/// One step of a draft, or of none yet. Nothing is dialled.
#[server(prefix = "/api", endpoint = "source-wizard", input = GetUrl)]
pub async fn read_wizard(draft: String, step: String, kind: String) -> Result<WizardPage, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    super::read::page(&hub, &by, &draft, &step, &kind).await
}

/// Takes what was entered at one step, tries it live, and leads to the page that shows how it went.
#[server(prefix = "/api", endpoint = "source-wizard-step")]
pub async fn wizard_step(
    step: String,
    #[server(default)] draft: String,
    #[server(default)] revision: i64,
    #[server(default)] values: BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let link = super::write::take(&hub, &by, &step, (&draft, revision), values).await?;
    leptos_axum::redirect(&link);
    Ok(())
}
