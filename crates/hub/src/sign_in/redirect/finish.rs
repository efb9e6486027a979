//! A browser came back: who it is, and what the decision table says.

use std::{sync::Arc, time::Duration};

use connector::{RedirectFailure, RedirectProof, RedirectReturn, Trouble, TroubleKind};
use directory::{Account, AccountStatus, AdapterResult, PersonState, SourceEntry, SourceId, StandingAuthority, fold};
use storage::{
    accounts::Accounts,
    redirects::{RedirectSignIn, Redirects},
};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{RedirectAnswer, RedirectBack, RedirectFinished, attempt_of, begin::no_redirect};
use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::{Actor, AuditEvent, record, vault::token_digest},
    mirror,
    sign_in::{
        SignInAnswer,
        broker::{Broker, Settled},
        decision::{Decision, Place, SourceAnswer, SourceFacts, decide},
        known::Known,
        lookup::note_contact,
        measure,
        route::is_asked,
        stranger::{place, unknown_facts},
    },
};

const OTHER_ACCOUNT: &str =
    "You typed another name here than that of the account you chose there. You are signed in as the account you chose.";

impl Hub {
    /// Takes what a browser brought back. `None` = this sign-in is over, was never begun, or began in another browser.
    pub async fn finish_redirect(&self, back: RedirectBack) -> Result<Option<RedirectFinished>, HubError> {
        let span = tracing::info_span!(target: "isthmus::trace", "sign-in", row = tracing::field::Empty, path = tracing::field::Empty);
        let Some(row) = self.take_redirect(&back).await? else { return Ok(None) };
        let answer = self.finish_once(&back, &row).instrument(span).await;
        measure::failed(&answer);
        Ok(Some(RedirectFinished { authorization: row.authorization, return_to: row.return_to, answer: answer? }))
    }

    /// Used once, in the browser that began, and for the source it began with (RFC 9700, 4.4 and 4.7).
    async fn take_redirect(&self, back: &RedirectBack) -> Result<Option<RedirectSignIn>, HubError> {
        let Some(browser) = &back.browser else { return Ok(None) };
        let sources = self.sources_now().await?;
        let Some(live) = sources.iter().find(|live| live.source.name == back.source) else { return Ok(None) };
        let (state, browser) = (token_digest(&back.state), token_digest(browser));
        let (source, now) = (live.source.id, self.clock.now());
        storage::write!(self.database, |tx| {
            let Some(row) = Redirects(tx).by_state(&state).await? else { return Ok(None) };
            if row.browser != browser || row.source != source || row.expires_at <= now {
                return Ok(None);
            }
            let taken = Redirects(tx).delete(&state).await?;
            Ok::<_, HubError>(taken.then_some(row))
        })
    }

    async fn finish_once(&self, back: &RedirectBack, row: &RedirectSignIn) -> Result<RedirectAnswer, HubError> {
        let live = self.live_source(row.source).await?;
        let came = match &back.outcome {
            Ok(code) => self.ask_provider(&live, back, code).await,
            Err(error) => match said_by_error(error) {
                None => return Ok(RedirectAnswer::BackToThePage),
                Some(kind) => Err(trouble_of(&live, kind, error).into()),
            },
        };
        let trouble = match &came {
            Ok(_) | Err(RedirectFailure::Refused { .. }) => None,
            Err(RedirectFailure::Trouble(trouble)) => Some(trouble.kind),
        };
        note_contact(self, &live, trouble);
        let entry = match &came {
            Ok(proof) => self.whole_entry(&live, proof).await,
            Err(_) => None,
        };
        let typed = row.typed.clone();
        let name = came.as_ref().map_or_else(|_| live.source.name.clone(), |proof| name_of(&proof.entry));
        let attempt = attempt_of(&back.caller, row.client.clone(), &live.source.name, name);
        let client = match &attempt.client {
            Some(id) => Some(self.client_of_attempt(id).await?),
            None => None,
        };
        let policy = self.policy_now().await?;
        let mut broker = Broker::begin(self, &attempt, client.as_ref(), policy, Instant::now()).await?;
        let settled = match came {
            Ok(proof) => broker.proven_there(&live, proof, entry).await?,
            Err(RedirectFailure::Trouble(trouble)) => broker.unreachable(&live, &trouble),
            Err(RedirectFailure::Refused { endpoint, reason }) => {
                let text = format!("What came back from {} does not hold.", live.source.label);
                broker.trace.bad("Source answered", text, Some(format!("{endpoint}: {reason}")));
                tracing::warn!(source = %live.source.name, reason, "an answer of a provider was refused");
                Settled {
                    live: Some(Arc::clone(&live)),
                    endpoint: Some(endpoint),
                    ..Settled::by(Decision::redirect_refused())
                }
            }
        };
        let other = typed.is_some_and(|typed| !broker.bears(settled.entry.as_deref(), &typed));
        let answer = broker.commit(settled, None).await?;
        Ok(RedirectAnswer::Decided(if other { self.other_account(&live, answer).await? } else { answer }))
    }

