//! Attributes of people: each value with who owns it and where it was read.

use chrono::{DateTime, Utc};
use directory::{AccountId, AttributeName, Folded, ImportRunId, Occasion, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    row::{params, word},
};

/// Attributes, read or written through `0`.
pub struct Attributes<'a, Q>(pub &'a mut Q);

/// On what occasion a value was written, and by which run if it was an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    SignIn,
    Reading,
    Import(Option<ImportRunId>),
    Hub,
}

impl Cause {
    #[must_use]
    pub const fn occasion(self) -> Occasion {
        match self {
            Self::SignIn => Occasion::SignIn,
            Self::Reading => Occasion::Reading,
            Self::Import(_) => Occasion::Import,
            Self::Hub => Occasion::Hub,
        }
    }

    #[must_use]
    pub const fn run(self) -> Option<ImportRunId> {
        match self {
            Self::Import(run) => run,
            Self::SignIn | Self::Reading | Self::Hub => None,
        }
    }

    pub(crate) fn stored(
        table: &'static str,
        occasion: Option<&str>,
        run: Option<Uuid>,
    ) -> Result<Option<Self>, StorageError> {
        let Some(occasion) = occasion else { return Ok(None) };
        Ok(Some(match word(table, "occasion", occasion)? {
            Occasion::SignIn => Self::SignIn,
            Occasion::Reading => Self::Reading,
            Occasion::Import => Self::Import(run.map(ImportRunId::from)),
            Occasion::Hub => Self::Hub,
        }))
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttribute {
    pub person_id: PersonId,
    pub name: AttributeName,
    pub value: String,
    /// Of attributes that identify: the value to compare.
    pub folded: Option<Folded>,
    /// Who owns the value; empty = the hub.
    pub authority: Option<SourceId>,
    /// The account it was read from; empty = entered at the hub.
    pub origin: Option<AccountId>,
    pub self_written: bool,
    /// An e-mail address of a domain its source owns, and not self-written: `email_verified`.
    pub verified: bool,
    pub updated_at: DateTime<Utc>,
    /// Empty = written before this was kept.
    pub cause: Option<Cause>,
}

#[derive(FromRow)]
struct AttributeRow {
    person_id: Uuid,
    name: String,
    value: String,
    folded: Option<String>,
    authority_source_id: Option<Uuid>,
    origin_account_id: Option<Uuid>,
    self_written: bool,
    verified: bool,
    updated_at: DateTime<Utc>,
    occasion: Option<String>,
    run_id: Option<Uuid>,
}

impl TryFrom<AttributeRow> for StoredAttribute {
    type Error = StorageError;
    fn try_from(row: AttributeRow) -> Result<Self, StorageError> {
        Ok(Self {
            person_id: row.person_id.into(),
            name: word("attribute", "name", &row.name)?,
            value: row.value,
            folded: row.folded.map(|text| directory::fold(&text)),
            authority: row.authority_source_id.map(SourceId::from),
            origin: row.origin_account_id.map(AccountId::from),
            self_written: row.self_written,
            verified: row.verified,
            updated_at: row.updated_at,
            cause: Cause::stored("attribute", row.occasion.as_deref(), row.run_id)?,
        })
    }
}

const OF_PERSON: &str = "select person_id, name, value, folded, authority_source_id, origin_account_id, self_written, \
                         verified, updated_at, occasion, run_id from attribute where person_id = $1 order by name";
const BEARERS: &str = "select person_id, name, value, folded, authority_source_id, origin_account_id, self_written, \
                       verified, updated_at, occasion, run_id from attribute \
                       where name = $1 and folded = $2 and person_id <> $3";
const PUT: &str = "insert into attribute (person_id, name, value, folded, authority_source_id, origin_account_id, \
    self_written, verified, updated_at, occasion, run_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
    on conflict (person_id, name) do update set value = excluded.value, folded = excluded.folded, \
    authority_source_id = excluded.authority_source_id, origin_account_id = excluded.origin_account_id, \
    self_written = excluded.self_written, verified = excluded.verified, updated_at = excluded.updated_at, \
    occasion = excluded.occasion, run_id = excluded.run_id";
const DELETE: &str = "delete from attribute where person_id = $1 and name = $2";
const END_AUTHORITY: &str = "update attribute set authority_source_id = null where authority_source_id = $1";
const EVICT: &str = "delete from attribute where name = $1 and folded = $2 and person_id <> $3";

impl<Q: Queries> Attributes<'_, Q> {
    pub async fn of_person(&mut self, person: PersonId) -> Result<Vec<StoredAttribute>, StorageError> {
        let rows: Vec<AttributeRow> = self.0.fetch_all(OF_PERSON, params![person.uuid()]).await?;
        rows.into_iter().map(StoredAttribute::try_from).collect()
    }
}

impl Attributes<'_, Transaction> {
    pub async fn put(&mut self, attribute: &StoredAttribute) -> Result<(), StorageError> {
        let values = params![
            attribute.person_id.uuid(),
            attribute.name.as_str(),
            attribute.value.clone(),
            attribute.folded.as_ref().map(Folded::as_str).map(str::to_owned),
            attribute.authority.map(SourceId::uuid),
            attribute.origin.map(AccountId::uuid),
            attribute.self_written,
            attribute.verified,
            attribute.updated_at,
            attribute.cause.map(|cause| cause.occasion().to_string()),
            attribute.cause.and_then(Cause::run).map(ImportRunId::uuid),
        ];
        self.0.execute(PUT, values).await.map(|_| ())
    }

    pub async fn delete(&mut self, person: PersonId, name: AttributeName) -> Result<(), StorageError> {
        self.0.execute(DELETE, params![person.uuid(), name.as_str()]).await.map(|_| ())
    }

    /// The values of this source become the hub's; how many.
    pub async fn end_authority(&mut self, source: SourceId) -> Result<u64, StorageError> {
        self.0.execute(END_AUTHORITY, params![source.uuid()]).await
    }

    /// The values like this one of everybody but `keeper`.
    pub async fn bearers_but(
        &mut self,
        name: AttributeName,
        value: &Folded,
        keeper: PersonId,
    ) -> Result<Vec<StoredAttribute>, StorageError> {
        let values = params![name.as_str(), value.as_str(), keeper.uuid()];
        let rows: Vec<AttributeRow> = self.0.fetch_all(BEARERS, values).await?;
        rows.into_iter().map(StoredAttribute::try_from).collect()
    }

    /// Takes an identifying value away from everybody but `keeper`, who claims it: theirs were never claims.
    pub async fn evict(&mut self, name: AttributeName, value: &Folded, keeper: PersonId) -> Result<u64, StorageError> {
        self.0.execute(EVICT, params![name.as_str(), value.as_str(), keeper.uuid()]).await
    }
}
