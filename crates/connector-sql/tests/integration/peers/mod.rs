//! PostgreSQL, MariaDB and SQLite with the table of an old portal.

mod catalogue;
mod honest;
mod hostile;

use std::sync::Arc;

use chrono::DateTime;
use connector::{AllowedNetworks, SourceFolder};
use connector_sql::SqlConnector;
use directory::{ConnectorSettings, Source, SourceKind, SourceMode, SqlSettings};
use testkit::LegacySql;

/// The settings of the portal's table, in small pages.
pub fn settings(legacy: &LegacySql) -> SqlSettings {
    SqlSettings { page_size: 7, ..legacy.settings() }
}

pub fn source(settings: SqlSettings) -> Source {
    let draft = directory::SourceDraft::preset(SourceKind::Sql);
    Source {
        id: uuid::Uuid::nil().into(),
        name: "portal".to_owned(),
        label: "Portal".to_owned(),
        kind: SourceKind::Sql,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: Vec::new(),
        connector: ConnectorSettings::Sql(settings),
        lockout: draft.lockout,
        capture_settle_seconds: 0,
        shadow: false,
        outage_sign_in: false,
        just_in_time_activation: false,
        self_written: Vec::new(),
        protected_groups: vec!["rolle 3".to_owned()],
        profile: directory::ProfileSettings::default(),
        definitions: Default::default(),
        revision: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

pub fn connect(legacy: &LegacySql, settings: SqlSettings) -> SqlConnector {
    connect_with(legacy, settings, &legacy.secret)
}

pub fn connect_with(legacy: &LegacySql, settings: SqlSettings, secret: &str) -> SqlConnector {
    let networks = AllowedNetworks::new(["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    let folder = Arc::new(SourceFolder::new(&legacy.folder));
    SqlConnector::new(&source(settings), secret.to_owned().into(), Arc::new(networks), folder).unwrap()
}
