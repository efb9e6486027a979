//! Writing: unlocking an account, and changing a password. Off unless a second account is set up for it.
//!
//! Every write goes over TLS, to the one server that showed the entry, over a connection that nothing else uses, and
//! is sent once: an answer that is lost leaves it unknown. Nothing here follows a referral.
//!
//! A password is never reset, always changed: the current one travels with the new one, so that the directory checks
//! it and its own rules (history, age, form) hold. Where the person can still bind, they do (RFC 3062 on their own
//! connection). Active Directory lets nobody bind whose password has expired (532) or must be changed (773): there the
//! second account carries the change ([MS-ADTS] 3.1.1.3.1.5.2, delete and add in one request), which AD judges as the
//! person's own. The same for OpenLDAP once an expired password has no grace left.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use connector::{
    PasswordWritten, PolicyRefusal, ProbeStep, TroubleKind, Unlock, WriteAccount, WriteBack, WriteFailure, Writes,
    Written,
};
use directory::{AdapterResult, SourceEntry};
use ldap3::{LdapResult, Mod};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use crate::{
    LdapConnector,
    ask::{LookUp, Looked, ask},
    bind::{self, PolicyError},
    connection::{Connection, Endpoint},
    fault::{Fault, Stage},
    hosts::Attempt,
    pool::bind_account,
    verify::refuse_unsendable,
};

/// A refused second account is left alone for this long: it can be locked too.
const REFUSED_FOR: Duration = Duration::from_mins(5);

/// The second account, and when it was last refused.
pub(crate) struct Writer {
    account: WriteAccount,
    refused_at: Mutex<Option<Instant>>,
}

impl Writer {
    pub(crate) fn new(account: WriteAccount) -> Self {
        Self { account, refused_at: Mutex::default() }
    }

    fn was_refused(&self) -> bool {
        let refused_at = *self.refused_at.lock().unwrap_or_else(PoisonError::into_inner);
        refused_at.is_some_and(|at| at.elapsed() < REFUSED_FOR)
    }

    fn note(&self, refused: bool) {
        *self.refused_at.lock().unwrap_or_else(PoisonError::into_inner) = refused.then(Instant::now);
    }
}

/// How one request ended.
enum Sent {
    Answered(LdapResult),
    /// Nobody knows.
    Lost(Fault),
}

impl LdapConnector {
    /// The server that showed the entry. A write never goes to another one: it may be a copy that only reads.
    async fn server_of(&self, entry: &SourceEntry) -> Result<(usize, Endpoint), Fault> {
        match Endpoint::of_server(&entry.server, &self.settings) {
            Some(found) => Ok(found),
            None if self.pools.hosts.count() == 1 => Ok((0, self.pools.endpoint(0).await?)),
            None => Err(Fault::odd(&self.settings.name, "nobody knows which server showed the entry")),
        }
    }

    fn writer(&self) -> Result<&Writer, Fault> {
        let refused = |what: &str| Fault::misconfigured(&self.settings.name, what).at(Stage::Settings);
        let writer = self.writer.as_ref().ok_or_else(|| refused("writing at this source is not switched on"))?;
        if self.settings.tls.is_none() {
            return Err(refused("nothing is written over a connection without TLS"));
        }
        Ok(writer)
    }

    /// A connection of its own, bound as the second account.
    async fn writing(&self, endpoint: &Endpoint) -> Result<Connection, Fault> {
        let writer = self.writer()?;
        if writer.was_refused() {
            let what = "the write account was refused a moment ago, and is not tried again yet";
            return Err(Fault::misconfigured(&endpoint.label, what).at(Stage::ServiceAccount));
        }
        let mut connection = Connection::open(&self.settings, endpoint).await?;
        let (name, secret) = (&writer.account.bind_dn, writer.account.secret.expose_secret());
        let bound = bind_account(&self.settings, &mut connection, name, secret, "write account").await;
        if let Err(fault) = &bound {
            writer.note(fault.kind == TroubleKind::Misconfigured);
        } else {
            writer.note(false);
        }
        bound.map(|()| connection)
    }

    async fn send_unlock(&self, entry: &SourceEntry) -> Result<(usize, String, Sent), Fault> {
        self.writer()?;
        let (host, endpoint) = self.server_of(entry).await?;
        let mut connection = self.writing(&endpoint).await?;
        let change = if self.settings.active_directory {
            Mod::Replace(b"lockoutTime".to_vec(), HashSet::from([b"0".to_vec()]))
        } else {
            // slapo-ppolicy(5): with it go the failures that led there.
            Mod::Delete(b"pwdAccountLockedTime".to_vec(), HashSet::new())
        };
        let limit = self.settings.operation_timeout;
        let sent = sent(connection.modify(&entry.locator, vec![change], limit).await);
        Ok((host, endpoint.label, sent))
    }

