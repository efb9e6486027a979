//! The folder of the hub: made for its owner only, with the sealing key and a lock against a second server.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use hub::kernel::{Random, vault::KeyPlace};
use secrecy::SecretSlice;

use crate::{
    config::StoreSettings,
    key_file::{EnvironmentKeys, KeyFile},
};

/// Names in the folder.
pub const DATABASE: &str = "isthmus.sqlite";
/// Where processes stand in line to write to it. Holds nothing.
pub const DATABASE_TURN: &str = "isthmus.sqlite-turn";
pub const KEY: &str = "sealing.key";
pub const LOCK: &str = "isthmus.lock";

/// An opened data folder.
#[derive(Debug)]
pub struct DataFolder {
    pub path: PathBuf,
    /// Held while the process lives; `None` if another process holds it.
    lock: Option<File>,
}

/// The folder a file is in; a bare name is in the present one.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl DataFolder {
    /// Makes the folder if it is missing, mode 0700, and takes its lock if nobody has it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
            format!("cannot make the data folder {}. Give this user a folder to write to with --data", path.display())
        })?;
        let lock_path = path.join(LOCK);
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock_path).with_context(
                || {
                    format!(
                        "cannot write to the data folder {}. Check its owner and mode, and that the disk is not full",
                        path.display()
                    )
                },
            )?;
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| {
                    format!("cannot lock {}. Use a local disk: SQLite needs one as well", lock_path.display())
                });
            }
        };
        Ok(Self { path: path.to_owned(), lock })
    }

    /// A folder to look at, without making or locking anything.
    #[must_use]
    pub fn looked_at(path: &Path) -> Self {
        Self { path: path.to_owned(), lock: None }
    }

    /// Whether a process works on this folder right now.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let held = OpenOptions::new().write(true).open(self.path.join(LOCK));
        held.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// A folder that has a database, without making or locking anything: for a look beside a running server.
    pub fn existing(path: &Path) -> anyhow::Result<Self> {
        let database = path.join(DATABASE);
        let there = fs::exists(&database).with_context(|| format!("cannot look for {}", database.display()))?;
        ensure!(
            there,
            "there is no database {}: name the folder that `isthmus serve` uses with --data, and its PostgreSQL database, \
             if it has one, with --database",
            database.display()
        );
        Ok(Self { path: path.to_owned(), lock: None })
    }

    /// Refuses to begin a hub in a folder that has the sealing key of another: its database is elsewhere.
    pub fn require_no_lonely_key(&self) -> anyhow::Result<()> {
        let there = |name| {
            let path = self.path.join(name);
            fs::exists(&path).with_context(|| format!("cannot look for {}", path.display()))
        };
        ensure!(
            there(DATABASE)? || !there(KEY)?,
            "{} holds a sealing key and no {DATABASE}: if this hub's database is PostgreSQL, name it with --database; to \
             begin a new hub here, move the key away first",
            self.path.display()
        );
        Ok(())
    }

    /// Whether no other process works on this folder.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.lock.is_some()
    }

    /// Lets others have the folder while we go on: what a command does once it only needs the database.
    pub fn release(&mut self) {
        self.lock = None;
    }

    /// Refuses a folder that another server works on.
    pub fn require_ours(&self) -> anyhow::Result<()> {
        ensure!(
            self.is_ours(),
            "another isthmus runs on the data folder {}. Stop it first, or give this one a folder of its own with --data \
             (several servers share one PostgreSQL database, given by --database, and each has its own folder)",
            self.path.display()
        );
        Ok(())
    }

    /// Address of the SQLite database in this folder.
    #[must_use]
    pub fn sqlite_url(&self) -> String {
        format!("sqlite://{}", self.path.join(DATABASE).display())
    }

    /// Where the keys that seal secrets are, if there are any; none is made.
    pub fn sealing_keys_if_any(&self, settings: &StoreSettings) -> anyhow::Result<Option<Arc<dyn KeyPlace>>> {
        if let Some(keys) = EnvironmentKeys::read_now()? {
            return Ok(Some(Arc::new(keys)));
        }
        let file = KeyFile { path: settings.sealing_key.clone().unwrap_or_else(|| self.path.join(KEY)) };
        let named = settings.sealing_key.is_some();
        match fs::exists(&file.path) {
            Ok(false) if !named => Ok(None),
            Ok(_) => {
                file.keys()?;
                Ok(Some(Arc::new(file)))
            }
            Err(error) => Err(error).with_context(|| format!("cannot look for {}", file.path.display())),
        }
    }

    /// The one key that seals secrets, if there is one. Not while it is being changed: of two keys, a backup might
    /// need either.
    pub fn sealing_key_if_any(&self, settings: &StoreSettings) -> anyhow::Result<Option<SecretSlice<u8>>> {
        let Some(place) = self.sealing_keys_if_any(settings)? else { return Ok(None) };
        let mut keys = place.read().map_err(anyhow::Error::msg)?;
        ensure!(
            keys.len() == 1,
            "{} holds two keys: the sealing key is just being changed, or its change was interrupted. Wait for it, or \
             finish it with `isthmus key rotate sealing`",
            place.describe()
        );
        Ok(keys.pop())
    }

    /// Where the keys that seal secrets are: the environment, the file given, or the file of the folder. A folder that
    /// is `new` gets a key, made once.
    pub fn sealing_keys(
        &self,
        settings: &StoreSettings,
        new: bool,
        random: &dyn Random,
    ) -> anyhow::Result<Arc<dyn KeyPlace>> {
        if let Some(there) = self.sealing_keys_if_any(settings)? {
            return Ok(there);
        }
        let file = KeyFile { path: self.path.join(KEY) };
        ensure!(
            new && (settings.database.is_some() || !self.path.join(DATABASE).exists()),
            "{} is missing, but the database has secrets that were sealed with a key: without it they cannot be opened. \
             Put the key back from your backup (or copy it from another server of this database), or name it with \
             --sealing-key",
            file.path.display()
        );
        file.make(random)?;
        file.keys()?;
        Ok(Arc::new(file))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use hub::kernel::SystemRandom;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn keys(folder: &DataFolder, new: bool) -> anyhow::Result<Arc<dyn KeyPlace>> {
        folder.sealing_keys(&settings(&folder.path), new, &SystemRandom)
    }

    fn complaint(folder: &DataFolder) -> String {
        keys(folder, true).err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    fn settings(data: &Path) -> StoreSettings {
        StoreSettings { data: data.to_owned(), database: None, sealing_key: None }
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&place.path().join("deep/data")).unwrap();
        let first = keys(&folder, true).unwrap().read().unwrap();
        let again = keys(&folder, true).unwrap().read().unwrap();
        assert_eq!(first[0].expose_secret(), again[0].expose_secret());
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path), 0o700);
        assert_eq!(mode(&folder.path.join("sealing.key")), 0o600);
    }

    #[test]
    fn a_second_server_does_not_get_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let mut first = DataFolder::open(place.path()).unwrap();
        let second = DataFolder::open(place.path()).unwrap();
        assert!(first.require_ours().is_ok());
        assert!(second.require_ours().unwrap_err().to_string().contains("another isthmus runs"));
        first.release();
        assert!(DataFolder::open(place.path()).unwrap().is_ours());
    }

    #[test]
    fn a_lost_or_open_or_broken_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        fs::write(place.path().join("isthmus.sqlite"), "x").unwrap();
        assert!(complaint(&folder).contains("Put the key back"));
        let file = place.path().join("sealing.key");
        fs::write(&file, [7u8; 32]).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(complaint(&folder).contains("chmod 600"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "short").unwrap();
        assert!(complaint(&folder).contains("32"));
    }

    #[test]
    fn a_database_that_was_sealed_elsewhere_gets_no_new_key() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let postgres = StoreSettings { database: Some("postgres://x".to_owned()), ..settings(place.path()) };
        let missing = folder.sealing_keys(&postgres, false, &SystemRandom).err().unwrap();
        assert!(missing.to_string().contains("copy it from another server"), "{missing}");
        assert!(!place.path().join("sealing.key").exists(), "and no wrong key is left behind");
    }
}
