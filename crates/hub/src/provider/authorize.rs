//! The authorization endpoint, and what follows on the sign-in and consent pages.

use chrono::{DateTime, Utc};
use directory::{AuthorizationId, Client, ClientId, ConsentPolicy, Person, PersonId, SessionId};
use oidc::{
    AuthorizationRefusal, AuthorizationRequest, ErrorCode, Parameters, ProtocolError, Scope, Scopes, client_of,
    response_url,
};
use storage::{
    StorageError,
    people::People,
    provider::{AuthorizationRequestRow, CodeRow, Provider},
};

use super::grant::Grant;
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record, seconds, vault::token_digest},
    session::Session,
};

/// Where the browser goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizeAnswer {
    /// To the client's registered address, with a code or an error.
    Redirect(String),
    /// To the sign-in page.
    SignIn(AuthorizationId),
    /// To the consent page.
    Consent(AuthorizationId),
    /// Nowhere: a page of ours says why.
    Page(ProtocolError),
}

/// What the sign-in page needs to know of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAuthorization {
    pub client: ClientId,
    pub client_name: String,
    pub login_hint: Option<String>,
    /// Where the browser will be sent: browsers hold a form's redirects against `form-action`.
    pub redirect_uri: String,
}

/// One thing the client asks for, with the value it would be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentAsk {
    pub scope: Scope,
    pub value: Option<String>,
}

/// The question of the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentQuestion {
    pub client_name: String,
    pub person_name: String,
    pub asks: Vec<ConsentAsk>,
    pub redirect_uri: String,
}

/// A stored request with its client as it is now.
struct Pending {
    id: AuthorizationId,
    request: AuthorizationRequest,
    client: Client,
    started_at: DateTime<Utc>,
}

/// What stands between a request and its code.
enum Step {
    SignIn,
    Consent(Session),
    Issue(Session),
    Refuse(ProtocolError),
}

const GONE: ProtocolError = ProtocolError::new(
    ErrorCode::InvalidRequest,
    "this sign-in has ended, or took too long: go back to the application and start again",
);

impl Hub {
    /// Answers an authorization request. `session` is the browser's.
    pub async fn authorize(
        &self,
        parameters: &Parameters,
        session: Option<SessionId>,
    ) -> Result<AuthorizeAnswer, HubError> {
        let id = match client_of(parameters) {
            Ok(id) => id,
            Err(error) => return Ok(AuthorizeAnswer::Page(error)),
        };
        let Some(client) = self.provider_client_now(&id).await? else {
            return Ok(AuthorizeAnswer::Page(ProtocolError::new(
                ErrorCode::UnauthorizedClient,
                "no application is registered here under this client_id",
            )));
        };
        let request = match AuthorizationRequest::parse(parameters, &client) {
            Ok(request) => request,
            Err(AuthorizationRefusal::Page(error)) => return Ok(AuthorizeAnswer::Page(error)),
            Err(AuthorizationRefusal::Redirect { redirect_uri, state, error }) => {
                return Ok(self.error_redirect(&redirect_uri, state.as_deref(), error));
            }
        };
        let now = self.clock.now();
        match self.authorization_step(&request, &client, session, now).await? {
            Step::Refuse(error) => Ok(self.error_redirect(&request.redirect_uri, request.state.as_deref(), error)),
            Step::Issue(session) => self.issue_code(&request, &client, &session, None, false).await,
            Step::SignIn => Ok(AuthorizeAnswer::SignIn(self.store_request(&request, now).await?)),
            Step::Consent(_) => Ok(AuthorizeAnswer::Consent(self.store_request(&request, now).await?)),
        }
    }

    /// What the sign-in page shows of a stored request; empty if it has ended.
    pub async fn pending_authorization(&self, id: AuthorizationId) -> Result<Option<PendingAuthorization>, HubError> {
        Ok(self.pending_request(id).await?.map(|pending| PendingAuthorization {
            client: pending.client.id,
            client_name: pending.client.name,
            login_hint: pending.request.login_hint,
            redirect_uri: pending.request.redirect_uri,
        }))
    }

