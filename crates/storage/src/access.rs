//! Roles of the hub, and the links that let somebody set their first password.

use chrono::{DateTime, Utc};
use directory::{PersonId, Role};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// A set-up link as stored: without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpLink {
    pub person: PersonId,
    pub expires_at: DateTime<Utc>,
    pub spent_at: Option<DateTime<Utc>>,
}

/// Who holds a role, since when, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub person: PersonId,
    pub role: Role,
    /// An actor of the audit log: `person:<id>`, `command-line`.
    pub granted_by: String,
    pub granted_at: DateTime<Utc>,
}

/// A set-up link to keep: its token as a digest.
#[derive(Debug, Clone)]
pub struct NewLink {
    pub digest: Vec<u8>,
    pub person: PersonId,
    /// An actor of the audit log.
    pub issued_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Who once made a link for somebody.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct IssuedLink {
    pub issued_by: String,
    pub created_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct RoleRow {
    person_id: Uuid,
    role: String,
}

#[derive(FromRow)]
struct AssignmentRow {
    person_id: Uuid,
    role: String,
    granted_by: String,
    granted_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct LinkRow {
    person_id: Uuid,
    expires_at: DateTime<Utc>,
    spent_at: Option<DateTime<Utc>>,
}

const ROLES_OF: &str = "select person_id, role from role_assignment where person_id = $1 order by role";
const HOLDERS: &str = "select person_id, role from role_assignment where role = $1 order by person_id";
const ASSIGNMENTS: &str = "select person_id, role, granted_by, granted_at from role_assignment \
                           order by person_id, role";
const ASSIGNMENTS_OF: &str = "select person_id, role, granted_by, granted_at from role_assignment \
                              where person_id = $1 order by role";
const GRANT: &str = "insert into role_assignment (person_id, role, granted_by, granted_at) values ($1, $2, $3, $4) \
                     on conflict (person_id, role) do nothing";
const REVOKE: &str = "delete from role_assignment where person_id = $1 and role = $2";
const VOID_LINKS: &str = "update set_up_link set spent_at = $2 where person_id = $1 and spent_at is null";
const INSERT_LINK: &str = "insert into set_up_link (digest, person_id, issued_by, created_at, expires_at) \
                           values ($1, $2, $3, $4, $5)";
const LINKS_OF: &str = "select issued_by, created_at from set_up_link where person_id = $1 order by created_at";
const LINK: &str = "select person_id, expires_at, spent_at from set_up_link where digest = $1";
const SPEND: &str = "update set_up_link set spent_at = $2 where digest = $1 and spent_at is null";

fn role_of(word: &str) -> Result<Role, StorageError> {
    word.parse().map_err(|e: directory::UnknownWord| StorageError::Inconsistent {
        table: "role_assignment",
        column: "role",
        reason: e.to_string(),
    })
}

/// The roles a person holds.
pub async fn roles_of(queries: &mut impl Queries, person: PersonId) -> Result<Vec<Role>, StorageError> {
    let rows: Vec<RoleRow> = queries.fetch_all(ROLES_OF, params![person.uuid()]).await?;
    rows.iter().map(|row| role_of(&row.role)).collect()
}

/// Everybody who holds a role.
pub async fn holders_of(queries: &mut impl Queries, role: Role) -> Result<Vec<PersonId>, StorageError> {
    let rows: Vec<RoleRow> = queries.fetch_all(HOLDERS, params![role.as_str()]).await?;
    Ok(rows.into_iter().map(|r| r.person_id.into()).collect())
}

/// Every role held, by person.
pub async fn assignments(queries: &mut impl Queries) -> Result<Vec<Assignment>, StorageError> {
    let rows: Vec<AssignmentRow> = queries.fetch_all(ASSIGNMENTS, params![]).await?;
    rows.into_iter().map(assignment_of).collect()
}

/// The roles of one person, with their history.
pub async fn assignments_of(queries: &mut impl Queries, person: PersonId) -> Result<Vec<Assignment>, StorageError> {
    let rows: Vec<AssignmentRow> = queries.fetch_all(ASSIGNMENTS_OF, params![person.uuid()]).await?;
    rows.into_iter().map(assignment_of).collect()
}

fn assignment_of(row: AssignmentRow) -> Result<Assignment, StorageError> {
    Ok(Assignment {
        person: row.person_id.into(),
        role: role_of(&row.role)?,
        granted_by: row.granted_by,
        granted_at: row.granted_at,
    })
}

/// Gives a role; false if the person holds it already.
pub async fn grant(
    tx: &mut Transaction,
    person: PersonId,
    role: Role,
    by: String,
    at: DateTime<Utc>,
) -> Result<bool, StorageError> {
    Ok(tx.execute(GRANT, params![person.uuid(), role.as_str(), by, at]).await? > 0)
}

/// Takes a role; false if the person did not hold it.
pub async fn revoke(tx: &mut Transaction, person: PersonId, role: Role) -> Result<bool, StorageError> {
    Ok(tx.execute(REVOKE, params![person.uuid(), role.as_str()]).await? > 0)
}

/// Keeps a new set-up link; the older ones of the same person stop working.
pub async fn insert_link(tx: &mut Transaction, link: NewLink) -> Result<(), StorageError> {
    tx.execute(VOID_LINKS, params![link.person.uuid(), link.created_at]).await?;
    let values = params![link.digest, link.person.uuid(), link.issued_by, link.created_at, link.expires_at];
    tx.execute(INSERT_LINK, values).await.map(|_| ())
}

/// Every link that was ever made for the person, oldest first.
pub async fn links_of(queries: &mut impl Queries, person: PersonId) -> Result<Vec<IssuedLink>, StorageError> {
    queries.fetch_all(LINKS_OF, params![person.uuid()]).await
}

/// The link whose token has this digest.
pub async fn link(queries: &mut impl Queries, digest: &[u8]) -> Result<Option<SetUpLink>, StorageError> {
    let row: Option<LinkRow> = queries.fetch_optional(LINK, params![digest.to_vec()]).await?;
    Ok(row.map(|r| SetUpLink { person: r.person_id.into(), expires_at: r.expires_at, spent_at: r.spent_at }))
}

/// Spends a link; false if it was spent already.
pub async fn spend_link(tx: &mut Transaction, digest: &[u8], at: DateTime<Utc>) -> Result<bool, StorageError> {
    Ok(tx.execute(SPEND, params![digest.to_vec(), at]).await? > 0)
}
