//! Somebody the hub does not know: where they are looked for, and what their password creates (section 2.4(4)).

use std::sync::Arc;

use connector::Found;
use credential::Password;
use directory::{MatchOutcome, PersonState, SourceEntry};
use storage::{accounts::Accounts, people::People};

use super::{
    broker::{Broker, Settled, Step, Target},
    contact::settled_since,
    decision::{Facts, PersonFacts, Place, PolicyFacts, SourceAnswer, SourceFacts, StandingAge, decide},
    lookup::{Searched, note_contact, search},
    route::is_asked,
};
use crate::{HubError, connections::LiveSource};

impl Broker<'_> {
    /// The refusal of a name that leads to nobody.
    pub(super) fn nobody(&self) -> Settled {
        let facts = unknown_facts(Place::Nowhere, None);
        Settled { facts: Some(facts), ..Settled::by(decide(&facts)) }
    }

    /// Looks for the typed name, one group of sources after the other. No password is sent.
    pub(super) async fn unknown(&mut self) -> Result<Step, HubError> {
        let mut searched = Vec::new();
        for group in self.route.groups.clone() {
            let fresh = |live: &Arc<LiveSource>| !searched.contains(&live.source.id);
            let (asked, closed): (Vec<_>, Vec<_>) =
                group.into_iter().filter(fresh).partition(|live| is_asked(live.source.mode));
            if asked.is_empty()
                && searched.is_empty()
                && let Some(live) = closed.into_iter().next()
            {
                return Ok(self.not_asked_any_more(live).into());
            }
            // No password goes to a provider that people are sent to, so that nobody is looked for there: whether
            // somebody bears the name at both would keep them from the one that has a password field.
            let (elsewhere, asked): (Vec<_>, Vec<_>) = asked.into_iter().partition(redirects);
            if asked.is_empty()
                && searched.is_empty()
                && let Some(live) = elsewhere.into_iter().next()
            {
                return Ok(self.signs_in_elsewhere(live).into());
            }
            searched.extend(asked.iter().map(|live| live.source.id));
            self.read_at = self.hub.clock.now();
            let found = search(self.hub, &asked, self.attempt.identifier.trim()).await;
            match found {
                Searched::Nobody => {}
                other => return Ok(self.found(other)),
            }
        }
        let text = format!("None of {} directories shows the name to its service account.", searched.len());
        self.trace.bad("Source chosen", text, None);
        Ok(self.nobody().into())
    }

    /// The application's own directories first, where the name is known elsewhere only: two directories may each have
    /// a jsmith. Empty if nobody there bears it, or nobody can say.
    pub(super) async fn borne_on_route(&mut self) -> Result<Option<Target>, HubError> {
        let group = self.route.groups.first().cloned().unwrap_or_default();
        let asked = group.into_iter().filter(|live| is_asked(live.source.mode) && !redirects(live)).collect::<Vec<_>>();
        self.read_at = self.hub.clock.now();
        let found = search(self.hub, &asked, self.attempt.identifier.trim()).await;
        Ok(match found {
            Searched::One { live, entry } => Some(Target::Entry { live, entry }),
            Searched::Several => Some(Target::Several),
            Searched::Nobody | Searched::Refused { .. } => None,
        })
    }

    fn found(&mut self, found: Searched) -> Step {
        match found {
            Searched::Nobody | Searched::Several => Step::Again(Target::Several),
            Searched::One { live, entry } => Step::Again(Target::Entry { live, entry }),
            Searched::Refused { live, answer, endpoint, reason } => {
                self.trace.bad("Source chosen", format!("{} could not say.", live.source.label), Some(reason));
                let facts = unknown_facts(place(&live, answer, false), Some(&live));
                Settled {
                    facts: Some(facts),
                    live: Some(live),
                    endpoint: Some(endpoint),
                    ..Settled::by(decide(&facts))
                }
                .into()
            }
        }
    }

    /// Row D6t: the way leads to a provider only, and a password was typed.
    fn signs_in_elsewhere(&mut self, live: Arc<LiveSource>) -> Settled {
        let text = format!("{}, where people sign in by redirect: the password was sent nowhere.", live.source.label);
        self.trace.bad("Source chosen", text, None);
        let facts = unknown_facts(place(&live, SourceAnswer::NotAsked, false), Some(&live));
        Settled { facts: Some(facts), live: Some(live), ..Settled::by(decide(&facts)) }
    }

    fn not_asked_any_more(&mut self, live: Arc<LiveSource>) -> Settled {
        let text = format!("{} is no longer asked for passwords.", live.source.label);
        self.trace.bad("Source chosen", text, Some(format!("mode {}", live.source.mode)));
        let facts = unknown_facts(place(&live, SourceAnswer::NotAsked, false), Some(&live));
        Settled { facts: Some(facts), live: Some(live), ..Settled::by(decide(&facts)) }
    }

    /// An entry the service account found. If it is linked, that person is the person and everything starts again.
    pub(super) async fn entry(
        &mut self,
        live: Arc<LiveSource>,
        entry: Box<SourceEntry>,
        password: &Password,
    ) -> Result<Step, HubError> {
        let mut reader = self.hub.database.reader();
        if let Some(account) = Accounts(&mut reader).by_immutable_id(live.source.id, &entry.immutable_id).await? {
            let person = People(&mut reader).survivor(account.person_id).await?;
            if let Some(person) = person {
                let text = format!("{} knows the entry, and it is linked.", live.source.label);
                self.trace.ok("Identifier", text, Some("found by its immutable id".to_owned()));
                return Ok(Step::Again(Target::Known { id: person.id, alias: None }));
            }
        }
        let text = format!("{}, because the name was found there.", live.source.label);
        self.trace.ok("Source chosen", text, Some("no other directory saw the password".to_owned()));
        let contacted = self.ask(&live, &entry, None, password).await?;
        let entry = self.as_changed(&live, entry).await;
        let settled = settled_since(&live.source, &entry, self.hub.clock.now());
        let mut facts = unknown_facts(place(&live, contacted.answer, settled), Some(&live));
        facts.policy.write_back = self.may_write_back(&live);
        let settled = Settled {
            facts: Some(facts),
            reach_source: Some(live.source.id),
            live: Some(live),
            entry: Some(entry),
            place: contacted.place,
            result: contacted.result,
            endpoint: contacted.endpoint,
            digest: contacted.digest,
            ..Settled::by(decide(&facts))
        };
        Ok(settled.into())
    }

    /// Row D8: the linked id is gone. If the source shows the typed name at another id, that entry is the one.
    pub(super) async fn elsewhere_at(
        &self,
        live: &Arc<LiveSource>,
        gone: &directory::ImmutableId,
    ) -> Option<Box<SourceEntry>> {
        let connector = live.connector().ok()?;
        let found = connector.find(self.attempt.identifier.trim()).await;
        note_contact(self.hub, live, found.as_ref().err().map(|t| t.kind));
        match found {
            Ok(Found::One(entry)) if entry.immutable_id != *gone => Some(entry),
            Ok(Found::One(_) | Found::Nobody | Found::Several) | Err(_) => None,
        }
    }
}

