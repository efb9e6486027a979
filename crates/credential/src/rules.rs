//! What a password that is set at the hub must be (NIST SP 800-63B-4, 3.1.1.2): long enough for what it protects, and
//! not one that is tried first. No rules about kinds of characters, no forced change, no hint.

use std::{collections::HashSet, sync::LazyLock};

use directory::fold;
use secrecy::ExposeSecret as _;

use crate::Password;

/// What stands beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    /// The password alone opens the account.
    PasswordOnly,
    /// A second factor is asked as well.
    WithSecond,
}

impl Factors {
    /// The fewest code points, after normalisation.
    #[must_use]
    pub const fn shortest(self) -> usize {
        match self {
            Self::PasswordOnly => 15,
            Self::WithSecond => 8,
        }
    }
}

/// Why a password may not be set. Says what to do, and nothing of the password but its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("use at least {shortest} characters, such as four random words; this has {length}")]
    Short { shortest: usize, length: usize },
    #[error("this is one of the passwords that are tried first: choose another")]
    Common,
    #[error("this repeats a few characters: choose another")]
    Repetition,
    #[error("this is little more than your name, or the name of this place: choose another")]
    Context,
}

/// What must be left once the words everybody knows about this person and place are taken away.
const SHORTEST_REST: usize = 8;
/// A repeated piece shorter than this is a pattern and not a choice.
const SHORTEST_PIECE: usize = 8;
/// Words of this product that are in many first guesses.
const OUR_WORDS: [&str; 5] = ["isthmus", "password", "passw0rd", "administrator", "admin"];

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
});

/// Whether this password may be set. `known` are words others know: names of the person, of the account, of the
/// organisation. Compared without regard to case, so that a capital letter does not make a first guess a good one.
pub fn may_be_set(password: &Password, factors: Factors, known: &[String]) -> Result<(), Weakness> {
    let (length, shortest) = (password.length(), factors.shortest());
    if length < shortest {
        return Err(Weakness::Short { shortest, length });
    }
    let folded = fold(password.secret().expose_secret()).as_str().to_owned();
    if is_common(&folded) {
        return Err(Weakness::Common);
    }
    if let Some(piece) = repeated_piece(&folded)
        && (piece.chars().count() < SHORTEST_PIECE || is_common(&piece))
    {
        return Err(Weakness::Repetition);
    }
    if without_known(&folded, known).chars().count() < SHORTEST_REST {
        return Err(Weakness::Context);
    }
    Ok(())
}

fn is_common(folded: &str) -> bool {
    COMMON.contains(folded)
}

/// The shortest piece that the text consists of, if it stands there twice or more; a last one may be cut off.
fn repeated_piece(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    (1..=letters.len() / 2)
        .find(|size| letters.iter().zip(letters.iter().skip(*size)).all(|(one, next)| one == next))
        .map(|size| letters[..size].iter().collect())
}

