//! Where sealing keys are kept: a file for its owner only, or the environment.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER_PERMISSIVE;
use hub::kernel::{
    Random,
    vault::{KEY as KEY_BYTES, KeyPlace},
};
use secrecy::{ExposeSecret as _, SecretSlice};

use crate::{
    config::StoreSettings,
    data_folder::{DataFolder, KEY, folder_of},
};

/// Beside the key in the data folder: held while it is being changed.
pub const KEY_LOCK: &str = "sealing.key.lock";

const VARIABLE: &str = "ISTHMUS_SEALING_KEY";
const VARIABLE_PREVIOUS: &str = "ISTHMUS_SEALING_KEY_PREVIOUS";

/// The key that the environment says to seal with.
pub fn key_of_environment() -> anyhow::Result<Option<SecretSlice<u8>>> {
    std::env::var_os(VARIABLE).map(|text| parse_key(&text.into_encoded_bytes()).context(VARIABLE)).transpose()
}

/// Keys that were in the environment when this process started.
pub struct EnvironmentKeys(Vec<SecretSlice<u8>>);

impl EnvironmentKeys {
    /// None if the environment has no key.
    pub fn read_now() -> anyhow::Result<Option<Self>> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for name in [VARIABLE, VARIABLE_PREVIOUS] {
            if let Some(text) = std::env::var_os(name) {
                keys.push(parse_key(&text.into_encoded_bytes()).context(name)?);
            }
        }
        Ok(Some(Self(keys)))
    }
}

impl KeyPlace for EnvironmentKeys {
    fn read(&self) -> Result<Vec<SecretSlice<u8>>, String> {
        Ok(self.0.clone())
    }
    fn describe(&self) -> String {
        format!("the environment ({VARIABLE})")
    }
}

/// A file with a key per line, or with 32 bytes that are one.
#[derive(Debug, Clone)]
pub struct KeyFile {
    pub path: PathBuf,
}

impl KeyFile {
    /// The file that these settings use; none if the keys come from the environment.
    #[must_use]
    pub fn of(folder: &DataFolder, settings: &StoreSettings) -> Option<Self> {
        if std::env::var_os(VARIABLE).is_some() {
            return None;
        }
        Some(Self { path: settings.sealing_key.clone().unwrap_or_else(|| folder.path.join(KEY)) })
    }

    /// Makes a key, if there is none.
    pub fn make(&self, random: &dyn Random) -> anyhow::Result<()> {
        make_key(&self.path, random)
    }

    /// The keys in it.
    pub fn keys(&self) -> anyhow::Result<Vec<SecretSlice<u8>>> {
        read_keys(&self.path)
    }

    /// One rotation at a time. The lock ends with the process, however it ends.
    pub fn lock(&self) -> anyhow::Result<File> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file =
            file.with_context(|| format!("cannot write {}: check owner and mode of its folder", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                bail!("another `isthmus key rotate sealing` is under way on {}", self.path.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Puts these keys in place of those that are there: whole or not at all, and on the disk before it returns.
    pub fn replace(&self, keys: &[SecretSlice<u8>]) -> anyhow::Result<()> {
        let mut text = String::new();
        for key in keys {
            text.extend(key.expose_secret().iter().map(|byte| format!("{byte:02x}")));
            text.push('\n');
        }
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let write = || -> std::io::Result<()> {
            // Left by a rotation that was killed; a file of somebody else's mode is not written to.
            let _ = fs::remove_file(&beside);
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            File::open(folder_of(&self.path))?.sync_all()
        };
        let written = write();
        zeroize::Zeroize::zeroize(&mut text);
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.with_context(|| {
            format!(
                "cannot write {}: check owner and mode of its folder, and that the disk is not full",
                self.path.display()
            )
        })
    }
}

impl KeyPlace for KeyFile {
    fn read(&self) -> Result<Vec<SecretSlice<u8>>, String> {
        self.keys().map_err(|error| format!("{error:#}"))
    }
    fn describe(&self) -> String {
        format!("the key file {}", self.path.display())
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

fn read_keys(file: &Path) -> anyhow::Result<Vec<SecretSlice<u8>>> {
    let context = || format!("the sealing key {}", file.display());
    let opened = File::open(file).with_context(|| format!("cannot read {}. Check its owner and mode", context()))?;
    let mode = opened.metadata().with_context(context)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {:o}): chmod 600 {}", context(), mode & 0o777, file.display());
    }
    let mut bytes = Vec::new();
    opened.take(1024).read_to_end(&mut bytes).with_context(context)?;
    parse_keys(&bytes).with_context(context)
}

/// One key as bytes, or one per line.
fn parse_keys(bytes: &[u8]) -> anyhow::Result<Vec<SecretSlice<u8>>> {
    if bytes.len() == KEY_BYTES {
        return Ok(vec![bytes.to_vec().into()]);
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    if lines.is_empty() {
        return Ok(vec![parse_key(bytes)?]);
    }
    lines.into_iter().map(parse_key).collect()
}

/// 32 bytes as they are, or as 64 hex digits, or as base64.
pub fn parse_key(bytes: &[u8]) -> anyhow::Result<SecretSlice<u8>> {
    if bytes.len() == KEY_BYTES {
        return Ok(bytes.to_vec().into());
    }
    let remedy = "must be 32 random bytes, or 64 hex digits, or base64 of 32 bytes (make one: openssl rand -hex 32)";
    let text = std::str::from_utf8(bytes).map(str::trim).ok().context(remedy)?;
    let decoded = if text.len() == 2 * KEY_BYTES {
        HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
    } else {
        STANDARD.decode(text).ok()
    };
    match decoded {
        Some(key) if key.len() == KEY_BYTES => Ok(key.into()),
        _ => bail!(remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_replaced_whole_and_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let file = KeyFile { path: place.path().join("sealing.key") };
        fs::write(place.path().join("sealing.key.new"), "left by a rotation that was killed").unwrap();
        let two: Vec<SecretSlice<u8>> = [1u8, 2].map(|byte| vec![byte; 32].into()).into();
        file.replace(&two).unwrap();
        let read = file.keys().unwrap();
        assert_eq!(read.iter().map(|key| key.expose_secret()[0]).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
        let _held = file.lock().unwrap();
        assert!(file.lock().unwrap_err().to_string().contains("under way"));
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
