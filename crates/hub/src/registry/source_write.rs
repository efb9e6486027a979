//! Preparing a source (checks, sealing, asking the directory for its lockout) and writing it with its audit line.

use std::sync::Arc;

use connector::{Connector, Trouble, TroubleKind};
use directory::{Source, SourceDraft, SourceMode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Transaction,
    sources::{SealedSecret, StoredSource},
};

use super::{
    attributes,
    difference::{self, FieldChange},
    invalid, lockout, source_check, two_people,
    two_people::{Proposal, Wanted},
    write_access,
};
use crate::{
    Hub, HubError,
    connections::{entered_for, secret_place},
    kernel::{Actor, AuditEvent, record, sealing},
    mirror,
};

/// Stands for every directory that is not registered yet.
const UNREGISTERED: uuid::Uuid = uuid::Uuid::from_u128(0x6e65_7720_6469_7265_6374_6f72_7900_0001);

/// A source that passed every check, ready to be written.
pub(crate) struct PreparedSource {
    /// As it will be; its revision is the one the change was based on.
    pub(crate) source: Source,
    secret: Option<SealedSecret>,
    /// What one person may change. Empty = nothing to write.
    pub(crate) changes: Vec<FieldChange>,
    /// What waits for a second person, and how it is kept.
    pub(crate) proposed: Vec<FieldChange>,
    wanted: Wanted,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceOutcome {
    pub(crate) source: Source,
    pub(crate) proposal: Option<Proposal>,
}

impl Hub {
    /// Checks a new source.
    pub(crate) async fn prepare_new_source(
        &self,
        draft: SourceDraft,
        secret: &SecretString,
    ) -> Result<PreparedSource, HubError> {
        let draft = source_check::check(draft, None)?;
        if draft.connector.needs_secret() {
            check_secret(secret)?;
        }
        let now = self.clock.now();
        let source = source_of(draft, |s| {
            s.id = self.random.id(now).into();
            s.revision = 1;
            s.created_at = now;
            s.updated_at = now;
        });
        self.check_connector(&source, secret.clone()).await?;
        let secret = Some(self.seal(&source, secret)?);
        let changes = difference::of_sources(&SourceDraft::preset(source.kind), &SourceDraft::from(&source));
        Ok(PreparedSource { source, secret, changes, proposed: Vec::new(), wanted: Wanted::default() })
    }

    /// Checks a change of a source. `secret` is given if it was entered again.
    pub(crate) async fn prepare_changed_source(
        &self,
        stored: &StoredSource,
        draft: SourceDraft,
        secret: Option<&SecretString>,
    ) -> Result<PreparedSource, HubError> {
        let before = SourceDraft::from(&stored.source);
        let mut draft = source_check::check(draft, Some(&stored.source))?;
        let has_people = storage::sources::has_people(&mut self.database.reader(), stored.source.id).await?;
        let feeding = mirror::feeding(&mut self.database.reader()).await?;
        let taken = two_people::take_out(&before, &mut draft, has_people, &feeding);
        let prepared = self.prepare_whole_source(stored, draft, secret).await?;
        Ok(PreparedSource { proposed: taken.fields, wanted: taken.wanted, ..prepared })
    }

    /// Prepares a checked change as it is, with what needs two people.
    pub(super) async fn prepare_whole_source(
        &self,
        stored: &StoredSource,
        draft: SourceDraft,
        secret: Option<&SecretString>,
    ) -> Result<PreparedSource, HubError> {
        let mut changes = difference::of_sources(&SourceDraft::from(&stored.source), &draft);
        let source = source_of(draft, |s| {
            s.id = stored.source.id;
            s.revision = stored.source.revision;
            s.definitions = stored.source.definitions.clone();
            s.created_at = stored.source.created_at;
            s.updated_at = self.clock.now();
        });
        let sealed = self.secret_for(stored, &source, secret)?;
        if let Some((_, true)) = sealed {
            changes.push(FieldChange::secret("bind_password"));
        }
        if !changes.is_empty() {
            let current = match secret {
                Some(secret) => Ok(secret.clone()),
                None => self.open_secret(stored),
            };
            match current {
                Ok(current) => self.check_connector(&source, current).await?,
                // A secret that does not open any more must not keep anybody from pausing the source.
                Err(error) => lockout::check(source.mode, source.lockout, Err(unopened(&source, &error))).await?,
            }
        }
        let mut secret = sealed.map(|(s, _)| s);
        if source.mode == SourceMode::Retired && stored.source.mode != SourceMode::Retired {
            // A retired directory does not come back, and its service account's password has no place here any more.
            let row = source.id.to_string();
            let sealed = self.vault.seal(&*self.random, secret_place(&row), &SecretString::default())?;
            secret = Some(SealedSecret { sealed, entered_for: Vec::new() });
        }
        Ok(PreparedSource { source, secret, changes, proposed: Vec::new(), wanted: Wanted::default() })
    }

