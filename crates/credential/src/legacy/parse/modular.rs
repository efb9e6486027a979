//! `$name$…`: the modular crypt format and the PHC string format.

use directory::{StoredScheme, TextBytes};

use super::{Read, array, direct, parts};
use crate::legacy::{
    Stored, Unverifiable, bytes,
    method::{Argon2Kind, BeforeBcrypt, Hash, Method},
};

pub(super) fn read(text: &str) -> Read {
    // Drupal marks values it converted from MD5.
    if let Some(rest) = text.strip_prefix("U$") {
        return match rest.split_once('$') {
            Some(("S", rest)) => drupal(rest, true).map(Some),
            Some(("P" | "H", rest)) => phpass(rest, true).map(Some),
            _ => Ok(None),
        };
    }
    let Some(rest) = text.strip_prefix('$') else { return Ok(None) };
    let Some((name, rest)) = rest.split_once('$') else { return Err(Unverifiable::Unknown) };
    Ok(Some(match name {
        "argon2d" => argon2(Argon2Kind::D, rest)?,
        "argon2i" => argon2(Argon2Kind::I, rest)?,
        "argon2id" => argon2(Argon2Kind::Id, rest)?,
        "2a" | "2b" | "2y" => bcrypt(BeforeBcrypt::Nothing, rest)?,
        "2x" => return Err(Unverifiable::Refused("bcrypt 2x, which confuses letters,")),
        "wp" => {
            let inner = rest.strip_prefix("2y$").ok_or(Unverifiable::Unknown)?;
            Stored { scheme: StoredScheme::WordPress, ..bcrypt(BeforeBcrypt::WordPress, inner)? }
        }
        "scrypt" => scrypt(rest)?,
        "7" => scrypt_crypt(rest)?,
        "pbkdf2" | "pbkdf2-sha1" => pbkdf2(Hash::Sha1, rest)?,
        "pbkdf2-sha256" => pbkdf2(Hash::Sha256, rest)?,
        "pbkdf2-sha384" => pbkdf2(Hash::Sha384, rest)?,
        "pbkdf2-sha512" => pbkdf2(Hash::Sha512, rest)?,
        "1" => md5_crypt("$1$", rest)?,
        "apr1" => md5_crypt("$apr1$", rest)?,
        "5" => sha_crypt(Hash::Sha256, rest)?,
        "6" => sha_crypt(Hash::Sha512, rest)?,
        "y" => yescrypt(rest)?,
        "P" | "H" => phpass(rest, false)?,
        "S" => drupal(rest, false)?,
        _ => return Err(Unverifiable::Unknown),
    }))
}

/// `m=65536,t=3,p=4`: every name once, none that is not known.
fn costs<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Result<[Option<&'a str>; N], Unverifiable> {
    let mut found = [None; N];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').ok_or(Unverifiable::Malformed("its costs are not name=value"))?;
        let place = names.iter().position(|known| *known == name).ok_or(Unverifiable::Unknown)?;
        if found[place].replace(value).is_some() {
            return Err(Unverifiable::Malformed("a cost stands there twice"));
        }
    }
    Ok(found)
}

fn cost<T: std::str::FromStr>(value: Option<&str>) -> Result<T, Unverifiable> {
    bytes::number(value.ok_or(Unverifiable::Malformed("a cost is missing"))?)
}

/// PHC: `v=19$m=…,t=…,p=…$salt$hash`; the version is missing from values of 2015.
fn argon2(kind: Argon2Kind, rest: &str) -> Result<Stored, Unverifiable> {
    let (version, rest) = match rest.strip_prefix("v=") {
        Some(rest) => {
            let (version, rest) = rest.split_once('$').ok_or(Unverifiable::Malformed("nothing after its version"))?;
            (bytes::number(version)?, rest)
        }
        None => (16, rest),
    };
    let [settings, salt, hash] = parts(rest, '$')?;
    let [m, t, p] = costs(settings, ["m", "t", "p"])?;
    let salt = bytes::base64(salt)?;
    let method = Method::Argon2 { kind, version, memory_kib: cost(m)?, passes: cost(t)?, lanes: cost(p)?, salt };
    Ok(direct(StoredScheme::Argon2, method, bytes::base64(hash)?))
}

/// `12$` and 22 letters of salt, 31 of the digest.
pub(super) fn bcrypt(before: BeforeBcrypt, rest: &str) -> Result<Stored, Unverifiable> {
    const LENGTH: Unverifiable = Unverifiable::Malformed("bcrypt has 53 letters after its cost");
    let [cost, body] = parts(rest, '$')?;
    if body.len() != 53 || cost.len() != 2 {
        return Err(LENGTH);
    }
    let (salt, hash) = body.split_at_checked(22).ok_or(LENGTH)?;
    let cost: u32 = bytes::number(cost)?;
    if !(4..=31).contains(&cost) {
        return Err(Unverifiable::Malformed("the cost of bcrypt is 4 to 31"));
    }
    let method = Method::Bcrypt { before, cost, salt: array(&bytes::bcrypt(salt)?)? };
    Ok(direct(StoredScheme::Bcrypt, method, bytes::bcrypt(hash)?))
}

fn scrypt(rest: &str) -> Result<Stored, Unverifiable> {
    let [settings, salt, hash] = parts(rest, '$')?;
    let [ln, r, p] = costs(settings, ["ln", "r", "p"])?;
    let method = Method::Scrypt {
        log_n: cost(ln)?,
        block_size: cost(r)?,
        parallelism: cost(p)?,
        salt: bytes::adapted_base64(salt)?,
    };
    Ok(direct(StoredScheme::Scrypt, method, bytes::adapted_base64(hash)?))
}

