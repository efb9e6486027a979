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

#[derive(FromRow)]
struct RoleRow {
    person_id: Uuid,
    role: String,
}

#[derive(FromRow)]
struct LinkRow {
    person_id: Uuid,
    expires_at: DateTime<Utc>,
    spent_at: Option<DateTime<Utc>>,
}

const ROLES_OF: &str = "select person_id, role from role_assignment where person_id = $1 order by role";
const HOLDERS: &str = "select person_id, role from role_assignment where role = $1 order by person_id";
const GRANT: &str = "insert into role_assignment (person_id, role, granted_by, granted_at) values ($1, $2, $3, $4) \
                     on conflict (person_id, role) do nothing";
const REVOKE: &str = "delete from role_assignment where person_id = $1 and role = $2";
const VOID_LINKS: &str = "update set_up_link set spent_at = $2 where person_id = $1 and spent_at is null";
const INSERT_LINK: &str = "insert into set_up_link (digest, person_id, created_at, expires_at) values ($1, $2, $3, $4)";
const LINK: &str = "select person_id, expires_at, spent_at from set_up_link where digest = $1";
const SPEND: &str = "update set_up_link set spent_at = $2 where digest = $1 and spent_at is null";

fn role_of(row: &RoleRow) -> Result<Role, StorageError> {
    row.role.parse().map_err(|e: directory::UnknownWord| StorageError::Inconsistent {
        table: "role_assignment",
        column: "role",
        reason: e.to_string(),
    })
}

/// The roles a person holds.
pub async fn roles_of(queries: &mut impl Queries, person: PersonId) -> Result<Vec<Role>, StorageError> {
    let rows: Vec<RoleRow> = queries.fetch_all(ROLES_OF, params![person.uuid()]).await?;
    rows.iter().map(role_of).collect()
}

/// Everybody who holds a role.
pub async fn holders_of(queries: &mut impl Queries, role: Role) -> Result<Vec<PersonId>, StorageError> {
    let rows: Vec<RoleRow> = queries.fetch_all(HOLDERS, params![role.as_str()]).await?;
    Ok(rows.into_iter().map(|r| r.person_id.into()).collect())
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
pub async fn insert_link(
    tx: &mut Transaction,
    digest: Vec<u8>,
    person: PersonId,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(VOID_LINKS, params![person.uuid(), created_at]).await?;
    tx.execute(INSERT_LINK, params![digest, person.uuid(), created_at, expires_at]).await.map(|_| ())
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