    /// Checks settings that are only to be tried.
    pub(crate) fn check_source_for_test(
        &self,
        draft: SourceDraft,
        before: Option<&Source>,
    ) -> Result<Source, HubError> {
        let draft = source_check::check(draft, before)?;
        let now = self.clock.now();
        Ok(source_of(draft, |s| {
            s.id = before.map_or_else(|| self.random.id(now).into(), |b| b.id);
            s.definitions = before.map(|b| b.definitions.clone()).unwrap_or_default();
        }))
    }

    /// Checks what was entered of a new source so far, and brings it into its stored form.
    pub(crate) fn check_source_so_far(&self, draft: SourceDraft) -> Result<SourceDraft, HubError> {
        source_check::check_so_far(draft)
    }

    /// A source that is not registered, as far as it is known, to be looked at. All of them share an id that no
    /// registered one has: what is counted for an account there is counted over all drafts.
    pub(crate) fn unregistered(&self, draft: &SourceDraft) -> Source {
        let draft = SourceDraft { name: "the new directory".to_owned(), ..draft.clone() };
        source_of(draft, |s| s.id = UNREGISTERED.into())
    }

    /// The secret to write, and whether it differs from the stored one. A secret entered for one host is never
    /// sent to another (Keycloak CVE-2024-5967).
    fn secret_for(
        &self,
        stored: &StoredSource,
        source: &Source,
        secret: Option<&SecretString>,
    ) -> Result<Option<(SealedSecret, bool)>, HubError> {
        if stored.source.mode == SourceMode::Retired {
            // Destroyed when it retired, and not asked for again.
            return Ok(None);
        }
        let same_place = entered_for(&self.vault, &source.connector) == stored.secret.entered_for;
        match secret {
            None if same_place => Ok(None),
            None => Err(HubError::Refused(
                "Address, TLS settings or trusted authority of this directory change: enter its bind password again, \
                 so that the stored one is not sent to another host."
                    .to_owned(),
            )),
            Some(secret) => {
                check_secret(secret)?;
                let known = self.open_secret(stored);
                let same = known.is_ok_and(|known| known.expose_secret() == secret.expose_secret());
                if same && same_place { Ok(None) } else { Ok(Some((self.seal(source, secret)?, !same))) }
            }
        }
    }

    pub(crate) fn open_secret(&self, stored: &StoredSource) -> Result<SecretString, HubError> {
        self.vault.open(secret_place(&stored.source.id.to_string()), &stored.secret.sealed)
    }

    fn seal(&self, source: &Source, secret: &SecretString) -> Result<SealedSecret, HubError> {
        let row = source.id.to_string();
        let sealed = self.vault.seal(&*self.random, secret_place(&row), secret)?;
        Ok(SealedSecret { sealed, entered_for: entered_for(&self.vault, &source.connector) })
    }

