//! Writing at a source: who may switch it on, and with which account. Off by default.

use connector::{Connector as _, WriteAccount, Writes};
use directory::{Source, SourceId, SourceKind, SourceMode, WriteAccess};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Transaction,
    sources::{SealedSecret, StoredSource},
    write_access::{self, StoredWriteAccess},
};

use super::{FieldChange, compare, directory_name::check_dn, invalid, source_write::check_secret};
use crate::{
    Hub, HubError, HubParts,
    connections::{entered_for, write_secret_place},
    kernel::{
        Actor, AuditEvent,
        capability::{ManageSources, ReadConfiguration},
        record, sealing,
    },
};

/// A write access that passed every check, ready to be written.
pub(crate) struct PreparedWriteAccess {
    source: SourceId,
    access: WriteAccess,
    /// Empty where writing is taken away.
    secret: SealedSecret,
    pub(crate) changes: Vec<FieldChange>,
}

impl Hub {
    /// Who may write at this source, and what. The password is not among it.
    pub async fn write_access(&self, _: &ReadConfiguration, source: SourceId) -> Result<WriteAccess, HubError> {
        let stored = write_access::of_source(&mut self.database.reader(), source).await?;
        Ok(stored.map(|stored| stored.access).unwrap_or_default())
    }

    /// Switches writing at a source on or off. The password is needed again if the account changes, or if the source's
    /// address or TLS settings did.
    pub async fn set_write_access(
        &self,
        by: &ManageSources,
        source: SourceId,
        wanted: WriteAccess,
        secret: Option<&SecretString>,
    ) -> Result<(), HubError> {
        let stored = storage::sources::by_id(&mut self.database.reader(), source).await?;
        let stored: StoredSource = stored.ok_or(HubError::NotFound("The directory"))?;
        let before = write_access::of_source(&mut self.database.reader(), source).await?;
        let prepared = self.prepare_write_access(&stored.source, before.as_ref(), wanted, secret)?;
        if let Some(prepared) = prepared {
            if let Some(secret) = secret.filter(|_| prepared.access != WriteAccess::default()) {
                self.try_write_account(&stored, &prepared.access, secret).await?;
            }
            storage::write!(self.database, |tx| { write_write_access(tx, self, by.actor(), &prepared).await })?;
            self.state.connections.forget();
        }
        Ok(())
    }

    /// What somebody typed is shown to the directory before it is kept: a mistake is seen now, and not when somebody waits
    /// to be unlocked. Nothing is written there.
    async fn try_write_account(
        &self,
        stored: &StoredSource,
        access: &WriteAccess,
        secret: &SecretString,
    ) -> Result<(), HubError> {
        if entered_for(&self.vault, &stored.source.connector) != stored.secret.entered_for {
            return Err(invalid(
                "bind_password",
                "enter the password of the account that reads first: address or TLS changed",
            ));
        }
        let writes = Writes { unlocks: access.unlock_at_source, changes_passwords: access.password_write_back };
        let account = WriteAccount { bind_dn: access.bind_dn.clone(), secret: secret.clone(), writes };
        let connector = self.connectors.connect_writing(&stored.source, self.open_secret(stored)?, account)?;
        let Some(writer) = connector.write_back() else { return Ok(()) };
        let probed = writer.probe_writer().await;
        if probed.passed {
            return Ok(());
        }
        let remedy = probed.remedy.unwrap_or_default();
        let text = format!("{} does not take this account: {}. {remedy}", stored.source.label, probed.detail);
        Err(invalid("write_password", text.trim()))
    }

