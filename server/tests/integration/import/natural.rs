//! What a database holds, by keys that mean the same in every database: never an id of ours, never a time.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use storage::{Database, Queries as _, StorageError};

/// Each table of people, groups and devices, its rows as text.
const TABLES: &[(&str, &str)] = &[
    (
        "people",
        "select a.immutable_id || '|' || a.kind || '|' || a.locator || '|' || coalesce(a.username, '') || '|' || \
         a.status || '|' || case when a.missing_since is null then 'there' else 'missed' end || '|' || \
         case when a.privileged then 'privileged' else '' end || '|' || p.display_name || '|' || p.sort_name || '|' || \
         p.state || '|' || p.credential_authority || '|' || p.standing \
         from account a join person p on p.id = a.person_id",
    ),
    ("aliases", "select a.immutable_id || '|' || l.folded from alias l join account a on a.id = l.account_id"),
    (
        "attributes",
        "select a.immutable_id || '|' || t.name || '|' || t.value || '|' || coalesce(t.folded, '') || '|' || \
         case when t.verified then 'verified' else '' end from attribute t join account a on a.person_id = t.person_id",
    ),
    (
        "claims",
        "select c.kind || '|' || c.folded || '|' || a.immutable_id \
         from identifier_claim c join account a on a.person_id = c.person_id",
    ),
    ("match keys", "select immutable_id || '|' || attribute || '|' || folded || '|' || value from match_key"),
    (
        "words",
        "select a.immutable_id || '|' || t.token from search_token t join account a on a.person_id = t.person_id",
    ),
    (
        "groups",
        "select immutable_id || '|' || name || '|' || coalesce(description, '') || '|' || \
         case when missing_since is null then 'there' else 'missed' end || '|' || \
         case when gone_at is null then '' else 'gone' end from directory_group",
    ),
    (
        "members",
        "select g.immutable_id || '|' || m.member from group_member m join directory_group g on g.id = m.group_id",
    ),
    (
        "memberships",
        "select g.immutable_id || '|' || a.immutable_id || '|' || case when m.origin = 'list' then 'list' else 'own' end \
         from membership m join directory_group g on g.id = m.group_id join account a on a.person_id = m.person_id",
    ),
    (
        "devices",
        "select immutable_id || '|' || name || '|' || coalesce(serial_key, '') || '|' || \
         case when missing_since is null then 'there' else 'missed' end || '|' || \
         (select min(s.immutable_id) from directory_device s where s.same_device = d.same_device) \
         from directory_device d",
    ),
    (
        "owners",
        "select d.immutable_id || '|' || o.owner from device_owner o join directory_device d on d.id = o.device_id",
    ),
    (
        "cases",
        "select c.kind || '|' || c.identifier || '|' || c.folded || '|' || a.immutable_id || '|' || h.immutable_id || \
         '|' || case when c.closed_at is null then 'open' else 'closed' end from review_case c \
         join account a on a.person_id = c.person_id join account h on h.person_id = c.holder_id",
    ),
    // Nobody is there twice, or without an account.
    ("number of people", "select cast(count(*) as text) from person"),
    // Whatever was done was done once, in however many runs and processes. Contested entries are looked at each time.
    (
        "deeds",
        "select kind || '|' || immutable_id || '|' || outcome from import_result \
         where outcome in ('created', 'linked', 'missing-noted', 'gone', 'returned')",
    ),
];

/// The tables, their rows in order.
#[derive(PartialEq, Eq)]
pub struct Natural(BTreeMap<&'static str, Vec<String>>);

pub async fn natural(database: &Database) -> Natural {
    let mut tables = BTreeMap::new();
    for (name, sql) in TABLES {
        let rows: Result<Vec<(String,)>, StorageError> =
            database.reader().fetch_all(sql, storage::no_parameters()).await;
        let mut rows: Vec<String> =
            rows.unwrap_or_else(|error| panic!("{name}: {error}")).into_iter().map(|r| r.0).collect();
        rows.sort_unstable();
        tables.insert(*name, rows);
    }
    Natural(tables)
}

impl Natural {
    pub fn rows(&self, table: &str) -> usize {
        self.0[table].len()
    }

    /// One number for all of it.
    pub fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    /// Fails with the first rows that differ.
    pub fn assert_equal(&self, other: &Self, when: &str) {
        for (table, ours) in &self.0 {
            let theirs = &other.0[table];
            if ours != theirs {
                let only = |a: &[String], b: &[String]| -> Vec<String> {
                    a.iter().filter(|row| !b.contains(row)).take(3).cloned().collect()
                };
                panic!(
                    "{when}: {table} differ ({} rows and {}): only here {:?}, only there {:?}",
                    ours.len(),
                    theirs.len(),
                    only(ours, theirs),
                    only(theirs, ours)
                );
            }
        }
        assert_eq!(self.hash(), other.hash(), "{when}");
    }
}

/// Ids of everything that counts as absent, or might.
pub async fn missed(database: &Database) -> Vec<String> {
    const MISSED: &str = "select immutable_id from account where missing_since is not null or status = 'missing' \
        union select immutable_id from directory_group where missing_since is not null or gone_at is not null \
        union select immutable_id from directory_device where missing_since is not null or gone_at is not null";
    let rows: Vec<(String,)> = database.reader().fetch_all(MISSED, storage::no_parameters()).await.unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

/// One number.
pub async fn number(database: &Database, sql: &'static str) -> i64 {
    let (number,): (i64,) = database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap();
    number
}

/// As if the minute had passed in which a killed process still owns its run.
pub async fn forget_leases(database: &Database) {
    const FORGET: &str = "delete from lease where name like 'import:%'";
    let done: Result<u64, StorageError> =
        storage::write!(database, |tx| { tx.execute(FORGET, storage::no_parameters()).await });
    done.unwrap();
}
