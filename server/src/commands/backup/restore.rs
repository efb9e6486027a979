//! `isthmus restore`: everything is tried beside the data folder's database, which is touched last, and never deleted.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use hub::kernel::{Clock as _, SystemClock};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::{
    database_file,
    file::{Manifest, copy_digested, read_manifest},
    quiet_hub, remove_side_files, words_of_io,
};
use crate::{
    cli::RestoreArguments,
    config::StoreSettings,
    data_folder::{DATABASE, DATABASE_TURN, DataFolder, KEY, LOCK, folder_of},
    key_file::{KEY_LOCK, parse_key},
    wiring::{self, Database},
};

/// `isthmus restore FILE`.
pub async fn restore(arguments: RestoreArguments) -> anyhow::Result<()> {
    let settings = StoreSettings::from(arguments.store);
    ensure!(
        settings.database.is_none(),
        "a PostgreSQL database is restored with its own tools; then run `isthmus database after-restore`"
    );
    let manifest = read_manifest(&arguments.file)?;
    let known = wiring::schema_version_known();
    ensure!(
        manifest.schema_version <= known,
        "{} was made by isthmus {} with schema version {}, and this isthmus knows up to {known}: restore it with that \
         version or a newer one. Nothing was changed",
        arguments.file.display(),
        manifest.isthmus,
        manifest.schema_version
    );
    let folder = DataFolder::open(&settings.data)?;
    folder.require_ours()?;
    require_empty(&folder, arguments.replace)?;
    let key = key_for(&folder, &settings, &manifest)?;

    let unfinished = folder.path.join(format!("{DATABASE}.restoring"));
    let forgotten = match prepare(&arguments.file, &manifest, &unfinished, &key).await {
        Ok(forgotten) => forgotten,
        Err(error) => {
            remove_side_files(&unfinished);
            let _not_there = fs::remove_file(&unfinished);
            return Err(error.context("nothing was changed"));
        }
    };
    if let Some(key) = &manifest.sealing_key {
        keep_key(&folder, &settings, key)?;
    }
    let aside = put_in_place(&folder, &unfinished)?;
    println!(
        "Restored {} as of {} (made by isthmus {}).",
        folder.path.display(),
        manifest.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
        manifest.isthmus
    );
    if let Some(aside) = aside {
        println!("The database that was there is kept as {}: delete it when you are sure.", aside.display());
    }
    println!(
        "Ended: {} sessions, {} grants of applications, {} codes, links and cookies. Everybody signs in again.",
        forgotten.sessions, forgotten.grants, forgotten.single_use
    );
    println!(
        "As they were then: passwords set here, people disabled here, roles, applications and their secrets. Undo again \
         what was done since: docs/operations.md, \"After a restore\"."
    );
    Ok(())
}

/// A folder with anything but a key is left alone unless `replace` was given.
fn require_empty(folder: &DataFolder, replace: bool) -> anyhow::Result<()> {
    let unreadable = || format!("cannot look into {}", folder.path.display());
    for entry in fs::read_dir(&folder.path).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name();
        let holds_nothing = [KEY, KEY_LOCK, LOCK, DATABASE_TURN].iter().any(|known| name == *known);
        if !replace && !holds_nothing {
            bail!(
                "{} is not empty (it has {}): restore into an empty folder, or add --replace to put the database that \
                 is there aside. Nothing was changed",
                folder.path.display(),
                name.display()
            );
        }
    }
    Ok(())
}

/// The key that the secrets of this backup were sealed with: given, in the folder, or in the backup.
fn key_for(folder: &DataFolder, settings: &StoreSettings, manifest: &Manifest) -> anyhow::Result<SecretSlice<u8>> {
    let inside = manifest.sealing_key.as_deref().map(|text| parse_key(text.as_bytes())).transpose();
    let inside = inside.context("the sealing key in the backup")?;
    match (folder.sealing_key_if_any(settings)?, inside) {
        (Some(given), Some(inside)) => {
            ensure!(
                given.expose_secret() == inside.expose_secret(),
                "the backup brings a sealing key, and another one is in {} or was given: take that one away to use the \
                 backup's. Nothing was changed",
                folder.path.display()
            );
            Ok(given)
        }
        (Some(key), None) | (None, Some(key)) => Ok(key),
        (None, None) => bail!(
            "the backup does not hold the sealing key: put it into {}, or name it with --sealing-key. Nothing was \
             changed",
            folder.path.join(KEY).display()
        ),
    }
}

/// The database under a name of its own: copied, compared with its checksum, opened, upgraded, its secrets opened, its
/// credentials ended.
async fn prepare(
    file: &Path,
    manifest: &Manifest,
    unfinished: &Path,
    key: &SecretSlice<u8>,
) -> anyhow::Result<hub::restored::Forgotten> {
    let folder = folder_of(unfinished);
    copy_out(file, manifest, unfinished).map_err(|error| match error.downcast::<std::io::Error>() {
        Ok(error) => words_of_io(&error, folder),
        Err(error) => error,
    })?;
    let database = Database::open(&format!("sqlite://{}", unfinished.display())).await?;
    let restored = async {
        let faults = database.faults().await?;
        ensure!(faults.is_empty(), "the database in the backup is damaged: {}", faults.join("; "));
        database.upgrade().await?;
        let opened = async {
            let hub = quiet_hub(&database, key).await?;
            hub.open_every_secret().await?;
            Ok::<_, anyhow::Error>(hub)
        };
        let hub = opened
            .await
            .context("this is not the sealing key of the backup: give the key file that was in use when it was made")?;
        Ok(hub.after_restore(Some(manifest.made_at)).await?)
    };
    let restored = restored.await;
    database.close().await;
    restored
}

fn copy_out(file: &Path, manifest: &Manifest, to: &Path) -> anyhow::Result<()> {
    let mut target = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    let (length, digest) = copy_digested(&mut File::open(file)?, manifest.database_bytes, &mut target)?;
    ensure!(
        length == manifest.database_bytes && digest == manifest.database_sha256,
        "the backup {} is damaged: its checksum differs. Take another one",
        file.display()
    );
    target.sync_all()?;
    Ok(())
}

/// Writes the key that came with the backup where `serve` looks for it, unless one was given elsewhere.
fn keep_key(folder: &DataFolder, settings: &StoreSettings, key: &str) -> anyhow::Result<()> {
    let path = folder.path.join(KEY);
    if folder.sealing_key_if_any(settings)?.is_some() {
        return Ok(());
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(key.as_bytes()).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Puts the database that is there aside and the new one in its place; where the old one is now.
fn put_in_place(folder: &DataFolder, unfinished: &Path) -> anyhow::Result<Option<PathBuf>> {
    let target = database_file(&folder.path);
    let stamp = SystemClock.now().format("%Y%m%dT%H%M%SZ");
    let aside = folder.path.join(format!("{DATABASE}.before-restore-{stamp}"));
    let mut moved = None;
    // The log before its database: with both, the old one is whole under its new name.
    for suffix in ["-wal", "-shm", ""] {
        let (from, to) = (with_suffix(&target, suffix), with_suffix(&aside, suffix));
        match fs::rename(&from, &to) {
            Ok(()) if suffix.is_empty() => moved = Some(to),
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot put {} aside", from.display())),
        }
    }
    remove_side_files(unfinished);
    fs::rename(unfinished, &target)
        .with_context(|| format!("cannot rename {} to {}: do it by hand", unfinished.display(), target.display()))?;
    File::open(&folder.path)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot make the names in {} durable", folder.path.display()))?;
    Ok(moved)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
