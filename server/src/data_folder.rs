//! The folder of the hub: made for its owner only, with the sealing key and a lock against a second server.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub::kernel::Random;
use secrecy::SecretSlice;

use crate::config::StoreSettings;

const KEY_BYTES: usize = 32;
/// Names in the folder.
pub const DATABASE: &str = "isthmus.sqlite";
pub const KEY: &str = "sealing.key";
pub const LOCK: &str = "isthmus.lock";

/// An opened data folder.
#[derive(Debug)]
pub struct DataFolder {
    pub path: PathBuf,
    /// Held while the process lives; `None` if another process holds it.
    lock: Option<File>,
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
            "there is no database {}: name the folder that `isthmus serve` uses with --data",
            database.display()
        );
        Ok(Self { path: path.to_owned(), lock: None })
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

    /// The key that seals secrets, if there is one; none is made.
    pub fn sealing_key_if_any(&self, settings: &StoreSettings) -> anyhow::Result<Option<SecretSlice<u8>>> {
        if let Some(text) = std::env::var_os("ISTHMUS_SEALING_KEY") {
            return parse_key(&text.into_encoded_bytes()).context("ISTHMUS_SEALING_KEY").map(Some);
        }
        if let Some(file) = &settings.sealing_key {
            return read_key(file).map(Some);
        }
        let file = self.path.join(KEY);
        match fs::exists(&file) {
            Ok(true) => read_key(&file).map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot look for {}", file.display())),
        }
    }

    /// The key that seals secrets: from the environment, from the file given, or from the folder, made once.
    pub fn sealing_key(&self, settings: &StoreSettings, random: &dyn Random) -> anyhow::Result<SecretSlice<u8>> {
        if let Some(text) = std::env::var_os("ISTHMUS_SEALING_KEY") {
            let text = text.into_encoded_bytes();
            return parse_key(&text).context("ISTHMUS_SEALING_KEY");
        }
        if let Some(file) = &settings.sealing_key {
            return read_key(file);
        }
        let file = self.path.join(KEY);
        match fs::exists(&file) {
            Ok(true) => read_key(&file),
            Ok(false) => {
                ensure!(
                    settings.database.is_some() || !self.path.join(DATABASE).exists(),
                    "{} is missing, but the database beside it exists: without the key its sealed secrets cannot be \
                     opened. Put the key back from your backup, or name it with --sealing-key",
                    file.display()
                );
                make_key(&file, random)?;
                read_key(&file)
            }
            Err(error) => Err(error).with_context(|| format!("cannot look for {}", file.display())),
        }
    }
}

/// Writes a fresh key for its owner only. If another process was faster, its key stands.
fn make_key(file: &Path, random: &dyn Random) -> anyhow::Result<()> {
    let mut key = [0u8; KEY_BYTES];
    random.fill(&mut key);
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(file) {
        Ok(mut target) => {
            let written = target.write_all(&key).and_then(|()| target.sync_all());
            if let Err(error) = written {
                // Half a key would be refused for ever.
                let _ = fs::remove_file(file);
                return Err(error).with_context(|| format!("cannot write {}: is the disk full?", file.display()));
            }
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error)
            .with_context(|| format!("cannot make {}. Check the owner and mode of its folder", file.display())),
    }
}

fn read_key(file: &Path) -> anyhow::Result<SecretSlice<u8>> {
    let context = || format!("the sealing key {}", file.display());
    let opened = File::open(file).with_context(|| format!("cannot read {}. Check its owner and mode", context()))?;
    let mode = opened.metadata().with_context(context)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {:o}): chmod 600 {}", context(), mode & 0o777, file.display());
    }
    let mut bytes = Vec::new();
    opened.take(1024).read_to_end(&mut bytes).with_context(context)?;
    parse_key(&bytes).with_context(context)
}

/// 32 bytes as they are, or as 64 hex digits, or as base64.
pub fn parse_key(bytes: &[u8]) -> anyhow::Result<SecretSlice<u8>> {
    if bytes.len() == KEY_BYTES {
        return Ok(bytes.to_vec().into());
    }
    let remedy = "must be 32 random bytes, or 64 hex digits, or base64 of 32 bytes (make one: openssl rand -hex 32)";
    let text = std::str::from_utf8(bytes).map(str::trim).ok().context(remedy)?;
    let decoded = if text.len() == 2 * KEY_BYTES { from_hex(text) } else { STANDARD.decode(text).ok() };
    match decoded {
        Some(key) if key.len() == KEY_BYTES => Ok(key.into()),
        _ => bail!(remedy),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    digits?.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use hub::kernel::SystemRandom;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn settings(data: &Path) -> StoreSettings {
        StoreSettings { data: data.to_owned(), database: None, sealing_key: None }
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&place.path().join("deep/data")).unwrap();
        let first = folder.sealing_key(&settings(&folder.path), &SystemRandom).unwrap();
        let again = folder.sealing_key(&settings(&folder.path), &SystemRandom).unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
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
        let lost = folder.sealing_key(&settings(place.path()), &SystemRandom).unwrap_err();
        assert!(lost.to_string().contains("Put the key back"));
        let file = place.path().join("sealing.key");
        fs::write(&file, [7u8; 32]).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            format!("{:#}", folder.sealing_key(&settings(place.path()), &SystemRandom).unwrap_err())
                .contains("chmod 600")
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "short").unwrap();
        assert!(
            format!("{:#}", folder.sealing_key(&settings(place.path()), &SystemRandom).unwrap_err()).contains("32")
        );
    }

    #[test]
    fn a_key_reads_as_bytes_hex_or_base64() {
        let hex = "07".repeat(32);
        for text in [&[7u8; 32][..], hex.as_bytes(), format!("{}\n", STANDARD.encode([7u8; 32])).as_bytes()] {
            assert_eq!(parse_key(text).unwrap().expose_secret(), &[7u8; 32]);
        }
        assert!(parse_key(&[7u8; 31]).is_err());
    }
}
