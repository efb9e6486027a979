//! The ways bytes are written in stored passwords.

use base64::{
    Engine as _,
    alphabet::{self, Alphabet},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use data_encoding::HEXLOWER_PERMISSIVE;
use directory::ByteText;

use super::Unverifiable;

/// Padded or not, with whatever bits behind the last byte: old encoders differ in both.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);
/// `./0-9A-Za-z`, the alphabet of crypt(3).
const CRYPT: &Alphabet = &alphabet::CRYPT;

/// Base64 of RFC 4648, either alphabet.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, Unverifiable> {
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).map_err(|_| Unverifiable::Malformed("not base64"))
}

/// passlib's adapted base64: `.` for `+`.
pub(super) fn adapted_base64(text: &str) -> Result<Vec<u8>, Unverifiable> {
    base64(&text.replace('.', "+"))
}

/// The alphabet of bcrypt.
pub(super) fn bcrypt(text: &str) -> Result<Vec<u8>, Unverifiable> {
    BCRYPT.decode(text).map_err(|_| Unverifiable::Malformed("not the base64 of bcrypt"))
}

pub(super) fn hex(text: &str) -> Result<Vec<u8>, Unverifiable> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| Unverifiable::Malformed("not hexadecimal"))
}

/// Six bits a letter, the low ones first: crypt(3), phpass, yescrypt. Bits behind the last byte are dropped.
pub(super) fn crypt64(text: &str) -> Result<Vec<u8>, Unverifiable> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for (place, letter) in group.iter().enumerate() {
            bits |= crypt_digit(*letter)? << (6 * place);
        }
        let [one, two, three, _] = bits.to_le_bytes();
        bytes.extend_from_slice(&[one, two, three][..group.len() * 6 / 8]);
    }
    Ok(bytes)
}

/// The place of a letter in the alphabet of crypt(3).
pub(super) fn crypt_digit(letter: u8) -> Result<u32, Unverifiable> {
    let place = CRYPT.as_str().bytes().position(|known| known == letter);
    place.and_then(|place| u32::try_from(place).ok()).ok_or(Unverifiable::Malformed("not the letters of crypt(3)"))
}

/// A value of known length, in hexadecimal or base64, whichever has that length.
pub(super) fn digest(text: &str, length: usize, encoding: Option<ByteText>) -> Result<Vec<u8>, Unverifiable> {
    let bytes = match encoding {
        Some(ByteText::Hex) => hex(text)?,
        Some(ByteText::Base64) => base64(text)?,
        Some(ByteText::Text) => return Err(Unverifiable::Malformed("a digest is not text")),
        None if text.len() == length * 2 => hex(text)?,
        None => base64(text)?,
    };
    if bytes.len() == length { Ok(bytes) } else { Err(Unverifiable::Malformed("the digest has another length")) }
}

/// A value of any length: hexadecimal if it can be, if nobody says.
pub(super) fn any_length(text: &str, encoding: Option<ByteText>) -> Result<Vec<u8>, Unverifiable> {
    match encoding {
        Some(ByteText::Text) => Ok(text.as_bytes().to_vec()),
        Some(ByteText::Hex) => hex(text),
        Some(ByteText::Base64) => base64(text),
        None => hex(text).or_else(|_| base64(text)),
    }
}

pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, Unverifiable> {
    // `parse` would take "+5".
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().ok_or(Unverifiable::Malformed("not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_crypt_are_read_low_bits_first() {
        // libxcrypt: './0123456789…' count from 0; 63 63 63 63 are three bytes of ones.
        assert_eq!(crypt64("zzzz"), Ok(vec![255; 3]));
        assert_eq!(crypt64("/..."), Ok(vec![1, 0, 0]));
        assert_eq!(crypt64("zz"), Ok(vec![255]));
        assert!(crypt64("é").is_err() && crypt64("+").is_err());
        assert_eq!(crypt64(&"z".repeat(43)).map(|bytes| bytes.len()), Ok(32));
    }

    #[test]
    fn hexadecimal_and_base64_are_told_by_length() {
        assert_eq!(digest("00ff01", 3, None), Ok(vec![0, 255, 1]));
        assert_eq!(digest("AP8B", 3, None), Ok(vec![0, 255, 1]));
        assert!(digest("00ff00", 2, None).is_err());
        assert_eq!((hex("00FF"), hex("")), (Ok(vec![0, 255]), Ok(vec![])));
        assert!(hex("0é").is_err() && hex("+f").is_err() && number::<u32>("+5").is_err());
    }
}
