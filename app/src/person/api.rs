//! What the Person page is told.

use directory::{AccountStatus, LinkKind, PersonState};
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{browse::LinkedPanel, problem::ApiError, ui::Moment};

/// Everything on the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonCard {
    pub id: String,
    pub name: String,
    /// What was just done, in words; else empty.
    pub notice: String,
    /// "Payables clerk, Accounts payable".
    pub subtitle: String,
    pub state: PersonState,
    pub disputed: bool,
    pub privileged: bool,
    /// Who checks the password, what is wrong, what comes next: one sentence.
    pub sentence: String,
    pub authorities: Vec<AuthorityLine>,
    pub accounts: Vec<AccountCard>,
    pub profile: Vec<ProfileLine>,
    pub groups: Vec<GroupLine>,
    /// How many groups: "7", "200+".
    pub group_count: String,
    /// The devices they own.
    pub devices: LinkedPanel,
    pub cases: Vec<CaseLine>,
    /// Entries of directories that wait because they may be this person: name, text, since when.
    pub waiting: Vec<(String, String, Moment)>,
    /// "Why did this change?", newest first.
    pub changes: Vec<ChangeLine>,
    /// Living sessions, the last used one first.
    pub sessions: Vec<SessionLine>,
    /// Whoever looks may end them.
    pub may_help: bool,
    /// Directories where their account can be unlocked, for whoever may help: name, label, locked as last seen.
    pub unlockable: Vec<(String, String, bool)>,
    /// The last sign-ins, newest first.
    pub sign_ins: Vec<SignInLine>,
    /// The trace shown: the one asked for, else the newest.
    pub trace: Option<TraceCard>,
}

/// One answer to "who decides what".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityLine {
    /// "Password", "Standing", "Profile".
    pub what: String,
    pub who: String,
    pub note: Option<String>,
}

/// The person as one source sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCard {
    pub username: String,
    pub source: String,
    pub source_label: String,
    pub kind: LinkKind,
    pub status: AccountStatus,
    pub locator: String,
    pub immutable_id: String,
    pub read_at: Option<Moment>,
    pub locked_until: Option<Moment>,
    pub missing_since: Option<Moment>,
    pub privileged: bool,
}

/// One attribute and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileLine {
    pub label: String,
    pub value: String,
    pub origin: String,
    /// Since when, on what occasion, and what other directories say. Empty for names.
    pub note: String,
}

/// One change of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLine {
    pub label: String,
    pub at: Moment,
    pub before: String,
    /// Empty = the person has no such attribute since then.
    pub after: String,
    pub why: String,
}

/// One membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLine {
    pub id: String,
    pub name: String,
    /// Everybody who says so.
    pub origin: String,
}

/// One open question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseLine {
    /// "Collision".
    pub title: String,
    pub text: String,
    /// The other person of the case: (id, name).
    pub other: Option<(String, String)>,
    pub opened_at: Moment,
}

/// One living session, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    pub id: String,
    /// "Firefox on Linux", with the address where the policy keeps it.
    pub browser: String,
    pub started_at: Moment,
    pub last_used_at: Moment,
    /// "Proven by Corporate LDAP. Used for Portal, Wiki."
    pub text: String,
}

/// One past attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLine {
    pub code: String,
    pub at: Moment,
    /// The application, or "Console".
    pub client: String,
    pub signed_in: bool,
    pub row: String,
    /// "Signed in", "Wrong password".
    pub result: String,
    pub took_ms: i64,
}

/// The story of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceCard {
    pub code: String,
    pub at: Moment,
    pub client: String,
    /// The person it led to: (id, name). Empty if the name typed is nobody's.
    pub person: Option<(String, String)>,
    pub source_label: Option<String>,
    pub endpoint: Option<String>,
    pub steps: Vec<TraceStepLine>,
    pub row: String,
    pub signed_in: bool,
    /// What to tell the caller.
    pub say: String,
    pub took_ms: i64,
}

