//! How another system stores passwords, where its values do not say so themselves.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// How a stored value came from a password.
    PasswordScheme, "password scheme" {
        /// The value says so itself: `$2b$…`, `{SSHA}…`, `pbkdf2_sha256$…`.
        SelfDescribing = "self-describing",
        Md5 = "md5",
        Sha1 = "sha1",
        Sha256 = "sha256",
        Sha384 = "sha384",
        Sha512 = "sha512",
        HmacMd5 = "hmac-md5",
        HmacSha1 = "hmac-sha1",
        HmacSha256 = "hmac-sha256",
        HmacSha384 = "hmac-sha384",
        HmacSha512 = "hmac-sha512",
        Pbkdf2Sha1 = "pbkdf2-sha1",
        Pbkdf2Sha256 = "pbkdf2-sha256",
        Pbkdf2Sha384 = "pbkdf2-sha384",
        Pbkdf2Sha512 = "pbkdf2-sha512",
        Scrypt = "scrypt",
        FirebaseScrypt = "firebase-scrypt",
        /// MD4 of the password in UTF-16: Windows.
        Nt = "nt",
        /// `md5` and the digest of password and user name.
        PostgresMd5 = "postgres-md5",
        /// The password itself.
        Plain = "plain",
        /// Only the old application knows: it is asked (see the call-out).
        CallOut = "call-out",
    }
}

words! {
    /// How bytes are written as text.
    ByteText, "way to write bytes" {
        Text = "text",
        Hex = "hex",
        Base64 = "base64",
    }
}

words! {
    /// How letters become bytes before they are hashed.
    TextBytes, "way to encode text" {
        Utf8 = "utf-8",
        /// Two bytes a letter, the low one first: .NET and Windows.
        Utf16 = "utf-16le",
    }
}

/// How a system stores passwords, where its values do not say so themselves. What is left out has the usual value of
/// the scheme. A template is text with `{PASSWORD}`, `{SALT}` and, in `again`, `{DIGEST}` or `{DIGEST_HEX}` in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordFormat {
    pub scheme: PasswordScheme,
    /// What is hashed; `{SALT}{PASSWORD}` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What is hashed the second time and later; the digest's bytes if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// The key of a keyed digest, a template as well (`{SALT}` if left out); the signer key of Firebase, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Rounds; of scrypt the cost N, of Firebase its `mem_cost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u32>,
    /// The block size r of scrypt, the rounds of Firebase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_size: Option<u32>,
    /// The parallelism p of scrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// The salt separator of Firebase, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt_separator: Option<String>,
    /// How the stored value is written; seen from its length if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<ByteText>,
    /// How the salt is written; as text if left out (in base64 for Firebase).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt_encoding: Option<ByteText>,
    /// UTF-8 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextBytes>,
}

impl PasswordFormat {
    /// The usual form of a scheme.
    #[must_use]
    pub const fn of(scheme: PasswordScheme) -> Self {
        Self {
            scheme,
            template: None,
            again: None,
            key: None,
            iterations: None,
            block_size: None,
            parallelism: None,
            salt_separator: None,
            encoding: None,
            salt_encoding: None,
            text: None,
        }
    }

    /// One text that says everything: the stored value with its salt, its owner's name there, and how it was made.
    /// It is what a connector hands over and what an imported verifier is kept as.
    #[must_use]
    pub fn describe(&self, hash: &str, salt: Option<&str>, username: Option<&str>) -> String {
        let described = DescribedPassword {
            format: self.clone(),
            hash: hash.to_owned(),
            salt: salt.map(str::to_owned),
            username: username.map(str::to_owned),
        };
        serde_json::to_string(&described).unwrap_or_else(|_| unreachable!("text and numbers become JSON"))
    }
}

impl Default for PasswordFormat {
    fn default() -> Self {
        Self::of(PasswordScheme::SelfDescribing)
    }
}

/// The key may be a pepper.
impl std::fmt::Debug for PasswordFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordFormat").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// A stored password that says how it was made. See [`PasswordFormat::describe`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedPassword {
    pub format: PasswordFormat,
    pub hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The owner's name there, which some schemes use as salt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

impl std::fmt::Debug for DescribedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DescribedPassword").field("format", &self.format).finish_non_exhaustive()
    }
}

words! {
    /// What kind of stored password somebody has, as far as its text tells. Coverage counts people by it.
    StoredScheme, "kind of stored password" {
        Argon2 = "argon2",
        Bcrypt = "bcrypt",
        Scrypt = "scrypt",
        FirebaseScrypt = "firebase-scrypt",
        Pbkdf2 = "pbkdf2",
        Yescrypt = "yescrypt",
        CryptMd5 = "crypt-md5",
        CryptSha256 = "crypt-sha256",
        CryptSha512 = "crypt-sha512",
        Phpass = "phpass",
        Drupal = "drupal",
        WordPress = "wordpress",
        Md5 = "md5",
        Sha1 = "sha1",
        Sha2 = "sha2",
        Hmac = "hmac",
        Nt = "nt",
        MySql = "mysql",
        PostgresMd5 = "postgres-md5",
        PostgresScram = "postgres-scram",
        Plain = "plain",
        /// The old application is asked.
        CallOut = "call-out",
        /// There is none, or it is switched off.
        None = "none",
        /// Too weak to be accepted: DES crypt, LM, old MySQL.
        Refused = "refused",
        /// Says a scheme and does not hold to it.
        Malformed = "malformed",
        /// Asks for more time or memory than is allowed.
        TooCostly = "too-costly",
        /// Another place would have to be asked.
        Delegated = "delegated",
        Unknown = "unknown",
    }
}

impl StoredScheme {
    /// Whether the hub can verify it.
    #[must_use]
    pub const fn is_verifiable(self) -> bool {
        !matches!(
            self,
            Self::None | Self::Refused | Self::Malformed | Self::TooCostly | Self::Delegated | Self::Unknown
        )
    }
}
