//! Forgetting what has expired. Facts about people are never forgotten here.

use chrono::{DateTime, Utc};

use crate::{StorageError, Transaction, row::params};

/// What is forgotten once its time is over: rows whose `expires_at` lies before the given time, by table.
const EXPIRED: [(&str, &str); 5] = [
    ("browser_session", "delete from browser_session where expires_at < $1"),
    ("authorization_request", "delete from authorization_request where expires_at < $1"),
    // Its codes and tokens go with it.
    ("client_grant", "delete from client_grant where expires_at < $1"),
    ("session", "delete from session where expires_at < $1"),
    ("set_up_link", "delete from set_up_link where expires_at < $1"),
];

/// Names of the tables that [`expired`] tidies.
pub fn tables() -> impl Iterator<Item = &'static str> {
    EXPIRED.iter().map(|(table, _)| *table)
}

/// Forgets the expired rows of one of [`tables`]; how many there were.
pub async fn expired(tx: &mut Transaction, table: &str, before: DateTime<Utc>) -> Result<u64, StorageError> {
    match EXPIRED.iter().find(|(name, _)| *name == table) {
        Some((_, sql)) => tx.execute(sql, params![before]).await,
        None => Ok(0),
    }
}
