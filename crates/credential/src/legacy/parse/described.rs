//! Values that say nothing of themselves, made as the source's settings tell.

use directory::{ByteText, DescribedPassword, PasswordFormat, PasswordScheme, StoredScheme, TextBytes};

use super::{braces, direct, modular, servers};
use crate::legacy::{
    Hints, Stored, Unverifiable, bytes,
    method::{Hash, Method},
    template::{Piece, Template, encode},
};

/// One text that says everything: [`PasswordFormat::describe`].
pub(super) fn read(value: serde_json::Value) -> Result<Stored, Unverifiable> {
    let described: DescribedPassword =
        serde_json::from_value(value).map_err(|_| Unverifiable::Malformed("not a described value"))?;
    let hash = described.hash.clone();
    super::any(&hash, &Hints::from(described))
}

pub(super) fn as_told(text: &str, format: &PasswordFormat, hints: &Hints) -> Result<Stored, Unverifiable> {
    let salt = hints.salt.as_deref();
    match format.scheme {
        // Not reached: the caller reads these by their beginning.
        PasswordScheme::SelfDescribing => Err(Unverifiable::Unknown),
        PasswordScheme::Plain => Ok(braces::plain(text)),
        PasswordScheme::CallOut => Err(Unverifiable::CallOut),
        PasswordScheme::Nt => braces::nt(text),
        PasswordScheme::PostgresMd5 => servers::postgres_md5(text, hints),
        PasswordScheme::Md5 => digest(Hash::Md5, text, format, salt),
        PasswordScheme::Sha1 => digest(Hash::Sha1, text, format, salt),
        PasswordScheme::Sha256 => digest(Hash::Sha256, text, format, salt),
        PasswordScheme::Sha384 => digest(Hash::Sha384, text, format, salt),
        PasswordScheme::Sha512 => digest(Hash::Sha512, text, format, salt),
        PasswordScheme::HmacMd5 => keyed(Hash::Md5, text, format, salt),
        PasswordScheme::HmacSha1 => keyed(Hash::Sha1, text, format, salt),
        PasswordScheme::HmacSha256 => keyed(Hash::Sha256, text, format, salt),
        PasswordScheme::HmacSha384 => keyed(Hash::Sha384, text, format, salt),
        PasswordScheme::HmacSha512 => keyed(Hash::Sha512, text, format, salt),
        PasswordScheme::Pbkdf2Sha1 => pbkdf2(Hash::Sha1, text, format, salt),
        PasswordScheme::Pbkdf2Sha256 => pbkdf2(Hash::Sha256, text, format, salt),
        PasswordScheme::Pbkdf2Sha384 => pbkdf2(Hash::Sha384, text, format, salt),
        PasswordScheme::Pbkdf2Sha512 => pbkdf2(Hash::Sha512, text, format, salt),
        PasswordScheme::Scrypt => scrypt(text, format, salt),
        PasswordScheme::FirebaseScrypt => firebase(text, format, salt),
    }
}

fn needed<T>(value: Option<T>, what: &'static str) -> Result<T, Unverifiable> {
    value.ok_or(Unverifiable::Needs(what))
}

fn salt_bytes(salt: Option<&str>, format: &PasswordFormat) -> Result<Vec<u8>, Unverifiable> {
    match (salt, format.salt_encoding.unwrap_or(ByteText::Text)) {
        (None, _) => Ok(Vec::new()),
        (Some(salt), ByteText::Text) => Ok(encode(salt, format.text.unwrap_or(TextBytes::Utf8))),
        (Some(salt), ByteText::Hex) => bytes::hex(salt),
        (Some(salt), ByteText::Base64) => bytes::base64(salt),
    }
}

/// A template that names a salt needs one.
fn template(text: &str, salt: Option<&str>) -> Result<Template, Unverifiable> {
    let template = Template::read(text)?;
    if template.names(&Piece::Salt) {
        needed(salt, "salt")?;
    }
    Ok(template)
}

