//! The delegation broker: from a press of the button to an answer (semantics, section 2).
//!
//! The order is the rule: nothing is sent before the name, the throttle, the standing and the one place that decides
//! are known, and the password goes to at most one source, once.

use std::{sync::Arc, time::Duration};

use credential::Password;
use directory::{
    Account, AdapterResult, Client, Folded, Person, PersonId, Policy, SourceEntry, SourceId, TypedName, fold,
};
use storage::{aliases::Alias, devices::Devices, verifiers::Verifier};
use tokio::time::Instant;
use tracing::{Instrument as _, field::Empty};
use uuid::Uuid;

use super::{
    RefusalPage, SignInAnswer, SignInAttempt,
    budget::Ending,
    decision::{Decision, Facts, Row},
    expired::Change,
    lookup::{Named, by_alias},
    measure,
    memory::Question,
    route::Route,
    throttle::{self, Caller},
    trace::Recorder,
};
use crate::{Hub, HubError, connections::LiveSource, kernel::vault::token_digest};

/// Times the look-up may start again: a dropped alias, a renamed entry, a link behind a name.
const ROUNDS: usize = 4;
/// Longer names are nobody's.
const LONGEST_NAME: usize = 512;
/// A device cookie unused for longer is no proof of anything.
pub(super) const DEVICE_LIFE: chrono::TimeDelta = chrono::TimeDelta::days(400);

/// One attempt on its way.
pub(super) struct Broker<'a> {
    pub(super) hub: &'a Hub,
    pub(super) attempt: &'a SignInAttempt,
    pub(super) policy: Arc<Policy>,
    pub(super) route: Route,
    pub(super) typed: TypedName,
    pub(super) name: Folded,
    pub(super) caller: Caller,
    pub(super) device: Option<Device>,
    pub(super) trace: Recorder,
    /// What a service-account reading showed before the decision; written with the next transaction.
    pub(super) pending: Vec<Pending>,
    pub(super) slowed: bool,
    /// The name is known elsewhere only: somebody of the application's own directory may bear it and be unknown yet.
    ask_route_first: bool,
    /// What this attempt, and no other one, asks a source right now.
    pub(super) question: Option<Question>,
    /// The password is changed instead of verified (row D11).
    pub(super) change: Option<Change>,
    /// Before the last request to a source was sent: what ended later is not in its answer.
    pub(super) read_at: chrono::DateTime<chrono::Utc>,
}

/// A browser that somebody signed in with before.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) digest: Vec<u8>,
    pub(super) holder: PersonId,
}

/// A write that needs no proof and waits for a transaction.
#[derive(Clone)]
pub(super) enum Pending {
    DropAlias {
        account: Account,
        name: Folded,
    },
    NoteMissing {
        live: Arc<LiveSource>,
        account: Account,
    },
    /// The account is dead at a source that does not say who may be here; the attempt went on elsewhere.
    Refresh {
        live: Arc<LiveSource>,
        entry: Box<SourceEntry>,
        account: Account,
    },
    MergedAliasUsed {
        merged: PersonId,
    },
}

/// Whom the attempt is about, as far as it is known yet.
pub(super) enum Target {
    Known {
        id: PersonId,
        alias: Option<Alias>,
    },
    /// Neither alias nor immutable id are known.
    Unknown,
    /// The name is borne by several.
    Several,
    /// An entry that the service account found.
    Entry {
        live: Arc<LiveSource>,
        entry: Box<SourceEntry>,
    },
}

/// One round.
pub(super) enum Step {
    Again(Target),
    Settled(Box<Settled>),
}

/// The decision with everything that is needed to carry it out.
pub(super) struct Settled {
    pub(super) decision: Decision,
    /// Empty where the table was not reached.
    pub(super) facts: Option<Facts>,
    pub(super) person: Option<Person>,
    pub(super) live: Option<Arc<LiveSource>>,
    pub(super) account: Option<Account>,
    pub(super) entry: Option<Box<SourceEntry>>,
    pub(super) verifier: Option<Verifier>,
    /// The source whose clients a session without full reach opens.
    pub(super) reach_source: Option<SourceId>,
    pub(super) place: Option<(Uuid, Ending)>,
    pub(super) result: Option<AdapterResult>,
    pub(super) endpoint: Option<String>,
    pub(super) locked_until: Option<chrono::DateTime<chrono::Utc>>,
    /// How it was proven by redirect (RFC 8176); empty for a password typed here.
    pub(super) methods: Option<Vec<String>>,
    /// Keyed digest of a wrong password, to be remembered.
    pub(super) digest: Option<Vec<u8>>,
}

