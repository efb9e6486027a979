//! Everything the Person page shows, but the sign-ins.

use chrono::{DateTime, Utc};
use directory::{
    Account, AttributeName, CaseId, CredentialAuthority, GroupId, Person, PersonId, PersonState, SourceId,
    StandingAuthority,
};
use serde_json::Value;
use storage::{
    accounts::Accounts,
    aliases::Aliases,
    attributes::{Attributes, StoredAttribute},
    browse::{Browse, MembershipRow},
    cases::{Case, Cases},
    matching::{HeldEntry, Matching},
    people::People,
    verifiers::Verifiers,
};

use super::{
    DeviceLine, Labels,
    browse::{self, origin_text},
    history::{self, ChangeLine, Story},
    own_attributes::OwnAttributes,
    sentence,
};
use crate::{
    Hub, HubError,
    kernel::capability::{FindPeople, ManageSources},
    mirror,
};

/// One person, as help desk sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPage {
    pub person: Person,
    pub state: PersonState,
    /// Who checks the password, what is wrong, what comes next.
    pub sentence: String,
    pub authorities: Vec<AuthorityLine>,
    pub accounts: Vec<AccountLine>,
    pub attributes: Vec<AttributeLine>,
    /// Names the person can type, with where each counts.
    pub aliases: Vec<(String, String)>,
    pub groups: Vec<GroupLine>,
    /// There are more than the page shows.
    pub more_groups: bool,
    pub devices: Vec<DeviceLine>,
    pub more_devices: bool,
    pub cases: Vec<CaseLine>,
    pub waiting: Vec<WaitingLine>,
    /// How values came about, newest first.
    pub history: Vec<ChangeLine>,
}

/// One answer to "who decides what".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityLine {
    /// "Password", "May be here", "Profile".
    pub what: &'static str,
    pub who: String,
    pub note: Option<String>,
}

/// The person as one source sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    pub account: Account,
    /// The source's name in addresses and its label.
    pub source: String,
    pub source_label: String,
}

/// One attribute and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeLine {
    pub name: AttributeName,
    /// What people call one of the installation's own.
    pub label: Option<String>,
    pub value: String,
    /// "Corporate LDAP", "Isthmus".
    pub origin: String,
    /// The person can write it there, so nothing is built on it.
    pub self_written: bool,
    pub verified: bool,
    pub updated_at: DateTime<Utc>,
    /// "since 23 November 2026 at 10:38 UTC, seen at a sign-in".
    pub since: String,
    /// What directories say of it that do not own it: (directory, value).
    pub others: Vec<(String, String)>,
}

/// One group of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLine {
    pub id: GroupId,
    pub name: String,
    /// Everybody who says so.
    pub origin: String,
}

/// An entry of a directory that waits, because it may be this person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLine {
    /// As its directory calls it.
    pub name: String,
    pub text: String,
    pub since: DateTime<Utc>,
}

/// One open question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLine {
    pub id: CaseId,
    pub title: &'static str,
    pub text: String,
    /// The other person of the case.
    pub other: Option<(PersonId, String)>,
    pub opened_at: DateTime<Utc>,
}

/// Groups and devices that a page shows.
const SHOWN: u32 = 200;
/// Entries that wait which it shows.
const WAITING: u32 = 20;

