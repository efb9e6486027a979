//! The functions of crypt(3) and of its heirs that no library here has, or has in another shape.

use aes::{
    Aes256,
    cipher::{KeyIvInit as _, StreamCipher as _},
};

use super::{Unverifiable, method::Hash};

/// Where each byte of a digest stands in the text (Drepper, "Unix crypt using SHA-256 and SHA-512", step 22).
const SHA256_ORDER: [usize; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30,
    31,
];
const SHA512_ORDER: [usize; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10,
    52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40,
    41, 20, 62, 63,
];
const MD5_ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

fn reorder(digest: &[u8], order: &[usize]) -> Vec<u8> {
    order.iter().map(|place| digest[*place]).collect()
}

fn rounds_of_sha(rounds: u32) -> Result<sha_crypt::Params, Unverifiable> {
    sha_crypt::Params::new(rounds).map_err(|_| Unverifiable::Malformed("impossible rounds"))
}

/// crypt(3) `$5$`, in the order in which its text has the bytes.
pub(super) fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> Result<Vec<u8>, Unverifiable> {
    Ok(reorder(&sha_crypt::sha256_crypt(password, salt, rounds_of_sha(rounds)?), &SHA256_ORDER))
}

/// crypt(3) `$6$`, likewise.
pub(super) fn sha512_crypt(password: &[u8], salt: &[u8], rounds: u32) -> Result<Vec<u8>, Unverifiable> {
    Ok(reorder(&sha_crypt::sha512_crypt(password, salt, rounds_of_sha(rounds)?), &SHA512_ORDER))
}

/// crypt(3) `$1$` and Apache's `$apr1$` (Poul-Henning Kamp, FreeBSD crypt-md5.c), in the order of the text.
pub(super) fn md5_crypt(password: &[u8], magic: &str, salt: &[u8]) -> Vec<u8> {
    let salt = &salt[..salt.len().min(8)];
    let inner = Hash::Md5.of(&[password, salt, password].concat());
    let mut start = [password, magic.as_bytes(), salt].concat();
    start.extend(inner.iter().cycle().take(password.len()));
    let mut length = password.len();
    while length > 0 {
        // Of an even length the first letter, not the lowest bit: a quirk that everybody has copied.
        start.push(if length & 1 == 1 { 0 } else { password[0] });
        length >>= 1;
    }
    let mut digest = Hash::Md5.of(&start);
    for round in 0..1000 {
        let mut next = Vec::with_capacity(64);
        next.extend_from_slice(if round % 2 == 1 { password } else { &digest });
        if round % 3 != 0 {
            next.extend_from_slice(salt);
        }
        if round % 7 != 0 {
            next.extend_from_slice(password);
        }
        next.extend_from_slice(if round % 2 == 1 { &digest } else { password });
        digest = Hash::Md5.of(&next);
    }
    reorder(&digest, &MD5_ORDER)
}

/// phpass (`$P$`, `$H$`) and Drupal 7 (`$S$`, which stores the beginning of the digest only).
pub(super) fn phpass(hash: Hash, log2: u32, salt: &[u8], password: &[u8], of_md5: bool, length: usize) -> Vec<u8> {
    let password = if of_md5 {
        Hash::Md5.of(password).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
    } else {
        password.to_vec()
    };
    let mut digest = hash.of(&[salt, &password].concat());
    for _ in 0..1_u64 << log2 {
        digest = hash.of(&[digest.as_slice(), &password].concat());
    }
    digest.truncate(length);
    digest
}

/// The parameters of `$y$`, if they are of the flavour that crypt(3) makes: no extra time, no upgrades, no ROM.
fn yescrypt_parameters(text: &str) -> Result<yescrypt::Params, Unverifiable> {
    const BAD: Unverifiable = Unverifiable::Malformed("impossible parameters of yescrypt");
    let read: yescrypt::Params = text.parse().map_err(|_| BAD)?;
    if read.n() < 2 || read.r() == 0 || read.p() == 0 {
        return Err(BAD);
    }
    // `t` is not shown by the library, so whatever is not the plain form of these costs has one.
    let plain = yescrypt::Params::new(yescrypt::Mode::default(), read.n(), read.r(), read.p()).map_err(|_| BAD)?;
    if plain == read { Ok(read) } else { Err(Unverifiable::Unknown) }
}

/// How many bytes it would take, and so about how long it takes.
pub(super) fn yescrypt_memory(parameters: &str) -> Result<u64, Unverifiable> {
    let read = yescrypt_parameters(parameters)?;
    let blocks = read.n().saturating_add(u64::from(read.p())).saturating_add(2);
    Ok(blocks.saturating_mul(read.r().into()).saturating_mul(128))
}

/// crypt(3) `$y$` (Openwall).
pub(super) fn yescrypt(password: &[u8], parameters: &str, salt: &[u8], length: usize) -> Result<Vec<u8>, Unverifiable> {
    let parameters = yescrypt_parameters(parameters)?;
    let mut out = vec![0; length];
    yescrypt::yescrypt(password, salt, &parameters, &mut out)
        .map_err(|_| Unverifiable::Malformed("impossible parameters of yescrypt"))?;
    Ok(out)
}

/// Firebase: the project's signer key, encrypted under the key that scrypt made (github.com/firebase/scrypt).
pub(super) fn firebase(key: &[u8], signer_key: &[u8]) -> Result<Vec<u8>, Unverifiable> {
    let mut out = signer_key.to_vec();
    let mut cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(&key[..32], &[0; 16])
        .map_err(|_| Unverifiable::Malformed("impossible key"))?;
    cipher.apply_keystream(&mut out);
    Ok(out)
}
