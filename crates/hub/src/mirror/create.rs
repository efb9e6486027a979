//! New people: just in time from a source that has proven them, or entered at the hub.

use directory::{
    Account, AccountStatus, AttributeName, CaseId, CredentialAuthority, ImportRunId, LinkKind, Namespace, Person,
    Source, SourceEntry, StandingAuthority, TypedName, fold,
};
use serde_json::json;
use storage::{
    Transaction,
    accounts::Accounts,
    aliases::{Alias, Aliases},
    attributes::{Attributes, Cause, StoredAttribute},
    people::{People, fresh},
    search::Search,
};

use super::{
    audit,
    import::{checks_passwords, first_authority},
    link::{Resolved, hold_incomplete, open_cases, resolve, sight},
    matched::{asked_by, rules_in_force},
    refresh::{Birth, refresh, write_entry},
    standing_of,
    values::{Values, shown, words},
};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
};

/// What became of an entry that had no account when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provisioned {
    /// CREATE: a new person (row D18).
    Created { person: Person, account: Account },
    /// COLLISION: an identity of its own, without what somebody else holds, and with the reach of this source only
    /// while its cases are open (row D19).
    Collided { person: Person, account: Account, cases: Vec<CaseId> },
    /// LINK: the account was added to somebody whose password nobody checked, and this source now does (row D18b).
    Matched { person: Person, account: Account },
    /// LINKED: somebody was faster, or the person came back, and was refreshed; or the account was added to somebody.
    Linked { person: Person, account: Account },
    /// IGNORED, with the reason for the audit log and help desk (row D21).
    Ignored { reason: String },
}

/// Why an entry is to become a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// They have just proven their password.
    SignIn,
    /// An import reads it, and nobody has proven anything.
    Import(Option<ImportRunId>),
    /// The same, and the import has not read everything yet: somebody may turn up who fits as well.
    Reading(ImportRunId),
}

impl Occasion {
    pub(super) const fn cause(self) -> Cause {
        match self {
            Self::SignIn => Cause::SignIn,
            Self::Import(run) => Cause::Import(run),
            Self::Reading(run) => Cause::Import(Some(run)),
        }
    }

    /// The import, if it is one.
    pub(super) const fn run(self) -> Option<ImportRunId> {
        match self {
            Self::SignIn => None,
            Self::Import(run) => run,
            Self::Reading(run) => Some(run),
        }
    }
}

/// Creates the person of an entry whose password was just proven at its source. The caller has made sure that the
/// source's mode and settings allow it.
pub async fn create(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
) -> Result<Provisioned, HubError> {
    let provisioned = provision(tx, hub, source, entry, Occasion::SignIn).await?;
    provisioned.ok_or_else(|| HubError::Internal("a sign-in was told to wait for an import".to_owned()))
}

/// The one door for entries without an account, of sign-ins and of imports. Nothing if it is decided when the import
/// has read everything.
pub(super) async fn provision(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    occasion: Occasion,
) -> Result<Option<Provisioned>, HubError> {
    if let Some(account) = Accounts(tx).by_immutable_id(source.id, &entry.immutable_id).await? {
        let refreshed = refresh(tx, hub, source, entry, &account, occasion.cause()).await?;
        let person = People(tx).survivor(refreshed.person.id).await?.unwrap_or(refreshed.person);
        return Ok(Some(Provisioned::Linked { person, account: refreshed.account }));
    }
    let values = Values::of(&hub.vault, source, entry);
    let refused = match refused(&values, entry, occasion) {
        Some(reason) => Some(reason),
        None => uncertain(tx, &values).await?,
    };
    if let Some(reason) = refused {
        if occasion == Occasion::SignIn {
            let event = AuditEvent::new(Actor::System, "person.ignored").source(source.id);
            audit(tx, hub, event.details(json!({ "reason": reason }))).await?;
        } else {
            hold_incomplete(tx, hub, source, (entry, &values), &reason, occasion).await?;
            // Nobody, but not nothing: another with its values is not unique.
            sight(tx, hub, source, entry).await?;
        }
        return Ok(Some(Provisioned::Ignored { reason }));
    }
    let questions = match resolve(tx, hub, source, entry, &values, occasion).await? {
        Resolved::Done(done) => return Ok(Some(*done)),
        Resolved::Later => return Ok(None),
        Resolved::New(questions) => questions,
    };
    let (mut person, mut account) = newcomer(hub, source, entry, &values, occasion);
    People(tx).insert(&person).await?;
    if !Accounts(tx).insert(&account).await? {
        // Seen free and taken in one transaction: no database here allows it, and nothing may be guessed.
        return Err(HubError::Internal("an account appeared inside a serialized transaction".to_owned()));
    }
    let mut written =
        write_entry(tx, hub, source, entry, &mut person, &mut account, (Birth::Yes, occasion.cause())).await?;
    if let Some(questions) = &questions {
        written.held = true;
        written.cases.extend(open_cases(tx, hub, source, person.id, questions).await?);
    }
    let outcome = if written.held { "collision" } else { "create" };
    let event = AuditEvent::new(Actor::System, "person.created").person(person.id).source(source.id);
    audit(tx, hub, event.details(json!({ "outcome": outcome, "account": account.id }))).await?;
    let person = super::person(tx, person.id).await?;
    if written.held {
        return Ok(Some(Provisioned::Collided { person, account, cases: written.cases }));
    }
    Ok(Some(Provisioned::Created { person, account }))
}