    /// Goes on after the person signed in.
    pub async fn resume_authorization(
        &self,
        id: AuthorizationId,
        session: Option<SessionId>,
    ) -> Result<AuthorizeAnswer, HubError> {
        let Some(pending) = self.pending_request(id).await? else { return Ok(AuthorizeAnswer::Page(GONE)) };
        let Pending { request, client, started_at, .. } = &pending;
        match self.authorization_step(request, client, session, *started_at).await? {
            Step::SignIn => Ok(AuthorizeAnswer::SignIn(id)),
            Step::Consent(_) => Ok(AuthorizeAnswer::Consent(id)),
            Step::Issue(session) => self.issue_code(request, client, &session, Some(id), false).await,
            Step::Refuse(error) => self.refuse_request(&pending, error).await,
        }
    }

    /// The question for the consent page; empty if there is nothing (more) to ask this session.
    pub async fn consent_question(
        &self,
        id: AuthorizationId,
        session: Option<SessionId>,
    ) -> Result<Option<ConsentQuestion>, HubError> {
        let Some(pending) = self.pending_request(id).await? else { return Ok(None) };
        let Pending { request, client, started_at, .. } = pending;
        let Step::Consent(session) = self.authorization_step(&request, &client, session, started_at).await? else {
            return Ok(None);
        };
        let person = self.person_of_session(session.person).await?;
        let claims = self.person_claims(&person, &client.id, &request.scope).await?;
        let asks = request.scope.iter().map(|scope| ConsentAsk {
            scope,
            value: match scope {
                Scope::OpenId | Scope::OfflineAccess => None,
                Scope::Profile => claims.name.clone(),
                Scope::Email => claims.email.clone(),
                Scope::Phone => claims.phone_number.clone(),
                Scope::Groups => (!claims.groups.is_empty()).then(|| claims.groups.join(", ")),
            },
        });
        Ok(Some(ConsentQuestion {
            client_name: client.name,
            person_name: person.display_name,
            asks: asks.collect(),
            redirect_uri: request.redirect_uri,
        }))
    }

    /// The person's answer on the consent page.
    pub async fn decide_consent(
        &self,
        id: AuthorizationId,
        session: Option<SessionId>,
        allowed: bool,
    ) -> Result<AuthorizeAnswer, HubError> {
        let Some(pending) = self.pending_request(id).await? else { return Ok(AuthorizeAnswer::Page(GONE)) };
        if !allowed {
            let error = ProtocolError::new(ErrorCode::AccessDenied, "the person did not allow it");
            return self.refuse_request(&pending, error).await;
        }
        let Pending { request, client, started_at, .. } = &pending;
        match self.authorization_step(request, client, session, *started_at).await? {
            Step::SignIn => Ok(AuthorizeAnswer::SignIn(id)),
            Step::Consent(session) => self.issue_code(request, client, &session, Some(id), true).await,
            Step::Issue(session) => self.issue_code(request, client, &session, Some(id), false).await,
            Step::Refuse(error) => self.refuse_request(&pending, error).await,
        }
    }