impl Hub {
    /// One person; empty if there is no such person. Who manages directories, and could read them there, sees values of
    /// sensitive attributes.
    pub async fn person_page(
        &self,
        _: &FindPeople,
        manages: Option<&ManageSources>,
        id: PersonId,
    ) -> Result<Option<PersonPage>, HubError> {
        let labels = Labels::read(self).await?;
        let mut reader = self.database.reader();
        let Some(person) = People(&mut reader).by_id(id).await? else { return Ok(None) };
        let accounts = Accounts(&mut reader).of_person(id).await?;
        let attributes = Attributes(&mut reader).of_person(id).await?;
        let own = OwnAttributes::read(&mut reader, manages.is_some()).await?;
        let story = Story::read(&mut reader, id, &accounts, (&labels, &own)).await?;
        let verifier = Verifiers(&mut reader).of_person(id).await?;
        let memberships = Browse(&mut reader).memberships(id, SHOWN).await?;
        let (groups, more_groups) = groups(memberships, &labels);
        let devices = Browse(&mut reader).devices_of(id, SHOWN).await?;
        let (devices, more_devices) = browse::devices(devices, SHOWN, &labels, self.clock.now());
        let aliases = Aliases(&mut reader).of_person(id).await?;
        let waiting = Matching(&mut reader).held_for(id, WAITING).await?;
        let mut cases = Vec::new();
        for case in Cases(&mut reader).open_of_person(id).await? {
            let other = if case.person_id == id { case.holder_id } else { case.person_id };
            let other = People(&mut reader).by_id(other).await?;
            cases.push(case_line(id, &case, other, &labels));
        }
        let survivor = match person.merged_into {
            Some(_) => People(&mut reader).survivor(id).await?.map(|survivor| survivor.display_name),
            None => None,
        };
        let facts = sentence::Facts {
            person: &person,
            accounts: &accounts,
            verifier: verifier.as_ref(),
            survivor: survivor.as_deref(),
            cases: cases.len(),
            now: self.clock.now(),
        };
        Ok(Some(PersonPage {
            state: person.state(),
            sentence: sentence::of(&facts, &labels),
            authorities: authorities(&person, &attributes, &labels),
            accounts: accounts.into_iter().map(|account| account_line(account, &labels)).collect(),
            attributes: attributes.into_iter().map(|a| attribute_line(a, (&labels, &own), &story)).collect(),
            aliases: aliases.into_iter().map(|alias| (alias.folded, namespace(alias.namespace, &labels))).collect(),
            groups,
            more_groups,
            devices,
            more_devices,
            cases,
            waiting: waiting.into_iter().map(|held| waiting_line(id, held, &labels)).collect(),
            history: story.changes,
            person,
        }))
    }
}

/// Rows of one group made one line.
fn groups(rows: Vec<MembershipRow>, labels: &Labels) -> (Vec<GroupLine>, bool) {
    let more = rows.len() > SHOWN as usize;
    let mut lines: Vec<GroupLine> = Vec::new();
    for row in rows.into_iter().take(SHOWN as usize) {
        let said = origin_text(&row.origin, row.source().map(|id| labels.label(id)));
        match lines.last_mut().filter(|line| line.id == row.group()) {
            Some(line) => line.origin = format!("{}; {said}", line.origin),
            None => lines.push(GroupLine { id: row.group(), name: row.name, origin: said }),
        }
    }
    (lines, more)
}

fn origin(source: Option<SourceId>, labels: &Labels) -> String {
    source.map_or_else(|| "Isthmus".to_owned(), |id| labels.label(id))
}

fn namespace(namespace: directory::Namespace, labels: &Labels) -> String {
    match namespace {
        directory::Namespace::Source(id) => labels.label(id),
        directory::Namespace::Hub => "Isthmus".to_owned(),
    }
}

fn account_line(account: Account, labels: &Labels) -> AccountLine {
    AccountLine {
        source: labels.source(account.source_id).map(|source| source.name.clone()).unwrap_or_default(),
        source_label: labels.label(account.source_id),
        account,
    }
}

fn attribute_line(
    attribute: StoredAttribute,
    (labels, own): (&Labels, &OwnAttributes),
    story: &Story,
) -> AttributeLine {
    AttributeLine {
        since: history::since(attribute.updated_at, attribute.cause),
        others: story.others(attribute.name),
        name: attribute.name,
        label: own.label(attribute.name),
        value: own.shown(attribute.name, attribute.value),
        origin: origin(attribute.authority, labels),
        self_written: attribute.self_written,
        verified: attribute.verified,
        updated_at: attribute.updated_at,
    }
}

