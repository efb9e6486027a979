//! Sealing secrets at rest: a key-encryption key from outside the database, a fresh data key per record,
//! AES-256-GCM-SIV (RFC 8452), and the record's place as additional data so that swapped ciphertexts do not open.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::Random;
use crate::HubError;

/// Bytes of a sealing key.
pub const KEY: usize = 32;
const KEY_ID: usize = 8;
const TAG: usize = 16;
const VERSION: u8 = 2;
/// Version and key id.
const PREFIX: usize = 1 + KEY_ID;
/// Nonce of the data key, sealed data key.
const KEY_PART: usize = NONCE_LEN + KEY + TAG;
/// All of that, and nonce and tag of the text.
const SHORTEST: usize = PREFIX + KEY_PART + NONCE_LEN + TAG;

/// Where a sealed value lives: bound into the ciphertext.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'static str,
    pub column: &'static str,
    /// The row's key, as text.
    pub row: &'a str,
}

/// Names a sealing key and says nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID]);

impl KeyId {
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Where the sealing keys come from: a file, the environment.
pub trait KeyPlace: Send + Sync {
    /// The keys that are there now. Called again when a value turns up that no known key opens.
    fn read(&self) -> Result<Vec<SecretSlice<u8>>, String>;
    /// "the file /var/lib/isthmus/sealing.key", for messages.
    fn describe(&self) -> String;
}

/// Keys that were handed over once.
struct Given(Vec<SecretSlice<u8>>);

impl KeyPlace for Given {
    fn read(&self) -> Result<Vec<SecretSlice<u8>>, String> {
        Ok(self.0.clone())
    }
    fn describe(&self) -> String {
        "the key that was given".to_owned()
    }
}

/// A place that holds this key and never another.
#[must_use]
pub fn given(key: &SecretSlice<u8>) -> Arc<dyn KeyPlace> {
    Arc::new(Given(vec![key.clone()]))
}

/// One key-encryption key.
struct SealingKey {
    id: KeyId,
    key: LessSafeKey,
}

impl SealingKey {
    /// `key` is exactly 32 random bytes.
    fn new(key: &SecretSlice<u8>) -> Result<Self, HubError> {
        let bytes = key.expose_secret();
        if bytes.len() != KEY {
            return Err(HubError::Vault(format!("the sealing key has {} bytes, it must have {KEY}", bytes.len())));
        }
        Ok(Self { id: key_id(key), key: aead_key(derive(bytes, "isthmus sealing").as_ref())? })
    }
}

/// The id of a sealing key.
#[must_use]
pub fn key_id(key: &SecretSlice<u8>) -> KeyId {
    let mut id = [0u8; KEY_ID];
    id.copy_from_slice(&derive(key.expose_secret(), "isthmus key id").as_ref()[..KEY_ID]);
    KeyId(id)
}

fn derive(key: &[u8], label: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label.as_bytes())
}

/// The keys that are held, the one that seals first.
type Ring = Vec<Arc<SealingKey>>;

/// The key-encryption keys of this process, and the key of its digests.
pub struct Vault {
    ring: RwLock<Ring>,
    place: Arc<dyn KeyPlace>,
    digest_key: hmac::Key,
}

impl Vault {
    /// A vault over one key, from which its digests are derived as well: for a hub whose key never changes (tests).
    pub fn new(key: &SecretSlice<u8>) -> Result<Self, HubError> {
        let digest_key = SecretSlice::from(derive(key.expose_secret(), "isthmus digests").as_ref().to_vec());
        Self::with(given(key), key_id(key), &digest_key)
    }

    /// A vault over the keys of a place. `current` seals; the digests have a key of their own, so that they survive
    /// it. The keys must hold `current`.
    pub(super) fn with(
        place: Arc<dyn KeyPlace>,
        current: KeyId,
        digest_key: &SecretSlice<u8>,
    ) -> Result<Self, HubError> {
        let digest_key = hmac::Key::new(hmac::HMAC_SHA256, digest_key.expose_secret());
        let mut ring = read_ring(&*place)?;
        if !put_first(&mut ring, current) {
            return Err(HubError::Vault(format!("{} does not hold the key {current}", place.describe())));
        }
        Ok(Self { ring: RwLock::new(ring), place, digest_key })
    }

    fn ring(&self) -> Ring {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the keys come from, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.place.describe()
    }

    /// The keys that are held, the one that seals first.
    #[must_use]
    pub fn held(&self) -> Vec<KeyId> {
        self.ring().iter().map(|key| key.id).collect()
    }

    /// Reads the place again and seals with `current` from now on, if it is there. False if it is not: then the old
    /// keys stay, because a place that cannot be read must not take the hub down.
    pub fn refresh(&self, current: KeyId) -> Result<bool, HubError> {
        let mut ring = read_ring(&*self.place)?;
        let there = put_first(&mut ring, current);
        if there {
            *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        }
        Ok(there)
    }