/// Whether people are sent there instead of typing a password here.
fn redirects(live: &Arc<LiveSource>) -> bool {
    live.source.connector.redirects()
}

pub(super) fn place(live: &LiveSource, answer: SourceAnswer, settled: bool) -> Place {
    Place::Source(SourceFacts {
        mode: live.source.mode,
        redirect: live.source.connector.redirects(),
        answer,
        is_credential_authority: true,
        holds_standing: true,
        second_factor: false,
        read_disabled: false,
        settled,
        shadow: None,
    })
}

pub(super) fn unknown_facts(place: Place, live: Option<&LiveSource>) -> Facts {
    let source = live.map(|live| &live.source);
    Facts {
        state: PersonState::Unknown,
        person: PersonFacts {
            disputed: false,
            restricted_reach: false,
            privileged: false,
            holds_role: false,
            break_glass: false,
            standing: StandingAge::Fresh,
        },
        place,
        policy: PolicyFacts {
            just_in_time: source.is_some_and(|s| s.just_in_time),
            just_in_time_activation: source.is_some_and(|s| s.just_in_time_activation),
            // What matching really finds is known inside the transaction; the table is asked again then.
            matching: MatchOutcome::Create,
            candidate_has_authority: false,
            capture_wave: false,
            shadow: source.is_some_and(|s| s.shadow),
            outage_sign_in: source.is_some_and(|s| s.outage_sign_in),
            success_is_recent: false,
            standing_is_recent: false,
            write_back: live.is_some_and(|live| live.writes().changes_passwords),
        },
    }
}
