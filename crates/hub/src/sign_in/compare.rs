//! A source that hands its stored passwords over: the hub compares, and the source sees no attempt. So there is no
//! budget to keep; too many consecutive failures pause the comparison instead (row D2c), and guesses at people that
//! the hub does not know yet are limited by the throttle.

use connector::Connector;
use credential::{Password, Verdict};
use directory::{Account, AdapterResult, SourceEntry};
use tracing::Instrument as _;

use super::{
    broker::Broker,
    contact::Contacted,
    decision::SourceAnswer,
    lookup::{answer_of, note_contact, said},
    measure,
};
use crate::{HubError, connections::LiveSource};

impl Broker<'_> {
    /// Reads the stored password of an entry that was just read, and compares.
    pub(super) async fn compare(
        &mut self,
        connector: &dyn Connector,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<Contacted, HubError> {
        let label = &live.source.label;
        if let Some(account) = account
            && self.is_paused(account.person_id).await?
        {
            self.trace.bad("Stored password", "Not compared: too many consecutive failures.", None);
            return Ok(Contacted::without_bind(SourceAnswer::Paused));
        }
        let span = measure::asking("stored-password", &live.source.name);
        let stored = connector.stored_password(entry).instrument(span).await;
        note_contact(self.hub, live, stored.as_ref().err().map(|trouble| trouble.kind));
        let stored = match stored {
            Ok(Some(stored)) => stored,
            Ok(None) => {
                let text = format!("{label} has no stored password of this person, or does not say how it was made.");
                self.trace.bad("Stored password", text, None);
                return Ok(self.compared(AdapterResult::Unverifiable, entry));
            }
            Err(trouble) => {
                self.trace.bad("Stored password", "It could not be read.", Some(trouble.to_string()));
                return Ok(Contacted {
                    endpoint: Some(trouble.endpoint),
                    ..Contacted::without_bind(answer_of(trouble.kind))
                });
            }
        };
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
