//! From a password to the bytes that are stored for it, and what that may cost.

use argon2::Argon2;
use digest::Digest;
use directory::TextBytes;
use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use md4::Md4;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{
    Unverifiable, crypt,
    template::{Template, Values, encode},
};

/// Ceilings. Each is a few seconds of one core at most, or 256 MiB, far above what installations use; what lies above would let
/// whoever writes the old table stop the hub.
mod ceiling {
    pub(super) const MEMORY: u64 = 256 * 1024 * 1024;
    pub(super) const ARGON2_PASSES: u32 = 16;
    pub(super) const ARGON2_LANES: u32 = 8;
    pub(super) const BCRYPT_COST: u32 = 15;
    /// N × r × p of scrypt: N = 2^20, r = 8 are 1 GiB and out; N = 2^17, r = 8, p = 4 is in.
    pub(super) const SCRYPT_WORK: u64 = 1 << 23;
    /// Rounds times blocks of output.
    pub(super) const PBKDF2_ROUNDS: u64 = 2_000_000;
    pub(super) const SHA_CRYPT_ROUNDS: u32 = 1_000_000;
    pub(super) const DIGEST_ROUNDS: u32 = 2_000_000;
    pub(super) const PHPASS_LOG2: u32 = 20;
    pub(super) const OUTPUT: usize = 1024;
    pub(super) const SALT: usize = 1024;
}

