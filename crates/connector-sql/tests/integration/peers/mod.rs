//! PostgreSQL, MariaDB and SQLite with the table of an old portal.

mod honest;

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use connector::{AllowedNetworks, SourceFolder};
use connector_sql::SqlConnector;
use directory::{
    AttributeName, ConnectorSettings, PasswordFormat, PasswordScheme, Source, SourceKind, SourceMode, SqlDevices, SqlFlag,
    SqlGroups, SqlPassword, SqlSettings,
};
use testkit::LegacySql;

/// The settings of the portal's table.
pub fn settings(legacy: &LegacySql) -> SqlSettings {
    let of = |scheme, template: Option<&str>| PasswordFormat {
        template: template.map(str::to_owned),
        ..PasswordFormat::of(scheme)
    };
    SqlSettings {
        url: legacy.url.parse().unwrap(),
        ca_pem: legacy.ca_pem.clone(),
        people: "T_PERSON".to_owned(),
        id_column: "PERS_NO".to_owned(),
        username_column: "LOGIN_NAME".to_owned(),
        name_columns: vec!["EMAIL_ADR".to_owned()],
        password: Some(SqlPassword {
            column: "PW_HASH".to_owned(),
            salt_column: Some("PW_SALT".to_owned()),
            format: PasswordFormat::default(),
            format_column: Some("PW_ALGO".to_owned()),
            formats: BTreeMap::from([
                ("MD5".to_owned(), of(PasswordScheme::Md5, None)),
                ("SMD5".to_owned(), of(PasswordScheme::Md5, Some("{SALT}{PASSWORD}"))),
                ("SHA1B64".to_owned(), of(PasswordScheme::Sha1, None)),
                ("SHA256S".to_owned(), of(PasswordScheme::Sha256, Some("{SALT}:{PASSWORD}"))),
                ("DJANGO".to_owned(), PasswordFormat::default()),
                ("CRYPT".to_owned(), PasswordFormat::default()),
                ("PLAIN".to_owned(), of(PasswordScheme::Plain, None)),
            ]),
            set_at_column: None,
        }),
        active: Some(SqlFlag { column: "AKTIV".to_owned(), values: vec!["J".to_owned()] }),
        expires_column: Some("GUELTIG_BIS".to_owned()),
        changed_column: Some("LAST_UPD".to_owned()),
        mapping: BTreeMap::from([
            (AttributeName::GivenName, "VORNAME".to_owned()),
            (AttributeName::FamilyName, "NACHNAME".to_owned()),
            (AttributeName::Email, "EMAIL_ADR".to_owned()),
        ]),
        groups: Some(SqlGroups {
            groups: "T_ROLLE".to_owned(),
            id_column: "ROLLE_ID".to_owned(),
            name_column: "BEZ".to_owned(),
            description_column: None,
            memberships: "T_PERS_ROLLE".to_owned(),
            person_column: "PERS_NO".to_owned(),
            group_column: "ROLLE_ID".to_owned(),
        }),
        devices: Some(SqlDevices {
            devices: "T_GERAET".to_owned(),
            id_column: "INV_NR".to_owned(),
            name_column: "INV_NR".to_owned(),
            owner_column: Some("PERS_NO".to_owned()),
            sid_column: None,
            serial_number_column: Some("SERIEN_NR".to_owned()),
            manufacturer_column: None,
            model_column: Some("TYP".to_owned()),
            operating_system_column: None,
            operating_system_version_column: None,
            enabled: None,
            last_seen_column: None,
        }),
        page_size: 7,
        ..SqlSettings::preset()
    }
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
