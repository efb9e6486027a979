//! "Continue with …": which providers a page offers, and the way there.

use std::sync::Arc;

use chrono::TimeDelta;
use connector::{RedirectStart, Trouble};
use directory::{ClientId, TypedName, fold};
use storage::redirects::{RedirectSignIn, Redirects};
use tokio::time::Instant;

use super::{RedirectBeginning, RedirectBegun, attempt_of};
use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::vault::token_digest,
    sign_in::{
        ProviderChoice, SignInAnswer,
        broker::{Broker, Settled},
        decision::decide,
        lookup::{answer_of, note_contact},
        route::{domain_owner, is_asked},
        stranger::{place, unknown_facts},
    },
};

/// How long somebody may take over there.
const WAY: TimeDelta = TimeDelta::minutes(15);

impl Hub {
    /// The providers that people of this application can go to. By the way the attempt takes (the application, the
    /// typed domain), never by whom it is about: the page is the same for everybody on it.
    pub async fn sign_in_providers(
        &self,
        client: Option<&ClientId>,
        identifier: Option<&str>,
    ) -> Result<Vec<ProviderChoice>, HubError> {
        let sources = self.sources_now().await?;
        let originals = match client {
            Some(id) => self.client_of_attempt(id).await?.original_sources,
            None => Vec::new(),
        };
        let owner = identifier.and_then(|typed| domain_owner(typed, &sources));
        let offered = |live: &&Arc<LiveSource>| {
            let source = &live.source;
            let on_route = originals.is_empty() || originals.contains(&source.id) || owner == Some(source.id);
            source.connector.redirects() && is_asked(source.mode) && on_route
        };
        let choice = |live: &Arc<LiveSource>| ProviderChoice {
            source: live.source.name.clone(),
            label: live.source.label.clone(),
        };
        // Who owns the typed domain is meant; a provider of another is only in the way.
        if let Some(live) = sources.iter().filter(offered).find(|live| owner == Some(live.source.id)) {
            return Ok(vec![choice(live)]);
        }
        Ok(sources.iter().filter(offered).map(choice).collect())
    }

    /// Remembers the browser and says where it goes.
    pub async fn begin_redirect(&self, beginning: RedirectBeginning) -> Result<RedirectBegun, HubError> {
        let sources = self.sources_now().await?;
        let found = sources.iter().find(|live| live.source.name == beginning.source);
        let live = found.filter(|live| live.source.connector.redirects() && is_asked(live.source.mode));
        let live = Arc::clone(live.ok_or(HubError::NotFound("The directory"))?);
        let state = self.random.token();
        let browser = beginning.browser.clone().unwrap_or_else(|| self.random.token());
        match self.way_to(&live, &beginning, &state).await {
            Ok(to) => {
                let typed = beginning.identifier.as_deref().filter(|typed| !typed.trim().is_empty());
                let now = self.clock.now();
                let row = RedirectSignIn {
                    state: token_digest(&state),
                    source: live.source.id,
                    browser: token_digest(&browser),
                    authorization: beginning.authorization,
                    client: beginning.client,
                    return_to: beginning.return_to,
                    typed: typed.map(|typed| self.typed_digest(typed)),
                    expires_at: now + WAY,
                };
                storage::write!(self.database, |tx| { Redirects(tx).insert(&row).await.map_err(HubError::from) })?;
                Ok(RedirectBegun::Go { to, browser })
            }
            Err(trouble) => self.no_way(&live, &beginning, &trouble).await,
        }
    }

    async fn way_to(&self, live: &LiveSource, beginning: &RedirectBeginning, state: &str) -> Result<url::Url, Trouble> {
        let connector = live.connector()?;
        let redirect = connector.redirect().ok_or_else(|| no_redirect(live))?;
        let secrets = self.redirect_secrets(state);
        // A name at a domain is one that the provider may know; anything else may be a password in the wrong field.
        let hint = beginning.identifier.as_deref().map(str::trim);
        let hint = hint.filter(|typed| matches!(TypedName::parse(typed), TypedName::AtDomain(_)));
        let start = RedirectStart {
            redirect_uri: self.redirect_uri(&live.source.name),
            state: state.to_owned(),
            nonce: secrets.nonce,
            code_verifier: secrets.code_verifier,
            login_hint: hint.map(str::to_owned),
        };
        let to = redirect.begin(&start).await;
        note_contact(self, live, to.as_ref().err().map(|trouble| trouble.kind));
        to
    }

    async fn no_way(
        &self,
        live: &Arc<LiveSource>,
        beginning: &RedirectBeginning,
        trouble: &Trouble,
    ) -> Result<RedirectBegun, HubError> {
        let name = beginning.identifier.clone().unwrap_or_default();
        let attempt = attempt_of(&beginning.caller, beginning.client.clone(), &live.source.name, name);
        let policy = self.policy_now().await?;
        let client = match &attempt.client {
            Some(id) => Some(self.client_of_attempt(id).await?),
            None => None,
        };
        let mut broker = Broker::begin(self, &attempt, client.as_ref(), policy, Instant::now()).await?;
        let settled = broker.unreachable(live, trouble);
        match broker.commit(settled, None).await? {
            SignInAnswer::Refused(refusal) => Ok(RedirectBegun::Refused(refusal)),
            SignInAnswer::SignedIn { .. }
            | SignInAnswer::CodeNeeded(_)
            | SignInAnswer::PasswordOffered(_)
            | SignInAnswer::ChangeNeeded(_) => {
                Err(HubError::Internal("a provider that is down let somebody in".to_owned()))
            }
        }
    }

    /// What a typed name is compared by when the browser is back; it is stored in no other form.
    pub(super) fn typed_digest(&self, typed: &str) -> Vec<u8> {
        self.vault.keyed_digest("typed identifier", fold(typed.trim()).as_str().as_bytes())
    }
}

impl Broker<'_> {
    /// The provider cannot be asked, or refuses the hub itself. Nobody is known by then, so that it is the row of an
    /// unknown person.
    pub(super) fn unreachable(&mut self, live: &Arc<LiveSource>, trouble: &Trouble) -> Settled {
        let text = format!("{} could not be asked.", live.source.label);
        self.trace.bad("Source answered", text, Some(trouble.to_string()));
        let facts = unknown_facts(place(live, answer_of(trouble.kind), true), Some(live));
        Settled {
            facts: Some(facts),
            live: Some(Arc::clone(live)),
            endpoint: Some(trouble.endpoint.clone()),
            ..Settled::by(decide(&facts))
        }
    }
}

pub(super) fn no_redirect(live: &LiveSource) -> Trouble {
    Trouble {
        kind: connector::TroubleKind::Misconfigured,
        endpoint: live.source.name.clone(),
        reason: "nobody signs in at this source by redirect".to_owned(),
    }
}
