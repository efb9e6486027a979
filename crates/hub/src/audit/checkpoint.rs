//! Signed ends of the chain, kept outside of the database: who can write to the database can compute hashes, but cannot
//! sign.

use aws_lc_rs::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use storage::audit_chain::{AuditKeyRow, CheckpointRow};

use crate::{
    Hub, HubError,
    kernel::vault::{Place, Vault},
};

const FORMAT: &[u8] = b"isthmus audit checkpoint 1\0";
const VERSION: u8 = 1;
const PREFIX: &str = "ed25519:";
const SEED: usize = 32;

/// Where checkpoints are kept. Appending returns when the line is on the disk, or says why it is not; half a line is
/// never left behind.
pub trait CheckpointFile: Send + Sync {
    fn append(&self, line: &str) -> std::io::Result<()>;
    /// For messages.
    fn place(&self) -> String;
}

/// The half of a signing key that everybody may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: String,
    bytes: Vec<u8>,
}

impl PublicKey {
    fn new(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        Self { id: HEXLOWER.encode(&digest.as_ref()[..16]), bytes: bytes.to_vec() }
    }

    /// Its name in checkpoints.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl From<&AuditKeyRow> for PublicKey {
    /// The name is computed: the stored one could have been altered.
    fn from(row: &AuditKeyRow) -> Self {
        Self::new(&row.public_key)
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(&self.bytes))
    }
}

impl std::str::FromStr for PublicKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
        match bytes {
            Some(bytes) if bytes.len() == 32 => Ok(Self::new(&bytes)),
            _ => Err(format!("a public key reads {PREFIX} and 44 characters, as the Audit page shows it")),
        }
    }
}

/// One signed end of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub at: DateTime<Utc>,
    pub sequence: i64,
    pub hash: Vec<u8>,
    pub key_id: String,
    pub signature: Vec<u8>,
}

/// The line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    checkpoint: u8,
    time: String,
    sequence: i64,
    hash: String,
    key: String,
    signature: String,
}

impl Checkpoint {
    /// As it stands in the file.
    pub fn line(&self) -> Result<String, HubError> {
        let line = Line {
            checkpoint: VERSION,
            time: self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            sequence: self.sequence,
            hash: HEXLOWER.encode(&self.hash),
            key: self.key_id.clone(),
            signature: HEXLOWER.encode(&self.signature),
        };
        serde_json::to_string(&line).map_err(|error| HubError::Internal(error.to_string()))
    }

    /// Reads a line of the file. Only what [`Checkpoint::line`] writes is one, to the byte.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(text).ok()?;
        let read = Self {
            at: DateTime::parse_from_rfc3339(&line.time).ok()?.to_utc(),
            sequence: line.sequence,
            hash: HEXLOWER.decode(line.hash.as_bytes()).ok()?,
            key_id: line.key,
            signature: HEXLOWER.decode(line.signature.as_bytes()).ok()?,
        };
        (line.checkpoint == VERSION && read.line().is_ok_and(|again| again == text)).then_some(read)
    }

    /// Whether this key signed exactly this.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let message = message(self.at, self.sequence, &self.hash);
        key.id == self.key_id && UnparsedPublicKey::new(&ED25519, &key.bytes).verify(&message, &self.signature).is_ok()
    }
}

impl From<CheckpointRow> for Checkpoint {
    fn from(row: CheckpointRow) -> Self {
        let CheckpointRow { sequence, hash, at, key_id, signature } = row;
        Self { at, sequence, hash, key_id, signature }
    }
}

impl From<&Checkpoint> for CheckpointRow {
    fn from(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { at, sequence, hash, key_id, signature } = checkpoint.clone();
        Self { sequence, hash, at, key_id, signature }
    }
}

fn message(at: DateTime<Utc>, sequence: i64, hash: &[u8]) -> Vec<u8> {
    let mut message = FORMAT.to_vec();
    message.extend_from_slice(&at.timestamp_micros().to_be_bytes());
    message.extend_from_slice(&sequence.to_be_bytes());
    message.extend_from_slice(hash);
    message
}