fn authorities(person: &Person, attributes: &[StoredAttribute], labels: &Labels) -> Vec<AuthorityLine> {
    let password = match person.credential_authority {
        CredentialAuthority::Hub => "Isthmus".to_owned(),
        CredentialAuthority::Source(id) => labels.label(id),
        CredentialAuthority::None => "Nobody yet".to_owned(),
    };
    let (standing, read) = match person.standing_authority {
        StandingAuthority::Hub => ("Isthmus".to_owned(), None),
        StandingAuthority::Source(id) => {
            (labels.label(id), person.standing_read_at.map(|at| format!("last read {}", sentence::moment(at))))
        }
    };
    let mut owners: Vec<String> = attributes.iter().map(|attribute| origin(attribute.authority, labels)).collect();
    owners.sort();
    owners.dedup();
    let profile = if owners.is_empty() { "Nobody yet".to_owned() } else { owners.join(", ") };
    vec![
        AuthorityLine { what: "Password", who: password, note: None },
        AuthorityLine { what: "May be here", who: standing, note: read },
        AuthorityLine { what: "Profile", who: profile, note: None },
    ]
}

fn case_line(id: PersonId, case: &Case, other: Option<Person>, labels: &Labels) -> CaseLine {
    if case.identifier == mirror::MATCH {
        return match_line(id, case, other, labels);
    }
    let what = match case.identifier.as_str() {
        "email" => "e-mail address",
        "employee_number" => "employee number",
        _ => "username",
    };
    let name = other.as_ref().map_or("somebody else", |person| person.display_name.as_str());
    let source = labels.label(case.source_id);
    let text = if case.person_id == id {
        let reach = if case.restricts_reach {
            format!(" Until this is decided, only applications of {source} are open to this person.")
        } else {
            String::new()
        };
        format!("{source} gives this person the {what} {} that {name} holds. It was not taken.{reach}", case.folded)
    } else {
        format!("{source} gives {name} the {what} {} that this person holds. It was not taken.", case.folded)
    };
    CaseLine {
        id: case.id,
        title: "Held by somebody else",
        text,
        other: other.map(|person| (person.id, person.display_name)),
        opened_at: case.opened_at,
    }
}

fn waiting_line(id: PersonId, held: HeldEntry, labels: &Labels) -> WaitingLine {
    let id = id.to_string();
    let all: Vec<&Value> = held.found.as_array().into_iter().flatten().collect();
    let words = |key: &str| -> Vec<String> {
        let mine = all.iter().filter(|one| one["person"].as_str() == Some(id.as_str()));
        let words = mine.filter_map(|one| one.get(key)?.as_array());
        words.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (rules, doubts) = (words("rules").join(", "), words("doubts").join("; "));
    let others = match all.len() {
        0 | 1 => String::new(),
        number => format!(" {number} people fit."),
    };
    let doubts = if doubts.is_empty() { String::new() } else { format!(" Doubts: {doubts}.") };
    let source = labels.label(held.source);
    WaitingLine {
        name: if held.display_name.is_empty() { held.immutable_id.0 } else { held.display_name },
        text: format!(
            "{} at {source} may be this person: found by {rules}.{others}{doubts} Nobody was made of it and nothing linked.",
            held.locator
        ),
        since: held.opened_at,
    }
}

/// Two who may be one person.
fn match_line(id: PersonId, case: &Case, other: Option<Person>, labels: &Labels) -> CaseLine {
    let name = other.as_ref().map_or("somebody else", |person| person.display_name.as_str());
    let source = labels.label(case.source_id);
    let text = if case.person_id == id {
        format!(
            "The account at {source} may belong to {name}: found by {}. Until this is decided, only applications of \
             {source} are open to this person.",
            case.folded
        )
    } else {
        format!("{name}, who signed in at {source}, may be this person: found by {}. Nothing was linked.", case.folded)
    };
    CaseLine {
        id: case.id,
        title: "May be the same person",
        text,
        other: other.map(|person| (person.id, person.display_name)),
        opened_at: case.opened_at,
    }
}