    /// Checks it against the source as it will be; empty if nothing changes.
    pub(crate) fn prepare_write_access(
        &self,
        source: &Source,
        before: Option<&StoredWriteAccess>,
        mut wanted: WriteAccess,
        secret: Option<&SecretString>,
    ) -> Result<Option<PreparedWriteAccess>, HubError> {
        wanted.bind_dn = wanted.bind_dn.trim().to_owned();
        let known = before.map(|before| before.access.clone()).unwrap_or_default();
        let mut changes = changes(&known, &wanted);
        if wanted == WriteAccess::default() {
            let secret = SealedSecret { sealed: Vec::new(), entered_for: Vec::new() };
            let taken_away = PreparedWriteAccess { source: source.id, access: wanted, secret, changes };
            return Ok((known != WriteAccess::default()).then_some(taken_away));
        }
        check(source, &wanted)?;
        let entered_for = entered_for(&self.vault, &source.connector);
        let kept =
            before.filter(|before| before.access.bind_dn == wanted.bind_dn && before.secret.entered_for == entered_for);
        let secret = match (secret, kept) {
            (Some(secret), _) => {
                check_secret(secret).map_err(|_| invalid("write_password", "enter the account's password"))?;
                let row = source.id.to_string();
                let sealed = self.vault.seal(&*self.random, write_secret_place(&row), secret)?;
                let same = kept.is_some_and(|kept| {
                    let known = self.vault.open(write_secret_place(&row), &kept.secret.sealed);
                    known.is_ok_and(|known| known.expose_secret() == secret.expose_secret())
                });
                if !same {
                    changes.push(FieldChange::secret("write_password"));
                }
                SealedSecret { sealed, entered_for }
            }
            (None, Some(kept)) => kept.secret.clone(),
            (None, None) => {
                return Err(invalid(
                    "write_password",
                    "enter the password of this account: it is new, or address or TLS settings of the directory \
                     changed since it was entered",
                ));
            }
        };
        let prepared = PreparedWriteAccess { source: source.id, access: wanted, secret, changes };
        Ok((!prepared.changes.is_empty()).then_some(prepared))
    }
}

fn check(source: &Source, wanted: &WriteAccess) -> Result<(), HubError> {
    let reader = match source.connector.ldap() {
        Some(ldap) => &ldap.bind_dn,
        None => return Err(invalid("write_dn", "only LDAP directories and Active Directory can be written to")),
    };
    if source.mode == SourceMode::Retired {
        return Err(invalid("write_dn", "this directory is retired"));
    }
    if source.connector.is_plain() {
        return Err(invalid("write_dn", "nothing is written over a connection without TLS: switch TLS on first"));
    }
    let other_name = source.kind == SourceKind::ActiveDirectory && wanted.bind_dn.contains(['@', '\\']);
    if !other_name {
        check_dn(&wanted.bind_dn).map_err(|error| invalid("write_dn", error))?;
    }
    if is_same_account(&wanted.bind_dn, reader) {
        return Err(invalid(
            "write_dn",
            "this is the account that reads: name a second one, so that reading never comes with the right to write",
        ));
    }
    Ok(())
}

/// Whether two names are one account's, as far as the names tell.
pub(crate) fn is_same_account(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    plain(one) == plain(other)
}

/// What changes, in the words of `site.toml`.
fn changes(before: &WriteAccess, after: &WriteAccess) -> Vec<FieldChange> {
    let mut changes = compare(before, after, &[]);
    for change in &mut changes {
        if change.field == "bind_dn" {
            "write_dn".clone_into(&mut change.field);
        }
    }
    changes
}

/// Writes it with its audit line.
pub(crate) async fn write_write_access(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    prepared: &PreparedWriteAccess,
) -> Result<(), HubError> {
    if !prepared.secret.sealed.is_empty() {
        sealing::still_current(tx, &prepared.secret.sealed).await?;
    }
    write_access::put(tx, prepared.source, &prepared.access, prepared.secret.clone()).await?;
    let event = AuditEvent::new(actor, "source.write-access").source(prepared.source);
    let event = event.details(json!({ "changes": prepared.changes }));
    Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
}

/// A retired source is written to no more, and its second account's password has no place here.
pub(super) async fn take_away(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    source: SourceId,
) -> Result<(), HubError> {
    let Some(before) = write_access::of_source(tx, source).await? else { return Ok(()) };
    if before.access == WriteAccess::default() {
        return Ok(());
    }
    let access = WriteAccess::default();
    let secret = SealedSecret { sealed: Vec::new(), entered_for: Vec::new() };
    let changes = changes(&before.access, &access);
    write_write_access(tx, hub, actor, &PreparedWriteAccess { source, access, secret, changes }).await
}
