//! Cases: questions that a person must decide. A case never adds a right.

use chrono::{DateTime, Utc};
use directory::{CaseId, Folded, MatchOutcome, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    row::{params, word},
};

/// Cases, read or written through `0`.
pub struct Cases<'a, Q>(pub &'a mut Q);

/// One question: `person` would hold the identifier that `holder` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub id: CaseId,
    pub kind: MatchOutcome,
    pub person_id: PersonId,
    pub holder_id: PersonId,
    pub source_id: SourceId,
    /// `alias`, `email`, `employee_number`.
    pub identifier: String,
    pub folded: String,
    /// Born of row D19: until it is closed, sessions reach only the clients of `source_id`.
    pub restricts_reach: bool,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct CaseRow {
    id: Uuid,
    kind: String,
    person_id: Uuid,
    holder_id: Uuid,
    source_id: Uuid,
    identifier: String,
    folded: String,
    restricts_reach: bool,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

impl TryFrom<CaseRow> for Case {
    type Error = StorageError;
    fn try_from(row: CaseRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.into(),
            kind: word("review_case", "kind", &row.kind)?,
            person_id: row.person_id.into(),
            holder_id: row.holder_id.into(),
            source_id: row.source_id.into(),
            identifier: row.identifier,
            folded: row.folded,
            restricts_reach: row.restricts_reach,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
        })
    }
}

const OPEN_OF_PERSON: &str = "select id, kind, person_id, holder_id, source_id, identifier, folded, restricts_reach, \
    opened_at, closed_at from review_case where (person_id = $1 or holder_id = $1) and closed_at is null \
    order by opened_at, id limit 100";
const RESTRICTED_TO: &str = "select source_id from review_case where person_id = $1 and restricts_reach \
                             and closed_at is null order by opened_at, id limit 1";
const OPEN: &str = "insert into review_case (id, kind, person_id, holder_id, source_id, identifier, folded, \
    restricts_reach, opened_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    on conflict (person_id, kind, identifier, folded, holder_id) do nothing";
const OUTDATED: &str = "update review_case set closed_at = $4, decision = 'outdated' where person_id = $1 \
    and identifier = $2 and folded = $3 and closed_at is null and not restricts_reach";

const BY_ID: &str = "select id, kind, person_id, holder_id, source_id, identifier, folded, restricts_reach, \
    opened_at, closed_at from review_case where id = $1";
const CLOSE: &str = "update review_case set closed_at = $2, decision = $3 where id = $1 and closed_at is null";

impl<Q: Queries> Cases<'_, Q> {
    pub async fn by_id(&mut self, id: CaseId) -> Result<Option<Case>, StorageError> {
        let row: Option<CaseRow> = self.0.fetch_optional(BY_ID, params![id.uuid()]).await?;
        row.map(Case::try_from).transpose()
    }

    /// Open cases that touch this person, on either side.
    pub async fn open_of_person(&mut self, person: PersonId) -> Result<Vec<Case>, StorageError> {
        let rows: Vec<CaseRow> = self.0.fetch_all(OPEN_OF_PERSON, params![person.uuid()]).await?;
        rows.into_iter().map(Case::try_from).collect()
    }

    /// The source whose clients alone this person may reach, while the case of their birth (D19) is open.
    pub async fn restricted_to(&mut self, person: PersonId) -> Result<Option<SourceId>, StorageError> {
        let row: Option<(Uuid,)> = self.0.fetch_optional(RESTRICTED_TO, params![person.uuid()]).await?;
        Ok(row.map(|(id,)| id.into()))
    }
}

impl Cases<'_, Transaction> {
    /// Opens the case; false if the same question was asked before, decided or not.
    pub async fn open(&mut self, case: &Case) -> Result<bool, StorageError> {
        let values = params![
            case.id.uuid(),
            case.kind.as_str(),
            case.person_id.uuid(),
            case.holder_id.uuid(),
            case.source_id.uuid(),
            case.identifier.clone(),
            case.folded.clone(),
            case.restricts_reach,
            case.opened_at,
        ];
        Ok(self.0.execute(OPEN, values).await? > 0)
    }

    /// Ends the question; false if somebody has already.
    pub async fn close(&mut self, id: CaseId, decision: &'static str, at: DateTime<Utc>) -> Result<bool, StorageError> {
        Ok(self.0.execute(CLOSE, params![id.uuid(), at, decision]).await? > 0)
    }

    /// Closes questions about a value that came free by itself. Those that restrict a person's reach stay for a
    /// reviewer: nobody gains reach because a name was given up.
    pub async fn close_outdated(
        &mut self,
        person: PersonId,
        identifier: &str,
        value: &Folded,
        at: DateTime<Utc>,
    ) -> Result<u64, StorageError> {
        self.0.execute(OUTDATED, params![person.uuid(), identifier, value.as_str(), at]).await
    }
}
