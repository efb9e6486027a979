//! Everything the Person page shows, but the sign-ins.

use chrono::{DateTime, Utc};
use directory::{
    Account, AttributeName, CaseId, CredentialAuthority, Person, PersonId, PersonState, SourceId, StandingAuthority,
};
use storage::{
    accounts::Accounts,
    aliases::Aliases,
    attributes::{Attributes, StoredAttribute},
    cases::{Case, Cases},
    groups::Groups,
    people::People,
    verifiers::Verifiers,
};

use super::{Labels, sentence};
use crate::{Hub, HubError, kernel::capability::FindPeople, mirror};

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
    pub cases: Vec<CaseLine>,
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
    pub value: String,
    /// "Corporate LDAP", "Isthmus".
    pub origin: String,
    /// The person can write it there, so nothing is built on it.
    pub self_written: bool,
    pub verified: bool,
    pub updated_at: DateTime<Utc>,
}

/// One membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLine {
    pub name: String,
    pub origin: String,
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

impl Hub {
    /// One person; empty if there is no such person.
    pub async fn person_page(&self, _: &FindPeople, id: PersonId) -> Result<Option<PersonPage>, HubError> {
        let labels = Labels::read(self).await?;
        let mut reader = self.database.reader();
        let Some(person) = People(&mut reader).by_id(id).await? else { return Ok(None) };
        let accounts = Accounts(&mut reader).of_person(id).await?;
        let attributes = Attributes(&mut reader).of_person(id).await?;
        let verifier = Verifiers(&mut reader).of_person(id).await?;
        let groups = Groups(&mut reader).of_person(id).await?;
        let aliases = Aliases(&mut reader).of_person(id).await?;
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
            attributes: attributes.into_iter().map(|attribute| attribute_line(attribute, &labels)).collect(),
            aliases: aliases.into_iter().map(|alias| (alias.folded, namespace(alias.namespace, &labels))).collect(),
            groups: groups
                .into_iter()
                .map(|group| GroupLine { name: group.name, origin: origin(group.source_id, &labels) })
                .collect(),
            cases,
            person,
        }))
    }
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

fn attribute_line(attribute: StoredAttribute, labels: &Labels) -> AttributeLine {
    AttributeLine {
        name: attribute.name,
        value: attribute.value,
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
