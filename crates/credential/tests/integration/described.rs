//! Values that say nothing of themselves, as the source's settings tell. Made with Python's `hashlib` and `hmac` from the
//! formulas beside them, but where another origin is named.

use credential::{
    Cost,
    legacy::{Hints, Unverifiable, keep, parse},
};
use directory::{ByteText, PasswordFormat, PasswordScheme, StoredScheme, TextBytes};

use crate::{opens, secret};

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const PASSWORD: &str = "Grüße, Isthmus 7";

fn told(format: PasswordFormat, salt: Option<&str>) -> Hints {
    Hints { format: Some(format), salt: salt.map(str::to_owned), username: None }
}

/// Opens with its password only, told by the settings or by one text that says everything.
fn assert_opens(format: PasswordFormat, stored: &str, salt: Option<&str>, typed: &str) {
    let described = format.describe(stored, salt, None);
    let scheme = format.scheme;
    let hints = told(format, salt);
    assert_eq!(opens(stored, typed, &hints), Ok(true), "{scheme}");
    assert_eq!(opens(&described, typed, &Hints::default()), Ok(true), "{scheme}");
    assert_eq!(opens(stored, &format!("{typed}x"), &hints), Ok(false), "{scheme}");
    let kept = keep(&secret(&described), &Hints::default(), &[7; 16], CHEAP).unwrap_or_default();
    let cheap = parse(&secret(&described), &Hints::default()).is_ok_and(|stored| stored.needs_wrap());
    assert_eq!(kept.contains(stored), !cheap, "{scheme}: what is cheap to guess is not kept as it was: {kept}");
    assert_eq!(opens(&kept, typed, &Hints::default()), Ok(true), "{scheme}");
    assert_eq!(opens(&kept, &format!("{typed}x"), &Hints::default()), Ok(false), "{scheme}");
}

