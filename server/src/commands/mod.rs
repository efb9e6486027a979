//! The commands besides `serve`.

mod apply;
mod audit;
mod backup;
mod demo;
mod import;
mod key;
mod match_rules;
mod passwords;

use std::sync::Arc;

use anyhow::Context as _;
use directory::Policy;
use hub::{ConnectorFactory, Hub, NoConnectors};
use secrecy::ExposeSecret as _;
use url::Url;

pub use self::{
    apply::apply,
    audit::audit_verify,
    backup::{backup, restore},
    demo::demo,
    import::import,
    key::key,
    match_rules::match_rules,
    passwords::passwords,
};
use crate::{
    cli::{AdminCreateArguments, BreakGlassArguments, StoreArguments},
    config::{self, StoreSettings},
    data_folder::DataFolder,
    wiring::{self, Database, OldSchema, Vault},
};

/// `isthmus database upgrade`.
pub async fn database_upgrade(arguments: StoreArguments) -> anyhow::Result<()> {
    let settings = StoreSettings::from(arguments);
    if let Some(url) = &settings.database {
        config::database_url(url)?;
    }
    let folder = DataFolder::open(&settings.data)?;
    if settings.database.is_none() {
        folder.require_ours()?;
    }
    // A folder that is new gets its key with its database.
    let (_, database, applied) = wiring::open_store(&folder, &settings, OldSchema::Upgrade).await?;
    let versions: Vec<String> = applied.iter().map(ToString::to_string).collect();
    if versions.is_empty() {
        println!("{} has the schema of this isthmus already.", database.place());
    } else {
        println!("Upgraded {}: applied {}.", database.place(), versions.join(", "));
    }
    database.close().await;
    Ok(())
}

/// `isthmus database after-restore`.
pub async fn after_restore(arguments: StoreArguments) -> anyhow::Result<()> {
    let settings = StoreSettings::from(arguments);
    anyhow::ensure!(
        settings.database.is_some(),
        "this is for PostgreSQL, named by --database: `isthmus restore` has done it for SQLite already"
    );
    let store = open_store(settings).await?;
    let database = store.database.clone();
    let hub = store.hub(Url::parse("http://localhost").context("a URL")?, Arc::new(NoConnectors));
    let done = async {
        let secrets = hub.open_every_secret().await.context("the sealing key is not this database's")?;
        Ok::<_, anyhow::Error>((secrets, hub.after_restore(None).await?))
    };
    let done = done.await;
    database.close().await;
    let (secrets, forgotten) = done?;
    println!(
        "{secrets} sealed secrets open. Ended: {} sessions, {} grants of applications, {} codes, links and cookies.",
        forgotten.sessions, forgotten.grants, forgotten.single_use
    );
    Ok(())
}

/// `isthmus admin create`.
pub async fn admin_create(arguments: AdminCreateArguments) -> anyhow::Result<()> {
    let settings = StoreSettings::from(arguments.store);
    let store = if arguments.recover { open_existing(settings).await? } else { open_store(settings).await? };
    let public_url = match arguments.public_url {
        Some(url) => url,
        None => wiring::known_public_url(&store.database).await?.context(
            "it is not known what browsers call this hub: say it with --public-url, or start `isthmus serve` once",
        )?,
    };
    let database = store.database.clone();
    let hub = store.hub(public_url, Arc::new(NoConnectors));
    let made = if arguments.break_glass {
        hub.create_break_glass(&arguments.username).await
    } else {
        hub.create_administrator(&arguments.username, arguments.email.as_deref(), arguments.recover).await
    };
    database.close().await;
    let invitation = made?;
    println!(
        "Open this link in a browser and set the password of {}. It works once, until {}:\n\n  {}\n",
        invitation.username,
        invitation.expires_at.format("%Y-%m-%d %H:%M UTC"),
        invitation.link.expose_secret()
    );
    Ok(())
}

/// `isthmus admin break-glass`.
pub async fn break_glass(arguments: BreakGlassArguments) -> anyhow::Result<()> {
    let store = open_existing(arguments.store.into()).await?;
    let database = store.database.clone();
    // Nothing of a code needs the address.
    let hub = store.hub(Url::parse("http://localhost")?, Arc::new(NoConnectors));
    let made = hub.break_glass_code(arguments.username.as_deref()).await;
    database.close().await;
    let made = made?;
    println!(
        "Sign in as {} with the password, then with this code. It works once, until {}:\n\n  {}\n",
        made.username,
        made.expires_at.format("%Y-%m-%d %H:%M UTC"),
        made.code.expose_secret()
    );
    Ok(())
}

/// What a command works on, beside a running server or alone.
struct Store {
    vault: Vault,
    database: Database,
}

impl Store {
    fn hub(self, public_url: Url, connectors: Arc<dyn ConnectorFactory>) -> Hub {
        wiring::hub(self.vault, self.database, connectors, Policy::default(), public_url)
    }
}

/// Opens folder and database of a hub that is there. A command that changes what only an existing hub has makes none:
/// with a mistyped folder, or without `--database`, it would work on an empty one and say that all is well.
async fn open_existing(settings: StoreSettings) -> anyhow::Result<Store> {
    if settings.database.is_none() {
        DataFolder::existing(&settings.data)?;
    }
    open_store(settings).await
}

/// Opens folder and database, made where they are missing. Who has the SQLite folder to himself may upgrade it; beside
/// a running server the schema must be the one both know.
async fn open_store(settings: StoreSettings) -> anyhow::Result<Store> {
    if let Some(url) = &settings.database {
        config::database_url(url)?;
    }
    let mut folder = DataFolder::open(&settings.data)?;
    let alone = settings.database.is_none() && folder.is_ours();
    let old_schema = if alone { OldSchema::Upgrade } else { OldSchema::Refuse };
    let (vault, database, _) = wiring::open_store(&folder, &settings, old_schema).await?;
    // A server may start meanwhile: it brings the same schema.
    folder.release();
    Ok(Store { vault, database })
}
