//! The file of a backup: a SQLite database, and behind it what it is. SQLite does not look behind its last page, so the
//! file can also be opened as a database to look at it; `isthmus restore` is what checks it and puts it to work.
//!
//! `database · manifest (JSON) · SHA-256 of the manifest (64 hex digits) · its length (16 hex digits) · MAGIC`

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use anyhow::{Context as _, ensure};
use aws_lc_rs::digest::{Context, SHA256, digest};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 16] = b"ISTHMUS-BACKUP-1";
const FOOTER: usize = 64 + 16 + MAGIC.len();
const LONGEST_MANIFEST: u64 = 64 * 1024;

/// What a backup says of itself. No `Debug`: it may hold the sealing key.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub made_at: DateTime<Utc>,
    /// The version that made it.
    pub isthmus: String,
    pub schema_version: i64,
    pub database_bytes: u64,
    pub database_sha256: String,
    /// Only if it was asked for: 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing_key: Option<String>,
}

/// Length and SHA-256 of a whole file.
pub fn digest_of(path: &Path) -> std::io::Result<(u64, String)> {
    copy_digested(&mut File::open(path)?, u64::MAX, &mut std::io::sink())
}

/// Copies at most `length` bytes; how many there were, and their SHA-256.
pub fn copy_digested(
    from: &mut impl std::io::Read,
    length: u64,
    to: &mut impl std::io::Write,
) -> std::io::Result<(u64, String)> {
    let mut from = from.take(length);
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0u8; 1024 * 1024];
    let mut copied = 0;
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((copied, HEXLOWER.encode(context.finish().as_ref())));
        }
        context.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        copied += read as u64;
    }
}

/// Makes a copied database a backup, and durable.
pub fn append_manifest(path: &Path, manifest: &Manifest) -> std::io::Result<()> {
    let text = serde_json::to_vec(manifest)?;
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(&text)?;
    file.write_all(HEXLOWER.encode(digest(&SHA256, &text).as_ref()).as_bytes())?;
    file.write_all(format!("{:016x}", text.len()).as_bytes())?;
    file.write_all(MAGIC)?;
    file.sync_all()
}

/// Reads what a backup says of itself. The database in it is checked when it is copied.
pub fn read_manifest(path: &Path) -> anyhow::Result<Manifest> {
    let name = path.display();
    let mut file = File::open(path).with_context(|| format!("cannot read the backup {name}"))?;
    let damaged = || format!("the backup {name} is damaged or was cut short: take another one");
    let length = file.metadata().with_context(damaged)?.len();
    let footer_at = length.checked_sub(FOOTER as u64);
    let mut footer = [0u8; FOOTER];
    if let Some(at) = footer_at {
        file.seek(SeekFrom::Start(at)).with_context(damaged)?;
        file.read_exact(&mut footer).with_context(damaged)?;
    }
    ensure!(
        footer[80..] == *MAGIC,
        "{name} is no backup of isthmus, or was cut short: take the whole file that `isthmus backup` wrote"
    );
    let text = std::str::from_utf8(&footer[..80]).with_context(damaged)?;
    let manifest_length = u64::from_str_radix(&text[64..], 16).with_context(damaged)?;
    let begin = footer_at.and_then(|at| at.checked_sub(manifest_length)).with_context(damaged)?;
    ensure!(manifest_length <= LONGEST_MANIFEST, damaged());
    file.seek(SeekFrom::Start(begin)).with_context(damaged)?;
    let mut manifest = vec![0u8; usize::try_from(manifest_length).with_context(damaged)?];
    file.read_exact(&mut manifest).with_context(damaged)?;
    ensure!(HEXLOWER.encode(digest(&SHA256, &manifest).as_ref()) == text[..64], damaged());
    let manifest: Manifest = serde_json::from_slice(&manifest).with_context(damaged)?;
    ensure!(manifest.database_bytes == begin, damaged());
    Ok(manifest)
}
