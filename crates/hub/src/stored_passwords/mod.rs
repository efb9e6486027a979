//! Passwords that a source stores and shows to the hub: which kinds there are, and taking them over (U4).
//!
//! Nothing is written at the source, nobody is locked, and no value is kept unless it is taken over. A value the hub
//! cannot verify stops nothing: its owner is counted and stays with the source.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use connector::Connector;
use credential::legacy::{self, Hints};
use directory::{Account, AccountStatus, LinkKind, Source, SourceId, StoredScheme};
use secrecy::SecretString;
use serde::Serialize;
use storage::{accounts::Accounts, stored_passwords};

use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::{Actor, capability::ReadConfiguration},
    mirror::{self, ImportedVerifier},
};

/// Accounts that are read before their transaction: the writer is shared with everybody who signs in.
const BATCH: u32 = 50;

/// What a reading of stored passwords found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PasswordReport {
    /// Accounts whose entry was read.
    pub read: u64,
    /// People by the kind of their stored password.
    pub schemes: BTreeMap<StoredScheme, u64>,
    /// People whose password the hub checks from now on.
    pub taken_over: u64,
    /// People who stay with the source although their password could be verified, by reason.
    pub stayed: BTreeMap<&'static str, u64>,
    /// Why the reading ended early, in words.
    pub stopped: Option<String>,
}

/// One kind of stored password at one source, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub scheme: StoredScheme,
    pub people: i64,
    /// Of them, those whose password the hub checks by now.
    pub moved: i64,
    pub read_at: DateTime<Utc>,
}

/// One account, read.
struct Seen {
    account: Account,
    scheme: StoredScheme,
    /// To be taken over, as it will be kept.
    kept: Option<String>,
    password_set_at: Option<DateTime<Utc>>,
}

impl Hub {
    /// Which kinds of stored passwords a source's people were seen to have, the most frequent first.
    pub async fn password_coverage(&self, _: &ReadConfiguration, id: SourceId) -> Result<Vec<Coverage>, HubError> {
        let counts = stored_passwords::by_scheme(&mut self.database.reader(), id).await?;
        let coverage = |c: stored_passwords::SchemeCount| Coverage {
            scheme: c.scheme,
            people: c.people,
            moved: c.moved,
            read_at: c.read_at,
        };
        Ok(counts.into_iter().map(coverage).collect())
    }

    /// Reads what the source stores for everybody who is linked to it, and counts it by kind. With `take_over`, whoever
    /// can be taken over is: from then on the hub decides (U4), and the source is asked for no password of theirs.
    pub async fn read_stored_passwords(
        &self,
        actor: Actor,
        name: &str,
        take_over: bool,
    ) -> Result<PasswordReport, HubError> {
        let sources = self.sources_now().await?;
        let found = sources.iter().find(|live| live.source.name == name);
        let live: &LiveSource = found.ok_or(HubError::NotFound("The directory"))?;
        let mode = live.source.mode;
        if take_over && !matches!(mode, directory::SourceMode::Capture | directory::SourceMode::Draining) {
            return Err(HubError::Refused(format!(
                "{} is in mode {mode}: stored passwords are taken over in capture or draining only, because the hub decides \
                 from then on.",
                live.source.label
            )));
        }
        let connector = live.connector().map_err(|trouble| HubError::Refused(trouble.reason))?;
        let mut report = PasswordReport::default();
        let mut after = String::new();
        // Every account was read before tomorrow.
        let all = self.clock.now() + TimeDelta::days(1);
        loop {
            let mut reader = self.database.reader();
            let accounts = Accounts(&mut reader).not_read_since(live.source.id, all, &after, BATCH).await?;
            let Some(last) = accounts.last() else { return Ok(report) };
            after = last.immutable_id.to_string();
            let mut seen = Vec::new();
            for account in accounts {
                if account.kind != LinkKind::Primary || account.status == AccountStatus::Missing {
                    continue;
                }
                match self.look(&*connector, account, take_over).await? {
                    Ok(Some(one)) => seen.push(one),
                    Ok(None) => {}
                    Err(reason) => {
                        report.stopped = Some(reason);
                        return Ok(report);
                    }
                }
            }
            self.write_seen(actor, &live.source, &seen, &mut report).await?;
        }
    }

    /// What is stored for one account. `Ok(None)`: the entry is not there. The inner error ends the reading.
    async fn look(
        &self,
        connector: &dyn Connector,
        account: Account,
        take_over: bool,
    ) -> Result<Result<Option<Seen>, String>, HubError> {
        let entry = match connector.fetch(&account.immutable_id).await {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(Ok(None)),
            Err(trouble) => return Ok(Err(trouble.reason)),
        };
        let stored: Option<SecretString> = match connector.stored_password(&entry).await {
            Ok(stored) => stored,
            Err(trouble) => return Ok(Err(trouble.reason)),
        };
        let (scheme, kept) = match stored {
            None => (StoredScheme::None, None),
            Some(stored) => {
                let scheme = legacy::scheme_of(&stored, &Hints::default());
                let wanted = take_over && scheme.is_verifiable() && scheme != StoredScheme::CallOut;
                let kept = match wanted {
                    true => self.state.passwords.keep_stored(&*self.random, stored).await?.ok(),
                    false => None,
                };
                (scheme, kept)
            }
        };
        Ok(Ok(Some(Seen { account, scheme, kept, password_set_at: entry.password_set_at })))
    }

    async fn write_seen(
        &self,
        actor: Actor,
        source: &Source,
        seen: &[Seen],
        report: &mut PasswordReport,
    ) -> Result<(), HubError> {
        // Counted apart from the report: the transaction may run more than once.
        let (taken, stayed) = storage::write!(self.database, |tx| {
            let (mut taken, mut stayed) = (0_u64, BTreeMap::<&'static str, u64>::new());
            for one in seen {
                stored_passwords::put(tx, one.account.id, source.id, one.scheme, self.clock.now()).await?;
                let Some(kept) = one.kept.clone() else { continue };
                let person = one.account.person_id;
                let value = (one.scheme, kept);
                match mirror::import_verifier(tx, self, actor, person, source, value, one.password_set_at).await? {
                    ImportedVerifier::Stored(_) => taken += 1,
                    ImportedVerifier::Not(reason) => *stayed.entry(reason).or_default() += 1,
                }
            }
            Ok::<_, HubError>((taken, stayed))
        })?;
        report.read += seen.len() as u64;
        report.taken_over += taken;
        for one in seen {
            *report.schemes.entry(one.scheme).or_default() += 1;
        }
        for (reason, number) in stayed {
            *report.stayed.entry(reason).or_default() += number;
        }
        Ok(())
    }
}