/// crypt(5) `$7$`: one letter for N, five each for r and p, the salt as it stands.
fn scrypt_crypt(rest: &str) -> Result<Stored, Unverifiable> {
    const SHORT: Unverifiable = Unverifiable::Malformed("too short for its costs");
    let (head, hash) = rest.split_once('$').ok_or(SHORT)?;
    let (costs, salt) = head.split_at_checked(11).ok_or(SHORT)?;
    let digits = costs.bytes().map(bytes::crypt_digit).collect::<Result<Vec<u32>, _>>()?;
    let number =
        |digits: &[u32]| digits.iter().enumerate().fold(0_u32, |sum, (place, digit)| sum | digit << (6 * place));
    let method = Method::Scrypt {
        log_n: u8::try_from(digits[0]).map_err(|_| SHORT)?,
        block_size: number(&digits[1..6]),
        parallelism: number(&digits[6..11]),
        salt: salt.as_bytes().to_vec(),
    };
    Ok(direct(StoredScheme::Scrypt, method, bytes::crypt64(hash)?))
}

/// passlib `29000$salt$hash`, PHC `i=29000,l=32$salt$hash`; the base64 of either.
pub(super) fn pbkdf2(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    let [settings, salt, value] = parts(rest, '$')?;
    let rounds = if settings.contains('=') {
        let [rounds, _length] = costs(settings, ["i", "l"])?;
        cost(rounds)?
    } else {
        bytes::number(settings)?
    };
    stretched(hash, rounds, bytes::adapted_base64(salt)?, bytes::adapted_base64(value)?)
}

/// PBKDF2 with what it takes.
pub(super) fn stretched(hash: Hash, rounds: u32, salt: Vec<u8>, expected: Vec<u8>) -> Result<Stored, Unverifiable> {
    if rounds == 0 {
        return Err(Unverifiable::Malformed("no rounds"));
    }
    Ok(direct(StoredScheme::Pbkdf2, Method::Pbkdf2 { hash, rounds, salt, text: TextBytes::Utf8 }, expected))
}

fn of_length(bytes: Vec<u8>, length: usize) -> Result<Vec<u8>, Unverifiable> {
    if bytes.len() == length { Ok(bytes) } else { Err(Unverifiable::Malformed("the digest has another length")) }
}

fn md5_crypt(magic: &str, rest: &str) -> Result<Stored, Unverifiable> {
    let [salt, hash] = parts(rest, '$')?;
    let method = Method::Md5Crypt { magic: magic.to_owned(), salt: salt.as_bytes().to_vec() };
    Ok(direct(StoredScheme::CryptMd5, method, of_length(bytes::crypt64(hash)?, 16)?))
}

fn sha_crypt(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(Unverifiable::Malformed("nothing after its rounds"))?;
            (bytes::number(rounds)?, rest)
        }
        None => (5000, rest),
    };
    if rounds < 1000 {
        return Err(Unverifiable::Malformed("it has at least 1000 rounds"));
    }
    let [salt, value] = parts(rest, '$')?;
    let (salt, expected) = (salt.as_bytes().to_vec(), of_length(bytes::crypt64(value)?, hash.length())?);
    Ok(match hash {
        Hash::Sha512 => direct(StoredScheme::CryptSha512, Method::Sha512Crypt { rounds, salt }, expected),
        _ => direct(StoredScheme::CryptSha256, Method::Sha256Crypt { rounds, salt }, expected),
    })
}

fn yescrypt(rest: &str) -> Result<Stored, Unverifiable> {
    let [parameters, salt, hash] = parts(rest, '$')?;
    let method = Method::Yescrypt { parameters: parameters.to_owned(), salt: bytes::crypt64(salt)? };
    Ok(direct(StoredScheme::Yescrypt, method, of_length(bytes::crypt64(hash)?, 32)?))
}

/// One letter for the rounds, eight of salt, the digest.
fn phpass_parts(rest: &str) -> Result<(u32, Vec<u8>, &str), Unverifiable> {
    const SHORT: Unverifiable = Unverifiable::Malformed("too short for its salt");
    let (log2, rest) = rest.split_at_checked(1).ok_or(SHORT)?;
    let (salt, hash) = rest.split_at_checked(8).ok_or(SHORT)?;
    let log2 = log2.bytes().next().map_or(Err(SHORT), bytes::crypt_digit)?;
    // The bounds of the original: 2^7 to 2^30.
    if !(7..=30).contains(&log2) {
        return Err(Unverifiable::Malformed("impossible rounds"));
    }
    Ok((log2, salt.as_bytes().to_vec(), hash))
}

fn phpass(rest: &str, of_md5: bool) -> Result<Stored, Unverifiable> {
    let (log2, salt, hash) = phpass_parts(rest)?;
    let expected = of_length(bytes::crypt64(hash)?, 16)?;
    Ok(direct(StoredScheme::Phpass, Method::Phpass { hash: Hash::Md5, log2, salt, of_md5 }, expected))
}

/// SHA-512, of whose text the first 43 letters are stored: 32 bytes and a bit.
fn drupal(rest: &str, of_md5: bool) -> Result<Stored, Unverifiable> {
    let (log2, salt, hash) = phpass_parts(rest)?;
    let expected = of_length(bytes::crypt64(hash)?, 32)?;
    Ok(direct(StoredScheme::Drupal, Method::Phpass { hash: Hash::Sha512, log2, salt, of_md5 }, expected))
}
