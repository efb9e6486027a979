//! A source that hands its stored passwords over: the hub compares, and the source sees no attempt. So there is no
//! budget to keep; too many consecutive failures pause the comparison instead (row D2c), and guesses at people that
//! the hub does not know yet are limited by the throttle.

use connector::Connector;
use credential::{
    Password, Verdict,
    legacy::{self, Hints},
};
use directory::{Account, AdapterResult, CredentialAuthority, SourceEntry, SourceMode, StoredScheme};
use secrecy::SecretString;
use storage::people::People;
use tracing::Instrument as _;

use super::{
    broker::Broker,
    contact::{Contacted, settled_since},
    decision::SourceAnswer,
    lookup::{answer_of, note_contact, said},
    measure,
};
use crate::{HubError, connections::LiveSource};

/// What comparing came to.
pub(super) enum Comparison {
    Done(Contacted),
    /// Only the old application can: it is asked like a directory, with a place of the budget.
    CallOut(SecretString),
}

impl Broker<'_> {
    /// Compares, or says that the old application is to be asked.
    pub(super) async fn compare(
        &mut self,
        connector: &dyn Connector,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<Comparison, HubError> {
        let stored = match self.stored(connector, live, entry, account).await? {
            Ok(stored) => stored,
            Err(contacted) => return Ok(Comparison::Done(contacted)),
        };
        if legacy::scheme_of(&stored, &Hints::default()) == StoredScheme::CallOut {
            if self.moves_now(live, entry, account).await? {
                let text =
                    format!("Only the old application knows what {} stores: it is asked this once.", live.source.label);
                self.trace.ok("Stored password", text, None);
                return Ok(Comparison::CallOut(stored));
            }
            let text = "Only the old application knows what is stored, and it is asked only while people are moved.";
            self.trace.bad("Stored password", text, Some(format!("mode {}", live.source.mode)));
            return Ok(Comparison::Done(self.compared(AdapterResult::Unverifiable, entry)));
        }
        self.compare_stored(live, entry, account, stored, password).await.map(Comparison::Done)
    }

    /// Whether a right answer makes the password the hub's own, so that nobody asks for this person again.
    async fn moves_now(
        &self,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
    ) -> Result<bool, HubError> {
        let source = &live.source;
        if source.shadow || !settled_since(source, entry, self.hub.clock.now()) {
            return Ok(false);
        }
        let Some(account) = account else { return Ok(source.mode == SourceMode::Capture && source.just_in_time) };
        if !matches!(source.mode, SourceMode::Capture | SourceMode::Draining) {
            return Ok(false);
        }
        let person = People(&mut self.hub.database.reader()).by_id(account.person_id).await?;
        Ok(person.is_some_and(|person| match person.credential_authority {
            CredentialAuthority::Source(authority) => authority == source.id,
            // Of the hub: its verifier is older than what is stored there now (row D1b).
            CredentialAuthority::Hub | CredentialAuthority::None => true,
        }))
    }

    /// The stored password of an entry that was just read; or what comes of there being none to compare with.
    async fn stored(
        &mut self,
        connector: &dyn Connector,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
    ) -> Result<Result<SecretString, Contacted>, HubError> {
        if let Some(account) = account
            && self.is_paused(account.person_id).await?
        {
            self.trace.bad("Stored password", "Not compared: too many consecutive failures.", None);
            return Ok(Err(Contacted::without_bind(SourceAnswer::Paused)));
        }
        let span = measure::asking("stored-password", &live.source.name);
        let stored = connector.stored_password(entry).instrument(span).await;
        note_contact(self.hub, live, stored.as_ref().err().map(|trouble| trouble.kind));
        match stored {
            Ok(Some(stored)) => Ok(Ok(stored)),
            Ok(None) => {
                let label = &live.source.label;
                let text = format!("{label} has no stored password of this person, or does not say how it was made.");
                self.trace.bad("Stored password", text, None);
                Ok(Err(self.compared(AdapterResult::Unverifiable, entry)))
            }
            Err(trouble) => {
                self.trace.bad("Stored password", "It could not be read.", Some(trouble.to_string()));
                let answer = answer_of(trouble.kind);
                Ok(Err(Contacted { endpoint: Some(trouble.endpoint), ..Contacted::without_bind(answer) }))
            }
        }
    }

    async fn compare_stored(
        &mut self,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
        stored: SecretString,
        password: &Password,
    ) -> Result<Contacted, HubError> {
        let label = &live.source.label;
        let digest = self.digest_of(live, entry, account, Some(&stored), password);
        if self.is_known_wrong((live.source.id, &entry.immutable_id), &digest).await {
            self.trace.bad("Stored password", "The same wrong password was typed before.", None);
            return Ok(Contacted::without_bind(SourceAnswer::Repeated));
        }
        let contacted = match self.hub.state.passwords.verify_stored(stored, password).await? {
            Ok(Verdict::Right { .. }) => {
                let note = Some("the typed password did not leave the hub".to_owned());
                self.trace.ok("Stored password", format!("The one stored in {label} agrees."), note);
                self.compared(AdapterResult::Ok, entry)
            }
            Ok(Verdict::Wrong) => {
                self.trace.bad("Stored password", format!("The one stored in {label} does not agree."), None);
                self.compared(AdapterResult::BadPassword, entry)
            }
            Err(why) => {
                let text = format!("The one stored in {label} cannot be verified: {why}.");
                self.trace.bad("Stored password", text, None);
                self.compared(AdapterResult::Unverifiable, entry)
            }
        };
        Ok(Contacted { digest: Some(digest), ..contacted })
    }

    fn compared(&self, result: AdapterResult, entry: &SourceEntry) -> Contacted {
        let answer = match result {
            AdapterResult::Ok => SourceAnswer::Said { result, proves_password: true },
            other => said(other),
        };
        Contacted { endpoint: Some(entry.server.clone()), ..Contacted::without_bind(answer) }
    }
}
