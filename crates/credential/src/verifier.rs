//! Making and checking the hub's own verifiers.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::{PasswordHash, SaltString},
};

use crate::Password;

/// Random bytes for one verifier, from the caller's source of randomness.
pub type Salt = [u8; 16];

/// What one verification costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// 19 MiB, two passes, one lane: the OWASP recommendation for argon2id.
    pub const STANDARD: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// What a stored verifier may ask for at most, so that a foreign one cannot take the server down.
    const CEILING: Self = Self { memory_kib: 256 * 1024, passes: 16, lanes: 8 };

    const fn within(self, ceiling: Self) -> bool {
        self.memory_kib <= ceiling.memory_kib && self.passes <= ceiling.passes && self.lanes <= ceiling.lanes
    }
}

/// The answer of [`verify`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right {
        /// The verifier was made under another policy than the current one: make it anew while the password is here.
        needs_rehash: bool,
    },
    Wrong,
}

/// A stored verifier that this version cannot check. Holds none of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableVerifier {
    #[error("it is not a PHC string")]
    Malformed,
    #[error("its scheme is not argon2id version 19")]
    UnknownScheme,
    #[error("it asks for more memory or time than is allowed")]
    TooCostly,
}

/// Makes a verifier under `cost`, as a PHC string. Takes tens of milliseconds and the memory of `cost`: callers run it
/// on a bounded pool.
pub fn make(password: &Password, salt: &Salt, cost: Cost) -> Result<String, UnreadableVerifier> {
    let salt = SaltString::encode_b64(salt).map_err(|_| UnreadableVerifier::Malformed)?;
    let hash = argon2id(cost)?.hash_password(password.bytes(), &salt).map_err(|_| UnreadableVerifier::Malformed)?;
    Ok(hash.to_string())
}

/// Whether this is the password of the verifier. The comparison takes constant time.
pub fn verify(phc: &str, password: &Password, current: Cost) -> Result<Verdict, UnreadableVerifier> {
    let hash = PasswordHash::new(phc).map_err(|_| UnreadableVerifier::Malformed)?;
    if hash.algorithm != argon2::ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
        return Err(UnreadableVerifier::UnknownScheme);
    }
    if hash.hash.is_none() || hash.salt.is_none() {
        return Err(UnreadableVerifier::Malformed);
    }
    let params = Params::try_from(&hash).map_err(|_| UnreadableVerifier::Malformed)?;
    let made_with = Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
    if !made_with.within(Cost::CEILING) {
        return Err(UnreadableVerifier::TooCostly);
    }
    match argon2id(made_with)?.verify_password(password.bytes(), &hash) {
        Ok(()) => Ok(Verdict::Right { needs_rehash: made_with != current }),
        Err(argon2::password_hash::Error::Password) => Ok(Verdict::Wrong),
        Err(_) => Err(UnreadableVerifier::Malformed),
    }
}

fn argon2id(cost: Cost) -> Result<Argon2<'static>, UnreadableVerifier> {
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| UnreadableVerifier::TooCostly)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;

    /// The properties do not depend on the cost, and the standard one takes its time.
    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::accept(&SecretString::from(text)).unwrap()
    }

    #[test]
    fn a_verifier_of_the_standard_cost_says_so() {
        let phc = make(&password("correct horse"), &[7; 16], Cost::STANDARD).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let right = verify(&phc, &password("correct horse"), Cost::STANDARD);
        assert_eq!(right, Ok(Verdict::Right { needs_rehash: false }));
        assert_eq!(verify(&phc, &password("correct horsf"), Cost::STANDARD), Ok(Verdict::Wrong));
    }

    #[test]
    fn a_verifier_of_another_cost_asks_to_be_made_anew() {
        let phc = make(&password("x"), &[7; 16], CHEAP).unwrap();
        assert_eq!(verify(&phc, &password("x"), Cost::STANDARD), Ok(Verdict::Right { needs_rehash: true }));
    }

    #[test]
    fn foreign_text_is_a_typed_error_and_costs_nothing() {
        let try_it = |phc: &str| verify(phc, &password("x"), Cost::STANDARD);
        for junk in ["", "$", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ", "$2b$10$é", "{SSHA}abc"] {
            assert!(try_it(junk).is_err(), "{junk}");
        }
        let hash = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
        assert_eq!(
            try_it(&format!("$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0${hash}")),
            Err(UnreadableVerifier::TooCostly)
        );
        assert_eq!(
            try_it(&format!("$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0${hash}")),
            Err(UnreadableVerifier::UnknownScheme)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_password_verifies_and_no_other_does(
            text in "\\PC{1,256}", at in any::<prop::sample::Index>(), other in any::<char>(), salt in any::<Salt>(),
        ) {
            let Ok(right) = Password::accept(&SecretString::from(text.clone())) else { return Ok(()) };
            let phc = make(&right, &salt, CHEAP).unwrap();
            prop_assert_eq!(verify(&phc, &right, CHEAP), Ok(Verdict::Right { needs_rehash: false }));
            let mut letters: Vec<char> = text.chars().collect();
            let place = at.index(letters.len());
            letters[place] = other;
            let changed: String = letters.into_iter().collect();
            if let Ok(wrong) = Password::accept(&SecretString::from(changed))
                && wrong.bytes() != right.bytes()
            {
                prop_assert_eq!(verify(&phc, &wrong, CHEAP), Ok(Verdict::Wrong));
            }
        }

        #[test]
        fn foreign_text_never_panics(text in any::<String>()) {
            let _ = verify(&text, &password("x"), CHEAP);
            let _ = verify(&format!("$argon2id$v=19${text}"), &password("x"), CHEAP);
        }
    }
}
