//! People: one row each, with the facts their state is derived from. Only `hub::mirror` writes here.

use chrono::{DateTime, Utc};
use directory::{
    CredentialAuthority, Person, PersonId, PersonState, SourceId, Standing, StandingAuthority, VerifierKind, fold,
};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    row::{params, word},
};

/// People, read or written through `0`.
pub struct People<'a, Q>(pub &'a mut Q);

/// The columns of a person, in the order of [`PersonRow`]; `p` is the table. An open case on either side disputes.
macro_rules! columns {
    () => {
        "p.id, p.subject, p.display_name, p.activated, p.credential_authority, p.credential_source_id, p.standing, \
         p.standing_source_id, p.standing_read_at, p.verifier_kind, p.disabled_by_hub, p.merged_into, \
         p.privileged_account, p.created_at, p.updated_at, \
         exists (select 1 from role_assignment r where r.person_id = p.id) as holds_role, \
         (exists (select 1 from review_case c where c.person_id = p.id and c.closed_at is null) \
          or exists (select 1 from review_case c where c.holder_id = p.id and c.closed_at is null)) as disputed"
    };
}
pub(crate) use columns;

#[derive(FromRow)]
pub(crate) struct PersonRow {
    pub(crate) id: Uuid,
    subject: String,
    display_name: String,
    activated: bool,
    credential_authority: String,
    credential_source_id: Option<Uuid>,
    standing: String,
    standing_source_id: Option<Uuid>,
    standing_read_at: Option<DateTime<Utc>>,
    verifier_kind: String,
    disabled_by_hub: Option<String>,
    merged_into: Option<Uuid>,
    privileged_account: bool,
    holds_role: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    disputed: bool,
}

