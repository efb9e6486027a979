//! Trying a directory live: the connection, and one named person. Neither creates, captures nor counts anything.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector::{Connector, Found, ProbeStep, Trouble};
use credential::Password;
use directory::{
    AccountStatus, AdapterResult, AttributeName, LockoutReading, Source, SourceDraft, SourceEntry, SourceId,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Hub, HubError,
    connections::{entered_for, write_account},
    kernel::{AuditEvent, capability::ManageSources, record},
};

/// What to test: settings that may not be saved yet.
pub struct ConnectionTest {
    pub draft: SourceDraft,
    /// The registered source the settings belong to, if any: its stored secret is used if none is entered, and only
    /// for the address and TLS settings it was entered for.
    pub id: Option<SourceId>,
    pub secret: Option<SecretString>,
}

/// What the test of a person saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonTest {
    pub found: Option<PersonFound>,
    /// What the directory said to the password, if one was given.
    pub verdict: Option<PersonVerdict>,
    /// What a sign-in would do. Nothing of it was done.
    pub would: WouldBecome,
    /// In one sentence.
    pub summary: String,
}

/// One entry, as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFound {
    pub immutable_id: String,
    pub locator: String,
    pub username: Option<String>,
    pub names: Vec<String>,
    pub status: AccountStatus,
    pub attributes: Vec<(AttributeName, String)>,
    pub groups: Vec<String>,
    pub privileged: bool,
    pub password_set_at: Option<DateTime<Utc>>,
    pub lockout: LockoutReading,
}

/// The directory's answer to a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonVerdict {
    pub result: AdapterResult,
    pub endpoint: String,
    pub reason: String,
}

/// What a sign-in of this person would lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WouldBecome {
    /// Nobody, or more than one entry, bears the name.
    Nothing,
    /// A new person would be created.
    Created,
    /// A new person, but the source does not create people now.
    NotCreated,
    /// The person is known already.
    Known,
}

impl Hub {
    /// Connects with these settings and reports step by step. Writes nothing but an audit line.
    pub async fn test_source_connection(
        &self,
        by: &ManageSources,
        test: ConnectionTest,
    ) -> Result<Vec<ProbeStep>, HubError> {
        let (source, secret) = self.source_to_test(test).await?;
        self.audit_test(by, &source, "source.connection-tested").await?;
        let writer = storage::write_access::of_source(&mut self.database.reader(), source.id).await?;
        // One that is not used for these settings is told of on the source's page.
        let account = writer.and_then(|writer| write_account(self, &source, &writer).ok().flatten());
        let connected = match account {
            Some(account) => self.connectors.connect_writing(&source, secret, account),
            None => self.connectors.connect(&source, secret),
        };
        match connected {
            Ok(connector) => Ok(connector.probe().await),
            Err(trouble) => Ok(vec![failed_step(&trouble)]),
        }
    }

    pub(super) async fn source_to_test(&self, test: ConnectionTest) -> Result<(Source, SecretString), HubError> {
        let ConnectionTest { draft, id, secret } = test;
        let stored = match id {
            Some(id) => Some(self.stored_source(id).await?),
            None => None,
        };
        let source = self.check_source_for_test(draft, stored.as_ref().map(|s| &s.source))?;
        if let Some(secret) = secret {
            return Ok((source, secret));
        }
        let again = || {
            HubError::Refused(
                "Enter the bind password: the stored one is only used for the address and TLS settings it was \
                 entered for."
                    .to_owned(),
            )
        };
        let stored = stored.ok_or_else(again)?;
        if entered_for(&self.vault, &source.connector) != stored.secret.entered_for {
            return Err(again());
        }
        let secret = self.open_secret(&stored)?;
        Ok((source, secret))
    }

    /// Looks a person up in a registered directory and, if a password is given, asks the directory about it. Refuses
    /// to send a password to an account that stands near its lockout.
    pub async fn test_source_person(
        &self,
        by: &ManageSources,
        id: SourceId,
        typed_name: &str,
        password: Option<SecretString>,
    ) -> Result<PersonTest, HubError> {
        let typed_name = typed_name.trim();
        if typed_name.is_empty() || typed_name.len() > 256 || typed_name.chars().any(char::is_control) {
            return Err(HubError::Invalid { field: "person", message: "write the name of a test person".to_owned() });
        }
        let live = self.live_source(id).await?;
        let connector = live.connector_for_test()?;
        self.audit_test(by, &live.source, "source.person-tested").await?;
        let read_at = self.clock.now();
        let entry = match connector.find(typed_name).await? {
            Found::One(entry) => *entry,
            Found::Nobody => return Ok(PersonTest::nothing("Nobody in this directory bears that name.")),
            Found::Several => {
                return Ok(PersonTest::nothing(
                    "More than one entry bears that name: nobody could sign in with it. Narrow the filter or the name \
                     attributes.",
                ));
            }
        };
        let verdict = match password {
            Some(password) => Some(self.test_password(&live.source, &connector, (&entry, read_at), &password).await?),
            None => None,
        };
        let known = {
            let mut reader = self.database.reader();
            storage::accounts::Accounts(&mut reader).by_immutable_id(id, &entry.immutable_id).await?.is_some()
        };
        Ok(outcome(&live.source, &entry, verdict, known))
    }