    async fn ask_provider(
        &self,
        live: &LiveSource,
        back: &RedirectBack,
        code: &secrecy::SecretString,
    ) -> Result<RedirectProof, RedirectFailure> {
        if !is_asked(live.source.mode) {
            return Err(trouble_of(live, TroubleKind::Unavailable, "it is no longer asked").into());
        }
        let connector = live.connector()?;
        let redirect = connector.redirect().ok_or_else(|| no_redirect(live))?;
        let secrets = self.redirect_secrets(&back.state);
        let back = RedirectReturn {
            redirect_uri: self.redirect_uri(&live.source.name),
            code: code.clone(),
            issuer: back.issuer.clone(),
            nonce: secrets.nonce,
            code_verifier: secrets.code_verifier,
        };
        redirect.finish(&back).instrument(measure::asking("redirect-finish", &live.source.name)).await
    }

    /// The entry as the service account reads it, where it can: a person's own token shows less, and absent is not
    /// removed. Empty if it could not be read.
    async fn whole_entry(&self, live: &LiveSource, proof: &RedirectProof) -> Option<Box<SourceEntry>> {
        if !live.source.connector.is_readable() {
            return Some(Box::new(proof.entry.clone()));
        }
        let patience = Duration::from_millis(self.policy_now().await.ok()?.profile_patience_ms);
        let read = live.connector().ok()?.fetch_soon(&proof.entry.immutable_id, patience).await;
        read.ok().flatten().map(Box::new)
    }

    /// The typed name was another's: shown, and audited (semantics, section 2.8).
    async fn other_account(&self, live: &LiveSource, answer: SignInAnswer) -> Result<SignInAnswer, HubError> {
        let SignInAnswer::SignedIn { session, new_device_cookie, offline, .. } = answer else { return Ok(answer) };
        let event = AuditEvent::new(Actor::Person(session.person), "sign-in.other-account");
        let event = event.person(session.person).source(live.source.id);
        storage::write!(self.database, |tx| {
            record(tx, &*self.clock, &*self.random, event.clone()).await.map_err(HubError::from)
        })?;
        Ok(SignInAnswer::SignedIn { session, new_device_cookie, offline, banner: Some(OTHER_ACCOUNT.to_owned()) })
    }
}