impl TryFrom<PersonRow> for Person {
    type Error = StorageError;
    fn try_from(row: PersonRow) -> Result<Self, StorageError> {
        let credential_authority = match (row.credential_authority.as_str(), row.credential_source_id) {
            ("source", Some(id)) => CredentialAuthority::Source(id.into()),
            ("hub", _) => CredentialAuthority::Hub,
            ("none", _) => CredentialAuthority::None,
            (other, _) => {
                return Err(StorageError::Inconsistent {
                    table: "person",
                    column: "credential_authority",
                    reason: format!("{other:?} without its source, or not an authority"),
                });
            }
        };
        Ok(Self {
            id: row.id.into(),
            subject: row.subject,
            display_name: row.display_name,
            activated: row.activated,
            credential_authority,
            verifier: word("person", "verifier_kind", &row.verifier_kind)?,
            standing: word("person", "standing", &row.standing)?,
            standing_authority: row
                .standing_source_id
                .map_or(StandingAuthority::Hub, |id| StandingAuthority::Source(id.into())),
            standing_read_at: row.standing_read_at,
            disabled_by_hub: row.disabled_by_hub,
            merged_into: row.merged_into.map(PersonId::from),
            disputed: row.disputed,
            privileged: row.privileged_account || row.holds_role,
            holds_role: row.holds_role,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const BY_ID: &str = concat!("select ", columns!(), " from person p where p.id = $1");
const BY_SUBJECT: &str = concat!("select ", columns!(), " from person p where p.subject = $1");
const STATE: &str = "select state from person where id = $1";
const INSERT: &str = "insert into person (id, subject, display_name, sort_name, activated, credential_authority, \
    credential_source_id, standing, standing_source_id, standing_read_at, verifier_kind, disabled_by_hub, merged_into, \
    privileged_account, created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const UPDATE: &str = "update person set display_name = $2, sort_name = $3, activated = $4, credential_authority = $5, \
    credential_source_id = $6, standing = $7, standing_source_id = $8, standing_read_at = $9, verifier_kind = $10, \
    disabled_by_hub = $11, merged_into = $12, updated_at = $13, \
    privileged_account = exists (select 1 from account a where a.person_id = person.id \
        and (a.privileged or a.kind in ('admin', 'service'))) \
    where id = $1";
const END_STANDING: &str = "update person set standing_source_id = null, standing_read_at = null, updated_at = $2 \
                            where standing_source_id = $1";
const COUNT_BY_STATE: &str = "select state, count(*) as people from person \
    where ($1 = '' or exists (select 1 from account a where a.person_id = person.id and a.source_id = $2)) \
    group by state";

/// Merges point at their survivor in one step; a longer chain than this is a defect, not a person.
const MERGE_STEPS: u32 = 8;

impl<Q: Queries> People<'_, Q> {
    /// The person with this id, merged or not.
    pub async fn by_id(&mut self, id: PersonId) -> Result<Option<Person>, StorageError> {
        self.0.fetch_optional::<PersonRow>(BY_ID, params![id.uuid()]).await?.map(Person::try_from).transpose()
    }

    /// The person applications know under this `sub`.
    pub async fn by_subject(&mut self, subject: &str) -> Result<Option<Person>, StorageError> {
        self.0.fetch_optional::<PersonRow>(BY_SUBJECT, params![subject]).await?.map(Person::try_from).transpose()
    }

    /// The person with this id, or whoever they were merged into.
    pub async fn survivor(&mut self, id: PersonId) -> Result<Option<Person>, StorageError> {
        let mut next = id;
        for _ in 0..MERGE_STEPS {
            let Some(person) = self.by_id(next).await? else { return Ok(None) };
            match person.merged_into {
                Some(survivor) => next = survivor,
                None => return Ok(Some(person)),
            }
        }
        Err(StorageError::Inconsistent { table: "person", column: "merged_into", reason: "a circle".to_owned() })
    }

    /// The state as the database derives it; [`Person::state`] says the same.
    pub async fn stored_state(&mut self, id: PersonId) -> Result<Option<PersonState>, StorageError> {
        let row: Option<(String,)> = self.0.fetch_optional(STATE, params![id.uuid()]).await?;
        row.map(|(state,)| word("person", "state", &state)).transpose()
    }

    /// How many people are in each state, of one source or of all. Reads every row: for an overview, not for a list.
    pub async fn count_by_state(&mut self, source: Option<SourceId>) -> Result<Vec<(PersonState, i64)>, StorageError> {
        let given = if source.is_some() { "source" } else { "" };
        let id = source.map_or_else(Uuid::nil, SourceId::uuid);
        let rows: Vec<(String, i64)> = self.0.fetch_all(COUNT_BY_STATE, params![given, id]).await?;
        rows.into_iter().map(|(state, n)| Ok((word("person", "state", &state)?, n))).collect()
    }
}

impl People<'_, Transaction> {
    /// Adds a person. `privileged` beyond the role follows from the accounts, at the next [`People::update`].
    pub async fn insert(&mut self, person: &Person) -> Result<(), StorageError> {
        let facts = Facts::of(person);
        let values = params![
            person.id.uuid(),
            person.subject.clone(),
            person.display_name.clone(),
            fold(&person.display_name).as_str(),
            person.activated,
            facts.credential.0,
            facts.credential.1,
            person.standing.as_str(),
            facts.standing_source,
            person.standing_read_at,
            person.verifier.as_str(),
            person.disabled_by_hub.clone(),
            person.merged_into.map(PersonId::uuid),
            person.privileged && !person.holds_role,
            person.created_at,
            person.updated_at,
        ];
        self.0.execute(INSERT, values).await.map(|_| ())
    }

    /// Writes every fact but the id and the subject (roles have their own table); derives from the accounts whether they are privileged.
    pub async fn update(&mut self, person: &Person) -> Result<(), StorageError> {
        let facts = Facts::of(person);
        let values = params![
            person.id.uuid(),
            person.display_name.clone(),
            fold(&person.display_name).as_str(),
            person.activated,
            facts.credential.0,
            facts.credential.1,
            person.standing.as_str(),
            facts.standing_source,
            person.standing_read_at,
            person.verifier.as_str(),
            person.disabled_by_hub.clone(),
            person.merged_into.map(PersonId::uuid),
            person.updated_at,
        ];
        self.0.execute(UPDATE, values).await.map(|_| ())
    }

    /// The standing of everybody of this source becomes the hub's to say; how many people.
    pub async fn end_standing_authority(&mut self, source: SourceId, at: DateTime<Utc>) -> Result<u64, StorageError> {
        self.0.execute(END_STANDING, params![source.uuid(), at]).await
    }
}

/// The facts that are two columns each.
pub(crate) struct Facts {
    pub(crate) credential: (&'static str, Option<Uuid>),
    pub(crate) standing_source: Option<Uuid>,
}

impl Facts {
    pub(crate) fn of(person: &Person) -> Self {
        let credential = match person.credential_authority {
            CredentialAuthority::Source(id) => ("source", Some(id.uuid())),
            CredentialAuthority::Hub => ("hub", None),
            CredentialAuthority::None => ("none", None),
        };
        let standing_source = match person.standing_authority {
            StandingAuthority::Source(id) => Some(id.uuid()),
            StandingAuthority::Hub => None,
        };
        Self { credential, standing_source }
    }
}

/// A person as every area starts one: no verifier, no role, no case.
#[must_use]
pub fn fresh(id: PersonId, subject: String, display_name: String, now: DateTime<Utc>) -> Person {
    Person {
        id,
        subject,
        display_name,
        activated: true,
        credential_authority: CredentialAuthority::None,
        verifier: VerifierKind::None,
        standing: Standing::Active,
        standing_authority: StandingAuthority::Hub,
        standing_read_at: None,
        disabled_by_hub: None,
        merged_into: None,
        disputed: false,
        privileged: false,
        holds_role: false,
        created_at: now,
        updated_at: now,
    }
}
