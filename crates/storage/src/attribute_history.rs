//! What values were before, and what accounts say that do not own them.

use chrono::{DateTime, Utc};
use directory::{AccountId, AttributeName, ChangeReason, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    attributes::Cause,
    row::{params, word},
};

/// Changes of one attribute of one person that are kept: a value that flaps must not fill the disk.
const KEPT: i64 = 100;

/// History and offers, read or written through `0`.
pub struct AttributeHistory<'a, Q>(pub &'a mut Q);

/// A value and whose it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub value: String,
    /// Empty = the hub.
    pub source: Option<SourceId>,
    pub account: Option<AccountId>,
}

/// One change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeChange {
    pub name: AttributeName,
    pub changed_at: DateTime<Utc>,
    pub reason: ChangeReason,
    pub cause: Option<Cause>,
    pub former: Said,
    /// Empty = the person has no such attribute any more.
    pub now: Option<Said>,
}

/// What an account says of an attribute that another one owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeOffer {
    pub name: AttributeName,
    pub account: AccountId,
    pub value: String,
}

#[derive(FromRow)]
struct ChangeRow {
    name: String,
    changed_at: DateTime<Utc>,
    reason: String,
    occasion: Option<String>,
    run_id: Option<Uuid>,
    former_value: String,
    former_source_id: Option<Uuid>,
    former_account_id: Option<Uuid>,
    value: Option<String>,
    source_id: Option<Uuid>,
    account_id: Option<Uuid>,
}

impl TryFrom<ChangeRow> for AttributeChange {
    type Error = StorageError;
    fn try_from(row: ChangeRow) -> Result<Self, StorageError> {
        const TABLE: &str = "attribute_change";
        let said = |value, source: Option<Uuid>, account: Option<Uuid>| Said {
            value,
            source: source.map(SourceId::from),
            account: account.map(AccountId::from),
        };
        Ok(Self {
            name: word(TABLE, "name", &row.name)?,
            changed_at: row.changed_at,
            reason: word(TABLE, "reason", &row.reason)?,
            cause: Cause::stored(TABLE, row.occasion.as_deref(), row.run_id)?,
            former: said(row.former_value, row.former_source_id, row.former_account_id),
            now: row.value.map(|value| said(value, row.source_id, row.account_id)),
        })
    }
}

#[derive(FromRow)]
struct OfferRow {
    name: String,
    account_id: Uuid,
    value: String,
}

const OF_PERSON: &str = "select name, changed_at, reason, occasion, run_id, former_value, former_source_id, \
    former_account_id, value, source_id, account_id from attribute_change where person_id = $1 \
    order by changed_at desc, name, number desc limit $2";
const ADD: &str = "insert into attribute_change (person_id, name, number, changed_at, reason, occasion, run_id, \
    former_value, former_source_id, former_account_id, value, source_id, account_id) values ($1, $2, \
    (select coalesce(max(number), 0) + 1 from attribute_change where person_id = $1 and name = $2), \
    $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const TRIM: &str = "delete from attribute_change where person_id = $1 and name = $2 and number <= \
    (select max(number) from attribute_change where person_id = $1 and name = $2) - $3";
const RETIRE: &str = "insert into attribute_change (person_id, name, number, changed_at, reason, occasion, \
    former_value, former_source_id, former_account_id, value, account_id) \
    select a.person_id, a.name, coalesce((select max(c.number) from attribute_change c \
    where c.person_id = a.person_id and c.name = a.name), 0) + 1, $2, 'retired', 'hub', a.value, \
    a.authority_source_id, a.origin_account_id, a.value, a.origin_account_id \
    from attribute a where a.authority_source_id = $1";
const OFFERS: &str =
    "select name, account_id, value from attribute_offer where person_id = $1 order by name, account_id";
const OFFER: &str = "insert into attribute_offer (person_id, name, account_id, value) values ($1, $2, $3, $4) \
    on conflict (person_id, name, account_id) do update set value = excluded.value";
const WITHDRAW: &str = "delete from attribute_offer where person_id = $1 and name = $2 and account_id = $3";
const END_OFFERS: &str =
    "delete from attribute_offer where account_id in (select id from account where source_id = $1)";

impl<Q: Queries> AttributeHistory<'_, Q> {
    /// The last changes, newest first.
    pub async fn of_person(&mut self, person: PersonId, most: u32) -> Result<Vec<AttributeChange>, StorageError> {
        let rows: Vec<ChangeRow> = self.0.fetch_all(OF_PERSON, params![person.uuid(), i64::from(most)]).await?;
        rows.into_iter().map(AttributeChange::try_from).collect()
    }

    /// What accounts say that do not own the attribute.
    pub async fn offers(&mut self, person: PersonId) -> Result<Vec<AttributeOffer>, StorageError> {
        let rows: Vec<OfferRow> = self.0.fetch_all(OFFERS, params![person.uuid()]).await?;
        let offer = |row: OfferRow| {
            let name = word("attribute_offer", "name", &row.name)?;
            Ok(AttributeOffer { name, account: row.account_id.into(), value: row.value })
        };
        rows.into_iter().map(offer).collect()
    }
}

impl AttributeHistory<'_, Transaction> {
    pub async fn add(&mut self, person: PersonId, change: &AttributeChange) -> Result<(), StorageError> {
        let (former, now) = (&change.former, change.now.as_ref());
        let values = params![
            person.uuid(),
            change.name.as_str(),
            change.changed_at,
            change.reason.as_str(),
            change.cause.map(|cause| cause.occasion().to_string()),
            change.cause.and_then(Cause::run).map(directory::ImportRunId::uuid),
            former.value.clone(),
            former.source.map(SourceId::uuid),
            former.account.map(AccountId::uuid),
            now.map(|now| now.value.clone()),
            now.and_then(|now| now.source).map(SourceId::uuid),
            now.and_then(|now| now.account).map(AccountId::uuid),
        ];
        self.0.execute(ADD, values).await?;
        self.0.execute(TRIM, params![person.uuid(), change.name.as_str(), KEPT]).await.map(|_| ())
    }

    /// Notes that the values of this source become the hub's. Before they do.
    pub async fn retire(&mut self, source: SourceId, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(RETIRE, params![source.uuid(), at]).await?;
        self.0.execute(END_OFFERS, params![source.uuid()]).await.map(|_| ())
    }

    pub async fn offer(&mut self, person: PersonId, offer: &AttributeOffer) -> Result<(), StorageError> {
        let values = params![person.uuid(), offer.name.as_str(), offer.account.uuid(), offer.value.clone()];
        self.0.execute(OFFER, values).await.map(|_| ())
    }

    pub async fn withdraw(
        &mut self,
        person: PersonId,
        name: AttributeName,
        account: AccountId,
    ) -> Result<(), StorageError> {
        self.0.execute(WITHDRAW, params![person.uuid(), name.as_str(), account.uuid()]).await.map(|_| ())
    }
}
