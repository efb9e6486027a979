//! Values that say themselves how they were made.

use credential::{
    Cost, Verdict,
    legacy::{Hints, Unverifiable, keep, parse, verify},
};
use directory::StoredScheme;

use crate::{opens, password, secret};

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// Values made on a machine by the programs named in the first column; see the file.
fn made_elsewhere() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let lines = include_str!("vectors.tsv").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut columns = line.splitn(3, '\t');
        let mut next = || columns.next().expect("three columns");
        (next(), next(), next())
    })
}

/// Values printed in standards and in the projects' own documentation and tests.
const PUBLISHED: &[(&str, &str, &str)] = &[
    ("Openwall crypt_blowfish, wrapper.c", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("Openwall crypt_blowfish, wrapper.c", "U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    (
        "Drepper, Unix crypt using SHA-256 and SHA-512",
        "Hello world!",
        "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    ),
    (
        "Drepper, Unix crypt using SHA-256 and SHA-512",
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    ("RFC 6070, case 2", "password", "{PBKDF2}2$c2FsdA$6mwBTcctb4zNHtkqzh1B8NjeiVc"),
    ("Openwall phpass, test.php", "test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    ("MySQL, PASSWORD('password')", "password", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"),
    ("MS-NLMP style NT hash of 'password'", "password", "{NT}8846F7EAEE8FB117AD06BDD830B7586C"),
    (
        "ASP.NET Core, PasswordHasherTest.cs, version 2",
        "my password",
        "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==",
    ),
    (
        "ASP.NET Core, PasswordHasherTest.cs, version 3, SHA-1",
        "my password",
        "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M",
    ),
    (
        "ASP.NET Core, PasswordHasherTest.cs, version 3, SHA-512",
        "my password",
        "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
    ),
];

#[test]
fn every_known_answer_opens_with_its_password_and_with_no_other() {
    let mut number = 0;
    for (source, typed, stored) in made_elsewhere().chain(PUBLISHED.iter().copied()) {
        assert_eq!(opens(stored, typed, &Hints::default()), Ok(true), "{source}: {stored}");
        for wrong in [format!("x{typed}"), typed[..typed.len() - 1].to_owned(), typed.to_uppercase()] {
            // bcrypt reads 72 bytes; two of these differ from a hundred equal letters behind them only.
            if wrong != typed && (typed.len() < 72 || wrong == typed.to_uppercase()) {
                assert_eq!(opens(stored, &wrong, &Hints::default()), Ok(false), "{source}: {stored}: {wrong}");
            }
        }
        number += 1;
    }
    assert!(number > 55, "{number} vectors");
}

#[test]
fn a_kept_value_still_opens_and_a_cheap_one_is_not_in_it() {
    let mut wrapped = 0;
    for (source, typed, stored) in made_elsewhere().chain(PUBLISHED.iter().copied()) {
        let parsed = parse(&secret(stored), &Hints::default()).unwrap();
        let kept = keep(&secret(stored), &Hints::default(), &[7; 16], CHEAP).unwrap();
        let again = parse(&secret(&kept), &Hints::default()).unwrap();
        assert_eq!(again.scheme(), parsed.scheme(), "{source}");
        assert!(!again.needs_wrap(), "{source}");
        assert_eq!(again.verify(&password(typed)), Ok(Verdict::Right { needs_rehash: true }), "{source}: {kept}");
        if typed.len() < 72 {
            assert_eq!(again.verify(&password(&format!("{typed}x"))), Ok(Verdict::Wrong), "{source}");
        }
        if parsed.needs_wrap() {
            wrapped += 1;
            let secret_part = stored.rsplit(['$', '}', ':']).find(|part| part.len() > 8).unwrap_or(stored);
            assert!(!kept.contains(secret_part), "{source}: {kept}");
        } else {
            assert_eq!(kept, stored);
        }
    }
    assert!(wrapped > 20, "{wrapped} of them are wrapped");
}

#[test]
fn what_is_too_weak_switched_off_or_elsewhere_is_a_typed_error() {
    let none =
        ["", "!", "*", "!!", "x", "*LK*", "{CRYPT}*", "{CRYPT}!$6$x$y", "{SSHA}", "!dK1aS8bLwT0aGPSJHyFhI9Zp3nZ6q"];
    for stored in none {
        assert_eq!(opens(stored, "x", &Hints::default()), Err(Unverifiable::None), "{stored}");
    }
    for stored in [
        "{CRYPT}rEK1ecacw.7.c",
        "{CRYPT}_J9..K0AyUubG/OrRm5A",
        "{LM}e52cac67419a9a224a3b108f3fa6cb6d",
        "{UNIX}x",
        "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
    ] {
        assert!(matches!(opens(stored, "x", &Hints::default()), Err(Unverifiable::Refused(_))), "{stored}");
    }
    assert_eq!(opens("{SASL}ada@EXAMPLE", "x", &Hints::default()), Err(Unverifiable::Delegated));
    // Nothing is guessed: a digest that does not say which, and text that may be the password.
    for stored in ["5f4dcc3b5aa765d61d8327deb882cf99", "secret", "rEK1ecacw.7.c", "{ROT13}x", "$9$x$y", "é", "$", "{}"]
    {
        let error = opens(stored, "x", &Hints::default()).unwrap_err();
        assert!(matches!(error, Unverifiable::Unknown | Unverifiable::None), "{stored}: {error}");
    }
}

#[test]
fn what_costs_too_much_is_refused_before_it_costs_anything() {
    let body = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let dear = [
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA".to_owned(),
        "$argon2i$v=19$m=8,t=4000000000,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA".to_owned(),
        format!("$2b$31${body}"),
        format!("$2b$16${body}"),
        "$scrypt$ln=24,r=8,p=1$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA".to_owned(),
        "$scrypt$ln=1,r=4294967295,p=4294967295$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA".to_owned(),
        "$scrypt$ln=255,r=1,p=1$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA".to_owned(),
        "$pbkdf2-sha256$4000000000$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA".to_owned(),
        format!("{{PBKDF2-SHA256}}1000000$c2FsdA${}", "A".repeat(1200)),
        format!("$6$rounds=999999999$salt${}", ".".repeat(86)),
        "$P$SIQRaTwmf.eRo7ud9Fh4E2PdI0S3r.L".chars().take(34).collect::<String>(),
        format!("$y$jR5$saltsalt${}", ".".repeat(43)),
    ];
    let began = std::time::Instant::now();
    for stored in dear {
        assert_eq!(
            verify(&secret(&stored), &password("x"), &Hints::default()),
            Err(Unverifiable::TooCostly),
            "{stored}"
        );
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn values_that_do_not_hold_to_their_scheme_are_malformed() {
    for stored in [
        "$2b$12$short",
        "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "{SSHA}AAAA",
        "{SHA}AAAA",
        "$6$salt$short",
        "$5$rounds=10$salt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
        "$argon2id$v=19$m=8,m=8,t=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0",
        "pbkdf2_sha256$0$salt$AAAA",
        "pbkdf2_sha256$+5$salt$AAAA",
        "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA",
        "{\"algorithm\":\"pbkdf2\"}",
        "{\"",
        "$y$j9T$x",
        "$P$9IQR",
        "$scrypt$ln=0,r=8,p=1$c2FsdA$c2Fs",
        "$pbkdf2-sha256$5$c2FsdA$",
    ] {
        let error = opens(stored, "x", &Hints::default()).unwrap_err();
        assert!(matches!(error, Unverifiable::Malformed(_)), "{stored}: {error:?}");
        assert_eq!(error.scheme(), StoredScheme::Malformed);
    }
    assert!(matches!(opens(&"{SHA}".repeat(4000), "x", &Hints::default()), Err(Unverifiable::Malformed(_))));
}

#[test]
fn postgres_values_want_the_name_where_it_is_the_salt() {
    let stored = "md5d7b34a4cd4e4ba4bd9cb8c4a05d6d6a5";
    assert_eq!(opens(stored, "x", &Hints::default()), Err(Unverifiable::Needs("user name")));
}

#[test]
fn nothing_of_a_stored_value_is_printed() {
    let stored = parse(&secret("{CLEARTEXT}canary"), &Hints::default()).unwrap();
    assert_eq!(format!("{stored:?}"), "Stored { scheme: Plain, .. }");
}
