//! Aliases: the names people type, each in its namespace; and who holds an identifier.

use directory::{AccountId, Folded, Namespace, PersonId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    lists::{Keys, Listed},
    row::params,
};

/// Aliases, read or written through `0`.
pub struct Aliases<'a, Q>(pub &'a mut Q);

/// One alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub namespace: Namespace,
    pub folded: String,
    pub person_id: PersonId,
    /// Empty in the hub's namespace.
    pub account_id: Option<AccountId>,
}

#[derive(FromRow)]
struct AliasRow {
    namespace: String,
    folded: String,
    person_id: Uuid,
    account_id: Option<Uuid>,
}

impl TryFrom<AliasRow> for Alias {
    type Error = StorageError;
    fn try_from(row: AliasRow) -> Result<Self, StorageError> {
        let namespace = row.namespace.parse().map_err(|error: uuid::Error| StorageError::Inconsistent {
            table: "alias",
            column: "namespace",
            reason: error.to_string(),
        })?;
        Ok(Self {
            namespace,
            folded: row.folded,
            person_id: row.person_id.into(),
            account_id: row.account_id.map(AccountId::from),
        })
    }
}

const FIND: &str = "select namespace, folded, person_id, account_id from alias where namespace = $1 and folded = $2";
/// Enough to tell "one", "several" and which; a name in more namespaces than this is refused like any other.
const HOLDERS: &str =
    "select namespace, folded, person_id, account_id from alias where folded = $1 order by namespace limit 50";
const OF_PERSON: &str = "select namespace, folded, person_id, account_id from alias where person_id = $1 order by namespace, folded limit 200";
const OF_ACCOUNT: &str =
    "select namespace, folded, person_id, account_id from alias where account_id = $1 order by folded";
const INSERT: &str = "insert into alias (namespace, folded, person_id, account_id) values ($1, $2, $3, $4) \
                      on conflict (namespace, folded) do nothing";
const DELETE: &str = "delete from alias where namespace = $1 and folded = $2 and person_id = $3";

const HOLDER: &str = "select person_id from identifier_claim where kind = $1 and folded = $2";
const CLAIMS: &str = "select kind, folded from identifier_claim where person_id = $1 order by kind, folded";
const CLAIM: &str = "insert into identifier_claim (kind, folded, person_id) values ($1, $2, $3) \
                     on conflict (kind, folded) do nothing";
const RELEASE: &str = "delete from identifier_claim where kind = $1 and folded = $2 and person_id = $3";

impl<Q: Queries> Aliases<'_, Q> {
    /// Who bears this name in this namespace.
    pub async fn find(&mut self, namespace: Namespace, name: &Folded) -> Result<Option<Alias>, StorageError> {
        let row: Option<AliasRow> = self.0.fetch_optional(FIND, params![namespace.to_string(), name.as_str()]).await?;
        row.map(Alias::try_from).transpose()
    }

    /// Who bears this name in any namespace (semantics, section 2.2c). May name one person twice.
    pub async fn holders(&mut self, name: &Folded) -> Result<Vec<Alias>, StorageError> {
        let rows: Vec<AliasRow> = self.0.fetch_all(HOLDERS, params![name.as_str()]).await?;
        rows.into_iter().map(Alias::try_from).collect()
    }

    pub async fn of_person(&mut self, person: PersonId) -> Result<Vec<Alias>, StorageError> {
        let rows: Vec<AliasRow> = self.0.fetch_all(OF_PERSON, params![person.uuid()]).await?;
        rows.into_iter().map(Alias::try_from).collect()
    }

    pub async fn of_account(&mut self, account: AccountId) -> Result<Vec<Alias>, StorageError> {
        let rows: Vec<AliasRow> = self.0.fetch_all(OF_ACCOUNT, params![account.uuid()]).await?;
        rows.into_iter().map(Alias::try_from).collect()
    }

    /// Who holds this e-mail address or employee number.
    pub async fn claimed_by(&mut self, kind: &str, value: &Folded) -> Result<Option<PersonId>, StorageError> {
        let row: Option<(Uuid,)> = self.0.fetch_optional(HOLDER, params![kind, value.as_str()]).await?;
        Ok(row.map(|(id,)| id.into()))
    }

    /// What this person holds: (kind, folded value).
    pub async fn claims_of(&mut self, person: PersonId) -> Result<Vec<(String, String)>, StorageError> {
        self.0.fetch_all(CLAIMS, params![person.uuid()]).await
    }
}

/// Identifiers that are claimed by somebody, or written to somebody without a claim.
const IDENTIFIERS: [&str; 2] = [
    "select folded from identifier_claim where kind = $1 and folded",
    "select folded from attribute where name = $1 and folded",
];
const BORNE: &str = "select folded from alias where namespace = $1 and folded";

impl Aliases<'_, Transaction> {
    /// Those of these names that somebody bears in the namespace.
    pub async fn borne(&mut self, namespace: Namespace, names: &[&str]) -> Result<Vec<String>, StorageError> {
        let fixed = vec![namespace.to_string().into()];
        let rows: Vec<(String,)> = Listed { head: BORNE, fixed, keys: Keys::Texts(names) }.fetch(self.0).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// Those of these values that somebody has or holds.
    pub async fn held(&mut self, kind: &'static str, values: &[&str]) -> Result<Vec<String>, StorageError> {
        let mut held = Vec::new();
        for head in IDENTIFIERS {
            let rows: Vec<(String,)> =
                Listed { head, fixed: vec![kind.into()], keys: Keys::Texts(values) }.fetch(self.0).await?;
            held.extend(rows.into_iter().map(|(value,)| value));
        }
        Ok(held)
    }

    /// Takes the name if it is free; false if somebody bears it (the same person included).
    pub async fn insert(&mut self, alias: &Alias) -> Result<bool, StorageError> {
        let values = params![
            alias.namespace.to_string(),
            alias.folded.clone(),
            alias.person_id.uuid(),
            alias.account_id.map(AccountId::uuid),
        ];
        Ok(self.0.execute(INSERT, values).await? > 0)
    }

    /// Frees the name; whether this person bore it.
    pub async fn delete(&mut self, namespace: Namespace, name: &str, person: PersonId) -> Result<bool, StorageError> {
        Ok(self.0.execute(DELETE, params![namespace.to_string(), name, person.uuid()]).await? > 0)
    }

    /// Claims the identifier if it is free; false if somebody holds it (the same person included).
    pub async fn claim(&mut self, kind: &str, value: &Folded, person: PersonId) -> Result<bool, StorageError> {
        Ok(self.0.execute(CLAIM, params![kind, value.as_str(), person.uuid()]).await? > 0)
    }

    /// Gives the identifier up.
    pub async fn release(&mut self, kind: &str, value: &str, person: PersonId) -> Result<(), StorageError> {
        self.0.execute(RELEASE, params![kind, value, person.uuid()]).await.map(|_| ())
    }
}
