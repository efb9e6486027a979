//! Fresh, empty databases for storage tests: each test runs on every one of them.

use std::sync::Arc;

use tempfile::TempDir;

use crate::{keeper::quick, postgres::Postgres};

/// One fresh, empty database. It vanishes when the last clone is dropped.
#[derive(Clone)]
pub struct TestDatabase(Arc<Inner>);

enum Inner {
    Sqlite { folder: TempDir },
    Postgres { name: String },
}

impl TestDatabase {
    /// What `Database::open` and `--database` take.
    #[must_use]
    pub fn url(&self) -> String {
        match &*self.0 {
            Inner::Sqlite { folder } => format!("sqlite://{}", folder.path().join("isthmus.sqlite").display()),
            Inner::Postgres { name } => Postgres::shared().url(name),
        }
    }

    /// "sqlite" or "postgres", for assertion messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &*self.0 {
            Inner::Sqlite { .. } => "sqlite",
            Inner::Postgres { .. } => "postgres",
        }
    }

    /// The folder of the SQLite file; none for PostgreSQL.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        match &*self.0 {
            Inner::Sqlite { folder } => Some(folder.path()),
            Inner::Postgres { .. } => None,
        }
    }
}

impl std::fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Self::Postgres { name } = self {
            let _dropped = Postgres::shared().drop_database(name);
        }
    }
}

/// A fresh SQLite database in a folder of its own.
///
/// # Panics
/// If there is no temporary folder.
#[must_use]
pub fn sqlite() -> TestDatabase {
    let folder = tempfile::Builder::new().prefix("isthmus-db-").tempdir().expect("a temporary folder");
    TestDatabase(Arc::new(Inner::Sqlite { folder }))
}

/// A fresh database in the PostgreSQL cluster of this process.
///
/// # Panics
/// If PostgreSQL is missing: a test that was not run must not count as passed.
pub async fn postgres() -> TestDatabase {
    let name = tokio::task::spawn_blocking(|| Postgres::shared().create_database())
        .await
        .expect("the task ends")
        .expect("a fresh database");
    TestDatabase(Arc::new(Inner::Postgres { name }))
}

/// Every database a storage test runs on: SQLite always, PostgreSQL unless `ISTHMUS_TEST_TIER=quick`.
///
/// # Panics
/// If PostgreSQL is needed and missing, with the package to install.
pub async fn databases() -> Vec<TestDatabase> {
    let mut all = vec![sqlite()];
    if !quick() {
        all.push(postgres().await);
    }
    all
}
