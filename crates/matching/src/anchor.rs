//! Keys that synchronised directories share, in one spelling.

/// A GUID as lower-case text: from text (with or without braces), or from the base64 of its sixteen bytes as Entra
/// writes `onPremisesImmutableId`. The first three groups of those bytes are little-endian (MS-DTYP 2.3.4.2).
#[must_use]
pub fn guid(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let from_text = || {
        let shape = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        shape.then(|| text.to_ascii_lowercase())
    };
    let found = from_text().or_else(|| base64_of_sixteen(text).map(|bytes| spelled(&bytes)))?;
    // The nil GUID is what a tool writes where there is none.
    (found.bytes().any(|byte| byte != b'0' && byte != b'-')).then_some(found)
}

fn spelled(bytes: &[u8; 16]) -> String {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (at, byte) in ORDER.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", bytes[*byte]));
    }
    text
}

/// Sixteen bytes are 22 characters and "==" (RFC 4648, section 4). The last character carries four bits that must be
/// zero: two spellings of one key would be two keys.
fn base64_of_sixteen(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_suffix("==")?;
    if digits.len() != 22 {
        return None;
    }
    let mut bits = 0u32;
    let mut count = 0u32;
    let mut bytes = Vec::with_capacity(16);
    for digit in digits.bytes() {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    if bits != 0 {
        return None;
    }
    bytes.try_into().ok()
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