impl Broker<'_> {
    /// Whoever came back. `entry` as the service account read it; empty if it could not.
    async fn proven_there(
        &mut self,
        live: &Arc<LiveSource>,
        proof: RedirectProof,
        entry: Option<Box<SourceEntry>>,
    ) -> Result<Settled, HubError> {
        let RedirectProof { entry: shown, methods, second_factor, endpoint } = proof;
        let text = format!("{} says who it is.", live.source.label);
        self.trace.ok("Source answered", text, Some(format!("{endpoint}; methods: {}", methods.join(" "))));
        let mut reader = self.hub.database.reader();
        let account = Accounts(&mut reader).by_immutable_id(live.source.id, &shown.immutable_id).await?;
        let known = match &account {
            Some(account) => self.read_known(account.person_id, None).await?,
            None => None,
        };
        let settled = match (known, account) {
            (Some(known), Some(account)) => self.known_there(live, known, account, entry, second_factor).await?,
            (None, _) | (_, None) => self.unknown_there(live, entry.unwrap_or_else(|| Box::new(shown)), second_factor),
        };
        Ok(Settled { endpoint: Some(endpoint), methods: Some(methods), ..settled })
    }

    fn unknown_there(&mut self, live: &Arc<LiveSource>, entry: Box<SourceEntry>, second_factor: bool) -> Settled {
        self.trace.ok("Identifier", "Nobody here is linked to that account yet.", None);
        let result = result_of(entry.status);
        let mut facts = unknown_facts(place(live, proves(result), true), Some(live));
        if let Place::Source(source) = &mut facts.place {
            source.second_factor = second_factor;
        }
        Settled {
            facts: Some(facts),
            reach_source: Some(live.source.id),
            live: Some(Arc::clone(live)),
            entry: Some(entry),
            result: Some(result),
            ..Settled::by(decide(&facts))
        }
    }

    async fn known_there(
        &mut self,
        live: &Arc<LiveSource>,
        mut known: Known,
        account: Account,
        entry: Option<Box<SourceEntry>>,
        second_factor: bool,
    ) -> Result<Settled, HubError> {
        self.trace.ok(
            "Identifier",
            "A person here is linked to that account.",
            Some("found by its immutable id".to_owned()),
        );
        let here = StandingAuthority::Source(live.source.id);
        if known.person.state() == PersonState::DisabledBySource && known.person.standing_authority == here {
            // Section 2.6: the linked entry first; enabled again there is enabled again here.
            known = self.come_back(live, known, &account, entry.as_deref()).await?;
        } else if known.person.standing_authority != here || known.person.disabled_by_hub.is_some() {
            self.judge(&mut known).await?;
        }
        match known.person.state() {
            PersonState::DisabledByHub | PersonState::DisabledBySource | PersonState::Merged | PersonState::Unknown => {
                self.trace.bad("Standing", "The person may not be here.", None);
                return Ok(Settled { live: Some(Arc::clone(live)), ..self.settle_at(&known, Place::Nowhere) });
            }
            PersonState::Staged
            | PersonState::Mirrored
            | PersonState::Shadow
            | PersonState::VerifierImported
            | PersonState::Migrated => {}
        }
        let status = entry.as_ref().map_or(AccountStatus::Active, |entry| entry.status);
        let result = result_of(status);
        let source = SourceFacts {
            mode: live.source.mode,
            redirect: true,
            answer: proves(result),
            is_credential_authority: is_authority(&known, live.source.id),
            holds_standing: known.person.standing_authority == here,
            second_factor,
            read_disabled: status != AccountStatus::Active,
            settled: true,
            shadow: None,
        };
        let facts = self.facts(&known, Place::Source(source), Some(live));
        Ok(Settled {
            facts: Some(facts),
            person: Some(known.person.clone()),
            account: Some(account),
            verifier: known.verifier.clone(),
            reach_source: known.restricted_to.or(Some(live.source.id)),
            live: Some(Arc::clone(live)),
            entry,
            result: Some(result),
            ..Settled::by(decide(&facts))
        })
    }

    async fn come_back(
        &mut self,
        live: &LiveSource,
        known: Known,
        account: &Account,
        entry: Option<&SourceEntry>,
    ) -> Result<Known, HubError> {
        let Some(entry) = entry.filter(|entry| entry.status == AccountStatus::Active) else { return Ok(known) };
        storage::write!(self.hub.database, |tx| {
            mirror::refresh(tx, self.hub, &live.source, entry, account, mirror::Cause::SignIn).await
        })?;
        let id = known.person.id;
        Ok(self.read_known(id, None).await?.unwrap_or(known))
    }

    /// Whether the account that came back bears the name that was typed before.
    fn bears(&self, entry: Option<&SourceEntry>, typed: &[u8]) -> bool {
        let Some(entry) = entry else { return true };
        let email = entry.attributes.get(&directory::AttributeName::Email);
        let mut names = entry.names.iter().chain(&entry.username).chain(email);
        names.any(|name| self.hub.typed_digest(fold(name).as_str()) == typed)
    }
}

fn is_authority(known: &Known, source: SourceId) -> bool {
    known.person.credential_authority == directory::CredentialAuthority::Source(source)
}

const fn proves(result: AdapterResult) -> SourceAnswer {
    SourceAnswer::Said { result, proves_password: true }
}

const fn result_of(status: AccountStatus) -> AdapterResult {
    match status {
        AccountStatus::Active => AdapterResult::Ok,
        AccountStatus::Disabled => AdapterResult::Disabled,
        AccountStatus::Expired => AdapterResult::AccountExpired,
        AccountStatus::Missing => AdapterResult::NotFound,
    }
}

fn name_of(entry: &SourceEntry) -> String {
    entry.username.clone().unwrap_or_else(|| entry.immutable_id.as_str().to_owned())
}

/// What the provider's `error` means (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6). Empty: the person, or their
/// session there, said no.
fn said_by_error(error: &str) -> Option<TroubleKind> {
    match error {
        "access_denied"
        | "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => None,
        "invalid_request"
        | "unauthorized_client"
        | "unsupported_response_type"
        | "invalid_scope"
        | "invalid_client"
        | "request_not_supported" => Some(TroubleKind::Misconfigured),
        // What nobody has heard of says nothing about the provider's health.
        "server_error" | "temporarily_unavailable" => Some(TroubleKind::Unavailable),
        _ => Some(TroubleKind::Odd),
    }
}

fn trouble_of(live: &LiveSource, kind: TroubleKind, error: &str) -> Trouble {
    let word: String = error.chars().filter(char::is_ascii_graphic).take(60).collect();
    Trouble {
        kind,
        endpoint: live.source.name.clone(),
        reason: format!("the provider sent the browser back with {word:?}"),
    }
}