fn digest(hash: Hash, text: &str, format: &PasswordFormat, salt: Option<&str>) -> Result<Stored, Unverifiable> {
    let usual = if salt.is_some() { "{SALT}{PASSWORD}" } else { "{PASSWORD}" };
    let first = template(format.template.as_deref().unwrap_or(usual), salt)?;
    if !first.names(&Piece::Password) {
        return Err(Unverifiable::Malformed("the template has no {PASSWORD}"));
    }
    let again = format.again.as_deref().map(|text| template(text, salt)).transpose()?;
    if again.as_ref().is_some_and(|again| !again.names(&Piece::Digest) && !again.names(&Piece::DigestHex)) {
        return Err(Unverifiable::Malformed("the second template has no {DIGEST}"));
    }
    let method = Method::Digest {
        hash,
        template: first,
        again,
        rounds: format.iterations.unwrap_or(1).max(1),
        salt: salt_bytes(salt, format)?,
        text: format.text.unwrap_or(TextBytes::Utf8),
    };
    Ok(direct(braces::family(hash), method, bytes::digest(text, hash.length(), format.encoding)?))
}

fn keyed(hash: Hash, text: &str, format: &PasswordFormat, salt: Option<&str>) -> Result<Stored, Unverifiable> {
    let key = template(format.key.as_deref().unwrap_or("{SALT}"), salt)?;
    let message = template(format.template.as_deref().unwrap_or("{PASSWORD}"), salt)?;
    if !key.names(&Piece::Password) && !message.names(&Piece::Password) {
        return Err(Unverifiable::Malformed("neither key nor template has a {PASSWORD}"));
    }
    let salt = salt_bytes(salt, format)?;
    let method = Method::Keyed { hash, key, template: message, salt, text: format.text.unwrap_or(TextBytes::Utf8) };
    Ok(direct(StoredScheme::Hmac, method, bytes::digest(text, hash.length(), format.encoding)?))
}

fn pbkdf2(hash: Hash, text: &str, format: &PasswordFormat, salt: Option<&str>) -> Result<Stored, Unverifiable> {
    let salt = salt_bytes(Some(needed(salt, "salt")?), format)?;
    let rounds = needed(format.iterations, "number of iterations")?;
    let method = Method::Pbkdf2 { hash, rounds, salt, text: format.text.unwrap_or(TextBytes::Utf8) };
    let stored = modular::stretched(hash, rounds, Vec::new(), Vec::new())?;
    Ok(direct(stored.scheme(), method, bytes::any_length(text, format.encoding)?))
}

fn scrypt(text: &str, format: &PasswordFormat, salt: Option<&str>) -> Result<Stored, Unverifiable> {
    let cost = needed(format.iterations, "number of iterations")?;
    if !cost.is_power_of_two() {
        return Err(Unverifiable::Malformed("the cost of scrypt is a power of two"));
    }
    let method = Method::Scrypt {
        log_n: u8::try_from(cost.ilog2()).map_err(|_| Unverifiable::TooCostly)?,
        block_size: format.block_size.unwrap_or(8),
        parallelism: format.parallelism.unwrap_or(1),
        salt: salt_bytes(Some(needed(salt, "salt")?), format)?,
    };
    Ok(direct(StoredScheme::Scrypt, method, bytes::any_length(text, format.encoding)?))
}

fn firebase(text: &str, format: &PasswordFormat, salt: Option<&str>) -> Result<Stored, Unverifiable> {
    let signer_key = bytes::base64(needed(format.key.as_deref(), "signer key")?)?;
    let expected = bytes::base64(text)?;
    if expected.len() != signer_key.len() {
        return Err(Unverifiable::Malformed("it is not as long as the signer key"));
    }
    let method = Method::FirebaseScrypt {
        log_n: u8::try_from(format.iterations.unwrap_or(14)).map_err(|_| Unverifiable::TooCostly)?,
        rounds: format.block_size.unwrap_or(8),
        salt: bytes::base64(needed(salt, "salt")?)?,
        separator: bytes::base64(format.salt_separator.as_deref().unwrap_or("Bw=="))?,
        signer_key,
    };
    Ok(direct(StoredScheme::FirebaseScrypt, method, expected))
}
