//! "Set a password here": for somebody whom the provider has just proven while their source is captured (row D6r), and
//! for somebody whose password there has expired (row D11).

use chrono::TimeDelta;
use directory::{CredentialAuthority, PersonState, Policy, Source};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Transaction,
    cases::Cases,
    devices::Devices,
    people::People,
    redirects::{PasswordOffer, Redirects},
    throttle::Throttle,
};

use super::RedirectCaller;
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record, vault::token_digest},
    mirror,
    password::username_of,
    session::{self, NewSession, ProvenBy, Reach, SeenAs, Session},
    sign_in::{CodeStep, PasswordOffered, SignInAnswer},
};

/// How long somebody may think about a password.
pub(super) const OFFER_TIME: TimeDelta = TimeDelta::minutes(15);
/// How often it can be put off.
const SKIPS: i64 = 3;

/// What the page sends.
pub enum PasswordOfferChoice {
    Set { new: SecretString, repeated: SecretString },
    Skip,
}

/// What came of it.
#[derive(Debug)]
pub enum PasswordOfferAnswer {
    /// In: always [`SignInAnswer::SignedIn`].
    SignedIn(SignInAnswer),
    /// Not this password, and why; the same page again.
    Again { offered: PasswordOffered, new: Option<String>, repeated: Option<String> },
    /// It took too long, or was finished.
    Ended,
}

impl Hub {
    /// Keeps the offer, inside the transaction of the decision.
    pub(in crate::sign_in) async fn offer_password(
        &self,
        tx: &mut Transaction,
        person: &directory::Person,
        (source, client, methods): (directory::SourceId, Option<directory::ClientId>, Vec<String>),
        required: bool,
    ) -> Result<PasswordOffered, HubError> {
        let token = SecretString::from(self.random.token());
        let now = self.clock.now();
        Redirects(tx).forget(now).await?;
        let digest = token_digest(token.expose_secret());
        let expires_at = now + OFFER_TIME;
        let offer = PasswordOffer { digest, person: person.id, source, client, methods, required, expires_at };
        Redirects(tx).insert_offer(&offer).await?;
        self.offered(tx, person, CodeStep(token), required).await
    }

    async fn offered(
        &self,
        queries: &mut impl storage::Queries,
        person: &directory::Person,
        step: CodeStep,
        required: bool,
    ) -> Result<PasswordOffered, HubError> {
        let accounts = storage::accounts::Accounts(queries).of_person(person.id).await?;
        let username = match username_of(queries, person.id).await? {
            Some(name) => Some(name),
            None => accounts.into_iter().find_map(|account| account.username),
        };
        let may_skip = !required && Redirects(queries).skipped(person.id).await? < SKIPS;
        Ok(PasswordOffered { step, display_name: person.display_name.clone(), username, may_skip })
    }

    /// Takes or puts off the offer, and lets the person in.
    pub async fn finish_password_offer(
        &self,
        step: &SecretString,
        choice: PasswordOfferChoice,
        caller: &RedirectCaller,
    ) -> Result<PasswordOfferAnswer, HubError> {
        let digest = token_digest(step.expose_secret());
        let mut reader = self.database.reader();
        let waiting = Redirects(&mut reader).offer(&digest).await?.filter(|offer| self.clock.now() < offer.expires_at);
        let Some(offer) = waiting else { return Ok(PasswordOfferAnswer::Ended) };
        let Some(person) = People(&mut reader).by_id(offer.person).await? else {
            return Ok(PasswordOfferAnswer::Ended);
        };
        let offered = self.offered(&mut reader, &person, CodeStep(step.clone()), offer.required).await?;
        let new = match self.chosen(&offer, choice, offered.may_skip).await? {
            Ok(new) => new,
            Err((new, repeated)) => return Ok(PasswordOfferAnswer::Again { offered, new, repeated }),
        };
        let policy = self.policy_now().await?;
        let live = self.live_source(offer.source).await?;
        let done = storage::write!(self.database, |tx| {
            self.close_offer(tx, &live.source, &digest, new.as_deref(), caller, &policy).await
        })?;
        Ok(match done {
            Some((session, cookie)) => PasswordOfferAnswer::SignedIn(SignInAnswer::SignedIn {
                session,
                new_device_cookie: Some(cookie),
                offline: false,
                banner: None,
            }),
            None => PasswordOfferAnswer::Ended,
        })
    }

