//! Many rows at once: the one place where each database has its own way. SQLite is given rows, a few hundred to a
//! statement; PostgreSQL whole columns, as arrays.

use chrono::{DateTime, Utc};
use directory::{Account, AccountId, Folded, GroupId, ImportRunId, Person, PersonId, SourceId, fold};
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::{
    StorageError, Transaction,
    accounts::storable,
    aliases::Alias,
    attributes::{Cause, StoredAttribute},
    groups::Origin,
    matching::MatchKey,
    people::Facts,
};

/// The values of one column, one per row.
pub(crate) enum Column {
    Id(Vec<Uuid>),
    MaybeId(Vec<Option<Uuid>>),
    Text(Vec<String>),
    MaybeText(Vec<Option<String>>),
    Time(Vec<DateTime<Utc>>),
    MaybeTime(Vec<Option<DateTime<Utc>>>),
    Flag(Vec<bool>),
    MaybeBytes(Vec<Option<Vec<u8>>>),
    Number(Vec<i64>),
}

/// Binds the column as an array, and names its type.
macro_rules! every_kind {
    ($column:expr, $values:ident => $body:expr) => {
        match $column {
            Column::Id($values) => $body,
            Column::MaybeId($values) => $body,
            Column::Text($values) => $body,
            Column::MaybeText($values) => $body,
            Column::Time($values) => $body,
            Column::MaybeTime($values) => $body,
            Column::Flag($values) => $body,
            Column::MaybeBytes($values) => $body,
            Column::Number($values) => $body,
        }
    };
}

impl Column {
    fn len(&self) -> usize {
        every_kind!(self, values => values.len())
    }

    const fn array(&self) -> &'static str {
        match self {
            Self::Id(_) | Self::MaybeId(_) => "uuid[]",
            Self::Text(_) | Self::MaybeText(_) => "text[]",
            Self::Time(_) | Self::MaybeTime(_) => "timestamptz[]",
            Self::Flag(_) => "boolean[]",
            Self::MaybeBytes(_) => "bytea[]",
            Self::Number(_) => "bigint[]",
        }
    }
}

/// Rows for one table.
pub(crate) struct Rows {
    pub(crate) table: &'static str,
    pub(crate) columns: Vec<(&'static str, Column)>,
    /// What follows the values: `on conflict do nothing`.
    pub(crate) ending: &'static str,
}

/// Variables of one SQLite statement; its own limit is 32,766.
const VARIABLES: usize = 4_000;

impl Rows {
    fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    fn head(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("insert into {} ({})", self.table, names.join(", "))
    }

    /// Adds them; how many were added.
    pub(crate) async fn insert(self, tx: &mut Transaction) -> Result<u64, StorageError> {
        debug_assert!(self.columns.iter().all(|(_, column)| column.len() == self.len()), "{}", self.table);
        if self.len() == 0 {
            return Ok(0);
        }
        match tx {
            Transaction::Sqlite(tx) => self.insert_rows(tx.connection()).await,
            Transaction::Postgres(tx) => self.insert_columns(tx).await,
        }
    }

    #[expect(clippy::clone_on_copy, reason = "one text for values that copy and values that do not")]
    async fn insert_rows(self, connection: &mut SqliteConnection) -> Result<u64, StorageError> {
        let (total, width, head) = (self.len(), self.columns.len(), self.head());
        let most = (VARIABLES / width).max(1);
        let (mut done, mut added) = (0, 0);
        while done < total {
            // Powers of two, so that few different texts have to be prepared and kept.
            let left = (total - done).min(most);
            let count = if left == most { most } else { 1 << left.ilog2() };
            let row = format!("({})", vec!["?"; width].join(","));
            let sql = format!("{head} values {} {}", vec![row.as_str(); count].join(","), self.ending);
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for index in done..done + count {
                for (_, column) in &self.columns {
                    query = every_kind!(column, values => query.bind(values[index].clone()));
                }
            }
            added += query.execute(&mut *connection).await?.rows_affected();
            done += count;
        }
        Ok(added)
    }