impl Settled {
    pub(super) const fn by(decision: Decision) -> Self {
        Self {
            decision,
            facts: None,
            person: None,
            live: None,
            account: None,
            entry: None,
            verifier: None,
            reach_source: None,
            place: None,
            result: None,
            endpoint: None,
            locked_until: None,
            methods: None,
            digest: None,
        }
    }
}

impl From<Settled> for Step {
    fn from(settled: Settled) -> Self {
        Self::Settled(Box::new(settled))
    }
}

impl Hub {
    /// Signs a person in, or refuses. A refusal, and the word that the hub is too busy, return on the grid of the route;
    /// the caller may show them at once.
    pub async fn sign_in(&self, attempt: SignInAttempt) -> Result<SignInAnswer, HubError> {
        let span = tracing::info_span!(target: "isthmus::trace", "sign-in", row = Empty, path = Empty);
        let result = self.sign_in_once(attempt).instrument(span).await;
        measure::failed(&result);
        result
    }

    async fn sign_in_once(&self, attempt: SignInAttempt) -> Result<SignInAnswer, HubError> {
        self.sign_in_or_change(attempt, None).await.map(|(answer, _)| answer)
    }

    /// With `change`, the password is changed at its source in place of being verified; everything else is the same.
    pub(super) async fn sign_in_or_change(
        &self,
        attempt: SignInAttempt,
        change: Option<Change>,
    ) -> Result<(SignInAnswer, Option<Change>), HubError> {
        let began = Instant::now();
        let policy = self.policy_now().await?;
        let client = match &attempt.client {
            Some(id) => Some(self.client_of_attempt(id).await?),
            None => None,
        };
        let mut broker = Broker::begin(self, &attempt, client.as_ref(), policy, began).await?;
        broker.change = change;
        let answer = broker.answer().await;
        // Somebody sent away because too many passwords are being verified learns no more from the clock than others
        // do. Waiting costs next to nothing; the memory and the core of a verification were not spent.
        if matches!(answer, Ok(SignInAnswer::Refused(_)) | Err(HubError::Overloaded)) {
            let step = Duration::from_millis(broker.policy.refusal_grid_ms.max(1));
            let slow = u32::from(broker.slowed);
            self.state.sign_in.grid.release(&broker.route.key, began, step, slow).await;
        }
        answer.map(|answer| (answer, broker.change))
    }
}

impl<'a> Broker<'a> {
    pub(super) async fn begin(
        hub: &'a Hub,
        attempt: &'a SignInAttempt,
        client: Option<&Client>,
        policy: Arc<Policy>,
        began: Instant,
    ) -> Result<Self, HubError> {
        let sources = hub.sources_now().await?;
        let name = fold(&attempt.identifier);
        let device = match &attempt.device_cookie {
            Some(cookie) => {
                let digest = token_digest(cookie);
                let since = hub.clock.now() - DEVICE_LIFE;
                let holder = Devices(&mut hub.database.reader()).holder(&digest, since).await?;
                holder.map(|holder| Device { digest, holder })
            }
            None => None,
        };
        Ok(Self {
            hub,
            attempt,
            route: Route::of(attempt, client, &sources),
            typed: TypedName::parse(&attempt.identifier),
            caller: Caller::of(&hub.vault, &policy, name.as_str(), attempt.address),
            name,
            device,
            policy,
            trace: Recorder::new(began),
            pending: Vec::new(),
            slowed: false,
            ask_route_first: false,
            question: None,
            change: None,
            read_at: hub.clock.now(),
        })
    }

    async fn answer(&mut self) -> Result<SignInAnswer, HubError> {
        let (settled, password) = match Password::accept(&self.attempt.password) {
            Ok(password) => self.settle(&password).await?,
            Err(refused) => {
                self.trace.bad("Password", format!("Not tried: {refused}."), None);
                (Settled::by(Decision::before_the_table(Row::PasswordForm)), None)
            }
        };
        // From a change on, the new one is the password.
        let password =
            if self.has_changed() { self.change.as_ref().map(|change| change.new.clone()) } else { password };
        self.commit(settled, password.as_ref()).await
    }

    /// Whether this browser was used by that person before.
    pub(super) fn knows_device_of(&self, person: PersonId) -> bool {
        self.device.as_ref().is_some_and(|device| device.holder == person)
    }

