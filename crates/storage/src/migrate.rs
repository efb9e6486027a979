//! Schema versions: forward only, each applied whole or not at all, refused when made by a newer Isthmus.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::{Database, StorageError};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

impl Database {
    /// Brings the schema to this version; the versions that were applied. Does nothing if it is there already.
    pub async fn upgrade(&self) -> Result<Vec<i64>, StorageError> {
        let place = self.place().to_owned();
        let before = self.applied_versions().await?;
        self.refuse_foreign(&before)?;
        let result = match self {
            Self::Sqlite { writer, .. } => writer.exclusively(async |c| SQLITE.run(c).await).await,
            Self::Postgres { pool, .. } => POSTGRES.run(pool).await,
        };
        result.map_err(|error| match error {
            MigrateError::VersionMismatch(version) => StorageError::ForeignSchema { place: place.clone(), version },
            other => StorageError::Upgrade { place: place.clone(), source: other },
        })?;
        Ok(known_versions().into_iter().filter(|v| !before.contains(v)).collect())
    }

    /// Refuses a schema that is not exactly this version's.
    pub async fn require_current(&self) -> Result<(), StorageError> {
        let applied = self.applied_versions().await?;
        self.refuse_foreign(&applied)?;
        let (found, known) = (highest(&applied), highest(&known_versions()));
        if found < known {
            return Err(StorageError::OlderSchema { place: self.place().to_owned(), found, known });
        }
        Ok(())
    }

    fn refuse_foreign(&self, applied: &[i64]) -> Result<(), StorageError> {
        let (found, known) = (highest(applied), highest(&known_versions()));
        if found > known {
            return Err(StorageError::NewerSchema { place: self.place().to_owned(), found, known });
        }
        Ok(())
    }

    async fn applied_versions(&self) -> Result<Vec<i64>, StorageError> {
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
        Ok(applied.map_err(upgrade_error)?.into_iter().map(|m| m.version).collect())
    }
}

fn known_versions() -> Vec<i64> {
    SQLITE.iter().map(|m| m.version).collect()
}

fn highest(versions: &[i64]) -> i64 {
    versions.iter().copied().max().unwrap_or(0)
}