fn of(scheme: PasswordScheme) -> PasswordFormat {
    PasswordFormat::of(scheme)
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn a_digest_of_the_password_alone() {
    use PasswordScheme::{Md5, Sha1, Sha256, Sha384, Sha512};
    for (scheme, hex) in [
        (Md5, "8dd773abfb3b6a5b11cc9b4feb8c1083"),
        (Sha1, "e8ed2ae284336fd67ecabf491a2d1ee0ac32a8b4"),
        (Sha256, "4195f2e871811632b54ac6be2c1f9f43a9dad24e134cc487c3cde0b26e1bbf80"),
        (Sha384, "1918dc1e1b118994c39feddea66dda7454c8669a3e3381489ec93c09fb1467533d18cef8c3df25de4ab7ec6ebcb9d3fb"),
        (
            Sha512,
            "fa679af59f78a7141a4ffaa5ac7b5ea717493fd1da35142844887f488a34101160a9990f670c1ec1fd356686c18f3ccaf90f0113f0884b9bf88da368bfefdc47",
        ),
    ] {
        assert_opens(of(scheme), hex, None, PASSWORD);
        assert_opens(of(scheme), &hex.to_uppercase(), None, PASSWORD);
    }
    // base64(sha1(password))
    assert_opens(of(Sha1), "6O0q4oQzb9Z+yr9JGi0e4KwyqLQ=", None, PASSWORD);
}

#[test]
fn a_salt_before_behind_and_in_a_template() {
    // sha256(salt + password); md5(password + salt); sha512("pw{salt}") as Symfony has it.
    assert_opens(
        of(PasswordScheme::Sha256),
        "2e527ef1656ef742c7811551fdb44410a861602decb523ff77c834d6eeb28a93",
        Some("s0000007"),
        PASSWORD,
    );
    let behind = PasswordFormat { template: text("{PASSWORD}{SALT}"), ..of(PasswordScheme::Md5) };
    assert_opens(behind, "f994ff2de92693f8b19c3226ebeb649a", Some("s0000007"), PASSWORD);
    let colon = PasswordFormat { template: text("{SALT}:{PASSWORD}"), ..of(PasswordScheme::Sha256) };
    assert_opens(colon, "12287f5bef835fa1f64834b0fcaf209b4ad45fecf119e4f53406291922ecab6f", Some("s0000007"), PASSWORD);
    // sha1(bytes.fromhex(salt) + password)
    let bytes = PasswordFormat { salt_encoding: Some(ByteText::Hex), ..of(PasswordScheme::Sha1) };
    assert_opens(bytes, "c80c640cd684765d061af575537192d1bab3e099", Some("00ff10"), PASSWORD);
}

#[test]
fn rounds_that_hash_the_digest_again() {
    // sha1(sha1(…)), 50 times.
    assert_opens(
        PasswordFormat { iterations: Some(50), ..of(PasswordScheme::Sha1) },
        "a3558502909cafb36861ea451b1948cd3fce4c14",
        None,
        PASSWORD,
    );
    // vBulletin: md5(md5(password) + salt), the first in hexadecimal.
    let bulletin = PasswordFormat {
        template: text("{PASSWORD}"),
        again: text("{DIGEST_HEX}{SALT}"),
        iterations: Some(2),
        ..of(PasswordScheme::Md5)
    };
    assert_opens(bulletin, "7f1d0d3881fa2c8a20cb68be8f26b9f4", Some("abc"), PASSWORD);
    // Symfony's MessageDigestPasswordEncoder: sha512, 50 rounds of digest + salted, in base64.
    let symfony = PasswordFormat {
        template: text("{PASSWORD}{{SALT}}"),
        again: text("{DIGEST}{PASSWORD}{{SALT}}"),
        iterations: Some(50),
        ..of(PasswordScheme::Sha512)
    };
    assert_opens(
        symfony,
        "injK+T8Ivbn5IAuwq6GCgrpl0NKix76tZpoaltV+x7YSzwpAOSQ5G+0vS+BxOkXqADkSYt8jMKDZy69JTFP9tA==",
        Some("na"),
        PASSWORD,
    );
}

#[test]
fn two_bytes_a_letter() {
    // base64(sha256((salt + password).encode("utf-16le")))
    let format = PasswordFormat { text: Some(TextBytes::Utf16), ..of(PasswordScheme::Sha256) };
    assert_opens(format, "cZz0CKMP5ygqaZw+uBTInpoVMusPSYhinlfogUCTLGY=", Some("s7"), PASSWORD);
    // "password" as Windows stores it.
    assert_opens(of(PasswordScheme::Nt), "8846f7eaee8fb117ad06bdd830b7586c", None, "password");
}

#[test]
fn keyed_digests() {
    use PasswordScheme::{HmacMd5, HmacSha1, HmacSha256, HmacSha384, HmacSha512};
    // hmac(key=salt, password)
    for (scheme, hex) in [
        (HmacMd5, "5a7319c45d3b6d3ee69337371a015eb1"),
        (HmacSha1, "6e85e7aff406fafca74c8b506f7ce4db80089d69"),
        (HmacSha256, "5bbb195216c64e888382a511c4e47d3c71b2a73f44acd2f0072e6e84c5437b91"),
        (
            HmacSha384,
            "ccb238b9b5170e8d2a7d84f287283e15ee3a581909a14715dd56699208ec5a74ecf7f14780c68877361b9f1e99926a1c",
        ),
        (
            HmacSha512,
            "9c2d8e2b91a204f18b321fbfb35b4ddf307764787ad52be8635ed5b7a96b773a169dce1b4d8e14e259202953052599b8078163b453c64b73addc7dfa07fdc4c0",
        ),
    ] {
        assert_opens(of(scheme), hex, Some("s0000007"), PASSWORD);
    }
    // hmac(key="pepper" + salt, password); hmac(key=password, salt)
    let pepper = PasswordFormat { key: text("pepper{SALT}"), ..of(HmacSha256) };
    assert_opens(pepper, "c4400708e9b8bea46124b8db6107b91306d00a1db45f5804915019be93877aea", Some("s7"), PASSWORD);
    let turned = PasswordFormat { key: text("{PASSWORD}"), template: text("{SALT}"), ..of(HmacSha256) };
    assert_opens(turned, "b6e4fa94a7cb1dab05f6d0e0bfa83e8a362820837c487440816736048ccaab79", Some("s7"), PASSWORD);
}

#[test]
fn pbkdf2_and_scrypt_with_the_salt_beside() {
    use PasswordScheme::{Pbkdf2Sha1, Pbkdf2Sha256, Pbkdf2Sha384, Pbkdf2Sha512};
    // RFC 6070, cases 3 and 5 (rounds of case 4 take too long).
    let format = |rounds| PasswordFormat { iterations: Some(rounds), ..of(Pbkdf2Sha1) };
    assert_opens(format(4096), "4b007901b765489abead49d926f721d065a429c1", Some("salt"), "password");
    let hex = "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038";
    assert_opens(format(4096), hex, Some("saltSALTsaltSALTsaltSALTsaltSALTsalt"), "passwordPASSWORDpassword");
    for (scheme, hex) in [
        (Pbkdf2Sha256, "349a9d0d88efe6b5805b2d9fa932381ff40917d2e9caee87b9d72292ddeee334"),
        (Pbkdf2Sha384, "4d03e2dc52d2c048da29c97953cb487276aaceae4a4e2df37445ed38cda6fc98"),
        (Pbkdf2Sha512, "4122c159636cf05beff724b919870548171fd129092cde30a9b74d361d59ebe6"),
    ] {
        assert_opens(PasswordFormat { iterations: Some(300), ..of(scheme) }, hex, Some("s0000007"), PASSWORD);
    }
    // RFC 7914, section 12: N=16, r=1, p=1 has an empty password, so the second: N=1024, r=8, p=16.
    let hex = "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830da\
               c727afb94a83ee6d8360cbdfa2cc0640";
    let format = PasswordFormat { iterations: Some(1024), parallelism: Some(16), ..of(PasswordScheme::Scrypt) };
    assert_opens(format, hex, Some("NaCl"), "password");
}

/// github.com/firebase/scrypt, README.
#[test]
fn firebase() {
    let format = PasswordFormat {
        key: text("jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="),
        salt_separator: text("Bw=="),
        block_size: Some(8),
        iterations: Some(14),
        ..of(PasswordScheme::FirebaseScrypt)
    };
    let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
    assert_opens(format, hash, Some("42xEC+ixf3L2lw=="), "user1password");
}

/// Made by PostgreSQL 15 for `create role ada`, with `password_encryption` md5.
#[test]
fn postgres_takes_the_name_as_salt() {
    let stored = "md5367755659d99f658f42d1305de554c7a";
    let hints = |name: &str| Hints { username: text(name), ..Hints::default() };
    assert_eq!(opens(stored, "Isthmus 7", &hints("ada")), Ok(true));
    assert_eq!(opens(stored, "Isthmus 7", &hints("bob")), Ok(false));
    let described = PasswordFormat::default().describe(stored, None, Some("ada"));
    assert_eq!(opens(&described, "Isthmus 7", &Hints::default()), Ok(true));
    assert_eq!(opens(stored, "Isthmus 7", &Hints::default()), Err(Unverifiable::Needs("user name")));
}

#[test]
fn plain_text_is_taken_as_such_only_where_somebody_says_so() {
    assert_opens(of(PasswordScheme::Plain), PASSWORD, None, PASSWORD);
    // Stored in the other spelling of its letters.
    assert_opens(of(PasswordScheme::Plain), "Gru\u{308}ße, Isthmus 7", None, PASSWORD);
    assert_opens(of(PasswordScheme::Plain), "{SSHA}is my password", None, "{SSHA}is my password");
    let stored = parse(&secret(PASSWORD), &told(of(PasswordScheme::Plain), None)).unwrap();
    assert!(stored.needs_wrap() && stored.scheme() == StoredScheme::Plain);
}

#[test]
fn settings_that_cannot_be_meant_are_typed_errors() {
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    let try_it =
        |format: PasswordFormat, stored: &str, salt| opens(stored, "password", &told(format, salt)).unwrap_err();
    let constant = PasswordFormat { template: text("constant"), ..of(PasswordScheme::Md5) };
    assert!(matches!(try_it(constant, md5, None), Unverifiable::Malformed(_)), "anybody would get in");
    let ends = PasswordFormat { again: text("{SALT}"), iterations: Some(2), ..of(PasswordScheme::Md5) };
    assert!(matches!(try_it(ends, md5, Some("x")), Unverifiable::Malformed(_)), "anybody would get in");
    let keyed = PasswordFormat { template: text("{SALT}"), ..of(PasswordScheme::HmacMd5) };
    assert!(matches!(try_it(keyed, md5, Some("x")), Unverifiable::Malformed(_)), "anybody would get in");
    let salted = PasswordFormat { template: text("{SALT}{PASSWORD}"), ..of(PasswordScheme::Md5) };
    assert_eq!(try_it(salted, md5, None), Unverifiable::Needs("salt"));
    assert_eq!(try_it(of(PasswordScheme::Pbkdf2Sha1), md5, Some("x")), Unverifiable::Needs("number of iterations"));
    assert_eq!(try_it(of(PasswordScheme::FirebaseScrypt), "AAAA", Some("x")), Unverifiable::Needs("signer key"));
    assert_eq!(try_it(of(PasswordScheme::CallOut), "x", None), Unverifiable::CallOut);
    assert!(matches!(try_it(of(PasswordScheme::Sha1), md5, None), Unverifiable::Malformed(_)), "another length");
    let dear = PasswordFormat { iterations: Some(u32::MAX), ..of(PasswordScheme::Md5) };
    assert_eq!(try_it(dear, md5, None), Unverifiable::TooCostly);
}