/// Whom rules could find by a value that cannot be computed is not somebody new on a guess: the entry waits.
async fn uncertain(tx: &mut Transaction, values: &Values) -> Result<Option<String>, HubError> {
    if values.faults.is_empty() {
        return Ok(None);
    }
    let rules = rules_in_force(tx).await?;
    if rules.finds_nothing() {
        return Ok(None);
    }
    let asked = asked_by(&rules);
    let fault = values.faults.iter().find(|(name, _)| asked.contains(name));
    Ok(fault.map(|(name, why)| format!("people are matched by {name}, and it could not be computed: {why}")))
}

/// A new person and their account, as this entry has them.
pub(super) fn newcomer(
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    values: &Values,
    occasion: Occasion,
) -> (Person, Account) {
    let now = hub.clock.now();
    let name = values.display_name.clone().unwrap_or_default();
    let person = Person {
        // Somebody whom no directory has proven, and whose own cannot, is staged.
        activated: occasion == Occasion::SignIn || checks_passwords(source.kind),
        credential_authority: match occasion {
            Occasion::SignIn => CredentialAuthority::Source(source.id),
            Occasion::Import(_) | Occasion::Reading(_) => first_authority(source),
        },
        standing: standing_of(entry.status),
        standing_authority: StandingAuthority::Source(source.id),
        standing_read_at: Some(now),
        ..fresh(hub.random.id(now).into(), hub.random.token(), name, now)
    };
    let account = Account {
        id: hub.random.id(now).into(),
        source_id: source.id,
        immutable_id: entry.immutable_id.clone(),
        person_id: person.id,
        kind: LinkKind::Primary,
        locator: shown(&entry.locator),
        username: values.username.clone(),
        status: entry.status,
        password_set_at: entry.password_set_at,
        read_at: now,
        missing_since: None,
        locked_until: entry.lockout.locked_until.filter(|until| *until > now),
        privileged: entry.privileged,
        unlocked_at: None,
    };
    (person, account)
}

/// Why this entry makes no person.
pub(super) fn refused(values: &Values, entry: &SourceEntry, occasion: Occasion) -> Option<String> {
    if let Some(reason) = values.missing() {
        return Some(reason);
    }
    let reason = match entry.status {
        AccountStatus::Active => return None,
        // Whoever is out at their source is out here, and known.
        AccountStatus::Disabled | AccountStatus::Expired if occasion != Occasion::SignIn => return None,
        AccountStatus::Disabled => "the entry is disabled",
        AccountStatus::Expired => "the entry's validity is over",
        AccountStatus::Missing => "the entry is gone",
    };
    Some(reason.to_owned())
}

/// Somebody who is entered at the hub and belongs to no source: an administrator, to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHubPerson {
    /// Becomes an alias in the hub's own namespace, which no source can claim.
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
}

/// Creates them. They have no password yet: the hub is their credential authority and holds nothing to verify with.
pub async fn create_hub_person(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    new: &NewHubPerson,
) -> Result<Person, HubError> {
    let username = named("username", &new.username)?;
    let display_name = named("display_name", &new.display_name)?;
    if !matches!(TypedName::parse(username), TypedName::Bare(_)) {
        return Err(invalid("username", "write a name without @ and \\: such names belong to directories"));
    }
    let now = hub.clock.now();
    let person = Person {
        credential_authority: CredentialAuthority::Hub,
        ..fresh(hub.random.id(now).into(), hub.random.token(), display_name.to_owned(), now)
    };
    People(tx).insert(&person).await?;
    let alias = Alias {
        namespace: Namespace::Hub,
        folded: fold(username).as_str().to_owned(),
        person_id: person.id,
        account_id: None,
    };
    if !Aliases(tx).insert(&alias).await? {
        return Err(invalid("username", "somebody has this username already: choose another"));
    }
    let mut attributes = vec![attribute(&person, AttributeName::DisplayName, display_name)];
    if let Some(email) = &new.email {
        let email = named("email", email)?;
        if !matches!(TypedName::parse(email), TypedName::AtDomain(_)) {
            return Err(invalid("email", "write an address like ada@example.org"));
        }
        if !Aliases(tx).claim(AttributeName::Email.as_str(), &fold(email), person.id).await? {
            return Err(invalid("email", "somebody has this address already"));
        }
        attributes.push(attribute(&person, AttributeName::Email, email));
    }
    for attribute in &attributes {
        Attributes(tx).put(attribute).await?;
    }
    Search(tx).set_words(person.id, &words(display_name, &attributes, &[alias.folded])).await?;
    audit(tx, hub, AuditEvent::new(actor, "person.entered").person(person.id)).await?;
    super::person(tx, person.id).await
}

fn attribute(person: &Person, name: AttributeName, value: &str) -> StoredAttribute {
    StoredAttribute {
        person_id: person.id,
        name,
        value: value.to_owned(),
        folded: (name == AttributeName::Email).then(|| fold(value)),
        authority: None,
        origin: None,
        self_written: false,
        // Nobody has proven it yet.
        verified: false,
        updated_at: person.created_at,
        cause: Some(Cause::Hub),
    }
}

/// A required name: not empty, not endless, printable.
fn named<'a>(field: &'static str, text: &'a str) -> Result<&'a str, HubError> {
    let text = text.trim();
    if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
        return Err(invalid(field, "write 1 to 200 printable characters"));
    }
    Ok(text)
}

fn invalid(field: &'static str, message: &str) -> HubError {
    HubError::Invalid { field, message: message.to_owned() }
}
