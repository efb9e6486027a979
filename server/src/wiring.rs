//! The one place that names the database and the connectors. Everything else speaks to the hub.

use std::{path::PathBuf, sync::Arc};

use connector::{AllowedNetworks, Connector, Discovery, GuardSettings, Guarded, SourceFolder, Trouble, WriteAccount};
use connector_entra::OpenIdConnector;
use connector_file::FileConnector;
use connector_ldap::{LdapConnector, LdapDiscovery};
use connector_scim::ScimConnector;
use connector_sql::SqlConnector;
use directory::{Policy, Source, SourceKind};
pub use hub::kernel::vault::{KeyPlace, Vault};
use hub::{
    ConnectorFactory, Hub, HubParts,
    kernel::{Clock as _, SystemClock, SystemRandom, sealing},
    observe::LAST_BACKUP,
};
use ipnet::IpNet;
use secrecy::SecretString;
pub use storage::{Database, StorageError, copy::faults_of, schema_version_known};
use url::Url;

use crate::{config::StoreSettings, data_folder::DataFolder, serve_options::ServeOptions};

/// What to do with a schema that is older than this isthmus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldSchema {
    Upgrade,
    Refuse,
}

/// Opens the database of these settings. SQLite is upgraded by whoever has the folder to itself; PostgreSQL, which
/// other servers may be using, only by `isthmus database upgrade`.
async fn open_database(
    folder: &DataFolder,
    settings: &StoreSettings,
    old_schema: OldSchema,
) -> anyhow::Result<(Database, Vec<i64>)> {
    let url = settings.database.clone().unwrap_or_else(|| folder.sqlite_url());
    let database = Database::open(&url).await?;
    let applied = match old_schema {
        OldSchema::Upgrade => database.upgrade().await?,
        OldSchema::Refuse => {
            database.require_current().await?;
            Vec::new()
        }
    };
    Ok((database, applied))
}

/// Opens database and vault. The folder's key is asked for first: a key that is missing beside an SQLite database is
/// an error, and only a folder without both is new. A PostgreSQL database knows whether it was sealed elsewhere.
pub async fn open_store(
    folder: &DataFolder,
    settings: &StoreSettings,
    old_schema: OldSchema,
) -> anyhow::Result<(Vault, Database, Vec<i64>)> {
    if settings.database.is_none() {
        folder.require_no_lonely_key()?;
        folder.sealing_keys(settings, true, &SystemRandom)?;
    }
    let (database, applied) = open_database(folder, settings, old_schema).await?;
    let new = sealing::current_key(&mut database.reader()).await?.is_none();
    let keys = folder.sealing_keys(settings, new, &SystemRandom)?;
    let vault = vault(keys, &database).await?;
    Ok((vault, database, applied))
}

/// The vault of a database, over keys from somewhere.
pub async fn vault(keys: Arc<dyn KeyPlace>, database: &Database) -> anyhow::Result<Vault> {
    Ok(sealing::open_vault(keys, database, &SystemRandom).await?)
}

/// Puts a hub together over an opened database.
pub fn hub(
    vault: Vault,
    database: Database,
    connectors: Arc<dyn ConnectorFactory>,
    policy: Policy,
    public_url: Url,
) -> Hub {
    Hub::new(HubParts {
        database,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        vault,
        connectors,
        policy,
        public_url,
    })
}

/// Makes connectors that dial public addresses and the networks allowed on the command line, and open files below the
/// one folder named there.
#[derive(Debug, Clone)]
pub struct Connectors {
    networks: Arc<AllowedNetworks>,
    files: Arc<SourceFolder>,
}

impl Connectors {
    pub fn new(allow: Vec<IpNet>, files: PathBuf) -> Self {
        Self { networks: Arc::new(AllowedNetworks::new(allow)), files: Arc::new(SourceFolder::new(files)) }
    }
}

impl ConnectorFactory for Connectors {
    fn connect(&self, source: &Source, secret: SecretString) -> Result<Arc<dyn Connector>, Trouble> {
        match source.kind {
            SourceKind::Ldap | SourceKind::ActiveDirectory => {
                Ok(guarded(source, LdapConnector::new(source, secret, Arc::clone(&self.networks))?))
            }
            SourceKind::Sql => {
                let (networks, files) = (Arc::clone(&self.networks), Arc::clone(&self.files));
                let connector = SqlConnector::new(source, secret, networks, files)?;
                Ok(Arc::new(Guarded::named(&source.name, connector, GuardSettings::default())))
            }
            SourceKind::Entra | SourceKind::OpenId => {
                let connector = OpenIdConnector::new(source, secret, Arc::clone(&self.networks))?;
                Ok(Arc::new(Guarded::named(&source.name, connector, GuardSettings::default())))
            }
            SourceKind::Scim => {
                let connector = ScimConnector::new(source, secret, Arc::clone(&self.networks))?;
                Ok(Arc::new(Guarded::named(&source.name, connector, GuardSettings::default())))
            }
            SourceKind::File => {
                let connector = FileConnector::new(source, Arc::clone(&self.files))?;
                Ok(Arc::new(Guarded::named(&source.name, connector, GuardSettings::default())))
            }
        }
    }