    /// The held key of this id. One that is not known yet is looked for at the place once more: another process may
    /// have put it there a moment ago.
    fn key(&self, id: &[u8]) -> Option<Arc<SealingKey>> {
        let find = |ring: &Ring| ring.iter().find(|key| key.id.bytes() == id).cloned();
        if let Some(known) = find(&self.ring()) {
            return Some(known);
        }
        let found = find(&read_ring(&*self.place).ok()?)?;
        self.ring.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&found));
        Some(found)
    }

    /// The key of this id as text, held already or found at the place.
    pub(super) fn find(&self, id: &str) -> Result<Option<KeyId>, HubError> {
        Ok(read_ring(&*self.place)?.iter().map(|key| key.id).find(|key| key.to_string() == id))
    }

    /// The key that seals.
    pub fn current_id(&self) -> Result<KeyId, HubError> {
        self.current().map(|key| key.id)
    }

    fn current(&self) -> Result<Arc<SealingKey>, HubError> {
        self.ring().first().cloned().ok_or_else(|| HubError::Vault("there is no sealing key".to_owned()))
    }

    /// Seals a secret for its place.
    pub fn seal(&self, random: &dyn Random, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, HubError> {
        let mut data_key = [0u8; KEY];
        random.fill(&mut data_key);
        let mut out = wrapped(&*self.current()?, random, place, &data_key)?;
        let text = secret.expose_secret().as_bytes();
        seal_into(&mut out, &aead_key(&data_key)?, random, additional_data(place, &[]), text)?;
        zeroize::Zeroize::zeroize(&mut data_key);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] made for the same place with a key that is held.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, HubError> {
        let fail = |why: &str| unopened(place, why);
        let mut data_key = self.data_key(place, sealed)?;
        let text = open_part(&aead_key(&data_key)?, additional_data(place, &[]), &sealed[PREFIX + KEY_PART..]);
        zeroize::Zeroize::zeroize(&mut data_key);
        let text = text.ok_or_else(|| fail("it is damaged or moved"))?;
        String::from_utf8(text).map(SecretString::from).map_err(|_| fail("it is not text"))
    }

    /// The same value under the key that seals now: its data key is wrapped anew, its text stays as it is. Nothing if
    /// that key sealed it. A value that does not open is an error, never overwritten.
    pub fn rewrap(&self, random: &dyn Random, place: Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, HubError> {
        let current = self.current()?;
        if sealed.get(1..PREFIX) == Some(current.id.bytes()) {
            return Ok(None);
        }
        self.open(place, sealed)?;
        let mut data_key = self.data_key(place, sealed)?;
        let mut out = wrapped(&current, random, place, &data_key)?;
        zeroize::Zeroize::zeroize(&mut data_key);
        out.extend_from_slice(&sealed[PREFIX + KEY_PART..]);
        Ok(Some(out))
    }

    fn data_key(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, HubError> {
        if sealed.len() < SHORTEST || sealed[0] != VERSION {
            return Err(unopened(place, "it is damaged, or sealed by another version of isthmus"));
        }
        let id = &sealed[1..PREFIX];
        let key = self.key(id).ok_or_else(|| {
            let held: Vec<String> = self.held().iter().map(ToString::to_string).collect();
            let wanted = sealed_by(sealed).map(|id| id.to_string()).unwrap_or_default();
            unopened(
                place,
                &format!(
                    "it was sealed with the key {wanted}, and {} holds {}: put the right key there",
                    self.place.describe(),
                    held.join(" and ")
                ),
            )
        })?;
        let part = &sealed[PREFIX..PREFIX + KEY_PART];
        open_part(&key.key, additional_data(place, id), part).ok_or_else(|| unopened(place, "it is damaged or moved"))
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

/// Which key sealed this.
#[must_use]
pub fn sealed_by(sealed: &[u8]) -> Option<KeyId> {
    let id = sealed.get(1..PREFIX)?;
    let mut bytes = [0u8; KEY_ID];
    bytes.copy_from_slice(id);
    Some(KeyId(bytes))
}

fn unopened(place: Place<'_>, why: &str) -> HubError {
    HubError::Vault(format!("{}.{} of {}: {why}", place.table, place.column, place.row))
}

fn read_ring(place: &dyn KeyPlace) -> Result<Ring, HubError> {
    let keys = place.read().map_err(HubError::Vault)?;
    keys.iter().map(|key| SealingKey::new(key).map(Arc::new)).collect()
}

/// Makes the key of this id the one that seals; false if it is not held.
fn put_first(ring: &mut Ring, id: KeyId) -> bool {
    let Some(at) = ring.iter().position(|key| key.id == id) else { return false };
    ring[..=at].rotate_right(1);
    true
}

/// Version, key id and the data key under that key.
fn wrapped(key: &SealingKey, random: &dyn Random, place: Place<'_>, data_key: &[u8]) -> Result<Vec<u8>, HubError> {
    let mut out = vec![VERSION];
    out.extend_from_slice(key.id.bytes());
    seal_into(&mut out, &key.key, random, additional_data(place, key.id.bytes()), data_key)?;
    Ok(out)
}

/// Table, column and row, and for a data key the id of the key that wraps it. (The text of a value is bound to its
/// place alone: it stays as it is when its data key is wrapped anew.)
fn additional_data(place: Place<'_>, key_id: &[u8]) -> Aad<Vec<u8>> {
    // Lengths first, so that no two places read the same.
    let mut bytes = Vec::new();
    for part in [place.table.as_bytes(), place.column.as_bytes(), place.row.as_bytes(), key_id] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Aad::from(bytes)
}

fn seal_into(
    out: &mut Vec<u8>,
    key: &LessSafeKey,
    random: &dyn Random,
    additional_data: Aad<Vec<u8>>,
    plain: &[u8],
) -> Result<(), HubError> {
    let mut nonce = [0u8; NONCE_LEN];
    random.fill(&mut nonce);
    let mut text = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), additional_data, &mut text)
        .map_err(|_| HubError::Vault("sealing failed".to_owned()))?;
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&text);
    Ok(())
}

fn open_part(key: &LessSafeKey, additional_data: Aad<Vec<u8>>, part: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = part.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = sealed.to_vec();
    let length = key.open_in_place(nonce, additional_data, &mut text).ok()?.len();
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
    fn swapped_ciphertexts_do_not_open() {
        let vault = vault(1);
        let places = [
            PLACE,
            Place { row: "b", ..PLACE },
            Place { column: "other", ..PLACE },
            Place { table: "signing_key", ..PLACE },
        ];
        let sealed = places.map(|place| vault.seal(&SystemRandom, place, &"canary".into()).unwrap());
        for (i, place) in places.into_iter().enumerate() {
            for (j, sealed) in sealed.iter().enumerate() {
                assert_eq!(vault.open(place, sealed).is_ok(), i == j, "value {j} at place {i}");
            }
        }
        // The wrapped data key of one value before the text of another.
        let mixed = [&sealed[0][..PREFIX + KEY_PART], &sealed[1][PREFIX + KEY_PART..]].concat();
        assert!(places.iter().all(|place| vault.open(*place, &mixed).is_err()));
    }

    /// A place whose keys a test changes.
    struct Shelf(std::sync::Mutex<Vec<u8>>);

    impl KeyPlace for Shelf {
        fn read(&self) -> Result<Vec<SecretSlice<u8>>, String> {
            Ok(self.0.lock().unwrap().iter().map(|byte| SecretSlice::from(vec![*byte; KEY])).collect())
        }
        fn describe(&self) -> String {
            "the shelf".to_owned()
        }
    }

    fn id(byte: u8) -> KeyId {
        key_id(&SecretSlice::from(vec![byte; KEY]))
    }

    #[test]
    fn a_value_wrapped_anew_opens_with_the_new_key_only() {
        let shelf = Arc::new(Shelf(std::sync::Mutex::new(vec![1])));
        let digests = SecretSlice::from(vec![9; KEY]);
        let on = |current| Vault::with(Arc::<Shelf>::clone(&shelf), current, &digests).unwrap();
        let server = on(id(1));
        let sealed = server.seal(&SystemRandom, PLACE, &"canary".into()).unwrap();

        *shelf.0.lock().unwrap() = vec![1, 2];
        let command = on(id(2));
        assert_eq!(command.held(), [id(2), id(1)]);
        let anew = command.rewrap(&SystemRandom, PLACE, &sealed).unwrap().unwrap();
        assert!(command.rewrap(&SystemRandom, PLACE, &anew).unwrap().is_none(), "nothing left to do");
        assert_eq!(anew[PREFIX + KEY_PART..], sealed[PREFIX + KEY_PART..], "the text itself stays");
        assert!(
            command.rewrap(&SystemRandom, Place { row: "b", ..PLACE }, &sealed).is_err(),
            "nothing moved is blessed"
        );

        // A server that has not noticed yet finds the key when it needs it, and goes on sealing with the old one.
        assert_eq!(server.open(PLACE, &anew).unwrap().expose_secret(), "canary");
        assert_eq!(server.held()[0], id(1));
        assert!(server.refresh(id(2)).unwrap());
        assert_eq!(server.held()[0], id(2));

        *shelf.0.lock().unwrap() = vec![2];
        assert!(server.refresh(id(2)).unwrap());
        assert!(server.open(PLACE, &sealed).is_err(), "the old key is gone from memory");
        assert_eq!(server.keyed_digest("x", b"y"), command.keyed_digest("x", b"y"), "digests outlive the key");
        let old = vault(1).open(PLACE, &anew).unwrap_err().to_string();
        assert!(old.contains(&id(2).to_string()) && old.contains(&id(1).to_string()), "{old}");

        *shelf.0.lock().unwrap() = vec![];
        assert!(!server.refresh(id(2)).unwrap());
        assert_eq!(server.held(), [id(2)], "an empty place takes nothing away");
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