    /// As the server that was written to shows it now.
    async fn read_again(&self, entry: &SourceEntry, host: usize) -> Option<SourceEntry> {
        let filter = self.filter_by_id(&entry.immutable_id)?;
        let deadline = Instant::now() + self.settings.patience;
        let attempt = Attempt::among(self.pools.hosts.clone(), vec![host], deadline);
        let question = LookUp { filter: &filter, groups_within: Some(Duration::ZERO) };
        match ask(&self.pools, &self.reader, &question, attempt).await.ok()?.0 {
            Looked::One(read) => (*read).ok().filter(|again| again.immutable_id == entry.immutable_id),
            Looked::Nobody | Looked::Several => None,
        }
    }

    /// Active Directory: one request with both passwords, carried by the second account.
    async fn change_in_active_directory(
        &self,
        entry: &SourceEntry,
        (current, new): (&SecretString, &SecretString),
    ) -> Result<PasswordWritten, Fault> {
        let (_, endpoint) = self.server_of(entry).await?;
        let mut connection = self.writing(&endpoint).await?;
        let attribute = || b"unicodePwd".to_vec();
        let changes = vec![
            Mod::Delete(attribute(), HashSet::from([quoted(current)])),
            Mod::Add(attribute(), HashSet::from([quoted(new)])),
        ];
        let sent = sent(connection.modify(&entry.locator, changes, self.settings.operation_timeout).await);
        Ok(match sent {
            Sent::Lost(fault) => lost(&endpoint.label, &fault),
            Sent::Answered(result) => {
                let (written, said, proves) = in_active_directory(&result);
                written_as(&endpoint.label, written, (said, proves), words(&result))
            }
        })
    }

    /// RFC 3062, on a connection that the person's own bind opened.
    async fn change_as_person(
        &self,
        entry: &SourceEntry,
        (current, new): (&SecretString, &SecretString),
    ) -> Result<PasswordWritten, Fault> {
        let (_, endpoint) = self.server_of(entry).await?;
        let label = &endpoint.label;
        let limit = self.settings.operation_timeout;
        let mut connection = Connection::open(&self.settings, &endpoint).await?;
        let policy = || vec![bind::password_policy_request()];
        let bound = match connection.bind(&entry.locator, current.expose_secret(), policy(), limit).await {
            Ok(bound) => bound,
            Err(fault) => {
                // Nothing but a bind was sent: the password is as it was.
                let failed = Written::Failed(WriteFailure::Unavailable);
                return Ok(PasswordWritten { written: failed, ..lost(label, &fault) });
            }
        };
        let judged = bind::judge(false, entry, &bound);
        let sent = match (bound.rc, judged.result) {
            (0, AdapterResult::Ok | AdapterResult::MustChange | AdapterResult::PasswordExpired) => {
                let passwords = (current.expose_secret(), new.expose_secret());
                sent(connection.modify_password(None, passwords, policy(), limit).await)
            }
            // Right, and too old for a bind: the second account carries the change.
            (49, AdapterResult::PasswordExpired | AdapterResult::MustChange) if judged.proves_password => {
                drop(connection);
                let mut connection = match self.writing(&endpoint).await {
                    Ok(connection) => connection,
                    Err(fault) => {
                        let not_sent = PasswordWritten::not_sent(&fault.into());
                        let result = judged.result;
                        return Ok(PasswordWritten { result, sent: true, proves_password: true, ..not_sent });
                    }
                };
                let passwords = (current.expose_secret(), new.expose_secret());
                sent(connection.modify_password(Some(&entry.locator), passwords, policy(), limit).await)
            }
            _ => {
                let verified = judged.into_verification(label);
                return Ok(PasswordWritten {
                    written: Written::Failed(WriteFailure::Odd),
                    result: verified.result,
                    sent: true,
                    proves_password: verified.proves_password,
                    endpoint: verified.endpoint,
                    reason: verified.reason,
                    locked_until: verified.locked_until,
                    trouble: verified.trouble,
                });
            }
        };
        let must_change = AdapterResult::MustChange;
        Ok(match sent {
            // The bind proved the current password; only the write is unknown.
            Sent::Lost(fault) => PasswordWritten { result: must_change, proves_password: true, ..lost(label, &fault) },
            Sent::Answered(result) => {
                let written = by_rfc_3062(&result);
                let said = if written == Written::Done { AdapterResult::Ok } else { must_change };
                written_as(label, written, (said, true), words(&result))
            }
        })
    }
}