/// The key that signs.
pub(super) struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    fn from_seed(seed: &[u8]) -> Result<Self, HubError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|error| HubError::Vault(format!("the key of the audit checkpoints cannot be used: {error}")))?;
        let public = PublicKey::new(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    pub(super) fn sign(&self, at: DateTime<Utc>, sequence: i64, hash: &[u8]) -> Checkpoint {
        let signature = self.pair.sign(&message(at, sequence, hash)).as_ref().to_vec();
        Checkpoint { at, sequence, hash: hash.to_vec(), key_id: self.public.id.clone(), signature }
    }
}

fn place(key: &str) -> Place<'_> {
    Place { table: "audit_key", column: "sealed_private_key", row: key }
}

fn open(vault: &Vault, row: &AuditKeyRow) -> Result<SigningKey, HubError> {
    let seed = vault.open(place(&row.id), &row.sealed_private_key)?;
    let seed = zeroize::Zeroizing::new(STANDARD.decode(seed.expose_secret()).unwrap_or_default());
    SigningKey::from_seed(&seed)
}

/// The newest key; made and kept if there is none.
pub(super) async fn signing_key(hub: &Hub) -> Result<SigningKey, HubError> {
    let mut keys = storage::audit_chain::keys(&mut hub.database.reader()).await?;
    if keys.is_empty() {
        let mut seed = zeroize::Zeroizing::new([0u8; SEED]);
        hub.random.fill(seed.as_mut());
        let made = SigningKey::from_seed(seed.as_ref())?;
        let text = SecretString::from(STANDARD.encode(seed.as_ref()));
        let row = AuditKeyRow {
            sealed_private_key: hub.vault.seal(&*hub.random, place(made.public.id()), &text)?,
            public_key: made.public.bytes.clone(),
            id: made.public.id,
            created_at: hub.clock.now(),
        };
        storage::write!(hub.database, |tx| {
            // Of two servers that do this at once, the later one finds the other's.
            if storage::audit_chain::keys(tx).await?.is_empty() {
                crate::kernel::sealing::still_current(tx, &row.sealed_private_key).await?;
                storage::audit_chain::insert_key(tx, &row).await?;
            }
            Ok::<_, HubError>(())
        })?;
        keys = storage::audit_chain::keys(&mut hub.database.reader()).await?;
    }
    let newest = keys.last().ok_or_else(|| HubError::Internal("no key for audit checkpoints".to_owned()))?;
    open(&hub.vault, newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SigningKey, Checkpoint) {
        let key = SigningKey::from_seed(&[3; SEED]).unwrap();
        let at = DateTime::from_timestamp_micros(1_800_000_000_000_001).unwrap();
        let checkpoint = key.sign(at, 42, &[5; 32]);
        (key, checkpoint)
    }

    #[test]
    fn a_line_reads_back_and_its_signature_holds() {
        let (key, checkpoint) = signed();
        let line = checkpoint.line().unwrap();
        let read = Checkpoint::read(&line).unwrap();
        assert_eq!(read, checkpoint);
        assert!(read.is_signed_by(&key.public));
        let again: PublicKey = key.public.to_string().parse().unwrap();
        assert_eq!(again, key.public);
        let other = SigningKey::from_seed(&[4; SEED]).unwrap();
        assert!(!read.is_signed_by(&other.public));
    }

    #[test]
    fn no_byte_of_a_line_can_change_unnoticed() {
        let (key, checkpoint) = signed();
        let line = checkpoint.line().unwrap();
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut bytes = line.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let holds = String::from_utf8(bytes)
                    .ok()
                    .and_then(|text| Checkpoint::read(&text))
                    .is_some_and(|read| read.is_signed_by(&key.public));
                assert!(!holds, "byte {at}, bit {bit}");
            }
        }
    }
}
