//! Answers that are shown once: to a browser without scripts, the page after a form's redirect shows what the form
//! answered (a new secret, a test). Kept in the database for two minutes, sealed, because the next page may be another
//! server's; gone after the first look.

use chrono::TimeDelta;
use directory::SessionId;
use secrecy::SecretString;
use storage::kept_answers;

use super::vault::Place;
use crate::{Hub, HubError};

/// How long an answer waits to be looked at.
const KEPT: TimeDelta = TimeDelta::minutes(2);
/// How long it stays after the first look: a page may be drawn twice for one request.
const DRAWN: TimeDelta = TimeDelta::seconds(3);

fn sealed_place(row: &str) -> Place<'_> {
    Place { table: "kept_answer", column: "sealed_text", row }
}

impl Hub {
    /// Keeps an answer for the next look of this session at `place`.
    pub async fn keep_answer(&self, session: SessionId, place: &str, answer: &SecretString) -> Result<(), HubError> {
        let row = format!("{session} {place}");
        let sealed = self.vault.seal(&*self.random, sealed_place(&row), answer)?;
        let until = self.clock.now() + KEPT;
        storage::write!(self.database, |tx| {
            Ok::<_, HubError>(kept_answers::put(tx, session, place, sealed.clone(), until).await?)
        })
    }

    /// Takes it. Empty if none waits, or if the sealing key was changed meanwhile.
    pub async fn kept_answer(&self, session: SessionId, place: &str) -> Result<Option<SecretString>, HubError> {
        let now = self.clock.now();
        let waiting = kept_answers::get(&mut self.database.reader(), session, place, now).await?;
        let Some(sealed) = waiting else { return Ok(None) };
        storage::write!(self.database, |tx| {
            Ok::<_, HubError>(kept_answers::shorten(tx, session, place, now + DRAWN).await?)
        })?;
        Ok(self.vault.open(sealed_place(&format!("{session} {place}")), &sealed).ok())
    }
}
