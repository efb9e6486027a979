//! The commands besides `serve`.

use anyhow::bail;

use crate::{
    cli::{AdminCreateArguments, ApplyArguments, DemoArguments, StoreArguments},
    config::{self, StoreSettings},
    data_folder::DataFolder,
    wiring::{self, OldSchema},
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
    let (database, applied) = wiring::open_database(&folder, &settings, OldSchema::Upgrade).await?;
    let versions: Vec<String> = applied.iter().map(ToString::to_string).collect();
    if versions.is_empty() {
        println!("{} has the schema of this isthmus already.", database.place());
    } else {
        println!("Upgraded {}: applied {}.", database.place(), versions.join(", "));
    }
    database.close().await;
    Ok(())
}

pub async fn admin_create(_arguments: AdminCreateArguments) -> anyhow::Result<()> {
    bail!("not available yet")
}

pub async fn apply(_arguments: ApplyArguments) -> anyhow::Result<()> {
    bail!("not available yet")
}

pub async fn demo(_arguments: DemoArguments) -> anyhow::Result<()> {
    bail!("not available yet")
}
