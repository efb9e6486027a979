//! `{NAME}…`: values of `userPassword` (RFC 2307, section 5.3), and of mail servers and frameworks that write alike.

use directory::{StoredScheme, TextBytes};
use unicode_normalization::UnicodeNormalization as _;

use super::{Read, direct, modular, parts};
use crate::legacy::{
    Stored, Unverifiable, bytes,
    method::{Hash, Method},
    template::Template,
};

pub(super) fn read(text: &str) -> Read {
    let Some((name, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return Ok(None) };
    if rest.is_empty() {
        return Err(Unverifiable::None);
    }
    let name = name.to_ascii_uppercase();
    Ok(Some(match name.as_str() {
        "MD5" => plain_digest(Hash::Md5, rest)?,
        "SHA" | "SHA1" => plain_digest(Hash::Sha1, rest)?,
        "SHA256" => plain_digest(Hash::Sha256, rest)?,
        "SHA384" => plain_digest(Hash::Sha384, rest)?,
        "SHA512" => plain_digest(Hash::Sha512, rest)?,
        "SMD5" => salted_digest(Hash::Md5, rest)?,
        "SSHA" => salted_digest(Hash::Sha1, rest)?,
        "SSHA256" => salted_digest(Hash::Sha256, rest)?,
        "SSHA384" => salted_digest(Hash::Sha384, rest)?,
        "SSHA512" => salted_digest(Hash::Sha512, rest)?,
        "PBKDF2" | "PBKDF2-SHA1" => stretched(Hash::Sha1, rest)?,
        "PBKDF2-SHA256" => stretched(Hash::Sha256, rest)?,
        "PBKDF2-SHA512" => stretched(Hash::Sha512, rest)?,
        "PBKDF2_SHA256" => stretched_389(rest)?,
        "ARGON2" | "ARGON2I" | "ARGON2ID" | "BCRYPT" | "BLF-CRYPT" | "MD5-CRYPT" | "SHA256-CRYPT" | "SHA512-CRYPT" => {
            modular::read(rest)?.ok_or(Unverifiable::Malformed("no scheme of crypt(3) within"))?
        }
        "CRYPT" => crypt(rest)?,
        "NT" => nt(rest)?,
        "CLEARTEXT" | "CLEAR" | "PLAIN" | "NOOP" => plain(rest),
        "SASL" => return Err(Unverifiable::Delegated),
        "LANMAN" | "LM" => return Err(Unverifiable::Refused("LM")),
        "DES-CRYPT" | "UNIX" => return Err(Unverifiable::Refused("DES crypt")),
        _ => return Err(Unverifiable::Unknown),
    }))
}

/// The family that a digest is counted under.
pub(super) const fn family(hash: Hash) -> StoredScheme {
    match hash {
        Hash::Md4 => StoredScheme::Nt,
        Hash::Md5 => StoredScheme::Md5,
        Hash::Sha1 => StoredScheme::Sha1,
        Hash::Sha256 | Hash::Sha384 | Hash::Sha512 => StoredScheme::Sha2,
    }
}

/// A digest of password and salt, made once.
pub(super) fn once(hash: Hash, template: &str, salt: Vec<u8>, expected: Vec<u8>) -> Result<Stored, Unverifiable> {
    let template = Template::read(template)?;
    let method = Method::Digest { hash, template, again: None, rounds: 1, salt, text: TextBytes::Utf8 };
    Ok(direct(family(hash), method, expected))
}

fn plain_digest(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    once(hash, "{PASSWORD}", Vec::new(), bytes::digest(rest, hash.length(), None)?)
}

/// The digest and behind it the salt, of any length.
fn salted_digest(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    let mut digest = bytes::base64(rest)?;
    if digest.len() <= hash.length() {
        return Err(Unverifiable::Malformed("there is no salt behind the digest"));
    }
    let salt = digest.split_off(hash.length());
    once(hash, "{PASSWORD}{SALT}", salt, digest)
}

/// OpenLDAP's pw-pbkdf2 and 389 Directory Server since 1.4.
fn stretched(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    let [rounds, salt, value] = parts(rest, '$')?;
    modular::stretched(hash, bytes::number(rounds)?, bytes::adapted_base64(salt)?, bytes::adapted_base64(value)?)
}

/// 389 Directory Server's older form: four bytes of rounds, 64 of salt, 256 of the key.
fn stretched_389(rest: &str) -> Result<Stored, Unverifiable> {
    let value = bytes::base64(rest)?;
    let (Some((rounds, rest)), 324) = (value.split_first_chunk::<4>(), value.len()) else {
        return Err(Unverifiable::Malformed("it has 324 bytes"));
    };
    let (salt, key) = rest.split_at(64);
    modular::stretched(Hash::Sha256, u32::from_be_bytes(*rounds), salt.to_vec(), key.to_vec())
}

fn crypt(rest: &str) -> Result<Stored, Unverifiable> {
    if rest.starts_with(['!', '*']) || rest == "x" {
        return Err(Unverifiable::None);
    }
    let letters = |text: &str| text.bytes().all(|letter| bytes::crypt_digit(letter).is_ok());
    if rest.len() == 13 && letters(rest) || rest.strip_prefix('_').is_some_and(letters) {
        return Err(Unverifiable::Refused("DES crypt"));
    }
    modular::read(rest)?.ok_or(Unverifiable::Unknown)
}

/// MD4 of the password in UTF-16 (MS-NLMP, section 3.3.1), in hexadecimal.
pub(super) fn nt(rest: &str) -> Result<Stored, Unverifiable> {
    let template = Template::read("{PASSWORD}")?;
    let method =
        Method::Digest { hash: Hash::Md4, template, again: None, rounds: 1, salt: Vec::new(), text: TextBytes::Utf16 };
    Ok(direct(StoredScheme::Nt, method, bytes::digest(rest, Hash::Md4.length(), None)?))
}

/// The password itself. What is typed was normalised, so this is as well.
pub(super) fn plain(text: &str) -> Stored {
    let normalised: zeroize::Zeroizing<String> = zeroize::Zeroizing::new(text.nfc().collect());
    direct(StoredScheme::Plain, Method::Plain, Hash::Sha256.of(normalised.as_bytes()))
}
