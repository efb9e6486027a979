//! Sealing secrets at rest: a key-encryption key from outside the database, a fresh data key per record,
//! AES-256-GCM-SIV (RFC 8452), and the record's place as additional data so that swapped ciphertexts do not open.

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::Random;
use crate::HubError;

const KEY: usize = 32;
const TAG: usize = 16;
const VERSION: u8 = 1;
/// Version, key id, nonce of the data key, sealed data key, nonce of the text.
const HEADER: usize = 1 + 8 + NONCE_LEN + KEY + TAG + NONCE_LEN;

/// Where a sealed value lives: bound into the ciphertext.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'static str,
    pub column: &'static str,
    /// The row's key, as text.
    pub row: &'a str,
}

/// The key-encryption key and what is derived from it.
pub struct Vault {
    key: LessSafeKey,
    key_id: [u8; 8],
    digest_key: hmac::Key,
}

impl Vault {
    /// `key` is exactly 32 random bytes.
    pub fn new(key: &SecretSlice<u8>) -> Result<Self, HubError> {
        let bytes = key.expose_secret();
        if bytes.len() != KEY {
            return Err(HubError::Vault(format!("the sealing key has {} bytes, it must have {KEY}", bytes.len())));
        }
        let derive = |label: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), label.as_bytes());
        let mut key_id = [0u8; 8];
        key_id.copy_from_slice(&derive("isthmus key id").as_ref()[..8]);
        Ok(Self {
            key: aead_key(derive("isthmus sealing").as_ref())?,
            key_id,
            digest_key: hmac::Key::new(hmac::HMAC_SHA256, derive("isthmus digests").as_ref()),
        })
    }

    /// Seals a secret for its place.
    pub fn seal(&self, random: &dyn Random, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, HubError> {
        let mut data_key = [0u8; KEY];
        random.fill(&mut data_key);
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.key_id);
        seal_into(&mut out, &self.key, random, place, &data_key)?;
        seal_into(&mut out, &aead_key(&data_key)?, random, place, secret.expose_secret().as_bytes())?;
        zeroize::Zeroize::zeroize(&mut data_key);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] made for the same place with the same key.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, HubError> {
        let fail = |why: &str| HubError::Vault(format!("{}.{} of {}: {why}", place.table, place.column, place.row));
        if sealed.len() < HEADER + TAG || sealed[0] != VERSION {
            return Err(fail("it is damaged, or sealed by a newer isthmus"));
        }
        if sealed[1..9] != self.key_id {
            return Err(fail("it was sealed with another key: start with the key file it was sealed with"));
        }
        let (key_part, text_part) = sealed[9..].split_at(NONCE_LEN + KEY + TAG);
        let mut data_key = open_part(&self.key, place, key_part).ok_or_else(|| fail("it is damaged or moved"))?;
        let text = open_part(&aead_key(&data_key)?, place, text_part).ok_or_else(|| fail("it is damaged or moved"))?;
        zeroize::Zeroize::zeroize(&mut data_key);
        String::from_utf8(text).map(SecretString::from).map_err(|_| fail("it is not text"))
    }

    /// A digest that nobody without the key can search for: typed identifiers, device cookies, networks.
    #[must_use]
    pub fn keyed_digest(&self, purpose: &str, value: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.digest_key);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(value);
        context.sign().as_ref().to_vec()
    }

    /// The digest a client's secret is kept and compared as. Keyed, because an administrator may choose a short one.
    #[must_use]
    pub fn client_secret_digest(&self, client: &directory::ClientId, secret: &SecretString) -> Vec<u8> {
        let mut text = client.0.clone().into_bytes();
        text.push(0);
        text.extend_from_slice(secret.expose_secret().as_bytes());
        let digest = self.keyed_digest("client secret", &text);
        zeroize::Zeroize::zeroize(&mut text);
        digest
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// SHA-256 of a high-entropy token, as kept in the database.
#[must_use]
pub fn token_digest(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, HubError> {
    UnboundKey::new(&AES_256_GCM_SIV, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| HubError::Vault("the key has the wrong length".to_owned()))
}

fn additional_data(place: Place<'_>) -> Aad<Vec<u8>> {
    // Lengths first, so that no two places read the same.
    let mut bytes = Vec::new();
    for part in [place.table, place.column, place.row] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Aad::from(bytes)
}

fn seal_into(
    out: &mut Vec<u8>,
    key: &LessSafeKey,
    random: &dyn Random,
    place: Place<'_>,
    plain: &[u8],
) -> Result<(), HubError> {
    let mut nonce = [0u8; NONCE_LEN];
    random.fill(&mut nonce);
    let mut text = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), additional_data(place), &mut text)
        .map_err(|_| HubError::Vault("sealing failed".to_owned()))?;
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&text);
    Ok(())
}

fn open_part(key: &LessSafeKey, place: Place<'_>, part: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = part.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = sealed.to_vec();
    let length = key.open_in_place(nonce, additional_data(place), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SystemRandom;

    fn vault(byte: u8) -> Vault {
        Vault::new(&SecretSlice::from(vec![byte; KEY])).unwrap()
    }

    const PLACE: Place<'static> = Place { table: "source", column: "secret", row: "a" };

    #[test]
    fn what_was_sealed_opens_at_its_place_only() {
        let sealed = vault(1).seal(&SystemRandom, PLACE, &"canary".into()).unwrap();
        assert_eq!(vault(1).open(PLACE, &sealed).unwrap().expose_secret(), "canary");
        assert!(vault(1).open(Place { row: "b", ..PLACE }, &sealed).is_err());
        assert!(vault(2).open(PLACE, &sealed).is_err());
        assert!(!sealed.windows(6).any(|w| w == b"canary"));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealed = vault(1).seal(&SystemRandom, PLACE, &"canary".into()).unwrap();
        for i in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[i] ^= 1;
            assert!(vault(1).open(PLACE, &flipped).is_err(), "byte {i}");
        }
    }
}