/// Rounds of PBKDF2 below which a value is cheap to guess.
const PBKDF2_SLOW: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Hash {
    Md4,
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Calls the generic function with the digest's type.
macro_rules! with_hash {
    ($hash:expr, $function:ident ( $($argument:expr),* )) => {
        match $hash {
            Hash::Md4 => $function::<Md4>($($argument),*),
            Hash::Md5 => $function::<Md5>($($argument),*),
            Hash::Sha1 => $function::<Sha1>($($argument),*),
            Hash::Sha256 => $function::<Sha256>($($argument),*),
            Hash::Sha384 => $function::<Sha384>($($argument),*),
            Hash::Sha512 => $function::<Sha512>($($argument),*),
        }
    };
}

impl Hash {
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Md4 | Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn of(self, input: &[u8]) -> Vec<u8> {
        fn one<D: Digest>(input: &[u8]) -> Vec<u8> {
            D::digest(input).to_vec()
        }
        with_hash!(self, one(input))
    }

    pub(super) fn keyed(self, key: &[u8], input: &[u8]) -> Vec<u8> {
        fn one<D: EagerHash>(key: &[u8], input: &[u8]) -> Vec<u8> {
            // HMAC takes keys of any length (RFC 2104, section 2).
            let Ok(mac) = Hmac::<D>::new_from_slice(key) else { return Vec::new() };
            mac.chain_update(input).finalize().into_bytes().to_vec()
        }
        with_hash!(self, one(key, input))
    }

    fn stretched(self, password: &[u8], salt: &[u8], rounds: u32, length: usize) -> Vec<u8> {
        fn one<D: EagerHash>(password: &[u8], salt: &[u8], rounds: u32, out: &mut [u8]) {
            pbkdf2::pbkdf2_hmac::<D>(password, salt, rounds, out);
        }
        let mut out = vec![0; length];
        with_hash!(self, one(password, salt, rounds, &mut out));
        out
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Argon2Kind {
    D,
    I,
    Id,
}

/// What is hashed before bcrypt, which reads 72 bytes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BeforeBcrypt {
    Nothing,
    /// Django `bcrypt_sha256`: the digest in hexadecimal.
    Sha256Hex,
    /// WordPress 6.8: keyed with `wp-sha384`, in base64.
    WordPress,
}

/// How a password becomes the stored bytes. Serialised inside wrapped values only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Method {
    Argon2 {
        kind: Argon2Kind,
        version: u32,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        salt: Vec<u8>,
    },
    Bcrypt {
        before: BeforeBcrypt,
        cost: u32,
        salt: [u8; 16],
    },
    Scrypt {
        log_n: u8,
        block_size: u32,
        parallelism: u32,
        salt: Vec<u8>,
    },
    FirebaseScrypt {
        log_n: u8,
        rounds: u32,
        salt: Vec<u8>,
        separator: Vec<u8>,
        signer_key: Vec<u8>,
    },
    Pbkdf2 {
        hash: Hash,
        rounds: u32,
        salt: Vec<u8>,
        text: TextBytes,
    },
    /// A digest of a template, repeated.
    Digest {
        hash: Hash,
        template: Template,
        again: Option<Template>,
        rounds: u32,
        salt: Vec<u8>,
        text: TextBytes,
    },
    Keyed {
        hash: Hash,
        key: Template,
        template: Template,
        salt: Vec<u8>,
        text: TextBytes,
    },
    Md5Crypt {
        magic: String,
        salt: Vec<u8>,
    },
    Sha256Crypt {
        rounds: u32,
        salt: Vec<u8>,
    },
    Sha512Crypt {
        rounds: u32,
        salt: Vec<u8>,
    },
    Yescrypt {
        parameters: String,
        salt: Vec<u8>,
    },
    /// phpass and its heirs: the digest of salt and password, then of the last digest and the password.
    /// `of_md5`: Drupal's conversion of old passwords hashed the old MD5 in hexadecimal.
    Phpass {
        hash: Hash,
        log2: u32,
        salt: Vec<u8>,
        of_md5: bool,
    },
    /// The server's key of SCRAM (RFC 5802, section 3).
    Scram {
        rounds: u32,
        salt: Vec<u8>,
    },
    /// The password itself, as a digest so that length tells nothing.
    Plain,
}

impl Method {
    /// Refuses what costs too much, and what the functions below could not be called with.
    pub(super) fn check(&self, length: usize) -> Result<(), Unverifiable> {
        if length == 0 || length > ceiling::OUTPUT || self.salt().len() > ceiling::SALT {
            return Err(Unverifiable::Malformed("salt or digest have an impossible length"));
        }
        let affordable = match self {
            Self::Argon2 { memory_kib, passes, lanes, .. } => {
                u64::from(*memory_kib) * 1024 <= ceiling::MEMORY
                    && *passes <= ceiling::ARGON2_PASSES
                    && *lanes <= ceiling::ARGON2_LANES
            }
            Self::Bcrypt { cost, .. } => *cost <= ceiling::BCRYPT_COST,
            Self::Scrypt { log_n, block_size, parallelism, .. } => {
                scrypt_is_affordable(*log_n, *block_size, *parallelism)?
            }
            Self::FirebaseScrypt { log_n, rounds, .. } => scrypt_is_affordable(*log_n, *rounds, 1)?,
            Self::Pbkdf2 { hash, rounds, .. } => {
                let blocks = u64::try_from(length.div_ceil(hash.length())).unwrap_or(u64::MAX);
                u64::from(*rounds).saturating_mul(blocks) <= ceiling::PBKDF2_ROUNDS
            }
            Self::Scram { rounds, .. } => u64::from(*rounds) <= ceiling::PBKDF2_ROUNDS,
            Self::Digest { rounds, .. } => *rounds <= ceiling::DIGEST_ROUNDS,
            Self::Sha256Crypt { rounds, .. } | Self::Sha512Crypt { rounds, .. } => *rounds <= ceiling::SHA_CRYPT_ROUNDS,
            Self::Yescrypt { parameters, .. } => crypt::yescrypt_memory(parameters)? <= ceiling::MEMORY,
            Self::Phpass { log2, .. } => *log2 <= ceiling::PHPASS_LOG2,
            Self::Keyed { .. } | Self::Md5Crypt { .. } | Self::Plain => true,
        };
        if affordable { Ok(()) } else { Err(Unverifiable::TooCostly) }
    }

    fn salt(&self) -> &[u8] {
        match self {
            Self::Argon2 { salt, .. }
            | Self::Scrypt { salt, .. }
            | Self::FirebaseScrypt { salt, .. }
            | Self::Pbkdf2 { salt, .. }
            | Self::Digest { salt, .. }
            | Self::Keyed { salt, .. }
            | Self::Md5Crypt { salt, .. }
            | Self::Sha256Crypt { salt, .. }
            | Self::Sha512Crypt { salt, .. }
            | Self::Yescrypt { salt, .. }
            | Self::Phpass { salt, .. }
            | Self::Scram { salt, .. } => salt,
            Self::Bcrypt { salt, .. } => salt,
            Self::Plain => &[],
        }
    }

    /// Whether somebody with a copy could try millions a second.
    pub(super) const fn is_fast(&self) -> bool {
        match self {
            Self::Digest { .. } | Self::Keyed { .. } | Self::Md5Crypt { .. } | Self::Plain | Self::Phpass { .. } => {
                true
            }
            Self::Pbkdf2 { rounds, .. } | Self::Scram { rounds, .. } => *rounds < PBKDF2_SLOW,
            Self::Bcrypt { cost, .. } => *cost < 8,
            Self::Argon2 { .. }
            | Self::Scrypt { .. }
            | Self::FirebaseScrypt { .. }
            | Self::Sha256Crypt { .. }
            | Self::Sha512Crypt { .. }
            | Self::Yescrypt { .. } => false,
        }
    }

    /// What is stored for this password, `length` bytes of it. [`Method::check`] came before.
    pub(super) fn derive(&self, password: &[u8], length: usize) -> Result<Vec<u8>, Unverifiable> {
        match self {
            Self::Argon2 { kind, version, memory_kib, passes, lanes, salt } => {
                argon2(*kind, *version, (*memory_kib, *passes, *lanes), password, salt, length)
            }
            Self::Bcrypt { before, cost, salt } => Ok(bcrypt(*before, *cost, *salt, password)),
            Self::Scrypt { log_n, block_size, parallelism, salt } => {
                scrypt(*log_n, *block_size, *parallelism, password, salt, length)
            }
            Self::FirebaseScrypt { log_n, rounds, salt, separator, signer_key } => {
                let salt = [salt.as_slice(), separator.as_slice()].concat();
                let key = Zeroizing::new(scrypt(*log_n, *rounds, 1, password, &salt, 64)?);
                crypt::firebase(&key, signer_key)
            }
            Self::Pbkdf2 { hash, rounds, salt, text } => {
                Ok(hash.stretched(&in_text(password, *text), salt, *rounds, length))
            }
            Self::Digest { hash, template, again, rounds, salt, text } => {
                let password = in_text(password, *text);
                let mut made = Vec::new();
                for round in 0..*rounds {
                    let values = Values { password: &password, salt, digest: &made };
                    made = match (round, again) {
                        (0, _) => hash.of(&template.fill(&values, *text)),
                        (_, Some(again)) => hash.of(&again.fill(&values, *text)),
                        (_, None) => hash.of(&made),
                    };
                }
                Ok(made)
            }
            Self::Keyed { hash, key, template, salt, text } => {
                let password = in_text(password, *text);
                let values = Values { password: &password, salt, digest: &[] };
                Ok(hash.keyed(&key.fill(&values, *text), &template.fill(&values, *text)))
            }
            Self::Md5Crypt { magic, salt } => Ok(crypt::md5_crypt(password, magic, salt)),
            Self::Sha256Crypt { rounds, salt } => crypt::sha256_crypt(password, salt, *rounds),
            Self::Sha512Crypt { rounds, salt } => crypt::sha512_crypt(password, salt, *rounds),
            Self::Yescrypt { parameters, salt } => crypt::yescrypt(password, parameters, salt, length),
            Self::Phpass { hash, log2, salt, of_md5 } => {
                Ok(crypt::phpass(*hash, *log2, salt, password, *of_md5, length))
            }
            Self::Scram { rounds, salt } => {
                let salted = Hash::Sha256.stretched(password, salt, *rounds, Hash::Sha256.length());
                Ok(Hash::Sha256.of(&Hash::Sha256.keyed(&salted, b"Client Key")))
            }
            Self::Plain => Ok(Hash::Sha256.of(password)),
        }
    }
}

/// The password is UTF-8; .NET and Windows hash two bytes a letter.
fn in_text(password: &[u8], text: TextBytes) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match text {
        TextBytes::Utf8 => password.to_vec(),
        TextBytes::Utf16 => encode(&String::from_utf8_lossy(password), text),
    })
}

