//! Whatever the old table holds: an answer or a typed error, never a panic, and quickly.

use credential::{
    Cost, Verdict,
    legacy::{Hints, keep, parse, verify},
};
use directory::{ByteText, PasswordFormat, PasswordScheme, TextBytes};
use proptest::prelude::*;

use crate::{password, secret};

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

fn cases() -> u32 {
    match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("quick") => 200,
        Ok("thorough") => 20_000,
        _ => 600,
    }
}

/// The known values, each a little damaged: a letter changed, cut, doubled or moved.
fn damaged() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> =
        include_str!("vectors.tsv").lines().filter_map(|line| line.splitn(3, '\t').nth(2)).collect();
    let letter = prop_oneof![
        prop::sample::select("$,={}:./0123456789+-\"*!_aZé\u{0}".chars().collect::<Vec<_>>()),
        any::<char>()
    ];
    (prop::sample::select(known), any::<prop::sample::Index>(), letter, 0..4_u8).prop_map(|(text, at, letter, what)| {
        let mut letters: Vec<char> = text.chars().collect();
        let at = at.index(letters.len());
        match what {
            0 => letters[at] = letter,
            1 => letters.truncate(at),
            2 => letters.insert(at, letter),
            _ => drop(letters.remove(at)),
        }
        letters.into_iter().collect()
    })
}

fn any_format() -> impl Strategy<Value = PasswordFormat> {
    let template = || prop::option::of("(\\{PASSWORD\\}|\\{SALT\\}|\\{DIGEST\\}|\\{DIGEST_HEX\\}|[:{}é]){0,6}");
    let number = || prop::option::of(prop_oneof![0..40_u32, any::<u32>()]);
    let encoding = || prop::option::of(prop::sample::select(ByteText::ALL));
    (
        (prop::sample::select(PasswordScheme::ALL), template(), template(), template()),
        (number(), number(), number(), prop::option::of("[A-Za-z0-9+/=]{0,8}")),
        (encoding(), encoding(), prop::option::of(prop::sample::select(TextBytes::ALL))),
    )
        .prop_map(|(texts, numbers, encodings)| PasswordFormat {
            template: texts.1,
            again: texts.2,
            key: texts.3,
            iterations: numbers.0.map(|n| if n > 5_000_000 { n } else { n % 64 }),
            block_size: numbers.1,
            parallelism: numbers.2,
            salt_separator: numbers.3,
            encoding: encodings.0,
            salt_encoding: encodings.1,
            text: encodings.2,
            ..PasswordFormat::of(texts.0)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _ = parse(&secret(&text), &Hints::default());
        for start in ["$2b$", "$argon2id$v=19$", "$scrypt$", "$y$", "$7$", "{SSHA}", "{PBKDF2_SHA256}", "pbkdf2_sha256$", "SCRAM-SHA-256$", "$P$", "AQ", "{\"format\":{\"scheme\":\"md5\"},\"hash\":\""] {
            let _ = parse(&secret(&format!("{start}{text}")), &Hints::default());
        }
    }

    #[test]
    fn a_damaged_value_is_read_without_panic(text in damaged()) {
        let _ = parse(&secret(&text), &Hints::default());
    }

    #[test]
    fn any_format_is_read_without_panic(format in any_format(), text in "[0-9a-f]{32}|[0-9a-f]{40}|[A-Za-z0-9+/]{44}|\\PC{0,40}", salt in prop::option::of("[0-9a-f]{0,16}")) {
        let hints = Hints { format: Some(format.clone()), salt: salt.clone(), username: None };
        let told = parse(&secret(&text), &hints).map(|stored| stored.scheme());
        // What a connector hands over says the same as what the settings say.
        let described = format.describe(&text, salt.as_deref(), None);
        prop_assert_eq!(parse(&secret(&described), &Hints::default()).map(|stored| stored.scheme()), told);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases() / 20))]

    /// As well when it is verified, where that is cheap.
    #[test]
    fn a_damaged_value_is_verified_without_panic(text in damaged(), typed in "\\PC{1,256}") {
        if let Ok(stored) = parse(&secret(&text), &Hints::default())
            && (stored.needs_wrap() || text.len() < 60)
        {
            let _ = stored.verify(&password(&typed));
        }
    }

    /// Plain text is the one scheme that could be turned round: any password opens what is kept of it, no other does.
    #[test]
    fn any_password_opens_what_is_kept_of_it(typed in "\\PC{1,40}", other in "\\PC{1,40}", salt in any::<[u8; 16]>()) {
        let hints = Hints { format: Some(PasswordFormat::of(PasswordScheme::Plain)), ..Hints::default() };
        let kept = keep(&secret(&typed), &hints, &salt, CHEAP).unwrap();
        let right = Ok(Verdict::Right { needs_rehash: true });
        prop_assert_eq!(verify(&secret(&kept), &password(&typed), &Hints::default()), right);
        if password(&other).bytes() != password(&typed).bytes() {
            prop_assert_eq!(verify(&secret(&kept), &password(&other), &Hints::default()), Ok(Verdict::Wrong));
        }
        prop_assert!(typed.chars().count() < 8 || !kept.contains(&typed));
    }
}