#[async_trait]
impl WriteBack for LdapConnector {
    fn writes(&self) -> Writes {
        self.writer().map_or_else(|_| Writes::default(), |writer| writer.account.writes)
    }

    async fn unlock(&self, entry: &SourceEntry) -> Unlock {
        let (host, endpoint, sent) = match self.send_unlock(entry).await {
            Ok(sent) => sent,
            Err(fault) => return Unlock::not_sent(&fault.into()),
        };
        let result = match sent {
            Sent::Answered(result) => result,
            Sent::Lost(fault) => {
                return Unlock { written: Written::Unknown, entry: None, endpoint, reason: fault.words() };
            }
        };
        let reason = words(&result);
        let failed = |failure, reason| Unlock {
            written: Written::Failed(failure),
            entry: None,
            endpoint: endpoint.clone(),
            reason,
        };
        match result.rc {
            // 16: it is not there any more.
            0 | 16 => {}
            50 | 10 | 53 => return failed(WriteFailure::NotAllowed, reason),
            3 | 51 | 52 => return failed(WriteFailure::Unavailable, reason),
            _ => return failed(WriteFailure::Odd, reason),
        }
        let again = self.read_again(entry, host).await.map(Box::new);
        let now = (self.reader.now)();
        if again.as_ref().is_some_and(|again| again.lockout.locked_until.is_some_and(|until| until > now)) {
            return Unlock { entry: again, ..failed(WriteFailure::Odd, "it still shows the account as locked".into()) };
        }
        Unlock { written: Written::Done, entry: again, endpoint, reason }
    }

    async fn change_password(
        &self,
        entry: &SourceEntry,
        current: &SecretString,
        new: &SecretString,
    ) -> PasswordWritten {
        if let Some(refused) = [current, new].iter().find_map(|p| refuse_unsendable(entry, p, &self.settings)) {
            return PasswordWritten {
                written: Written::Failed(WriteFailure::Odd),
                result: refused.result,
                sent: false,
                proves_password: false,
                endpoint: refused.endpoint,
                reason: refused.reason,
                locked_until: None,
                trouble: refused.trouble,
            };
        }
        let changed = match self.writer() {
            Ok(_) if self.settings.active_directory => self.change_in_active_directory(entry, (current, new)).await,
            Ok(_) => self.change_as_person(entry, (current, new)).await,
            Err(fault) => Err(fault),
        };
        changed.unwrap_or_else(|fault| PasswordWritten::not_sent(&fault.into()))
    }