    /// Decides by the request and the session alone; asked anew at every step, so that no page can be skipped.
    async fn authorization_step(
        &self,
        request: &AuthorizationRequest,
        client: &Client,
        session: Option<SessionId>,
        started_at: DateTime<Utc>,
    ) -> Result<Step, HubError> {
        let session = match session {
            Some(id) => self.session(id).await?,
            None => None,
        };
        let login_needed = || {
            if request.prompt.none {
                Step::Refuse(ProtocolError::new(ErrorCode::LoginRequired, "the person must sign in"))
            } else {
                Step::SignIn
            }
        };
        let Some(session) = session else { return Ok(login_needed()) };
        let just_signed_in = session.auth_time >= started_at;
        if !just_signed_in && (request.prompt.login || is_too_old(request, &session, self.clock.now())) {
            return Ok(login_needed());
        }
        if !self.is_hinted_person(request, session.person).await? {
            let other = "somebody else is signed in than id_token_hint names";
            return Ok(match just_signed_in {
                true => Step::Refuse(ProtocolError::new(ErrorCode::LoginRequired, other)),
                false => login_needed(),
            });
        }
        if !session.reach.opens(&client.original_sources) {
            // Signing in once more with the same password would come back here.
            let weak = "the password that was used opens only the applications of its own directory";
            return Ok(match just_signed_in {
                true => Step::Refuse(ProtocolError::new(ErrorCode::AccessDenied, weak)),
                false => login_needed(),
            });
        }
        if self.needs_consent(request, client, session.person).await? {
            return Ok(match request.prompt.none {
                true => Step::Refuse(ProtocolError::new(ErrorCode::ConsentRequired, "the person must be asked")),
                false => Step::Consent(session),
            });
        }
        Ok(Step::Issue(session))
    }

    /// Consent per client: never, where an administrator answers for it; else once, and again when it asks for more.
    async fn needs_consent(
        &self,
        request: &AuthorizationRequest,
        client: &Client,
        person: PersonId,
    ) -> Result<bool, HubError> {
        match client.consent {
            ConsentPolicy::Never => Ok(false),
            ConsentPolicy::FirstTime if request.prompt.consent => Ok(true),
            ConsentPolicy::FirstTime => {
                let given = Provider::new(&mut self.database.reader()).consent(person, &client.id).await?;
                Ok(!given.is_some_and(|given| request.scope.is_within(&Scopes::parse(&given))))
            }
        }
    }

    /// Whether `id_token_hint`, if there is one, names this person. A hint that is not ours names nobody.
    async fn is_hinted_person(&self, request: &AuthorizationRequest, person: PersonId) -> Result<bool, HubError> {
        let Some(hint) = &request.id_token_hint else { return Ok(true) };
        let keys = self.signing_keys().await?;
        let Ok(claims) = keys.verify_id_token_hint(hint, &self.endpoints().issuer) else { return Ok(false) };
        Ok(self.person_of_session(person).await?.subject == claims.sub)
    }

    async fn person_of_session(&self, person: PersonId) -> Result<Person, HubError> {
        let person = People(&mut self.database.reader()).by_id(person).await?;
        person.ok_or(HubError::NotFound("the person of a session"))
    }

    async fn store_request(
        &self,
        request: &AuthorizationRequest,
        now: DateTime<Utc>,
    ) -> Result<AuthorizationId, HubError> {
        let mut bytes = [0u8; 16];
        self.random.fill(&mut bytes);
        let row = AuthorizationRequestRow {
            id: uuid::Builder::from_random_bytes(bytes).into_uuid(),
            client_id: request.client_id.0.clone(),
            request: serde_json::to_value(request).map_err(|error| HubError::Internal(error.to_string()))?,
            created_at: now,
            expires_at: now + seconds(self.policy_now().await?.authorization_request),
            finished_at: None,
        };
        storage::write!(self.database, |tx| { Ok::<_, HubError>(Provider::new(tx).insert_request(&row).await?) })?;
        Ok(row.id.into())
    }

    /// A stored request that can still be answered, and whose address is still registered.
    async fn pending_request(&self, id: AuthorizationId) -> Result<Option<Pending>, HubError> {
        let Some(row) = Provider::new(&mut self.database.reader()).request(id).await? else { return Ok(None) };
        if row.finished_at.is_some() || self.clock.now() >= row.expires_at {
            return Ok(None);
        }
        let request: AuthorizationRequest = serde_json::from_value(row.request).map_err(|error| {
            StorageError::Inconsistent { table: "authorization_request", column: "request", reason: error.to_string() }
        })?;
        let client = self.provider_client_now(&request.client_id).await?;
        Ok(client.filter(|client| client.redirect_uris.contains(&request.redirect_uri)).map(|client| Pending {
            id,
            request,
            client,
            started_at: row.created_at,
        }))
    }