    async fn settle(&mut self, password: &Password) -> Result<(Settled, Option<Password>), HubError> {
        let mut target = self.look_up().await?;
        if let Some(settled) = self.throttled(&target).await? {
            return Ok((settled, None));
        }
        if self.ask_route_first
            && !self.is_break_glass(&target).await?
            && let Some(there) = self.borne_on_route().await?
        {
            target = there;
        }
        for _ in 0..ROUNDS {
            let step = match target {
                Target::Known { id, alias } => self.known(id, alias, password).await?,
                Target::Unknown => self.unknown().await?,
                Target::Several => {
                    self.trace.bad("Identifier", "Several people or entries bear the name: nobody is chosen.", None);
                    self.nobody().into()
                }
                Target::Entry { live, entry } => self.entry(live, entry, password).await?,
            };
            match step {
                Step::Again(next) => target = next,
                Step::Settled(settled) => return Ok((*settled, Some(password.clone()))),
            }
        }
        tracing::warn!(request = %self.attempt.request_id, "a look-up went round in circles");
        Ok((self.nobody(), None))
    }

    async fn look_up(&mut self) -> Result<Target, HubError> {
        if self.name.as_str().is_empty() || self.name.as_str().len() > LONGEST_NAME || self.name.as_str().contains('\0')
        {
            self.trace.bad("Identifier", "Nothing that could be a name was typed.", None);
            return Ok(Target::Several);
        }
        let mut reader = self.hub.database.reader();
        let named = by_alias(&mut reader, &self.route, &self.typed, &self.name).await?;
        Ok(match named {
            Named::Nobody => {
                self.trace.bad("Identifier", "What was typed is no name the hub knows.", None);
                Target::Unknown
            }
            Named::Several => Target::Several,
            Named::One { alias, on_route } => {
                let note = format!("namespace {}", alias.namespace);
                self.trace.ok("Identifier", "The name is known; one person bears it here.", Some(note));
                self.ask_route_first = !on_route && !self.route.originals.is_empty();
                Target::Known { id: alias.person_id, alias: Some(alias) }
            }
        })
    }

    /// Row D28: nobody is asked about a break-glass administrator, not even whether somebody else bears the name.
    async fn is_break_glass(&self, target: &Target) -> Result<bool, HubError> {
        let Target::Known { id, .. } = target else { return Ok(false) };
        Ok(storage::break_glass::of_person(&mut self.hub.database.reader(), *id).await?.is_some())
    }

    /// Section 2.3. Refused attempts count nothing, so that nobody is kept out by being refused.
    async fn throttled(&mut self, target: &Target) -> Result<Option<Settled>, HubError> {
        let known_device = match target {
            Target::Known { id, .. } => self.knows_device_of(*id),
            Target::Unknown | Target::Several | Target::Entry { .. } => false,
        };
        let mut reader = self.hub.database.reader();
        let now = self.hub.clock.now();
        let throttled = throttle::check(&mut reader, &self.policy, &self.caller, known_device, now).await?;
        self.slowed = throttled.slowed;
        if self.slowed {
            tracing::warn!("the installation refuses more sign-ins per minute than its limit: answers are slowed");
        }
        let text = format!(
            "Refusals of this name from there in the last minute: {}; the limit is {}.",
            throttled.refusals, self.policy.throttle_identifier
        );
        if throttled.refused {
            self.trace.bad("Throttle", text, Some("nothing was verified".to_owned()));
            return Ok(Some(Settled::by(Decision::before_the_table(Row::Throttled))));
        }
        self.trace.ok("Throttle", text, None);
        Ok(None)
    }

    /// The page of a refusal: generic or outage by route, specific only after proof.
    pub(super) fn refusal_page(&self, decision: &Decision) -> RefusalPage {
        use super::decision::Page;
        match decision.page {
            // Not a refusal: whoever reads the code page typed the right password.
            Page::None | Page::Banner | Page::Refusal | Page::Code | Page::SetPassword | Page::ChangeThere => {
                if self.route.is_down(self.hub) { RefusalPage::Outage } else { RefusalPage::Generic }
            }
            Page::Outage => RefusalPage::Outage,
            Page::NotEnabledYet => RefusalPage::NotEnabledYet,
            Page::NotAllowedNow => RefusalPage::NotAllowedNow,
            Page::Disabled => RefusalPage::Disabled,
            Page::PasswordExpired => RefusalPage::PasswordExpired,
            Page::SignInHere => RefusalPage::SignInHere,
            Page::ContinueThere => RefusalPage::ContinueThere,
            Page::AnswerRefused => RefusalPage::AnswerRefused,
        }
    }
}
