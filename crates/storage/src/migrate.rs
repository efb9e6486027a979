//! Schema versions: forward only, each applied whole or not at all, refused when made by a newer Isthmus.

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};

use crate::{Database, StorageError};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

impl Database {
    /// Brings the schema to this version; the versions that were applied. Does nothing if it is there already.
    pub async fn upgrade(&self) -> Result<Vec<i64>, StorageError> {
        let place = self.place().to_owned();
        let before = self.applied().await?;
        self.refuse_foreign(&before)?;
        let result = match self {
            Self::Sqlite { writer, .. } => writer.exclusively(async |c| SQLITE.run(c).await).await,
            Self::Postgres { pool, .. } => POSTGRES.run(pool).await,
        };
        result.map_err(|error| match error {
            MigrateError::VersionMismatch(version) => StorageError::ForeignSchema { place: place.clone(), version },
            other => StorageError::Upgrade { place: place.clone(), source: other },
        })?;
        Ok(known_versions().into_iter().filter(|v| !before.iter().any(|m| m.version == *v)).collect())
    }

    /// Refuses a schema that is not exactly this version's.
    pub async fn require_current(&self) -> Result<(), StorageError> {
        let applied = self.applied().await?;
        self.refuse_foreign(&applied)?;
        let (found, known) = (highest(&applied), highest_known());
        if found < known {
            return Err(StorageError::OlderSchema { place: self.place().to_owned(), found, known });
        }
        Ok(())
    }

    /// The schema version in the database, 0 if it has none yet.
    pub async fn schema_version(&self) -> Result<i64, StorageError> {
        Ok(highest(&self.applied().await?))
    }

    /// A schema that a newer or another build made is not touched.
    fn refuse_foreign(&self, applied: &[AppliedMigration]) -> Result<(), StorageError> {
        let place = || self.place().to_owned();
        let (found, known) = (highest(applied), highest_known());
        if found > known {
            return Err(StorageError::NewerSchema { place: place(), found, known });
        }
        let migrator = match self {
            Self::Sqlite { .. } => &SQLITE,
            Self::Postgres { .. } => &POSTGRES,
        };
        for migration in applied {
            let ours = migrator.iter().find(|m| m.version == migration.version);
            if ours.is_none_or(|m| m.checksum != migration.checksum) {
                return Err(StorageError::ForeignSchema { place: place(), version: migration.version });
            }
        }
        Ok(())
    }

    async fn applied(&self) -> Result<Vec<AppliedMigration>, StorageError> {
        let upgrade_error = |source| StorageError::Upgrade { place: self.place().to_owned(), source };
        let applied = match self {
            Self::Sqlite { writer, .. } => {
                writer
                    .exclusively(async |c| {
                        c.ensure_migrations_table("_sqlx_migrations").await?;
                        c.list_applied_migrations("_sqlx_migrations").await
                    })
                    .await
            }
            Self::Postgres { pool, .. } => {
                let mut c = pool.acquire().await?;
                match c.ensure_migrations_table("_sqlx_migrations").await {
                    Ok(()) => c.list_applied_migrations("_sqlx_migrations").await,
                    Err(error) => Err(error),
                }
            }
        };
        applied.map_err(upgrade_error)
    }
}

fn known_versions() -> Vec<i64> {
    SQLITE.iter().map(|m| m.version).collect()
}

fn highest(applied: &[AppliedMigration]) -> i64 {
    applied.iter().map(|m| m.version).max().unwrap_or(0)
}

/// The schema version that this Isthmus brings.
#[must_use]
pub fn highest_known() -> i64 {
    known_versions().into_iter().max().unwrap_or(0)
}
