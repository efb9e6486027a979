//! `isthmus key`: looking at keys, and changing them while servers run.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use hub::{
    Hub, NoConnectors,
    kernel::{
        Actor,
        sealing::{Lagging, Readiness},
        vault::{self, KeyId},
    },
    provider::RotateWhen,
};
use secrecy::SecretSlice;
use tokio::time::Instant;
use url::Url;

use super::open_existing;
use crate::{
    cli::{KeyCommand, RotateCommand, RotateSigningArguments, StoreArguments},
    config::StoreSettings,
    data_folder::DataFolder,
    key_file::{self, KeyFile},
};

/// Values wrapped in one transaction: sign-ins wait no longer than that.
const BATCH: u32 = 50;
/// How long a server may take to notice a change. It looks every second; one that was killed is forgotten after a minute.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(250);

/// `isthmus key …`.
pub async fn key(command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::List(store) => list(store).await,
        KeyCommand::Rotate { command: RotateCommand::Signing(arguments) } => rotate_signing(arguments).await,
        KeyCommand::Rotate { command: RotateCommand::Sealing(store) } => rotate_sealing(store).await,
    }
}

async fn open(settings: StoreSettings) -> anyhow::Result<Hub> {
    // Nothing of keys needs the address.
    Ok(open_existing(settings).await?.hub(Url::parse("http://localhost")?, Arc::new(NoConnectors)))
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

async fn list(store: StoreArguments) -> anyhow::Result<()> {
    let hub = open(store.into()).await?;
    let lines = hub.signing_key_lines().await;
    let others = hub.sealed_by_others().await;
    let (held, place) = (hub.vault.held(), hub.vault.place());
    hub.database.close().await;
    println!("Keys that sign tokens:");
    for line in lines? {
        let leaves =
            line.leaves_at.map_or_else(|| "without an end so far".to_owned(), |at| format!("until {}", time(at)));
        let from = time(line.signs_from);
        println!(
            "  {:<9} {}  {}  signs from {from}, published {leaves}",
            line.stage.as_str(),
            line.algorithm,
            line.kid
        );
    }
    let (current, previous) = held.split_first().context("there is no sealing key")?;
    println!("\nThe key that seals stored secrets: {current}, from {place}");
    for key in previous {
        println!("  also there: {key}");
    }
    let others = others?;
    if others > 0 {
        println!("  {others} values are still sealed with another key: give `isthmus key rotate sealing` again");
    }
    Ok(())
}

async fn rotate_signing(arguments: RotateSigningArguments) -> anyhow::Result<()> {
    let hub = open(arguments.store.into()).await?;
    let when = if arguments.now { RotateWhen::Now } else { RotateWhen::Ahead };
    let done = hub.rotate_signing_keys(Actor::CommandLine, when).await;
    hub.database.close().await;
    let done = done?;
    let published = if done.published_before { "The next keys were published before" } else { "Published new keys" };
    println!("{published}: {}.", done.kids.join(", "));
    println!("They sign from {}.", time(done.signs_from));
    if let Some(leave) = done.old_leave_at {
        println!("The present keys stay published until {}.", time(leave));
    }
    Ok(())
}

async fn rotate_sealing(store: StoreArguments) -> anyhow::Result<()> {
    let settings = StoreSettings::from(store);
    // The folder's own lock belongs to the server.
    let folder = match &settings.database {
        None => DataFolder::existing(&settings.data)?,
        Some(_) => DataFolder::looked_at(&settings.data),
    };
    let file = KeyFile::of(&folder, &settings);
    let _lock = file.as_ref().map(KeyFile::lock).transpose()?;
    let hub = open(settings).await?;
    let done = rotate(&hub, file.as_ref()).await;
    hub.database.close().await;
    done
}

async fn rotate(hub: &Hub, file: Option<&KeyFile>) -> anyhow::Result<()> {
    let new = new_key(hub, file)?;
    wait_for_servers(hub, file, new, Readiness::Holds).await?;
    hub.seal_with(Actor::CommandLine, new).await?;
    wait_for_servers(hub, file, new, Readiness::SealsWith).await?;
    let mut values = 0;
    loop {
        match hub.rewrap_some(BATCH).await? {
            0 => break,
            done => values += done,
        }
    }
    let left = hub.sealed_by_others().await?;
    ensure!(left == 0, "{left} values are still sealed with the old key: give the command again");
    hub.note_sealing_key_rotated(Actor::CommandLine, values).await?;
    println!("{values} stored secrets are sealed with the new key {new}.");
    match file {
        Some(file) => {
            let keep: Vec<_> = file.keys()?.into_iter().filter(|key| vault::key_id(key) == new).collect();
            ensure!(keep.len() == 1, "{} was changed meanwhile: nothing was taken out of it", file.path.display());
            file.replace(&keep)?;
            println!(
                "The old key was taken out of {}. It opens only backups from before: back up the new one now.",
                file.path.display()
            );
            println!("Servers that have a copy of the file need the new one before they are started again.");
        }
        None => println!(
            "Take ISTHMUS_SEALING_KEY_PREVIOUS away from every server. The old key opens only backups from before."
        ),
    }
    Ok(())
}

/// The key to change to: one that an interrupted rotation left, or a fresh one, written behind the present one.
fn new_key(hub: &Hub, file: Option<&KeyFile>) -> anyhow::Result<KeyId> {
    let held = hub.vault.held();
    let current = *held.first().context("there is no sealing key")?;
    let Some(file) = file else {
        let given = key_file::key_of_environment()?.context("ISTHMUS_SEALING_KEY is not set")?;
        ensure!(
            held.len() > 1,
            "the sealing key comes from ISTHMUS_SEALING_KEY. Make a new one (openssl rand -hex 32), restart every \
             server with the new key there and the present one as ISTHMUS_SEALING_KEY_PREVIOUS, then give this \
             command both"
        );
        return Ok(vault::key_id(&given));
    };
    let mut keys = file.keys()?;
    let changed = || format!("{} was changed meanwhile: give the command again", file.path.display());
    match &keys[..] {
        [one] => ensure!(vault::key_id(one) == current, changed()),
        [_, new] => {
            println!("Going on with a rotation that was begun before.");
            return Ok(vault::key_id(new));
        }
        _ => bail!("{} holds more than two keys: leave the present one, and at most one after it", file.path.display()),
    }
    let mut bytes = [0u8; vault::KEY];
    hub.random.fill(&mut bytes);
    let fresh: SecretSlice<u8> = bytes.to_vec().into();
    zeroize::Zeroize::zeroize(&mut bytes);
    let id = vault::key_id(&fresh);
    keys.push(fresh);
    file.replace(&keys)?;
    println!("A new key {id} was written to {}, after the present one.", file.path.display());
    Ok(id)
}

async fn wait_for_servers(hub: &Hub, file: Option<&KeyFile>, key: KeyId, readiness: Readiness) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut told: Vec<String> = Vec::new();
    loop {
        let lagging = hub.lagging(key, readiness).await?;
        if lagging.is_empty() {
            return Ok(());
        }
        let hosts: Vec<String> = lagging.iter().map(|Lagging { host, .. }| host.clone()).collect();
        let place = file.map_or_else(|| "its environment".to_owned(), |file| file.path.display().to_string());
        ensure!(
            Instant::now() < until,
            "these servers do not hold the new key: {}. Copy {place} to them (mode 600), or stop them, and give this \
             command again: it goes on where it was. Nothing is sealed with a key that a running server lacks",
            hosts.join(", ")
        );
        if hosts != told && Instant::now() + PATIENCE > until + Duration::from_secs(3) {
            println!("Waiting for the servers on {}.", hosts.join(", "));
            told = hosts;
        }
        tokio::time::sleep(LOOK).await;
    }
}