/// The password without words that are known about the person or the place.
fn without_known(folded: &str, known: &[String]) -> String {
    let mut words: Vec<String> = known
        .iter()
        .map(|word| fold(word).as_str().to_owned())
        .flat_map(|word| {
            let parts: Vec<String> = word.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
            std::iter::once(word).chain(parts)
        })
        .chain(OUR_WORDS.map(str::to_owned))
        .filter(|word| word.chars().count() >= 3)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.iter().fold(folded.to_owned(), |rest, word| rest.replace(word.as_str(), ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;
    use crate::{Cost, PasswordRefused, Verdict, make, verify};

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn judged(text: &str, factors: Factors) -> Result<(), Weakness> {
        let known = ["ada.lovelace@example.test", "Ada Lovelace", "id.kontor-orders.example"].map(str::to_owned);
        may_be_set(&Password::accept(&SecretString::from(text)).unwrap(), factors, &known)
    }

    fn alone(text: &str) -> Result<(), Weakness> {
        judged(text, Factors::PasswordOnly)
    }

    #[test]
    fn length_is_counted_in_code_points_after_normalisation() {
        assert_eq!(alone("fourteen chars"), Err(Weakness::Short { shortest: 15, length: 14 }));
        assert_eq!(alone("fifteen letters"), Ok(()));
        assert_eq!(alone("пятнадцать букв"), Ok(()), "15 letters, 29 bytes");
        assert_eq!(
            alone("e\u{301}a\u{300}o\u{302}i\u{308}u\u{301}wxyzbcd"),
            Err(Weakness::Short { shortest: 15, length: 12 })
        );
        assert_eq!(judged("mø8 pQz!", Factors::WithSecond), Ok(()), "eight beside a second factor");
        assert_eq!(judged("mø8 pQz", Factors::WithSecond), Err(Weakness::Short { shortest: 8, length: 7 }));
        let longest = "Straße und Gäßchen ".repeat(14).chars().take(256).collect::<String>();
        assert_eq!(alone(&longest), Ok(()), "far more than 64 are welcome");
        assert_eq!(Password::accept(&SecretString::from(format!("{longest}x"))).err(), Some(PasswordRefused::TooLong));
    }

    #[test]
    fn first_guesses_are_refused_whatever_their_case() {
        for guess in ["PasswordStandard", "1qaz2wsx3edc4rfv", "qwertyuiop12345", "correct horse battery staple"] {
            assert_eq!(alone(guess), Err(Weakness::Common), "{guess}");
        }
        assert_eq!(judged("Sunshine", Factors::WithSecond), Err(Weakness::Common));
        assert!(COMMON.len() > 11_000);
        for word in COMMON.iter() {
            assert_eq!(fold(word).as_str(), *word, "the list is folded");
        }
    }

    #[test]
    fn patterns_and_what_everybody_knows_are_refused() {
        for pattern in ["aaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcab", "sunshinesunshine1x".trim_end_matches("1x")] {
            assert!(matches!(alone(pattern), Err(Weakness::Repetition | Weakness::Common)), "{pattern}");
        }
        for known in ["ada.lovelace@example.test", "AdaLovelaceIsthmus1", "Kontor-Orders 2026", "isthmusPassword12"] {
            assert_eq!(alone(known), Err(Weakness::Context), "{known}");
        }
        assert_eq!(alone("four unusual harbour lanterns"), Ok(()));
        assert_eq!(alone("lovelace likes harbour lanterns"), Ok(()), "a name inside a long one is fine");
    }

    #[test]
    fn no_kind_of_character_is_asked_for() {
        for text in
            ["only small letters here", "ONLY CAPITALS, SO WHAT", "730194628517309", "⚓🌊🦀🐚🐙🐬🐳🦑🐟🐠🦈🐡🐢🦞🦐"]
        {
            assert_eq!(alone(text), Ok(()), "{text}");
        }
    }

    /// Any text of 15 to 256 code points.
    fn any_long_text() -> impl Strategy<Value = String> {
        let letter = any::<char>().prop_map(|letter| if letter == '\0' { 'o' } else { letter });
        prop::collection::vec(letter, 15..=256).prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// The rule as the standard has it: long enough and not on the list is enough, and it is verified as received.
        #[test]
        fn whatever_is_long_and_no_first_guess_is_accepted_and_verifies(
            text in any_long_text(), at in any::<prop::sample::Index>(), other in any::<char>(), salt in any::<[u8; 16]>(),
        ) {
            let Ok(password) = Password::accept(&SecretString::from(text.clone())) else {
                // Some letters become more of them by normalisation.
                prop_assert!(text.chars().count() > 80);
                return Ok(());
            };
            prop_assume!(password.length() >= 15);
            prop_assert_eq!(may_be_set(&password, Factors::PasswordOnly, &[]), Ok(()));
            let phc = make(&password, &salt, CHEAP).unwrap();
            prop_assert_eq!(verify(&phc, &password, CHEAP), Ok(Verdict::Right { needs_rehash: false }));
            let mut letters: Vec<char> = text.chars().collect();
            let place = at.index(letters.len());
            letters[place] = other;
            let changed: String = letters.into_iter().collect();
            if let Ok(changed) = Password::accept(&SecretString::from(changed))
                && changed.bytes() != password.bytes()
            {
                prop_assert_eq!(verify(&phc, &changed, CHEAP), Ok(Verdict::Wrong));
            }
        }
    }
}
