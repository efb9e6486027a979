//! Values as web frameworks and identity products write them.

use directory::StoredScheme;
use serde_json::Value;

use super::{Read, braces, direct, modular, parts};
use crate::legacy::{
    Stored, Unverifiable, bytes,
    method::{Argon2Kind, BeforeBcrypt, Hash, Method},
};

/// Django: `algorithm$…` (django.contrib.auth.hashers).
pub(super) fn read(text: &str) -> Read {
    let Some((name, rest)) = text.split_once('$') else { return Ok(None) };
    Ok(Some(match name {
        "pbkdf2_sha256" => pbkdf2(Hash::Sha256, rest)?,
        "pbkdf2_sha1" => pbkdf2(Hash::Sha1, rest)?,
        "argon2" => modular::read(&format!("${rest}"))?.ok_or(Unverifiable::Unknown)?,
        "bcrypt" => modular::read(rest)?.ok_or(Unverifiable::Malformed("no bcrypt within"))?,
        "bcrypt_sha256" => {
            let inner = ["$2b$", "$2a$", "$2y$"].iter().find_map(|start| rest.strip_prefix(start));
            let inner = inner.ok_or(Unverifiable::Malformed("no bcrypt within"))?;
            modular::bcrypt(BeforeBcrypt::Sha256Hex, inner)?
        }
        "scrypt" => scrypt(rest)?,
        "md5" => salted(Hash::Md5, rest)?,
        "sha1" => salted(Hash::Sha1, rest)?,
        _ => return Ok(None),
    }))
}

/// The salt is text, the key base64.
fn pbkdf2(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    let [rounds, salt, value] = parts(rest, '$')?;
    modular::stretched(hash, bytes::number(rounds)?, salt.as_bytes().to_vec(), bytes::base64(value)?)
}

fn scrypt(rest: &str) -> Result<Stored, Unverifiable> {
    let [cost, salt, block_size, parallelism, value] = parts(rest, '$')?;
    let cost: u32 = bytes::number(cost)?;
    if !cost.is_power_of_two() {
        return Err(Unverifiable::Malformed("the cost of scrypt is a power of two"));
    }
    let method = Method::Scrypt {
        log_n: u8::try_from(cost.ilog2()).map_err(|_| Unverifiable::TooCostly)?,
        block_size: bytes::number(block_size)?,
        parallelism: bytes::number(parallelism)?,
        salt: salt.as_bytes().to_vec(),
    };
    Ok(direct(StoredScheme::Scrypt, method, bytes::base64(value)?))
}

fn salted(hash: Hash, rest: &str) -> Result<Stored, Unverifiable> {
    let [salt, value] = parts(rest, '$')?;
    let expected = bytes::digest(value, hash.length(), None)?;
    braces::once(hash, "{SALT}{PASSWORD}", salt.as_bytes().to_vec(), expected)
}

/// Keycloak's export: `credentialData` and `secretData`, as objects or as JSON within JSON; older ones are flat.
pub(super) fn keycloak(value: &Value) -> Result<Stored, Unverifiable> {
    const MISSING: Unverifiable = Unverifiable::Malformed("a part of Keycloak's form is missing");
    let part = |name: &str| match value.get(name) {
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|_| Unverifiable::Malformed("not JSON within JSON"))
        }
        Some(other) => Ok(other.clone()),
        None => Ok(value.clone()),
    };
    let (data, secret): (Value, Value) = (part("credentialData")?, part("secretData")?);
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(MISSING);
    let rounds = data.get("hashIterations").and_then(Value::as_u64).ok_or(MISSING)?;
    let rounds = u32::try_from(rounds).map_err(|_| Unverifiable::TooCostly)?;
    let salt = bytes::base64(&text(&secret, "salt")?)?;
    let expected = bytes::base64(&text(&secret, "value")?)?;
    let hash = match text(&data, "algorithm")?.as_str() {
        "pbkdf2" => Hash::Sha1,
        "pbkdf2-sha256" => Hash::Sha256,
        "pbkdf2-sha512" => Hash::Sha512,
        "argon2" => return keycloak_argon2(&data, rounds, salt, expected),
        _ => return Err(Unverifiable::Unknown),
    };
    modular::stretched(hash, rounds, salt, expected)
}

/// Since Keycloak 24: the costs are lists of text.
fn keycloak_argon2(data: &Value, passes: u32, salt: Vec<u8>, expected: Vec<u8>) -> Result<Stored, Unverifiable> {
    let one = |name: &str| {
        let value = &data["additionalParameters"][name][0];
        value.as_str().ok_or(Unverifiable::Malformed("a cost is missing"))
    };
    let kind = match one("type")? {
        "d" => Argon2Kind::D,
        "i" => Argon2Kind::I,
        "id" => Argon2Kind::Id,
        _ => return Err(Unverifiable::Unknown),
    };
    let version = match one("version")? {
        "1.3" => 19,
        "1.0" => 16,
        _ => return Err(Unverifiable::Unknown),
    };
    let (memory_kib, lanes) = (bytes::number(one("memory")?)?, bytes::number(one("parallelism")?)?);
    let method = Method::Argon2 { kind, version, memory_kib, passes, lanes, salt };
    Ok(direct(StoredScheme::Argon2, method, expected))
}
