//! `isthmus backup` and `isthmus restore`: one file that holds the whole database, made while the server works.

mod file;
mod restore;

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use data_encoding::HEXLOWER;
use directory::Policy;
use hub::{NoConnectors, kernel::Clock as _};
use secrecy::ExposeSecret as _;
use url::Url;

use self::file::{Manifest, append_manifest, digest_of};
pub use self::restore::restore;
use crate::{
    cli::BackupArguments,
    config::StoreSettings,
    data_folder::{DATABASE, DataFolder, folder_of},
    serve::wait_for_signal,
    wiring::{self, Database},
};

/// `isthmus backup FILE`.
pub async fn backup(arguments: BackupArguments) -> anyhow::Result<()> {
    tokio::select! {
        done = back_up(&arguments) => done,
        // The unfinished file goes with the future.
        signal = wait_for_signal() => {
            signal?;
            bail!("interrupted: {} was not written", arguments.file.display())
        }
    }
}

async fn back_up(arguments: &BackupArguments) -> anyhow::Result<()> {
    let settings = StoreSettings::from(arguments.store.clone());
    ensure!(
        settings.database.is_none(),
        "a PostgreSQL database is backed up with its own tools (pg_dump, pg_basebackup): docs/operations.md says how, \
         and what else to keep"
    );
    let target = &arguments.file;
    ensure!(
        !fs::exists(target).with_context(|| format!("cannot look for {}", target.display()))?,
        "{} exists already and was left alone: name another file, one per backup",
        target.display()
    );
    let folder = DataFolder::existing(&settings.data)?;
    // Refused while the key is being changed: some of what is copied then needs the one key, some the other.
    let sealed_with = folder.sealing_key_if_any(&settings)?;
    let key = match arguments.include_sealing_key {
        true => Some(sealed_with.clone().with_context(|| {
            format!("{} has no sealing key to include: name it with --sealing-key", folder.path.display())
        })?),
        false => None,
    };
    let database = Database::open(&folder.sqlite_url()).await?;
    // Dropped and not closed at the end: closing folds the log into the file, and a running server would wait for it.
    let (manifest, file) = write(&database, target, key).await?;
    let bytes = |key: &Option<secrecy::SecretSlice<u8>>| key.as_ref().map(|key| key.expose_secret().to_vec());
    if !folder.sealing_key_if_any(&settings).is_ok_and(|now| bytes(&now) == bytes(&sealed_with)) {
        let _not_there = fs::remove_file(target);
        bail!("the sealing key was changed meanwhile: make the backup again");
    }
    if let Err(error) = wiring::remember_backup(&database).await {
        eprintln!("isthmus: the backup is complete, but the hub could not note when it was made: {error}");
    }
    println!(
        "Backed up {} to {} ({} bytes, schema version {}).",
        folder.path.display(),
        file.display(),
        manifest.database_bytes,
        manifest.schema_version
    );
    if manifest.sealing_key.is_some() {
        println!("The sealing key is inside: whoever has this file can read every secret of the hub. Guard it so.");
    } else {
        println!(
            "The sealing key is NOT inside: keep a copy of it somewhere else. Without it the stored secrets and the \
             signing keys of this backup cannot be opened."
        );
    }
    println!("Not inside either: the options of `serve`, and certificates.");
    Ok(())
}

/// The copy under a temporary name beside the target, proven whole, then renamed. Nothing is left if a step fails.
async fn write(
    database: &Database,
    target: &Path,
    key: Option<secrecy::SecretSlice<u8>>,
) -> anyhow::Result<(Manifest, PathBuf)> {
    let beside = folder_of(target);
    let failed = || format!("cannot write the backup {}: nothing was left there", target.display());
    let unfinished = tempfile::Builder::new().prefix(".isthmus-backup-").tempfile_in(beside).with_context(|| {
        format!("cannot write to the folder {}: check its owner and mode, and its disk", beside.display())
    })?;
    let schema_version = database.schema_version().await?;
    let path = unfinished.path().to_owned();
    database.copy_to(&path).await.map_err(|error| words_of_copy(error, beside)).with_context(failed)?;
    let faults = wiring::faults_of(&path).await.with_context(failed)?;
    ensure!(
        faults.is_empty(),
        "the database is damaged, and so would be its copy: {}. Restore the last good backup",
        faults.join("; ")
    );
    let (database_bytes, database_sha256) = digest_of(&path).with_context(failed)?;
    let manifest = Manifest {
        made_at: hub::kernel::SystemClock.now(),
        isthmus: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version,
        database_bytes,
        database_sha256,
        sealing_key: key.map(|key| HEXLOWER.encode(key.expose_secret())),
    };
    append_manifest(&path, &manifest).map_err(|error| words_of_io(&error, beside)).with_context(failed)?;
    unfinished.persist_noclobber(target).map_err(|error| words_of_io(&error.error, beside)).with_context(failed)?;
    let folder = OpenOptions::new().read(true).open(beside).and_then(|folder| folder.sync_all());
    folder.with_context(|| format!("cannot make the name of {} durable", target.display()))?;
    Ok((manifest, target.to_owned()))
}

/// SQLite keeps them beside a database that was opened; the copy needs none.
fn remove_side_files(path: &Path) {
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _not_there = fs::remove_file(PathBuf::from(name));
    }
}

/// The error of the database speaks of its own disk; here it is the backup's.
fn words_of_copy(error: wiring::StorageError, folder: &Path) -> anyhow::Error {
    if matches!(error, wiring::StorageError::DiskFull) {
        return full(folder);
    }
    error.into()
}

fn words_of_io(error: &std::io::Error, folder: &Path) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => full(folder),
        std::io::ErrorKind::AlreadyExists => anyhow::anyhow!("another backup took this name meanwhile: choose another"),
        _ => anyhow::anyhow!("{error}"),
    }
}

fn full(folder: &Path) -> anyhow::Error {
    anyhow::anyhow!("the disk of {} is full. Free some space, or choose another disk", folder.display())
}

/// A hub for what commands do to a database: it connects to nothing.
async fn quiet_hub(database: &Database, key: &secrecy::SecretSlice<u8>) -> anyhow::Result<hub::Hub> {
    let vault = wiring::vault(hub::kernel::vault::given(key), database).await?;
    let nowhere = Url::parse("http://localhost").context("a URL")?;
    Ok(wiring::hub(vault, database.clone(), Arc::new(NoConnectors), Policy::default(), nowhere))
}

/// Where the database of a folder is.
fn database_file(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}