    async fn insert_columns(self, connection: &mut PgConnection) -> Result<u64, StorageError> {
        let arrays: Vec<String> =
            self.columns.iter().enumerate().map(|(i, (_, column))| format!("${}::{}", i + 1, column.array())).collect();
        let sql = format!("{} select * from unnest({}) {}", self.head(), arrays.join(", "), self.ending);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (_, column) in self.columns {
            query = every_kind!(column, values => query.bind(values));
        }
        Ok(query.execute(connection).await?.rows_affected())
    }
}

/// A person who is new, with everything that belongs to them. Nobody holds anything of it.
#[derive(Debug, Clone)]
pub struct NewPerson {
    pub person: Person,
    pub account: Account,
    pub digest: Option<Vec<u8>>,
    pub aliases: Vec<Alias>,
    pub attributes: Vec<StoredAttribute>,
    /// (kind, folded value).
    pub claims: Vec<(&'static str, Folded)>,
    pub groups: Vec<GroupId>,
    pub words: Vec<String>,
    /// What they are matched by.
    pub keys: Vec<MatchKey>,
}

const NOTHING: &str = "on conflict do nothing";

/// The tables that an import fills.
pub(crate) const FILLED: [&str; 12] = [
    "person",
    "account",
    "attribute",
    "alias",
    "identifier_claim",
    "match_key",
    "search_token",
    "directory_group",
    "group_member",
    "membership",
    "directory_device",
    "import_result",
];

/// Adds them. A name or identifier that somebody holds after all is an error: the caller has looked.
pub async fn insert_people(tx: &mut Transaction, new: &[NewPerson], seen_by: Option<Uuid>) -> Result<(), StorageError> {
    people(new).insert(tx).await?;
    accounts(new, seen_by).insert(tx).await?;
    attributes(new).insert(tx).await?;
    let mut alias: Vec<&Alias> = new.iter().flat_map(|n| &n.aliases).collect();
    // In the order of the index, which is written faster so.
    alias.sort_by(|a, b| a.folded.cmp(&b.folded));
    let aliases = Rows {
        table: "alias",
        columns: vec![
            ("namespace", Column::Text(alias.iter().map(|a| a.namespace.to_string()).collect())),
            ("folded", Column::Text(alias.iter().map(|a| a.folded.clone()).collect())),
            ("person_id", Column::Id(alias.iter().map(|a| a.person_id.uuid()).collect())),
            ("account_id", Column::MaybeId(alias.iter().map(|a| a.account_id.map(AccountId::uuid)).collect())),
        ],
        ending: "",
    };
    aliases.insert(tx).await?;
    let claims: Vec<_> = new.iter().flat_map(|n| n.claims.iter().map(|c| (c, n.person.id))).collect();
    let claims = Rows {
        table: "identifier_claim",
        columns: vec![
            ("kind", Column::Text(claims.iter().map(|((kind, _), _)| (*kind).to_owned()).collect())),
            ("folded", Column::Text(claims.iter().map(|((_, value), _)| value.as_str().to_owned()).collect())),
            ("person_id", Column::Id(claims.iter().map(|(_, person)| person.uuid()).collect())),
        ],
        ending: "",
    };
    claims.insert(tx).await?;
    match_keys(new).insert(tx).await?;
    let members: Vec<_> = new.iter().flat_map(|n| n.groups.iter().map(move |g| (*g, n))).collect();
    let memberships = Rows {
        table: "membership",
        columns: vec![
            ("group_id", Column::Id(members.iter().map(|(group, _)| group.uuid()).collect())),
            ("person_id", Column::Id(members.iter().map(|(_, n)| n.person.id.uuid()).collect())),
            ("origin", Column::Text(members.iter().map(|(_, n)| Origin::Account(n.account.id).to_string()).collect())),
        ],
        ending: NOTHING,
    };
    memberships.insert(tx).await?;
    let mut words: Vec<(&String, PersonId)> =
        new.iter().flat_map(|n| n.words.iter().map(|w| (w, n.person.id))).collect();
    words.sort_unstable();
    let words = Rows {
        table: "search_token",
        columns: vec![
            ("token", Column::Text(words.iter().map(|(word, _)| (*word).clone()).collect())),
            ("person_id", Column::Id(words.iter().map(|(_, person)| person.uuid()).collect())),
        ],
        ending: NOTHING,
    };
    words.insert(tx).await.map(|_| ())
}

/// An entry that was held before has some of these.
fn match_keys(new: &[NewPerson]) -> Rows {
    let mut all: Vec<(&Account, &MatchKey)> =
        new.iter().flat_map(|n| n.keys.iter().map(move |key| (&n.account, key))).collect();
    all.sort_by(|(_, a), (_, b)| (a.attribute, &a.folded).cmp(&(b.attribute, &b.folded)));
    Rows {
        table: "match_key",
        columns: vec![
            ("source_id", Column::Id(all.iter().map(|(account, _)| account.source_id.uuid()).collect())),
            ("immutable_id", Column::Text(all.iter().map(|(a, _)| a.immutable_id.as_str().to_owned()).collect())),
            ("attribute", Column::Text(all.iter().map(|(_, key)| key.attribute.as_str().to_owned()).collect())),
            ("folded", Column::Text(all.iter().map(|(_, key)| key.folded.clone()).collect())),
            ("value", Column::Text(all.iter().map(|(_, key)| key.value.clone()).collect())),
        ],
        ending: "on conflict (source_id, immutable_id, attribute) do update set folded = excluded.folded, \
                 value = excluded.value",
    }
}

fn people(new: &[NewPerson]) -> Rows {
    let all = || new.iter().map(|n| &n.person);
    let facts: Vec<Facts> = all().map(Facts::of).collect();
    Rows {
        table: "person",
        columns: vec![
            ("id", Column::Id(all().map(|p| p.id.uuid()).collect())),
            ("subject", Column::Text(all().map(|p| p.subject.clone()).collect())),
            ("display_name", Column::Text(all().map(|p| p.display_name.clone()).collect())),
            ("sort_name", Column::Text(all().map(|p| fold(&p.display_name).as_str().to_owned()).collect())),
            ("activated", Column::Flag(all().map(|p| p.activated).collect())),
            ("credential_authority", Column::Text(facts.iter().map(|f| f.credential.0.to_owned()).collect())),
            ("credential_source_id", Column::MaybeId(facts.iter().map(|f| f.credential.1).collect())),
            ("standing", Column::Text(all().map(|p| p.standing.as_str().to_owned()).collect())),
            ("standing_source_id", Column::MaybeId(facts.iter().map(|f| f.standing_source).collect())),
            ("standing_read_at", Column::MaybeTime(all().map(|p| p.standing_read_at).collect())),
            ("verifier_kind", Column::Text(all().map(|p| p.verifier.as_str().to_owned()).collect())),
            ("privileged_account", Column::Flag(new.iter().map(|n| n.account.privileged).collect())),
            ("created_at", Column::Time(all().map(|p| p.created_at).collect())),
            ("updated_at", Column::Time(all().map(|p| p.updated_at).collect())),
        ],
        ending: "",
    }
}

fn accounts(new: &[NewPerson], seen_by: Option<Uuid>) -> Rows {
    let all = || new.iter().map(|n| &n.account);
    Rows {
        table: "account",
        columns: vec![
            ("id", Column::Id(all().map(|a| a.id.uuid()).collect())),
            ("source_id", Column::Id(all().map(|a| a.source_id.uuid()).collect())),
            ("immutable_id", Column::Text(all().map(|a| a.immutable_id.as_str().to_owned()).collect())),
            ("person_id", Column::Id(all().map(|a| a.person_id.uuid()).collect())),
            ("kind", Column::Text(all().map(|a| a.kind.as_str().to_owned()).collect())),
            ("locator", Column::Text(all().map(|a| a.locator.clone()).collect())),
            ("username", Column::MaybeText(all().map(|a| a.username.clone()).collect())),
            ("status", Column::Text(all().map(|a| a.status.as_str().to_owned()).collect())),
            ("password_set_at", Column::MaybeTime(all().map(|a| a.password_set_at).collect())),
            ("read_at", Column::Time(all().map(|a| a.read_at).collect())),
            ("locked_until", Column::MaybeTime(all().map(|a| a.locked_until.map(storable)).collect())),
            ("privileged", Column::Flag(all().map(|a| a.privileged).collect())),
            ("digest", Column::MaybeBytes(new.iter().map(|n| n.digest.clone()).collect())),
            ("seen_by", Column::MaybeId(vec![seen_by; new.len()])),
        ],
        ending: "",
    }
}

fn attributes(new: &[NewPerson]) -> Rows {
    let all: Vec<&StoredAttribute> = new.iter().flat_map(|n| &n.attributes).collect();
    let folded = |a: &&StoredAttribute| a.folded.as_ref().map(|value| value.as_str().to_owned());
    Rows {
        table: "attribute",
        columns: vec![
            ("person_id", Column::Id(all.iter().map(|a| a.person_id.uuid()).collect())),
            ("name", Column::Text(all.iter().map(|a| a.name.as_str().to_owned()).collect())),
            ("value", Column::Text(all.iter().map(|a| a.value.clone()).collect())),
            ("folded", Column::MaybeText(all.iter().map(folded).collect())),
            ("authority_source_id", Column::MaybeId(all.iter().map(|a| a.authority.map(SourceId::uuid)).collect())),
            ("origin_account_id", Column::MaybeId(all.iter().map(|a| a.origin.map(AccountId::uuid)).collect())),
            ("self_written", Column::Flag(all.iter().map(|a| a.self_written).collect())),
            ("verified", Column::Flag(all.iter().map(|a| a.verified).collect())),
            ("updated_at", Column::Time(all.iter().map(|a| a.updated_at).collect())),
            ("occasion", Column::MaybeText(all.iter().map(|a| a.cause.map(|c| c.occasion().to_string())).collect())),
            (
                "run_id",
                Column::MaybeId(all.iter().map(|a| a.cause.and_then(Cause::run).map(ImportRunId::uuid)).collect()),
            ),
        ],
        ending: "",
    }
}
