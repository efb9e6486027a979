//! Somebody the hub knows: standing, the one place that decides, and what it says (sections 2.4 to 2.6).

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use credential::{Password, Verdict};
use directory::{
    Account, AccountStatus, CredentialAuthority, LinkKind, MatchOutcome, Person, PersonId, PersonState, SourceEntry,
    SourceId, SourceMode, StandingAuthority, VerifierKind, VerifierOrigin, fold,
};
use storage::{
    accounts::Accounts, aliases::Alias, cases::Cases, people::People, throttle::Throttle, verifiers::Verifier,
    verifiers::Verifiers,
};

use super::{
    broker::{Broker, Pending, Settled, Step, Target},
    contact::{Contacted, settled_since},
    decision::{Facts, HubAnswer, PersonFacts, Place, PolicyFacts, SourceAnswer, SourceFacts, StandingAge, decide},
    lookup::{answer_of, note_contact, said},
    route::is_asked,
};
use crate::{
    HubError,
    connections::LiveSource,
    standing::{StandingRefusal, StandingVerdict},
};

/// A known person with what the decision needs.
pub(super) struct Known {
    pub(super) person: Person,
    pub(super) accounts: Vec<Account>,
    pub(super) verifier: Option<Verifier>,
    /// Born of row D19, and the case is open.
    pub(super) restricted_to: Option<SourceId>,
    pub(super) alias: Option<Alias>,
    pub(super) standing: StandingAge,
    pub(super) break_glass: bool,
}

/// The place was found dead before anything was sent: the next one decides (section 2.4).
enum Asked {
    PassOn,
    Step(Step),
}