    async fn test_password(
        &self,
        source: &Source,
        connector: &Arc<dyn Connector>,
        (entry, read_at): (&SourceEntry, DateTime<Utc>),
        password: &SecretString,
    ) -> Result<PersonVerdict, HubError> {
        let password = Password::accept(password)
            .map_err(|refused| HubError::Invalid { field: "password", message: refused.to_string() })?;
        if entry.lockout.locked_until.is_some_and(|until| until > read_at) {
            return Err(HubError::Refused("This account is locked at its directory: no password was sent.".to_owned()));
        }
        let answer = self.verify_within_budget(source, &**connector, entry, read_at, &password).await?;
        let answer = answer.ok_or_else(|| {
            HubError::Refused(
                "This account stands near its lockout: no password was sent. Wait until the directory forgets the \
                 wrong passwords, or take another test person."
                    .to_owned(),
            )
        })?;
        Ok(PersonVerdict { result: answer.result, endpoint: answer.endpoint, reason: answer.reason })
    }

    pub(super) async fn audit_test(
        &self,
        by: &ManageSources,
        source: &Source,
        action: &'static str,
    ) -> Result<(), HubError> {
        let event = AuditEvent::new(by.actor(), action).source(source.id).details(json!({ "name": source.name }));
        storage::write!(self.database, |tx| { Ok(record(tx, &*self.clock, &*self.random, event.clone()).await?) })
    }
}

fn failed_step(trouble: &Trouble) -> ProbeStep {
    ProbeStep {
        name: "Settings".to_owned(),
        passed: false,
        detail: trouble.reason.clone(),
        remedy: None,
        milliseconds: 0,
    }
}

impl PersonTest {
    fn nothing(summary: &str) -> Self {
        Self { found: None, verdict: None, would: WouldBecome::Nothing, summary: summary.to_owned() }
    }
}

fn outcome(source: &Source, entry: &SourceEntry, verdict: Option<PersonVerdict>, known: bool) -> PersonTest {
    use directory::SourceMode as Mode;
    let creates = source.just_in_time && matches!(source.mode, Mode::Active | Mode::Capture);
    let would = match (known, creates) {
        (true, _) => WouldBecome::Known,
        (false, true) => WouldBecome::Created,
        (false, false) => WouldBecome::NotCreated,
    };
    let password = match verdict.as_ref().map(|v| v.result) {
        None => "no password was tried",
        Some(AdapterResult::Ok) => "the directory accepts the password",
        Some(_) => "the directory does not accept the password",
    };
    let then = match would {
        WouldBecome::Known => "This person is in the hub already.",
        WouldBecome::Created => "A sign-in would create this person in the hub.",
        WouldBecome::NotCreated | WouldBecome::Nothing => {
            "A sign-in would not create this person: mode or just-in-time setting of the directory forbid it."
        }
    };
    PersonTest {
        found: Some(PersonFound {
            immutable_id: entry.immutable_id.0.clone(),
            locator: entry.locator.clone(),
            username: entry.username.clone(),
            names: entry.names.clone(),
            status: entry.status,
            attributes: entry.attributes.iter().map(|(name, value)| (*name, shown(*name, value))).collect(),
            groups: entry.groups.iter().map(|g| g.name.clone()).collect(),
            privileged: entry.privileged,
            password_set_at: entry.password_set_at,
            lockout: entry.lockout,
        }),
        verdict,
        would,
        summary: format!("Found one entry; {password}. {then} Nothing was changed."),
    }
}

/// A value as the test shows it.
fn shown(name: AttributeName, value: &str) -> String {
    match name {
        AttributeName::NationalNumber => crate::mirror::KEPT_AS_DIGEST.to_owned(),
        _ => value.to_owned(),
    }
}