    fn connect_writing(
        &self,
        source: &Source,
        secret: SecretString,
        account: WriteAccount,
    ) -> Result<Arc<dyn Connector>, Trouble> {
        match source.kind {
            SourceKind::Ldap | SourceKind::ActiveDirectory => {
                let connector = LdapConnector::new(source, secret, Arc::clone(&self.networks))?;
                Ok(guarded(source, connector.writing_as(account)))
            }
            SourceKind::Sql | SourceKind::Entra | SourceKind::OpenId | SourceKind::Scim | SourceKind::File => {
                self.connect(source, secret)
            }
        }
    }

    fn discover(&self, source: &Source, secret: Option<SecretString>) -> Option<Arc<dyn Discovery>> {
        match source.kind {
            SourceKind::Ldap | SourceKind::ActiveDirectory => {
                Some(Arc::new(LdapDiscovery::new(source, secret, Arc::clone(&self.networks))))
            }
            SourceKind::Sql | SourceKind::Entra | SourceKind::OpenId | SourceKind::Scim | SourceKind::File => None,
        }
    }
}

fn guarded(source: &Source, connector: LdapConnector) -> Arc<dyn Connector> {
    // As many at once as there are connections: for binds, and as many again for searches.
    let connections = source.connector.ldap().map_or(1, |settings| settings.connections);
    let concurrent = usize::try_from(connections).unwrap_or(usize::MAX).clamp(1, 1_000) * 2;
    let guard = GuardSettings { concurrent, ..GuardSettings::default() };
    Arc::new(Guarded::named(&source.name, connector, guard))
}

/// The machine's clock, in seconds since 1970, for what has no hub yet.
#[must_use]
pub fn seconds_now() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit into 53 bits for two centuries")]
    let micros = SystemClock.now().timestamp_micros() as f64;
    micros / 1_000_000.0
}

/// Whether the database answers and has this version's schema.
pub async fn database_is_ready(hub: &Hub) -> Result<(), StorageError> {
    hub.database.require_current().await
}

/// Reads from a database without a hub over it.
pub fn reader(database: &Database) -> storage::Reader {
    database.reader()
}

const PUBLIC_URL: &str = "public-url";

/// Keeps what browsers call this hub, for commands that print links. Writes only when it changed.
pub async fn remember_public_url(hub: &Hub) -> Result<(), StorageError> {
    let value = serde_json::Value::from(hub.public_url.as_str());
    let known = storage::settings::get(&mut hub.database.reader(), PUBLIC_URL).await?;
    if known.is_some_and(|setting| setting.value == value) {
        return Ok(());
    }
    storage::write!(hub.database, |tx| { storage::settings::put(tx, PUBLIC_URL, value.clone()).await })
}

/// Notes when a backup was made, for the published figures and the doctor.
pub async fn remember_backup(database: &Database) -> Result<(), StorageError> {
    let now = serde_json::Value::from(SystemClock.now().timestamp());
    storage::write!(database, |tx| { storage::settings::put(tx, LAST_BACKUP, now.clone()).await })
}

const SERVE_OPTIONS: &str = "serve-options";

/// Keeps what `serve` was started with, for `isthmus doctor`.
pub async fn remember_serve_options(hub: &Hub, options: &ServeOptions) -> anyhow::Result<()> {
    let value = serde_json::to_value(options)?;
    let known = storage::settings::get(&mut hub.database.reader(), SERVE_OPTIONS).await?;
    if known.is_some_and(|setting| setting.value == value) {
        return Ok(());
    }
    let written: Result<(), StorageError> =
        storage::write!(hub.database, |tx| { storage::settings::put(tx, SERVE_OPTIONS, value.clone()).await });
    Ok(written?)
}

/// What `serve` was last started with, if this version can read it.
pub async fn known_serve_options(database: &Database) -> anyhow::Result<Option<ServeOptions>> {
    let setting = storage::settings::get(&mut database.reader(), SERVE_OPTIONS).await?;
    Ok(setting.and_then(|setting| serde_json::from_value(setting.value).ok()))
}

/// What `serve` last kept.
pub async fn known_public_url(database: &Database) -> anyhow::Result<Option<Url>> {
    let setting = storage::settings::get(&mut database.reader(), PUBLIC_URL).await?;
    Ok(setting.and_then(|setting| setting.value.as_str().and_then(|text| Url::parse(text).ok())))
}
