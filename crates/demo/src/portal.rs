//! The table of an old portal, in an SQLite file: people with the passwords that two generations of the portal stored,
//! duties as groups. Nothing serves it; the hub reads the file.

use std::path::Path;

use anyhow::Context as _;
use data_encoding::HEXLOWER;
use md5::{Digest as _, Md5};
use sha2::Sha256;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::directory::{DemoPerson, Organisation, hire};

const TABLES: &str = "
    create table crew (id integer primary key, login text not null unique, given_name text, family_name text,
      mail text, title text, password text not null, salt text, made_by text not null, active integer not null,
      changed_at text not null);
    create table duty (id integer primary key, name text not null);
    create table crew_duty (crew_id integer not null, duty_id integer not null, primary key (crew_id, duty_id));
";

/// The people of the old portal, as its table has them.
pub struct OldPortal {
    people: Vec<DemoPerson>,
    domain: String,
}

impl OldPortal {
    /// The file's name in its folder.
    pub const FILE: &str = "crew.db";

    /// Writes the table into a folder, which is made if it is not there.
    pub async fn write(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let organisation = Organisation::portal();
        let portal = Self { people: hire(&organisation), domain: organisation.domain };
        let options = SqliteConnectOptions::new().filename(folder.join(Self::FILE)).create_if_missing(true);
        let mut link = SqliteConnection::connect_with(&options).await.context("the demo's old portal")?;
        let mut rows = link.begin().await?;
        sqlx::raw_sql(TABLES).execute(&mut *rows).await?;
        let mut duties: Vec<&str> = Vec::new();
        for (number, person) in (1_i64..).zip(&portal.people) {
            insert(&mut rows, number, person).await?;
            for group in &person.groups {
                let duty = duties.iter().position(|known| known == group).unwrap_or_else(|| {
                    duties.push(group);
                    duties.len() - 1
                });
                sqlx::query("insert into crew_duty (crew_id, duty_id) values ($1, $2)")
                    .bind(number)
                    .bind(i64::try_from(duty)?)
                    .execute(&mut *rows)
                    .await?;
            }
        }
        for (number, duty) in (0_i64..).zip(&duties) {
            let row = sqlx::query("insert into duty (id, name) values ($1, $2)").bind(number).bind(*duty);
            row.execute(&mut *rows).await?;
        }
        rows.commit().await?;
        link.close().await?;
        Ok(portal)
    }

    /// The mail domain of its people.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Everybody in it, with their passwords.
    #[must_use]
    pub fn people(&self) -> &[DemoPerson] {
        &self.people
    }

    /// Two people to try: one with a password of each generation.
    #[must_use]
    pub fn logins_to_try(&self) -> &[DemoPerson] {
        &self.people[..2]
    }

    /// The source over it, as `[source.sql]` of a site document.
    #[must_use]
    pub fn settings() -> String {
        format!(
            r#"
        url = "sqlite:{}"
        people = "crew"
        id_column = "id"
        username_column = "login"
        name_columns = ["mail"]
        active = {{ column = "active", values = ["1"] }}
        changed_column = "changed_at"
        mapping = {{ given_name = "given_name", family_name = "family_name", email = "mail", title = "title" }}

        [source.sql.password]
        column = "password"
        salt_column = "salt"
        format_column = "made_by"
        formats = {{ v1 = {{ scheme = "md5" }}, v2 = {{ scheme = "sha256", template = "{{SALT}}:{{PASSWORD}}" }} }}

        [source.sql.groups]
        groups = "duty"
        id_column = "id"
        name_column = "name"
        memberships = "crew_duty"
        person_column = "crew_id"
        group_column = "duty_id"
        "#,
            Self::FILE
        )
    }
}

/// The first version of the portal stored bare MD5, the second salted SHA-256: neither is anything to learn from.
async fn insert(rows: &mut SqliteConnection, number: i64, person: &DemoPerson) -> anyhow::Result<()> {
    let (made_by, salt) = if number % 2 == 0 { ("v1", None) } else { ("v2", Some(format!("{number:08x}"))) };
    let stored = match &salt {
        None => HEXLOWER.encode(&Md5::digest(person.password.as_bytes())),
        Some(salt) => HEXLOWER.encode(&Sha256::digest(format!("{salt}:{}", person.password).as_bytes())),
    };
    sqlx::query(
        "insert into crew (id, login, given_name, family_name, mail, title, password, salt, made_by, active, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, '2025-03-01 06:00:00')",
    )
    .bind(number)
    .bind(&person.username)
    .bind(&person.given_name)
    .bind(&person.family_name)
    .bind(&person.email)
    .bind(&person.title)
    .bind(stored)
    .bind(salt)
    .bind(made_by)
    .execute(rows)
    .await?;
    Ok(())
}
