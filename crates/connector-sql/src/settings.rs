//! A source's settings, checked once and brought into the form the connector works with.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use connector::{AllowedNetworks, SourceFolder};
use directory::{ConnectorSettings, Source, SqlSettings};
use secrecy::SecretString;

use crate::{call_out::CallOut, dialect::Dialect, fault::Fault};

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Postgres {
        host: String,
        port: u16,
    },
    MySql {
        host: String,
        port: u16,
    },
    /// Below the folder of source files.
    Sqlite {
        path: String,
    },
}

pub(crate) struct Compiled {
    /// "host:port", or the path, for messages.
    pub(crate) endpoint: String,
    pub(crate) dialect: Dialect,
    pub(crate) place: Place,
    pub(crate) account: String,
    pub(crate) secret: SecretString,
    pub(crate) database: String,
    pub(crate) tls: bool,
    pub(crate) settings: SqlSettings,
    /// Further columns that a typed name is compared with: never one that people write themselves.
    pub(crate) name_columns: Vec<String>,
    pub(crate) protected_groups: Vec<String>,
    /// Columns that expressions read beside the mapped ones.
    pub(crate) reads: Vec<String>,
    pub(crate) networks: Arc<AllowedNetworks>,
    pub(crate) folder: Arc<SourceFolder>,
    pub(crate) connect_timeout: Duration,
    pub(crate) operation_timeout: Duration,
    pub(crate) connections: usize,
    pub(crate) page_size: usize,
    /// The old application, for passwords that only it can check.
    pub(crate) call_out: Option<CallOut>,
    /// Tells cursors of these settings from those of others.
    pub(crate) fingerprint: u64,
}

impl Compiled {
    pub(crate) fn new(
        source: &Source,
        secret: SecretString,
        networks: Arc<AllowedNetworks>,
        folder: Arc<SourceFolder>,
    ) -> Result<Self, Fault> {
        let ConnectorSettings::Sql(settings) = &source.connector else {
            return Err(Fault::misconfigured("the settings are those of another kind of source"));
        };
        let url = &settings.url;
        let dialect = Dialect::of(url.scheme())
            .ok_or_else(|| Fault::misconfigured("the address begins with postgres://, mysql:// or sqlite:"))?;
        let host = || {
            let host = url.host_str().filter(|host| !host.is_empty());
            host.map(str::to_owned).ok_or_else(|| Fault::misconfigured("the address names no host"))
        };
        let port = url.port().unwrap_or_else(|| dialect.default_port());
        let place = match dialect {
            Dialect::Postgres => Place::Postgres { host: host()?, port },
            Dialect::MySql => Place::MySql { host: host()?, port },
            Dialect::Sqlite => Place::Sqlite { path: url.path().to_owned() },
        };
        let endpoint = match &place {
            Place::Postgres { host, port } | Place::MySql { host, port } => format!("{host}:{port}"),
            Place::Sqlite { path } => path.clone(),
        };
        let call_out = settings.password.as_ref().and_then(|password| password.call_out.as_ref());
        let call_out =
            call_out.map(|asked| CallOut::new(asked, Arc::clone(&networks), Arc::clone(&folder))).transpose()?;
        Ok(Self {
            endpoint,
            dialect,
            place,
            account: url.username().to_owned(),
            secret,
            database: url.path().trim_start_matches('/').to_owned(),
            tls: settings.tls,
            settings: settings.clone(),
            name_columns: name_columns(source, settings),
            reads: source.profile.reads().into_iter().collect(),
            protected_groups: source.protected_groups.iter().map(|group| group.to_lowercase()).collect(),
            networks,
            folder,
            connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
            operation_timeout: Duration::from_millis(settings.operation_timeout_ms),
            connections: usize::try_from(settings.connections).unwrap_or(1).clamp(1, 64),
            page_size: usize::try_from(settings.page_size).unwrap_or(1).clamp(1, 5_000),
            call_out,
            fingerprint: fingerprint(settings),
        })
    }

    /// What the server's certificate is checked against.
    pub(crate) fn authorities(&self) -> Result<Vec<u8>, Fault> {
        if let Some(pem) = &self.settings.ca_pem {
            return Ok(pem.clone().into_bytes());
        }
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            return Err(Fault::misconfigured("this machine has no certificate authorities: name one with ca_file"));
        }
        let mut pem = String::new();
        for certificate in found.certs {
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in STANDARD.encode(&certificate).as_bytes().chunks(64) {
                pem.push_str(&String::from_utf8_lossy(line));
                pem.push('\n');
            }
            pem.push_str("-----END CERTIFICATE-----\n");
        }
        Ok(pem.into_bytes())
    }
}

/// FNV-1a over what a read depends on: no secret, and nothing hangs on nobody finding another text with the same.
fn fingerprint(settings: &SqlSettings) -> u64 {
    let rest = SqlSettings {
        ca_pem: None,
        connect_timeout_ms: 0,
        operation_timeout_ms: 0,
        connections: 0,
        page_size: 0,
        password: None,
        ..settings.clone()
    };
    let text = serde_json::to_vec(&rest).unwrap_or_default();
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn name_columns(source: &Source, settings: &SqlSettings) -> Vec<String> {
    let self_written = |column: &String| {
        let mut attributes = source.self_written.iter().filter_map(|attribute| settings.mapping.get(attribute));
        attributes.any(|written| written.eq_ignore_ascii_case(column))
    };
    settings.name_columns.iter().filter(|column| !self_written(column)).cloned().collect()
}
