//! The file of audit checkpoints: one line each, on the disk before anybody is told so.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::Context as _;
use hub::audit::{CheckpointFile, FileLine};

use crate::data_folder::folder_of;

/// Its name in the data folder.
pub const NAME: &str = "audit-checkpoints.jsonl";
/// A file this large is put aside under a number, and a new one begun: some fifty thousand checkpoints.
const LARGEST: u64 = 16 * 1024 * 1024;
/// No line of ours is longer.
const LONGEST_LINE: u64 = 4096;

/// Appends to the file. It is opened for every line, so that it can be moved away by whoever keeps logs.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    largest: u64,
    /// One line at a time.
    turn: Mutex<()>,
}

impl Checkpoints {
    /// A file that could never be written is an error of the command line; a disk that is full now is not.
    pub fn at(path: PathBuf) -> anyhow::Result<Self> {
        match open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                tracing::error!(path = %path.display(), %error, "the disk of the audit checkpoints is full");
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "cannot write audit checkpoints to {}. Its folder must exist and be this user's to write to; \
                         another file can be named with --audit-checkpoints",
                        path.display()
                    )
                });
            }
        }
        Ok(Self { path, largest: LARGEST, turn: Mutex::new(()) })
    }
}

impl CheckpointFile for Checkpoints {
    fn append(&self, line: &str) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut file = open(&self.path)?;
        let mut length = file.metadata()?.len();
        if length >= self.largest {
            put_aside(&self.path)?;
            file = open(&self.path)?;
            length = 0;
        }
        let mut text = String::with_capacity(line.len() + 2);
        if length > 0 && !ends_with_newline(&mut file)? {
            // The machine crashed in the middle of a line: it stays as it is, apart from this one.
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line would look like an altered one. If even this fails, it will be told apart by the next.
            let _as_it_was = file.set_len(length).and_then(|()| file.sync_data());
        }
        written
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    if file.metadata()?.is_dir() { Err(ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    let mut last = [0u8; 1];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// `FILE` becomes `FILE.1`, `FILE.2`, …: whatever is free. Nothing is ever overwritten or deleted.
fn put_aside(path: &Path) -> io::Result<()> {
    let next = aside(path)?.last().map_or(1, |(number, _)| number + 1);
    fs::rename(path, numbered(path, next))?;
    // The new name must outlive a crash as well.
    File::open(folder_of(path))?.sync_all()
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// The files that were put aside, oldest first.
fn aside(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let folder = folder_of(path);
    let prefix = path.file_name().map(|name| format!("{}.", name.to_string_lossy())).unwrap_or_default();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_prefix(&prefix).and_then(|number| number.parse().ok()) {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Every line that was ever written there, oldest first, read as it is asked for.
pub fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<FileLine>> + use<>> {
    let mut files: Vec<PathBuf> = aside(path)?.into_iter().map(|(_, path)| path).collect();
    if path.exists() {
        files.push(path.to_owned());
    }
    let opened: io::Result<Vec<_>> = files
        .into_iter()
        .map(|path| File::open(&path).map(|file| (path.display().to_string(), BufReader::new(file))))
        .collect();
    Ok(opened?.into_iter().flat_map(|(name, mut reader)| {
        let mut number = 0u64;
        std::iter::from_fn(move || {
            let mut bytes = Vec::new();
            number += 1;
            match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes) {
                Ok(0) => None,
                Ok(_) => {
                    let text = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned();
                    Some(Ok(FileLine { place: format!("{name}, line {number}"), text }))
                }
                Err(error) => Some(Err(error)),
            }
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &Path) -> Vec<String> {
        lines(path).unwrap().map(|line| line.unwrap().text).collect()
    }

    #[test]
    fn lines_are_kept_in_order_over_files_that_are_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let file = Checkpoints { largest: 20, ..Checkpoints::at(path.clone()).unwrap() };
        let all: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
        for line in &all {
            file.append(line).unwrap();
        }
        assert_eq!(texts(&path), all);
        assert!(aside(&path).unwrap().len() > 10);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_a_crash_has_cut_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let file = Checkpoints::at(path.clone()).unwrap();
        file.append("one").unwrap();
        fs::write(&path, "one\ntw").unwrap();
        file.append("three").unwrap();
        assert_eq!(texts(&path), ["one", "tw", "three"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Checkpoints::at(folder.path().join("no/such/folder")).unwrap_err();
        assert!(refused.to_string().contains("--audit-checkpoints"), "{refused:#}");
        assert!(Checkpoints::at(folder.path().to_owned()).is_err());
    }

    /// `/dev/full` says what a full disk says.
    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let full = Checkpoints { path: "/dev/full".into(), largest: LARGEST, turn: Mutex::new(()) };
        assert_eq!(full.append("one").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
