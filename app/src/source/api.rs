//! What the pages of one source ask and are told.

use directory::{SourceKind, SourceMode};
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use super::form::SourceForm;
use crate::{imports::ImportsCard, problem::ApiError, ui::Moment};

/// Everything on the page of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCard {
    pub name: String,
    pub label: String,
    pub kind: SourceKind,
    pub mode: SourceMode,
    /// What it does for people in this mode, in one sentence.
    pub meaning: String,
    /// Whether a typed password can be tried there.
    pub takes_passwords: bool,
    pub revision: i64,
    pub down: bool,
    pub trouble: Option<String>,
    /// People with an account there.
    pub people: String,
    pub hosts: Vec<HostLine>,
    /// Settings worth reading at a glance: (what, value).
    pub facts: Vec<(String, String)>,
    /// Stored passwords of its people by kind; empty where it shows none or nobody has looked.
    pub passwords: Vec<PasswordLine>,
    /// Its imports; none where it hands nobody over.
    pub imports: Option<ImportsCard>,
    pub updated_at: Moment,
    /// The live test, if the address asks for one.
    pub test: Option<TestReport>,
    /// What just happened: `saved`, `mode`, `proposed`.
    pub notice: String,
    /// Whoever looks may change and try it.
    pub editable: bool,
}

/// One of its servers, as the hub's server that drew the page last met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLine {
    pub host: String,
    /// The class of its dot, and its state in a word.
    pub state: (String, String),
    /// Whether it is in use, and how fast it is.
    pub hint: String,
    pub last_success: Option<Moment>,
    pub last_trouble: Option<(Moment, String)>,
}

/// One kind of stored password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordLine {
    pub scheme: String,
    /// How many people, and how many of them the hub checks by now.
    pub people: String,
    /// What follows for them, in words.
    pub remark: String,
    pub read_at: Moment,
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

/// What saving or trying a form answers to a page with scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaveAnswer {
    Saved,
    /// The settings were only tried.
    Tested(Box<TestReport>),
}

/// One source; with a live test, if asked for.
#[server(prefix = "/api", endpoint = "source")]
pub async fn read_source(name: String, test: bool, person: String, done: String) -> Result<SourceCard, ApiError> {
    use crate::caller::failed;
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let overview = hub.source_by_name(&by, &name).await.map_err(failed)?;
    let report = if test {
        // Trying a directory dials it with its service account: that is not reading any more.
        let (_, tester): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
        Some(super::read::report(&hub, &tester, &overview.source, &person).await?)
    } else {
        super::read::kept_report(&hub, by.session_id(), &name).await
    };
    let editable = hub.permit::<hub::kernel::capability::ManageSources>(Some(by.session_id())).await.is_ok();
    let coverage = hub.password_coverage(&by, overview.source.id).await.map_err(failed)?;
    let passwords = coverage.into_iter().map(super::read::password_line).collect();
    let imports = crate::imports::read::imports_card(&hub, &by, &overview.source, editable).await?;
    let writing = super::read::write_form(&hub, &by, &overview.source).await?;
    let mut card = super::read::card(&overview, report, done, editable);
    card.facts.extend(writing.as_ref().map(super::read::writing_fact));
    Ok(SourceCard { passwords, imports, ..card })
}

/// The settings of a source. The secret is not among them.
#[server(prefix = "/api", endpoint = "source-settings", input = GetUrl)]
pub async fn settings_of(name: String) -> Result<SourceForm, ApiError> {
    use directory::SourceDraft;
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let overview = hub.source_by_name(&by, &name).await.map_err(crate::caller::failed)?;
    let source = &overview.source;
    let form = super::read::form_of(&SourceDraft::from(source), source.name.clone(), source.revision);
    let writing = super::read::write_form(&hub, &by, source).await?;
    Ok(SourceForm { writing, ..form })
}

/// Changes a source; with `then=test` only tries the settings.
#[server(prefix = "/api", endpoint = "save-source")]
pub async fn save_source(form: SourceForm, #[server(default)] then: String) -> Result<SaveAnswer, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    if then == "test" {
        return super::write::test(&hub, &by, form).await.map(|report| SaveAnswer::Tested(Box::new(report)));
    }
    let link = super::write::save(&hub, &by, form).await?;
    leptos_axum::redirect(&link);
    Ok(SaveAnswer::Saved)
}

/// Switches the mode of a source.
#[server(prefix = "/api", endpoint = "set-source-mode")]
pub async fn set_mode(name: String, revision: i64, mode: String) -> Result<(), ApiError> {
    use crate::caller::failed;
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let mode: SourceMode =
        mode.parse().map_err(|_| ApiError::Invalid { field: "mode".into(), message: "Choose a mode.".into() })?;
    let overview = hub.source_by_name(&(&by).into(), &name).await.map_err(failed)?;
    let change = hub.set_source_mode(&by, overview.source.id, revision, mode).await.map_err(failed)?;
    leptos_axum::redirect(&super::write::link_after(&change.source.name, change.proposal.is_some(), "mode"));
    Ok(())
}

/// Asks the source about a named person's password, once. Neither creates nor captures anybody.
#[server(prefix = "/api", endpoint = "test-source-password")]
pub async fn test_password(name: String, person: String, password: String) -> Result<PersonTest, ApiError> {
    use crate::caller::failed;
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let id = hub.source_by_name(&(&by).into(), &name).await.map_err(failed)?.source.id;
    let test = hub.test_source_person(&by, id, &person, Some(password.into())).await.map_err(failed)?;
    let test = super::read::person_test(person, test);
    if crate::flash::without_scripts() {
        super::read::keep_report(&hub, by.session_id(), &name, &test).await;
    }
    Ok(test)
}