/// One step of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStepLine {
    pub ms: i64,
    pub title: String,
    pub text: String,
    pub note: Option<String>,
    pub tone: TraceTone,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceTone {
    Ok,
    Bad,
    End,
}

/// One person; with the trace of this code, or the newest.
#[server(prefix = "/api", endpoint = "person", input = GetUrl)]
pub async fn read_person(id: String, code: String, #[server(default)] done: String) -> Result<PersonCard, ApiError> {
    use crate::caller::{failed, not_found};
    let (hub, finder): (_, hub::kernel::capability::FindPeople) = crate::caller::permit().await?;
    let id = id.parse().map_err(|_| not_found("This person"))?;
    let manages = hub.permit::<hub::kernel::capability::ManageSources>(Some(finder.session_id())).await.ok();
    let page = hub.person_page(&finder, manages.as_ref(), id).await.map_err(failed)?;
    let page = page.ok_or_else(|| not_found("This person"))?;
    let traces = hub.traces_of(&finder, id, super::read::SHOWN).await.map_err(failed)?;
    let names = super::read::Names::read(&hub).await?;
    let sessions = hub.sessions_of(&finder, id).await.map_err(failed)?;
    let may_help = hub.permit::<hub::kernel::capability::HelpPeople>(Some(finder.session_id())).await.is_ok();
    let unlockable = if may_help { hub.unlockable_at(&finder, id).await.map_err(failed)? } else { Vec::new() };
    let unlockable = unlockable.into_iter().map(|at| (at.source, at.label, at.locked)).collect();
    let card = super::read::card(page, traces, (sessions, may_help), &code, &names);
    Ok(PersonCard { unlockable, notice: super::read::notice(&done).to_owned(), ..card })
}

/// Lets a person try again at once: what the hub counted and remembered of wrong passwords is forgotten.
#[server(prefix = "/api", endpoint = "unlock-person")]
pub async fn unlock_person(id: String) -> Result<(), ApiError> {
    use crate::caller::{failed, not_found};
    let (hub, helper): (_, hub::kernel::capability::HelpPeople) = crate::caller::permit().await?;
    let person = id.parse().map_err(|_| not_found("This person"))?;
    hub.unlock_here(&helper, person).await.map_err(failed)?;
    leptos_axum::redirect(&format!("/console/people/{person}?done=unlocked"));
    Ok(())
}

/// The same at the directory, where that is switched on.
#[server(prefix = "/api", endpoint = "unlock-at-source")]
pub async fn unlock_at_source(id: String, source: String) -> Result<(), ApiError> {
    use crate::caller::{failed, not_found};
    use hub::sign_in::UnlockedAtSource;
    let (hub, helper): (_, hub::kernel::capability::HelpPeople) = crate::caller::permit().await?;
    let person = id.parse().map_err(|_| not_found("This person"))?;
    let done = hub.unlock_at_source(&helper, person, &source).await.map_err(failed)?;
    let done = match done {
        UnlockedAtSource::Unlocked => "unlocked-there",
        UnlockedAtSource::WasNotLocked => "was-not-locked",
    };
    leptos_axum::redirect(&format!("/console/people/{person}?done={done}"));
    Ok(())
}

/// Ends one session of a person, or with an empty `session` all of them.
#[server(prefix = "/api", endpoint = "end-sessions")]
pub async fn end_sessions(id: String, session: String, reason: String) -> Result<(), ApiError> {
    use crate::caller::{failed, not_found};
    let (hub, helper): (_, hub::kernel::capability::HelpPeople) = crate::caller::permit().await?;
    let person = id.parse().map_err(|_| not_found("This person"))?;
    let ended = if session.is_empty() {
        hub.end_sessions_of(&helper, person, &reason).await
    } else {
        let session = session.parse().map_err(|_| not_found("This session"))?;
        hub.end_session_of(&helper, person, session, &reason).await
    };
    ended.map_err(failed)?;
    leptos_axum::redirect(&format!("/console/people/{person}?done=signed-out"));
    Ok(())
}