impl Broker<'_> {
    pub(super) async fn known(
        &mut self,
        id: PersonId,
        alias: Option<Alias>,
        password: &Password,
    ) -> Result<Step, HubError> {
        let Some(mut known) = self.read_known(id, alias).await? else { return Ok(Step::Again(Target::Unknown)) };
        let waits = matches!(known.person.state(), PersonState::DisabledByHub | PersonState::DisabledBySource);
        if waits || known.person.credential_authority == CredentialAuthority::Hub {
            self.judge(&mut known).await?;
        }
        match known.person.state() {
            PersonState::DisabledByHub | PersonState::DisabledBySource | PersonState::Merged | PersonState::Unknown => {
                self.trace.bad("Standing", "The person may not be here.", None);
                Ok(self.settle_at(&known, Place::Nowhere).into())
            }
            PersonState::VerifierImported | PersonState::Migrated => self.owned(&known, password).await,
            PersonState::Staged | PersonState::Mirrored | PersonState::Shadow => {
                self.delegated(&mut known, password).await
            }
        }
    }

    pub(super) async fn read_known(&mut self, id: PersonId, alias: Option<Alias>) -> Result<Option<Known>, HubError> {
        let mut reader = self.hub.database.reader();
        let Some(person) = People(&mut reader).survivor(id).await? else { return Ok(None) };
        if person.id != id {
            self.trace.ok("Identifier", "The record was merged: the survivor signs in.", Some("row D26".to_owned()));
            self.pending.push(Pending::MergedAliasUsed { merged: id });
        }
        Ok(Some(Known {
            accounts: Accounts(&mut reader).of_person(person.id).await?,
            verifier: Verifiers(&mut reader).of_person(person.id).await?,
            restricted_to: Cases(&mut reader).restricted_to(person.id).await?,
            alias,
            standing: StandingAge::Fresh,
            break_glass: storage::break_glass::of_person(&mut reader, person.id).await?.is_some(),
            person,
        }))
    }

    /// Asks for the standing, which reads the linked entry first where the last reading is old or said no.
    pub(super) async fn judge(&mut self, known: &mut Known) -> Result<(), HubError> {
        let verdict = self.hub.standing(known.person.id).await?;
        if let Some(person) = People(&mut self.hub.database.reader()).by_id(known.person.id).await? {
            known.person = person;
        }
        let now = self.hub.clock.now();
        if let (
            StandingAuthority::Source(source),
            StandingVerdict::ActiveInGrace { .. } | StandingVerdict::Refused(StandingRefusal::SourceDownTooLong),
        ) = (known.person.standing_authority, verdict)
        {
            self.hub.state.sign_in.contacted(source, true, now);
        }
        known.standing = match verdict {
            StandingVerdict::Active => StandingAge::Fresh,
            StandingVerdict::ActiveInGrace { until } => {
                let note = format!("counts until {}", until.format("%Y-%m-%d %H:%M UTC"));
                self.trace.bad("Standing", "Its source has not answered for long; the last word counts.", Some(note));
                StandingAge::InGrace
            }
            StandingVerdict::Refused(StandingRefusal::SourceDownTooLong) => {
                self.trace.bad("Standing", "Its source has been silent for too long.", None);
                StandingAge::GraceOver
            }
            // The person's state says so by itself.
            StandingVerdict::Refused(
                StandingRefusal::DisabledByHub | StandingRefusal::DisabledBySource { .. } | StandingRefusal::Merged,
            ) => StandingAge::Fresh,
        };
        Ok(())
    }

    // ---- U4 and U5 -------------------------------------------------------------------------------------------

    async fn owned(&mut self, known: &Known, password: &Password) -> Result<Step, HubError> {
        if let Some((live, account)) = self.changed_at_source(known).await? {
            let text = format!("{}, because the password was changed there.", live.source.label);
            self.trace.ok("Source chosen", text, Some("row D1b".to_owned()));
            return self.ask_again(known, live, account, None, password).await;
        }
        self.trace.ok(
            "Source chosen",
            "The hub itself: the person has moved.",
            Some("no directory was asked".to_owned()),
        );
        let answer = self.verify_here(known, password).await?;
        if answer == HubAnswer::Wrong
            && let Some((live, account)) = self.renewing_source(known).await?
            && self.hub.state.sign_in.may_reread(known.person.id, self.hub.clock.now())
            && let Some(entry) = self.read_password_set(&live, &account).await
            && self.is_changed_there(known, &live, &entry, password).await?
        {
            let text = format!("{} changed the password since it was captured.", live.source.label);
            self.trace.ok("Source read", text, Some("row D1b".to_owned()));
            return self.ask_again(known, live, account, Some(entry), password).await;
        }
        Ok(self.settle_at(known, Place::Hub(answer)).into())
    }

    /// Row D1b, as the last sweep or sign-in saw it.
    async fn changed_at_source(&self, known: &Known) -> Result<Option<(Arc<LiveSource>, Account)>, HubError> {
        let source = self.renewing_source(known).await?;
        Ok(source.filter(|(_, account)| changed(known, account.password_set_at)))
    }

    /// The source a captured or imported verifier came from, if a changed password there counts (row D1b).
    async fn renewing_source(&self, known: &Known) -> Result<Option<(Arc<LiveSource>, Account)>, HubError> {
        let Some(verifier) = &known.verifier else { return Ok(None) };
        let from_there = match verifier.origin {
            VerifierOrigin::Captured | VerifierOrigin::Imported => verifier.source_id,
            VerifierOrigin::Hub => None,
        };
        let Some(source) = from_there.filter(|_| !known.person.holds_role) else { return Ok(None) };
        let account = known.accounts.iter().find(|a| a.source_id == source && a.kind == LinkKind::Primary);
        let Some(account) = account else { return Ok(None) };
        let live = self.hub.live_source(source).await?;
        let counts = match live.source.mode {
            SourceMode::Active | SourceMode::Capture => true,
            SourceMode::Draining => known.person.verifier == VerifierKind::Legacy,
            SourceMode::Observe | SourceMode::Paused | SourceMode::Retired => false,
        };
        Ok(counts.then(|| (live, account.clone())))
    }

    async fn read_password_set(&mut self, live: &Arc<LiveSource>, account: &Account) -> Option<Box<SourceEntry>> {
        self.read_at = self.hub.clock.now();
        let fetched = live.connector().ok()?.fetch_soon(&account.immutable_id, self.profile_patience()).await;
        note_contact(self.hub, live, fetched.as_ref().err().map(|t| t.kind));
        fetched.ok().flatten().map(Box::new)
    }

    /// Row D1b, by the time that the source shows. One that hands its passwords over and shows none changed it if the
    /// typed one, which the hub's verifier has just refused, is the one stored there now.
    async fn is_changed_there(
        &self,
        known: &Known,
        live: &LiveSource,
        entry: &SourceEntry,
        password: &Password,
    ) -> Result<bool, HubError> {
        if entry.password_set_at.is_some() || !live.source.connector.hands_passwords_over() {
            return Ok(changed(known, entry.password_set_at));
        }
        let Ok(connector) = live.connector() else { return Ok(false) };
        let Ok(Some(stored)) = connector.stored_password(entry).await else { return Ok(false) };
        let verdict = self.hub.state.passwords.verify_stored(stored, password).await?;
        Ok(matches!(verdict, Ok(Verdict::Right { .. })))
    }

    fn profile_patience(&self) -> Duration {
        Duration::from_millis(self.policy.profile_patience_ms)
    }

    async fn ask_again(
        &mut self,
        known: &Known,
        live: Arc<LiveSource>,
        account: Account,
        entry: Option<Box<SourceEntry>>,
        password: &Password,
    ) -> Result<Step, HubError> {
        match self.ask_source(known, live, &account, entry, password, true).await? {
            Asked::Step(step) => Ok(step),
            Asked::PassOn => Ok(self.settle_at(known, Place::Nowhere).into()),
        }
    }

    /// The hub's own verifier. Pauses after very many failures (row D2c); browsers with a device cookie of the person
    /// have a count of their own.
    async fn verify_here(&mut self, known: &Known, password: &Password) -> Result<HubAnswer, HubError> {
        if self.is_paused(known.person.id).await? {
            self.trace.bad("Hub's verifier", "Not compared: too many consecutive failures.", None);
            return Ok(HubAnswer::Paused);
        }
        let Some(verifier) = &known.verifier else {
            self.trace.bad("Hub's verifier", "The person has no password here.", None);
            return Ok(HubAnswer::NoPassword);
        };
        Ok(match self.hub.state.passwords.verify(verifier.phc.clone(), password).await? {
            Verdict::Right { needs_rehash } => {
                self.trace.ok("Hub's verifier", "It agrees.", None);
                HubAnswer::Right { needs_rehash }
            }
            Verdict::Wrong => {
                self.trace.bad("Hub's verifier", "It does not agree.", None);
                HubAnswer::Wrong
            }
        })
    }

    /// Row D2c, as this browser is counted.
    pub(super) async fn is_paused(&self, person: PersonId) -> Result<bool, HubError> {
        let device = self.failure_key(person);
        let failures = Throttle(&mut self.hub.database.reader()).failures(person, &device).await?;
        Ok(failures.and_then(|f| f.paused_until).is_some_and(|until| until > self.hub.clock.now()))
    }

    /// Which row of consecutive failures this browser counts in.
    pub(super) fn failure_key(&self, person: PersonId) -> Vec<u8> {
        match &self.device {
            Some(device) if device.holder == person => device.digest.clone(),
            Some(_) | None => Vec::new(),
        }
    }

    // ---- U1, U2 and U3 ---------------------------------------------------------------------------------------

    async fn delegated(&mut self, known: &mut Known, password: &Password) -> Result<Step, HubError> {
        for (live, account) in self.places(known).await? {
            let reason = if Some(live.source.id) == credential_source(&known.person) {
                "it checks this person's password"
            } else {
                "the application's people come from there"
            };
            let text = format!("{}, because {reason}.", live.source.label);
            self.trace.ok("Source chosen", text, Some("no other directory saw the password".to_owned()));
            if known.person.standing_authority != StandingAuthority::Source(live.source.id) {
                self.judge(known).await?;
            }
            match self.ask_source(known, live, &account, None, password, false).await? {
                Asked::Step(step) => return Ok(step),
                Asked::PassOn => {}
            }
        }
        self.trace.bad("Source chosen", "No directory checks this person's password.", None);
        Ok(self.settle_at(known, Place::Nowhere).into())
    }

    /// The places of section 2.4(2) and (3), in order.
    async fn places(&self, known: &Known) -> Result<Vec<(Arc<LiveSource>, Account)>, HubError> {
        let mut places: Vec<(Arc<LiveSource>, Account)> = Vec::new();
        let authority = credential_source(&known.person);
        let originals = self.route.originals.iter().copied().map(|id| (id, false));
        for (id, is_authority) in originals.chain(authority.map(|id| (id, true))) {
            let account = known.accounts.iter().find(|account| account.source_id == id);
            let Some(account) = account else { continue };
            let live = self.hub.live_source(id).await?;
            let usable = account.status == AccountStatus::Active && is_asked(live.source.mode);
            let known_place = places.iter().any(|(other, _)| other.source.id == id);
            if (is_authority || usable) && !known_place {
                places.push((live, account.clone()));
            }
        }
        Ok(places)
    }

    /// Reads the entry by its immutable id and asks about the password. With `renews` the hub is the authority and the
    /// source is asked as if it still were (row D1b).
    async fn ask_source(
        &mut self,
        known: &Known,
        live: Arc<LiveSource>,
        account: &Account,
        read: Option<Box<SourceEntry>>,
        password: &Password,
        renews: bool,
    ) -> Result<Asked, HubError> {
        let is_authority = renews || Some(live.source.id) == credential_source(&known.person);
        let mut asking = Asking { known, live, account, is_authority, entry: None };
        match asking.live.source.mode {
            SourceMode::Observe | SourceMode::Retired => {
                return self.conclude(asking, Contacted::without_bind(SourceAnswer::NotAsked), password).await;
            }
            SourceMode::Paused => {
                self.trace.bad("Source not asked", "It is paused.", None);
                return self.conclude(asking, Contacted::without_bind(SourceAnswer::Down), password).await;
            }
            SourceMode::Active | SourceMode::Capture | SourceMode::Draining => {}
        }
        if asking.live.source.connector.redirects() {
            self.trace.bad(
                "Source not asked",
                "People sign in there by redirect: the password was sent nowhere.",
                None,
            );
            return self.conclude(asking, Contacted::without_bind(SourceAnswer::NotAsked), password).await;
        }
        let entry = match read {
            Some(entry) => entry,
            None => match self.fetch(&asking).await {
                Ok(Some(entry)) => entry,
                Ok(None) => return self.gone(asking, password).await,
                Err(contacted) => return self.conclude(asking, contacted, password).await,
            },
        };
        if let Some(step) = self.alias_no_longer_borne(&asking, &entry) {
            return Ok(Asked::Step(step));
        }
        if entry.status != AccountStatus::Active && !is_authority {
            let text = format!("The account in {} is dead; the next place decides.", asking.live.source.label);
            self.trace.bad("Source read", text, None);
            let (live, account) = (Arc::clone(&asking.live), account.clone());
            self.pending.push(Pending::Refresh { live, entry, account });
            return Ok(Asked::PassOn);
        }
        let contacted = if known.standing == StandingAge::Fresh || renews {
            self.ask(&asking.live, &entry, Some(account), password).await?
        } else {
            // Nobody can say whether the person may be here: the password is not worth a bind.
            Contacted::without_bind(SourceAnswer::Down)
        };
        asking.entry = Some(self.as_changed(&asking.live, entry).await);
        self.conclude(asking, contacted, password).await
    }

    async fn fetch(&mut self, asking: &Asking<'_>) -> Result<Option<Box<SourceEntry>>, Contacted> {
        self.read_at = self.hub.clock.now();
        let fetched = match asking.live.connector() {
            Ok(connector) => connector.fetch_soon(&asking.account.immutable_id, self.profile_patience()).await,
            Err(trouble) => Err(trouble),
        };
        note_contact(self.hub, &asking.live, fetched.as_ref().err().map(|t| t.kind));
        fetched.map(|entry| entry.map(Box::new)).map_err(|trouble| {
            self.trace.bad("Source read", "The entry could not be read.", Some(trouble.to_string()));
            Contacted { endpoint: Some(trouble.endpoint), ..Contacted::without_bind(answer_of(trouble.kind)) }
        })
    }

    /// Row D8.
    async fn gone(&mut self, asking: Asking<'_>, password: &Password) -> Result<Asked, HubError> {
        let label = &asking.live.source.label;
        self.trace.bad("Source read", format!("{label} does not return the linked entry."), None);
        if let Some(entry) = self.elsewhere_at(&asking.live, &asking.account.immutable_id).await {
            let live = Arc::clone(&asking.live);
            self.pending.push(Pending::NoteMissing { live: Arc::clone(&live), account: asking.account.clone() });
            self.trace.ok("Source read", "It shows the typed name at another entry.", None);
            return Ok(Asked::Step(Step::Again(Target::Entry { live, entry })));
        }
        let not_found = Contacted::without_bind(said(directory::AdapterResult::NotFound));
        self.conclude(asking, not_found, password).await
    }

    /// Section 2.4: the entry just read no longer bears the typed name, so the name leads elsewhere.
    fn alias_no_longer_borne(&mut self, asking: &Asking<'_>, entry: &SourceEntry) -> Option<Step> {
        let alias = asking.known.alias.as_ref().filter(|alias| alias.account_id == Some(asking.account.id))?;
        let mut names = entry.names.iter().chain(entry.username.as_ref());
        if names.any(|name| fold(name).as_str() == alias.folded) {
            return None;
        }
        self.trace.bad("Identifier", "The entry no longer bears that name: it is dropped.", None);
        let account = asking.account.clone();
        self.pending.push(Pending::DropAlias { account, name: self.name.clone() });
        Some(Step::Again(Target::Unknown))
    }

    /// From the answer to the decision.
    async fn conclude(
        &mut self,
        asking: Asking<'_>,
        contacted: Contacted,
        password: &Password,
    ) -> Result<Asked, HubError> {
        let known = asking.known;
        let live = asking.live;
        let read_disabled = asking.entry.as_ref().is_some_and(|e| e.status != AccountStatus::Active);
        let settled = asking.entry.as_ref().is_some_and(|e| settled_since(&live.source, e, self.hub.clock.now()));
        let mut source = SourceFacts {
            mode: live.source.mode,
            redirect: live.source.connector.redirects(),
            second_factor: false,
            answer: contacted.answer,
            is_credential_authority: asking.is_authority,
            holds_standing: known.person.standing_authority == StandingAuthority::Source(live.source.id),
            read_disabled,
            settled,
            shadow: None,
        };
        let mut facts = self.facts(known, Place::Source(source), Some(&live));
        if self.has_changed() {
            // What was captured stands for the password from before: as in row D24, it goes where the new one cannot be
            // kept yet.
            source.shadow = (facts.state == PersonState::Shadow && !source.settled).then_some(HubAnswer::Wrong);
            facts.place = Place::Source(source);
        } else if self.compares(&facts, &source) {
            source.shadow = Some(self.verify_here(known, password).await?);
            facts.place = Place::Source(source);
        }
        let settled = Settled {
            facts: Some(facts),
            person: Some(known.person.clone()),
            account: Some(asking.account.clone()),
            verifier: known.verifier.clone(),
            reach_source: known.restricted_to.or(Some(live.source.id)),
            live: Some(live),
            entry: asking.entry,
            place: contacted.place,
            result: contacted.result,
            endpoint: contacted.endpoint,
            locked_until: contacted.locked_until,
            digest: contacted.digest,
            ..Settled::by(decide(&facts))
        };
        Ok(Asked::Step(settled.into()))
    }

    /// Whether the captured verifier of a shadowed person is looked at (rows D15, D15b, D24).
    fn compares(&self, facts: &Facts, source: &SourceFacts) -> bool {
        if facts.state != PersonState::Shadow {
            return false;
        }
        match source.answer {
            SourceAnswer::Down => facts.offline_is_allowed() && source.is_credential_authority,
            SourceAnswer::Said { result, .. } => match result {
                directory::AdapterResult::Ok | directory::AdapterResult::BadPassword => source.is_credential_authority,
                directory::AdapterResult::Misconfigured => facts.offline_is_allowed(),
                _ => false,
            },
            SourceAnswer::NotAsked | SourceAnswer::Repeated | SourceAnswer::Paused | SourceAnswer::NoBudget => false,
        }
    }

    /// A decision without a source.
    pub(super) fn settle_at(&self, known: &Known, place: Place) -> Settled {
        let facts = self.facts(known, place, None);
        Settled {
            facts: Some(facts),
            person: Some(known.person.clone()),
            verifier: known.verifier.clone(),
            reach_source: known.restricted_to,
            ..Settled::by(decide(&facts))
        }
    }

    pub(super) fn facts(&self, known: &Known, place: Place, live: Option<&LiveSource>) -> Facts {
        let now = self.hub.clock.now();
        let recent = |at: Option<DateTime<Utc>>, seconds: u64| {
            let age = TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000));
            at.is_some_and(|at| now.signed_duration_since(at) <= age)
        };
        let source = live.map(|live| &live.source);
        Facts {
            state: known.person.state(),
            person: PersonFacts {
                disputed: known.person.disputed,
                restricted_reach: known.restricted_to.is_some(),
                privileged: known.person.privileged,
                holds_role: known.person.holds_role,
                break_glass: known.break_glass,
                standing: known.standing,
            },
            place,
            policy: PolicyFacts {
                just_in_time: source.is_some_and(|s| s.just_in_time),
                just_in_time_activation: source.is_some_and(|s| s.just_in_time_activation),
                matching: MatchOutcome::Linked,
                candidate_has_authority: false,
                capture_wave: false,
                shadow: source.is_some_and(|s| s.shadow),
                outage_sign_in: source.is_some_and(|s| s.outage_sign_in),
                success_is_recent: recent(
                    known.verifier.as_ref().map(|v| v.last_ok_at),
                    self.policy.offline_last_success,
                ),
                standing_is_recent: recent(known.person.standing_read_at, self.policy.offline_standing),
                write_back: live.is_some_and(|live| self.may_write_back(live)),
            },
        }
    }
}

/// One question to one source.
struct Asking<'k> {
    known: &'k Known,
    live: Arc<LiveSource>,
    account: &'k Account,
    is_authority: bool,
    entry: Option<Box<SourceEntry>>,
}

const fn credential_source(person: &Person) -> Option<SourceId> {
    match person.credential_authority {
        CredentialAuthority::Source(id) => Some(id),
        CredentialAuthority::Hub | CredentialAuthority::None => None,
    }
}

/// Whether the password was set at the source after the verifier was made from it. A source that shows no time says
/// nothing.
fn changed(known: &Known, set_at: Option<DateTime<Utc>>) -> bool {
    set_at.is_some() && known.verifier.as_ref().is_some_and(|v| v.password_set_at != set_at)
}