    async fn issue_code(
        &self,
        request: &AuthorizationRequest,
        client: &Client,
        session: &Session,
        stored: Option<AuthorizationId>,
        consented: bool,
    ) -> Result<AuthorizeAnswer, HubError> {
        let now = self.clock.now();
        let policy = self.policy_now().await?;
        let grant = Grant::new(session, client, &request.scope, self.random.id(now).into(), now, &policy);
        let code = self.random.token();
        let row = CodeRow {
            grant_id: grant.id.uuid(),
            redirect_uri: request.redirect_uri.clone(),
            nonce: request.nonce.clone(),
            code_challenge: request.code_challenge.as_ref().map(|challenge| challenge.as_str().to_owned()),
            created_at: now,
            expires_at: now + seconds(policy.authorization_code),
            used_at: None,
        };
        let issued = storage::write!(self.database, |tx| {
            let mut provider = Provider::new(tx);
            if let Some(id) = stored
                && !provider.finish_request(id, now).await?
            {
                return Ok(false);
            }
            provider.insert_grant(&grant.row()).await?;
            provider.insert_code(token_digest(&code), &row).await?;
            if consented {
                let before = provider.consent(session.person, &client.id).await?.unwrap_or_default();
                let scope = request.scope.union(&Scopes::parse(&before)).to_string();
                provider.remember_consent(session.person, &client.id, &scope, now).await?;
                let event = AuditEvent::new(Actor::Person(session.person), "consent.given")
                    .person(session.person)
                    .client(client.id.clone())
                    .details(serde_json::json!({ "scope": scope }));
                record(tx, self.clock.as_ref(), self.random.as_ref(), event).await?;
            }
            Ok::<_, HubError>(true)
        })?;
        if !issued {
            return Ok(AuthorizeAnswer::Page(GONE));
        }
        Ok(self.authorization_response(&request.redirect_uri, request.state.as_deref(), &[("code", &code)]))
    }

    /// Ends a stored request with an error for the client.
    async fn refuse_request(&self, pending: &Pending, error: ProtocolError) -> Result<AuthorizeAnswer, HubError> {
        let now = self.clock.now();
        let first = storage::write!(self.database, |tx| {
            Ok::<_, HubError>(Provider::new(tx).finish_request(pending.id, now).await?)
        })?;
        if !first {
            return Ok(AuthorizeAnswer::Page(GONE));
        }
        Ok(self.error_redirect(&pending.request.redirect_uri, pending.request.state.as_deref(), error))
    }

    fn error_redirect(&self, redirect_uri: &str, state: Option<&str>, error: ProtocolError) -> AuthorizeAnswer {
        let pairs = [("error", error.code.as_str()), ("error_description", error.description)];
        self.authorization_response(redirect_uri, state, &pairs)
    }

    /// Every response names its issuer (RFC 9207), so that a client of several providers cannot mix them up.
    fn authorization_response(
        &self,
        redirect_uri: &str,
        state: Option<&str>,
        pairs: &[(&str, &str)],
    ) -> AuthorizeAnswer {
        let issuer = self.endpoints().issuer;
        let mut all = pairs.to_vec();
        all.extend(state.map(|state| ("state", state)));
        all.push(("iss", &issuer));
        AuthorizeAnswer::Redirect(response_url(redirect_uri, &all))
    }
}

/// `max_age` (Core 3.1.2.1): the last time the person proved who they are is longer ago than the client accepts.
fn is_too_old(request: &AuthorizationRequest, session: &Session, now: DateTime<Utc>) -> bool {
    request.max_age.is_some_and(|max_age| now >= session.auth_time + seconds(u64::from(max_age)))
}
