//! A named test person, at a directory that is not registered yet: found once, never created, never captured. Their
//! password may be tried within a budget that is narrower than a sign-in's.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use connector::{Connector, Found};
use credential::Password;
use directory::{AccountStatus, AdapterResult, AttributeName, Source, SourceEntry};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use storage::people::People;

use super::report::{Check, CheckTone};
use crate::{Hub, HubError, mirror};

/// What would come in, for one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonPreview {
    pub locator: String,
    pub immutable_id: String,
    pub display_name: String,
    pub attributes: BTreeMap<AttributeName, String>,
    /// Names to sign in with.
    pub aliases: Vec<String>,
    pub groups: Vec<String>,
    pub privileged: bool,
}

/// What trying a person said.
pub(super) struct Tried {
    pub(super) checks: Vec<Check>,
    pub(super) person: Option<PersonPreview>,
}

impl Hub {
    /// Looks `typed` up and, if given, asks the directory about the password. Writes nothing but budget places.
    pub(super) async fn try_person(
        &self,
        source: &Source,
        connector: Arc<dyn Connector>,
        typed: &str,
        password: Option<SecretString>,
    ) -> Result<Tried, HubError> {
        let read_at = self.clock.now();
        let entry = match connector.find(typed).await {
            Ok(Found::One(entry)) => *entry,
            Ok(Found::Nobody) => {
                return Ok(Tried::failed(format!("{typed}: nobody in this directory bears that name")));
            }
            Ok(Found::Several) => {
                return Ok(Tried::failed(format!(
                    "{typed}: more than one entry bears that name, so nobody could sign in with it. Narrow the filter or \
                     the attributes a typed name is compared with"
                )));
            }
            Err(trouble) => return Ok(Tried::failed(format!("{}: {}", trouble.endpoint, trouble.reason))),
        };
        let mut checks = vec![Check::new(CheckTone::Passed, "Test person", format!("{typed} is found once"))];
        checks.push(status(&entry, read_at));
        if let Some(password) = password {
            checks.push(self.try_password(source, &connector, (&entry, read_at), &password).await?);
        }
        let person = self.what_would_be_created(source, &entry, &mut checks).await?;
        Ok(Tried { checks, person: Some(person) })
    }

    async fn try_password(
        &self,
        source: &Source,
        connector: &Arc<dyn Connector>,
        (entry, read_at): (&SourceEntry, DateTime<Utc>),
        password: &SecretString,
    ) -> Result<Check, HubError> {
        let not_sent = |why: String| Check::new(CheckTone::Warned, "Password", format!("not sent: {why}"));
        let password = match Password::accept(password) {
            Ok(password) => password,
            Err(refused) => return Ok(not_sent(refused.to_string())),
        };
        if entry.lockout.locked_until.is_some_and(|until| until > read_at) {
            return Ok(not_sent("this account is locked at its directory".to_owned()));
        }
        let said = match self.verify_before_registration(source, &**connector, entry, read_at, &password).await {
            Ok(Some(said)) => said,
            Ok(None) => {
                return Ok(not_sent(
                    "a wrong password was tried here before, or the account stands near its lockout. Wait until the \
                     directory forgets it, or take another test person"
                        .to_owned(),
                ));
            }
            Err(HubError::Refused(why)) => return Ok(not_sent(why)),
            Err(other) => return Err(other),
        };
        let (tone, words) = match said.result {
            AdapterResult::Ok => (CheckTone::Passed, "accepted".to_owned()),
            other => (CheckTone::Failed, format!("not accepted ({other}): {}", said.reason)),
        };
        Ok(Check::new(tone, "Password", format!("{}: {words}", said.endpoint)))
    }

    async fn what_would_be_created(
        &self,
        source: &Source,
        entry: &SourceEntry,
        checks: &mut Vec<Check>,
    ) -> Result<PersonPreview, HubError> {
        let mut reader = self.database.reader();
        let preview = mirror::preview(&mut reader, &self.vault, source, entry).await?;
        match preview.refused {
            Some(reason) => checks.push(Check::new(
                CheckTone::Failed,
                "Would be created",
                format!("nobody: {reason}. Choose other attributes, or a filter that leaves such entries out"),
            )),
            None => checks.push(Check::new(
                CheckTone::Passed,
                "Would be created",
                format!("{}, at their first sign-in", preview.display_name.clone().unwrap_or_default()),
            )),
        }
        for (name, value, holder) in &preview.held {
            let holder =
                People(&mut reader).by_id(*holder).await?.map_or_else(String::new, |person| person.display_name);
            checks.push(Check::new(
                CheckTone::Warned,
                "Held by somebody else",
                format!(
                    "{name} {value} belongs to {holder} already. It is not taken from them: this person is created \
                     without it, a case is opened, and until it is decided they reach only the applications of this \
                     directory"
                ),
            ));
        }
        if !preview.shared.is_empty() {
            checks.push(Check::new(
                CheckTone::Noted,
                "Same name elsewhere",
                format!(
                    "{} is also a name in another directory. Both stay: whoever types it chooses a directory or writes \
                     it with its domain",
                    preview.shared.join(", ")
                ),
            ));
        }
        if preview.attributes.iter().any(|(name, _)| *name == AttributeName::Email) && !preview.email_is_owned {
            checks.push(Check::new(
                CheckTone::Noted,
                "E-mail address",
                "its domain is not declared for this directory: it is kept, but not as verified, and is no name to \
                 sign in with",
            ));
        }
        if !entry.groups_complete {
            checks.push(Check::new(CheckTone::Warned, "Groups", "could not be read whole"));
        }
        Ok(PersonPreview {
            locator: entry.locator.clone(),
            immutable_id: entry.immutable_id.0.clone(),
            display_name: preview.display_name.or(preview.username).unwrap_or_default(),
            attributes: preview.attributes.into_iter().collect(),
            aliases: preview.aliases,
            groups: entry.groups.iter().map(|group| group.name.clone()).collect(),
            privileged: entry.privileged,
        })
    }
}

impl Tried {
    fn failed(detail: String) -> Self {
        Self { checks: vec![Check::new(CheckTone::Failed, "Test person", detail)], person: None }
    }
}

fn status(entry: &SourceEntry, now: DateTime<Utc>) -> Check {
    if entry.lockout.locked_until.is_some_and(|until| until > now) {
        return Check::new(CheckTone::Warned, "Account", "locked there just now");
    }
    match entry.status {
        AccountStatus::Active => Check::new(CheckTone::Passed, "Account", "active there"),
        AccountStatus::Disabled => Check::new(CheckTone::Warned, "Account", "disabled there"),
        AccountStatus::Expired => Check::new(CheckTone::Warned, "Account", "expired there"),
        AccountStatus::Missing => Check::new(CheckTone::Warned, "Account", "gone there"),
    }
}
