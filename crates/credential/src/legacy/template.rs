//! What is hashed, as text with places for password, salt and digest in it.

use std::fmt::Write as _;

use directory::TextBytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Unverifiable;

/// Templates are short; a longer one is a mistake.
const LONGEST: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Piece {
    Text(String),
    Password,
    Salt,
    Digest,
    DigestHex,
}

/// A template, read once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Template(Vec<Piece>);

/// What goes into the places.
pub(super) struct Values<'a> {
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    pub(super) digest: &'a [u8],
}

impl Template {
    pub(super) const PLACES: [(&'static str, Piece); 4] = [
        ("{PASSWORD}", Piece::Password),
        ("{SALT}", Piece::Salt),
        ("{DIGEST}", Piece::Digest),
        ("{DIGEST_HEX}", Piece::DigestHex),
    ];

    pub(super) fn read(text: &str) -> Result<Self, Unverifiable> {
        if text.len() > LONGEST {
            return Err(Unverifiable::Malformed("the template is too long"));
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            // Other braces are letters like any other: Symfony writes `{PASSWORD}{{SALT}}`.
            if let Some((name, piece)) = Self::PLACES.iter().find(|(name, _)| rest.starts_with(name)) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(piece.clone());
                rest = &rest[name.len()..];
            } else {
                plain.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    pub(super) fn names(&self, piece: &Piece) -> bool {
        self.0.contains(piece)
    }

    /// The bytes to hash. Password and salt are bytes already.
    pub(super) fn fill(&self, values: &Values<'_>, text: TextBytes) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::new());
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => bytes.extend(encode(plain, text)),
                Piece::Password => bytes.extend_from_slice(values.password),
                Piece::Salt => bytes.extend_from_slice(values.salt),
                Piece::Digest => bytes.extend_from_slice(values.digest),
                Piece::DigestHex => {
                    let mut hex = String::with_capacity(values.digest.len() * 2);
                    for byte in values.digest {
                        let _ = write!(hex, "{byte:02x}");
                    }
                    bytes.extend(encode(&hex, text));
                }
            }
        }
        bytes
    }
}

pub(super) fn encode(text: &str, how: TextBytes) -> Vec<u8> {
    match how {
        TextBytes::Utf8 => text.as_bytes().to_vec(),
        TextBytes::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_keeps_braces_that_are_no_places() {
        let template = Template::read("{PASSWORD}{{SALT}}:{OTHER}").unwrap();
        let values = Values { password: b"pw", salt: b"na", digest: b"" };
        assert_eq!(template.fill(&values, TextBytes::Utf8).as_slice(), b"pw{na}:{OTHER}");
        assert!(template.names(&Piece::Salt) && !template.names(&Piece::Digest));
        let wide = Template::read("{DIGEST_HEX}é").unwrap();
        let values = Values { password: b"", salt: b"", digest: &[0xa0] };
        assert_eq!(wide.fill(&values, TextBytes::Utf16).as_slice(), [b'a', 0, b'0', 0, 0xe9, 0]);
    }
}
