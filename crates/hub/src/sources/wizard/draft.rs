//! Drafts between two steps. They are kept in the database, sealed, and never in the browser: the service account's
//! password never goes back to one. Nor in a server's memory: the next step may be answered by another server, or by
//! this one after a restart, and a browser without scripts carries nothing but the draft's id.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use connector::{Catalogue, Survey};
use directory::{PersonId, SourceDraft};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use storage::{
    lease::Lease,
    source_drafts::{self, SourceDraftRow},
};
use uuid::Uuid;

use super::{PersonPreview, Report, WizardProblem, WizardStep};
use crate::{Hub, HubError, kernel::vault::Place};

/// A draft that nobody went on with for this long is forgotten.
const KEPT: TimeDelta = TimeDelta::hours(12);
/// Drafts of one person; the oldest makes room.
const MOST: usize = 5;

/// Everything entered and found so far.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) settings: SourceDraft,
    /// The service account's password, as long as address, TLS settings and account are those it was entered for.
    secret: Option<String>,
    pub(super) passed: BTreeSet<WizardStep>,
    pub(super) reports: BTreeMap<WizardStep, Report>,
    pub(super) survey: Option<Survey>,
    pub(super) catalogue: Option<Catalogue>,
    pub(super) person: Option<PersonPreview>,
    pub(super) problem: Option<WizardProblem>,
}

impl Drop for State {
    fn drop(&mut self) {
        self.forget_secret();
    }
}

impl State {
    pub(super) fn new(settings: SourceDraft) -> Self {
        Self {
            settings,
            secret: None,
            passed: BTreeSet::new(),
            reports: BTreeMap::new(),
            survey: None,
            catalogue: None,
            person: None,
            problem: None,
        }
    }

    pub(super) fn secret(&self) -> Option<SecretString> {
        self.secret.clone().map(SecretString::from)
    }

    pub(super) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    pub(super) fn remember(&mut self, secret: &SecretString) {
        self.secret = Some(secret.expose_secret().to_owned());
    }

    pub(super) fn forget_secret(&mut self) {
        if let Some(secret) = &mut self.secret {
            zeroize::Zeroize::zeroize(secret);
        }
        self.secret = None;
    }

    /// This step and what stands on it must be gone through again.
    pub(super) fn reopen(&mut self, step: WizardStep) {
        self.passed.retain(|passed| *passed < step);
        self.reports.retain(|reported, _| *reported < step);
        if step <= WizardStep::Account {
            self.survey = None;
            self.catalogue = None;
        }
        self.person = None;
    }
}

/// A draft and its place in the database.
pub(super) struct Draft {
    pub(super) id: Uuid,
    pub(super) revision: i64,
    pub(super) state: State,
}

fn place(row: &str) -> Place<'_> {
    Place { table: "source_draft", column: "sealed", row }
}

const GONE: HubError = HubError::NotFound("This draft of a directory");

impl Hub {
    pub(super) async fn draft(&self, owner: PersonId, id: Uuid) -> Result<Draft, HubError> {
        let row = source_drafts::get(&mut self.database.reader(), id, owner).await?.ok_or(GONE)?;
        if self.clock.now() - row.updated_at > KEPT {
            return Err(GONE);
        }
        // Sealed with a key that is no longer in use: as good as forgotten.
        let Ok(text) = self.vault.open(place(&id.to_string()), &row.sealed) else { return Err(GONE) };
        let state = serde_json::from_str(text.expose_secret())
            .map_err(|error| HubError::Internal(format!("a draft of a directory cannot be read: {error}")))?;
        Ok(Draft { id, revision: row.revision, state })
    }

    fn sealed(&self, draft: &Draft) -> Result<SourceDraftRow, HubError> {
        let text = serde_json::to_string(&draft.state).map_err(|error| HubError::Internal(error.to_string()))?;
        let sealed = self.vault.seal(&*self.random, place(&draft.id.to_string()), &SecretString::from(text))?;
        let updated_at = storage::to_microseconds(self.clock.now());
        Ok(SourceDraftRow { id: draft.id, sealed, revision: draft.revision, updated_at })
    }

    /// Keeps a new draft.
    pub(super) async fn keep_draft(&self, owner: PersonId, state: State) -> Result<Draft, HubError> {
        let draft = Draft { id: self.random.id(self.clock.now()), revision: 1, state };
        let row = self.sealed(&draft)?;
        let kept: Result<(), HubError> = storage::write!(self.database, |tx| {
            let before = source_drafts::of_person(tx, owner).await?;
            for old in before.iter().skip(MOST - 1) {
                source_drafts::delete(tx, old.id, owner).await?;
            }
            Ok(source_drafts::insert(tx, owner, &row).await?)
        });
        kept.map(|()| draft)
    }

    /// Keeps what a step made of a draft, unless another window has gone on with it meanwhile.
    pub(super) async fn change_draft(&self, owner: PersonId, mut draft: Draft) -> Result<Draft, HubError> {
        let row = self.sealed(&draft)?;
        let changed: Result<bool, HubError> =
            storage::write!(self.database, |tx| { Ok(source_drafts::update(tx, owner, &row).await?) });
        if !changed? {
            return Err(storage::StorageError::Stale { what: "This draft of a directory" }.into());
        }
        draft.revision += 1;
        Ok(draft)
    }

    /// Forgets drafts that nobody went on with; how many.
    pub async fn forget_source_drafts(&self, lease: &Lease) -> Result<u64, HubError> {
        let before = self.clock.now() - KEPT;
        storage::write!(self.under(lease), |tx| { Ok(source_drafts::forget_before(tx, before).await?) })
    }
}