    /// The verifier of the new password, nothing where it is put off, or what is wrong with each field.
    async fn chosen(
        &self,
        offer: &PasswordOffer,
        choice: PasswordOfferChoice,
        may_skip: bool,
    ) -> Result<Result<Option<String>, Problems>, HubError> {
        let (new, repeated) = match choice {
            PasswordOfferChoice::Skip if may_skip => return Ok(Ok(None)),
            PasswordOfferChoice::Skip => {
                return Ok(Err((Some("Set a password now: it cannot be put off any more.".to_owned()), None)));
            }
            PasswordOfferChoice::Set { new, repeated } => (new, repeated),
        };
        let accepted = match self.acceptable_password(offer.person, &new).await {
            Ok(accepted) => accepted,
            Err(HubError::Invalid { message, .. }) => return Ok(Err((Some(message), None))),
            Err(other) => return Err(other),
        };
        // Compared as they would be used: an accent typed in two ways is the same.
        if !credential::Password::accept(&repeated).is_ok_and(|typed| typed.bytes() == accepted.bytes()) {
            return Ok(Err((None, Some("This differs from the password above.".to_owned()))));
        }
        Ok(Ok(Some(self.state.passwords.make(&*self.random, &accepted).await?)))
    }

    /// Everything is looked at again: minutes have passed, and another tab may have been faster. The session, and the
    /// mark of the browser; nothing if the offer no longer holds.
    async fn close_offer(
        &self,
        tx: &mut Transaction,
        source: &Source,
        digest: &[u8],
        phc: Option<&str>,
        caller: &RedirectCaller,
        policy: &Policy,
    ) -> Result<Option<(Session, String)>, HubError> {
        let now = self.clock.now();
        let waiting = Redirects(tx).offer(digest).await?.filter(|offer| now < offer.expires_at);
        let Some(offer) = waiting else { return Ok(None) };
        let Some(person) = People(tx).by_id(offer.person).await? else { return Ok(None) };
        let theirs = person.credential_authority == CredentialAuthority::Source(offer.source);
        let may = matches!(person.state(), PersonState::Mirrored | PersonState::Shadow);
        if !theirs || !may || Cases(tx).restricted_to(person.id).await?.is_some() {
            return Ok(None);
        }
        Redirects(tx).end_offers(person.id).await?;
        match phc {
            Some(phc) => {
                mirror::take_over(tx, self, person.id, source, phc.to_owned()).await?;
            }
            None => Redirects(tx).skip(person.id).await?,
        }
        Throttle(tx).clear_all(person.id).await?;
        // Proven there, also with a new password: what only the hub's own proof opens needs it typed once.
        let new = NewSession {
            person: person.id,
            proven_by: ProvenBy::Source(offer.source),
            amr: offer.methods.clone(),
            offline: false,
            reach: Reach::Everywhere,
        };
        let seen_as = SeenAs {
            browser: caller.browser.clone(),
            address: policy.session_addresses.then(|| caller.address.to_string()),
        };
        let session = session::open_seen(tx, &*self.clock, &*self.random, policy, new, seen_as).await?;
        let mut event = AuditEvent::new(Actor::Person(person.id), "session.opened").person(person.id);
        event.source = Some(offer.source);
        event.client.clone_from(&offer.client);
        let row = if offer.required { "D11" } else { "D6r" };
        let details = json!({ "offline": false, "row": row, "password_set": phc.is_some() });
        record(tx, &*self.clock, &*self.random, event.details(details)).await?;
        let cookie = self.random.token();
        Devices(tx).insert(&token_digest(&cookie), person.id, now).await?;
        Ok(Some((session, cookie)))
    }
}

/// What is wrong with the new password, and with its repetition.
type Problems = (Option<String>, Option<String>);