fn scrypt_is_affordable(log_n: u8, block_size: u32, parallelism: u32) -> Result<bool, Unverifiable> {
    if log_n == 0 || block_size == 0 || parallelism == 0 {
        return Err(Unverifiable::Malformed("a cost is nought"));
    }
    if log_n > 30 {
        return Ok(false);
    }
    let work = (1_u64 << log_n).saturating_mul(block_size.into());
    let blocks = u64::from(parallelism).saturating_mul(block_size.into()).saturating_mul(128);
    Ok(work.saturating_mul(128) <= ceiling::MEMORY
        && blocks <= ceiling::MEMORY
        && work.saturating_mul(parallelism.into()) <= ceiling::SCRYPT_WORK)
}

fn scrypt(log_n: u8, r: u32, p: u32, password: &[u8], salt: &[u8], length: usize) -> Result<Vec<u8>, Unverifiable> {
    const BAD: Unverifiable = Unverifiable::Malformed("impossible costs of scrypt");
    let parameters = scrypt::Params::new(log_n, r, p).map_err(|_| BAD)?;
    let mut out = vec![0; length];
    scrypt::scrypt(password, salt, &parameters, &mut out).map_err(|_| BAD)?;
    Ok(out)
}

fn argon2(
    kind: Argon2Kind,
    version: u32,
    (memory_kib, passes, lanes): (u32, u32, u32),
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Result<Vec<u8>, Unverifiable> {
    const BAD: Unverifiable = Unverifiable::Malformed("impossible costs of argon2");
    let algorithm = match kind {
        Argon2Kind::D => argon2::Algorithm::Argon2d,
        Argon2Kind::I => argon2::Algorithm::Argon2i,
        Argon2Kind::Id => argon2::Algorithm::Argon2id,
    };
    let version = argon2::Version::try_from(version).map_err(|_| Unverifiable::Unknown)?;
    let parameters = argon2::Params::new(memory_kib, passes, lanes, Some(length)).map_err(|_| BAD)?;
    let mut out = vec![0; length];
    Argon2::new(algorithm, version, parameters).hash_password_into(password, salt, &mut out).map_err(|_| BAD)?;
    Ok(out)
}

fn bcrypt(before: BeforeBcrypt, cost: u32, salt: [u8; 16], password: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let mut key = Zeroizing::new(match before {
        BeforeBcrypt::Nothing => password.to_vec(),
        BeforeBcrypt::Sha256Hex => {
            Hash::Sha256.of(password).iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
        }
        BeforeBcrypt::WordPress => {
            let digest = Hash::Sha384.keyed(b"wp-sha384", php_trim(password));
            base64::engine::general_purpose::STANDARD.encode(digest).into_bytes()
        }
    });
    // The terminating nought is part of the key; of a longer password bcrypt reads 72 bytes.
    key.push(0);
    key.truncate(72);
    // The last of the 24 bytes is never stored.
    bcrypt::bcrypt(cost, salt, &key)[..23].to_vec()
}

/// WordPress trims what was typed, as PHP does.
fn php_trim(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0 | 0x0b);
    let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}