    async fn probe_writer(&self) -> ProbeStep {
        let started = Instant::now();
        let probed = async {
            let writer = self.writer()?;
            let endpoint = self.pools.endpoint(0).await?;
            self.writing(&endpoint).await?;
            Ok::<_, Fault>(format!("{} is accepted; nothing was written", writer.account.bind_dn))
        };
        let (passed, detail, remedy) = match probed.await {
            Ok(detail) => (true, detail, None),
            Err(fault) => {
                let remedy = fault.remedy.clone().unwrap_or_else(|| "Enter its name and password again.".to_owned());
                (false, format!("{}: {}", fault.endpoint, fault.what), Some(remedy))
            }
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        ProbeStep { name: "Write account".to_owned(), passed, detail, remedy, milliseconds }
    }
}

/// [MS-ADTS] 3.1.1.3.1.5.1: in quotation marks, as UTF-16 in little-endian order.
fn quoted(password: &SecretString) -> Vec<u8> {
    let text = format!("\"{}\"", password.expose_secret());
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn sent(answer: Result<LdapResult, Fault>) -> Sent {
    match answer {
        Ok(result) => Sent::Answered(result),
        Err(fault) => Sent::Lost(fault),
    }
}

fn lost(endpoint: &str, fault: &Fault) -> PasswordWritten {
    PasswordWritten {
        written: Written::Unknown,
        result: AdapterResult::Unavailable,
        sent: true,
        proves_password: false,
        endpoint: endpoint.to_owned(),
        reason: fault.words(),
        locked_until: None,
        trouble: Some(TroubleKind::Unavailable),
    }
}

fn written_as(
    endpoint: &str,
    written: Written,
    (result, proves_password): (AdapterResult, bool),
    reason: String,
) -> PasswordWritten {
    let trouble = match written {
        Written::Failed(WriteFailure::Unavailable) => Some(TroubleKind::Unavailable),
        Written::Done | Written::Unknown | Written::Failed(_) => None,
    };
    let endpoint = endpoint.to_owned();
    PasswordWritten { written, result, sent: true, proves_password, endpoint, reason, locked_until: None, trouble }
}

/// The result code with the directory's own words, which hold no password.
fn words(result: &LdapResult) -> String {
    let text: String = result.text.chars().filter(|c| !c.is_control()).take(200).collect();
    if text.is_empty() { format!("result code {}", result.rc) } else { format!("result code {}: {text}", result.rc) }
}

/// What the answer to a change of `unicodePwd` means: the write, and what it says of the current password. The codes
/// are Windows' error codes in hexadecimal (MS-ERREF); Samba adds words.
fn in_active_directory(result: &LdapResult) -> (Written, AdapterResult, bool) {
    let text = result.text.to_uppercase();
    let has = |code: &str| text.contains(code);
    let policy = |rule| (Written::Failed(WriteFailure::Policy(rule)), AdapterResult::MustChange, false);
    match result.rc {
        0 => (Written::Done, AdapterResult::Ok, true),
        // ERROR_INVALID_PASSWORD, ERROR_WRONG_PASSWORD: the current one.
        19 | 49 if has("00000056") || has("0000056A") => {
            (Written::Failed(WriteFailure::Odd), AdapterResult::BadPassword, false)
        }
        _ if has("00000775") => (Written::Failed(WriteFailure::Odd), AdapterResult::Locked, false),
        // ERROR_PASSWORD_RESTRICTION. Whether the current one was looked at before is not said: it proves nothing.
        19 | 53 if has("0000052D") || result.rc == 19 => policy(named(&text)),
        50 | 10 | 8 | 53 => (Written::Failed(WriteFailure::NotAllowed), AdapterResult::MustChange, false),
        3 | 51 | 52 => (Written::Failed(WriteFailure::Unavailable), AdapterResult::Unavailable, false),
        _ => (Written::Failed(WriteFailure::Odd), AdapterResult::Unavailable, false),
    }
}

/// The rule, where the directory's words name it (Samba, slapd).
fn named(text: &str) -> PolicyRefusal {
    let text = text.to_uppercase();
    let rules = [
        ("TOO SHORT", PolicyRefusal::TooShort),
        ("HISTORY", PolicyRefusal::InHistory),
        ("ALREADY USED", PolicyRefusal::InHistory),
        ("NOT BEING CHANGED", PolicyRefusal::InHistory),
        ("TOO YOUNG", PolicyRefusal::TooYoung),
        ("TOO RECENT", PolicyRefusal::TooYoung),
        ("COMPLEXITY", PolicyRefusal::TooSimple),
        ("QUALITY", PolicyRefusal::TooSimple),
    ];
    rules.iter().find(|(words, _)| text.contains(words)).map_or(PolicyRefusal::Unnamed, |(_, rule)| *rule)
}

/// What the answer to RFC 3062 means, with the control of the password policy where there is one.
fn by_rfc_3062(result: &LdapResult) -> Written {
    let policy = |rule| Written::Failed(WriteFailure::Policy(rule));
    let said = bind::password_policy(result).ok().flatten();
    match (result.rc, said) {
        (0, _) => Written::Done,
        // draft-behera-ldap-password-policy-10, section 6.2.
        (_, Some(PolicyError::Other(3))) => policy(PolicyRefusal::ChangeForbidden),
        (_, Some(PolicyError::Other(5))) => policy(PolicyRefusal::TooSimple),
        (_, Some(PolicyError::Other(6))) => policy(PolicyRefusal::TooShort),
        (_, Some(PolicyError::Other(7))) => policy(PolicyRefusal::TooYoung),
        (_, Some(PolicyError::Other(8))) => policy(PolicyRefusal::InHistory),
        (19, _) => policy(named(&result.text)),
        // Not allowed, an operation it does not know, a copy that only reads.
        (2 | 8 | 10 | 12 | 13 | 50 | 53, _) => Written::Failed(WriteFailure::NotAllowed),
        (3 | 51 | 52, _) => Written::Failed(WriteFailure::Unavailable),
        (_, _) => Written::Failed(WriteFailure::Odd),
    }
}

#[cfg(test)]
#[path = "write_back_tests.rs"]
mod tests;