    /// What only the connector can check (certificates, filters), then the lockout.
    async fn check_connector(&self, source: &Source, secret: SecretString) -> Result<(), HubError> {
        let connector: Result<Arc<dyn Connector>, Trouble> = self.connectors.connect(source, secret);
        if let Err(trouble) = &connector
            && trouble.kind == TroubleKind::Misconfigured
        {
            return Err(invalid("connection", trouble.reason.clone()));
        }
        lockout::check(source.mode, source.lockout, connector).await
    }
}

fn unopened(source: &Source, error: &HubError) -> Trouble {
    Trouble { kind: TroubleKind::Misconfigured, endpoint: source.name.clone(), reason: error.to_string() }
}

pub(super) fn check_secret(secret: &SecretString) -> Result<(), HubError> {
    let text = secret.expose_secret();
    if text.is_empty() {
        // An empty simple bind succeeds as anonymous (RFC 4513, 5.1.2).
        return Err(invalid("bind_password", "enter the password of the service account"));
    }
    if text.len() > 1_024 || text.contains('\0') {
        return Err(invalid("bind_password", "this is too long or holds a NUL"));
    }
    Ok(())
}

/// The stored form of a checked draft.
pub(super) fn source_of(draft: SourceDraft, identify: impl FnOnce(&mut Source)) -> Source {
    let mut source = Source {
        id: uuid::Uuid::nil().into(),
        name: draft.name,
        label: draft.label,
        kind: draft.kind,
        mode: draft.mode,
        just_in_time: draft.just_in_time,
        domains: draft.domains,
        connector: draft.connector,
        lockout: draft.lockout,
        capture_settle_seconds: draft.capture_settle_seconds,
        shadow: draft.shadow,
        outage_sign_in: draft.outage_sign_in,
        just_in_time_activation: draft.just_in_time_activation,
        self_written: draft.self_written,
        protected_groups: draft.protected_groups,
        profile: draft.profile,
        // Read with the source, never written with it.
        definitions: Arc::default(),
        revision: 0,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    identify(&mut source);
    source
}

/// Writes a new source.
pub(crate) async fn insert_source(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    prepared: &PreparedSource,
) -> Result<(), HubError> {
    let source = &prepared.source;
    if storage::sources::by_name(tx, &source.name).await?.is_some() {
        return Err(invalid("name", format!("{:?} is registered already", source.name)));
    }
    check_domain_owners(tx, source).await?;
    attributes::check_source(tx, source).await?;
    let secret = prepared.secret.clone().ok_or_else(|| invalid("bind_password", "enter it"))?;
    sealing::still_current(tx, &secret.sealed).await?;
    storage::sources::insert(tx, source, secret).await?;
    let details = json!({ "name": source.name, "kind": source.kind, "mode": source.mode, "changes": prepared.changes });
    let event = AuditEvent::new(actor, "source.registered").source(source.id).details(details);
    record(tx, &*hub.clock, &*hub.random, event).await?;
    audit_plain(tx, hub, actor, source, None).await
}

/// Writes a changed source and keeps the proposal for what needs two people.
pub(crate) async fn update_source(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    before: &Source,
    prepared: &PreparedSource,
) -> Result<SourceOutcome, HubError> {
    let mut source = prepared.source.clone();
    let rewritten = !prepared.changes.is_empty() || prepared.secret.is_some();
    if rewritten {
        check_domain_owners(tx, &source).await?;
        attributes::check_source(tx, &source).await?;
        if let Some(secret) = &prepared.secret {
            sealing::still_current(tx, &secret.sealed).await?;
        }
        storage::sources::update(tx, &source, prepared.secret.clone()).await?;
        source.revision += 1;
        let details = json!({ "changes": prepared.changes });
        let event = AuditEvent::new(actor, "source.changed").source(source.id).details(details);
        record(tx, &*hub.clock, &*hub.random, event).await?;
        audit_plain(tx, hub, actor, &source, Some(before)).await?;
        if source.mode == SourceMode::Retired && before.mode != SourceMode::Retired {
            mirror::end_source_authority(tx, hub, actor, source.id).await?;
            write_access::take_away(tx, hub, actor, source.id).await?;
        }
    }
    let proposal = if prepared.proposed.is_empty() {
        None
    } else {
        Some(two_people::propose(tx, hub, actor, before, (&prepared.proposed, &prepared.wanted)).await?.0)
    };
    Ok(SourceOutcome { source, proposal })
}

/// Plain transport has an audit line of its own, so that nobody has to look for it among changed fields.
async fn audit_plain(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    source: &Source,
    before: Option<&Source>,
) -> Result<(), HubError> {
    let was = before.is_some_and(|b| b.connector.is_plain());
    if source.connector.is_plain() == was {
        return Ok(());
    }
    let action = if was { "source.plain-transport-forbidden" } else { "source.plain-transport-allowed" };
    let event = AuditEvent::new(actor, action).source(source.id).details(json!({ "name": source.name }));
    Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
}

async fn check_domain_owners(tx: &mut Transaction, source: &Source) -> Result<(), HubError> {
    for domain in &source.domains {
        let Some(owner) = storage::sources::owner_of_domain(tx, domain).await? else { continue };
        if owner != source.id {
            let name = storage::sources::by_id(tx, owner).await?.map_or_else(String::new, |s| s.source.name);
            return Err(invalid("domains", format!("{domain} belongs to the directory {name} already")));
        }
    }
    Ok(())
}
