//! Keys that synchronised directories share, in one spelling.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use uuid::Uuid;

/// A GUID as lower-case text: from text (with or without braces), or from the base64 of its sixteen bytes as Entra
/// writes `onPremisesImmutableId`. The first three groups of those bytes are little-endian (MS-DTYP 2.3.4.2).
#[must_use]
pub fn guid(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let from_text = || (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten();
    // Two spellings of one key would be two keys: the decoder takes the canonical one only (RFC 4648, section 3.5).
    let from_base64 = || Some(Uuid::from_bytes_le(STANDARD.decode(text).ok()?.try_into().ok()?));
    let found = from_text().or_else(from_base64)?;
    // The nil GUID is what a tool writes where there is none.
    (!found.is_nil()).then(|| found.to_string())
}

/// A security identifier of a domain account, upper-case. Well-known ones (`S-1-5-32-…`) are the same everywhere and
/// identify nobody.
#[must_use]
pub fn sid(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let rest = text.strip_prefix("S-1-5-21-")?;
    let parts: Vec<&str> = rest.split('-').collect();
    let numbers =
        parts.len() == 4 && parts.iter().all(|part| part.parse::<u32>().is_ok_and(|n| n.to_string() == *part));
    numbers.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_and_its_immutable_id_are_one_key() {
        // The example of MS-DTYP: bytes 00 01 … 0f.
        let expected = "03020100-0504-0706-0809-0a0b0c0d0e0f";
        assert_eq!(guid("AAECAwQFBgcICQoLDA0ODw==").as_deref(), Some(expected));
        assert_eq!(guid("{03020100-0504-0706-0809-0A0B0C0D0E0F}").as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in [
            "",
            "==",
            "AAECAwQFBgcICQoLDA0ODx==",
            "AAECAwQFBgcICQoLDA0O",
            "00000000-0000-0000-0000-000000000000",
            "ada",
        ] {
            assert_eq!(guid(text), None, "{text}");
        }
        assert_eq!(sid("s-1-5-21-1-2-3-1104").as_deref(), Some("S-1-5-21-1-2-3-1104"));
        for text in ["S-1-5-32-544", "S-1-5-21-1-2-3", "S-1-5-21-1-2-3-04", "S-1-1-0", ""] {
            assert_eq!(sid(text), None, "{text}");
        }
    }
}
