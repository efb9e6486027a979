//! Values as database servers and .NET write them.

use directory::{StoredScheme, TextBytes};

use super::{Read, direct, modular};
use crate::legacy::{
    Hints, Stored, Unverifiable, bytes,
    method::{Hash, Method},
    template::Template,
};

/// `*` and 40 digits: `mysql_native_password`.
pub(super) fn is_mysql(text: &str) -> bool {
    text.len() == 41 && text.strip_prefix('*').is_some_and(|digits| bytes::hex(digits).is_ok())
}

pub(super) fn read(text: &str, hints: &Hints) -> Read {
    if is_mysql(text) {
        let method = Method::Digest {
            hash: Hash::Sha1,
            template: Template::read("{PASSWORD}")?,
            again: None,
            rounds: 2,
            salt: Vec::new(),
            text: TextBytes::Utf8,
        };
        return Ok(Some(direct(StoredScheme::MySql, method, bytes::hex(&text[1..])?)));
    }
    if let Some(rest) = text.strip_prefix("SCRAM-SHA-256$") {
        return scram(rest).map(Some);
    }
    if text.len() == 35 && text.starts_with("md5") && bytes::hex(&text[3..]).is_ok() {
        return postgres_md5(text, hints).map(Some);
    }
    asp_net(text)
}

/// The user name is the salt.
pub(super) fn postgres_md5(text: &str, hints: &Hints) -> Result<Stored, Unverifiable> {
    let username = hints.username.as_deref().ok_or(Unverifiable::Needs("user name"))?;
    let method = Method::Digest {
        hash: Hash::Md5,
        template: Template::read("{PASSWORD}{SALT}")?,
        again: None,
        rounds: 1,
        salt: username.as_bytes().to_vec(),
        text: TextBytes::Utf8,
    };
    let digits = text.strip_prefix("md5").unwrap_or(text);
    Ok(direct(StoredScheme::PostgresMd5, method, bytes::digest(digits, Hash::Md5.length(), None)?))
}

/// PostgreSQL: `rounds:salt$StoredKey:ServerKey` (RFC 5803). The stored key is enough.
fn scram(rest: &str) -> Result<Stored, Unverifiable> {
    const SHAPE: Unverifiable = Unverifiable::Malformed("it is rounds:salt$key:key");
    let (head, keys) = rest.split_once('$').ok_or(SHAPE)?;
    let (rounds, salt) = head.split_once(':').ok_or(SHAPE)?;
    let (stored, server) = keys.split_once(':').ok_or(SHAPE)?;
    bytes::digest(server, Hash::Sha256.length(), None)?;
    let rounds: u32 = bytes::number(rounds)?;
    if rounds == 0 {
        return Err(Unverifiable::Malformed("no rounds"));
    }
    let method = Method::Scram { rounds, salt: bytes::base64(salt)? };
    Ok(direct(StoredScheme::PostgresScram, method, bytes::digest(stored, Hash::Sha256.length(), None)?))
}

/// ASP.NET Core Identity's `PasswordHasher`, versions 2 and 3: base64 of a marked record. Told by marks and lengths
/// together, which hardly any other base64 has.
fn asp_net(text: &str) -> Read {
    let Ok(record) = bytes::base64(text) else { return Ok(None) };
    match (record.first(), record.len()) {
        (Some(0), 49) => {
            let (salt, key) = record[1..].split_at(16);
            modular::stretched(Hash::Sha1, 1000, salt.to_vec(), key.to_vec()).map(Some)
        }
        (Some(1), 29..=512) => {
            let number = |at: usize| {
                let bytes = record.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
                bytes.map_or(u32::MAX, u32::from_be_bytes)
            };
            let hash = match number(1) {
                0 => Hash::Sha1,
                1 => Hash::Sha256,
                2 => Hash::Sha512,
                _ => return Ok(None),
            };
            let salt_length = usize::try_from(number(9)).unwrap_or(usize::MAX);
            // The library itself refuses salts and keys below 128 bits.
            if salt_length < 16 || salt_length > record.len() - 13 - 16 {
                return Ok(None);
            }
            let (salt, key) = record[13..].split_at(salt_length);
            modular::stretched(hash, number(5), salt.to_vec(), key.to_vec()).map(Some)
        }
        _ => Ok(None),
    }
}
