//! The names of the rows, as help desk reads them.

macro_rules! rows {
    ($($(#[$meta:meta])* $variant:ident = $code:literal),+ $(,)?) => {
        /// A row of the decision table, or (with a dot) the paragraph that refused before the table was reached.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Row { $($(#[$meta])* $variant),+ }

        impl Row {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code in traces and documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

rows! {
    /// Migrated, and the hub's own verifier agrees.
    D1 = "D1",
    /// A captured or imported verifier whose password was changed at the source meanwhile: the source decides again.
    D1b = "D1b",
    /// Migrated, but the standing authority has not answered for longer than the standing may be old.
    D1c = "D1c",
    /// Migrated, wrong password.
    D2 = "D2",
    /// Migrated with a passkey only, and a password was typed.
    D2b = "D2b",
    /// Too many consecutive failures: not verified for a while.
    D2c = "D2c",
    /// An imported verifier agrees.
    D4 = "D4",
    /// An imported verifier does not agree.
    D5 = "D5",
    /// The source says yes.
    D6 = "D6",
    /// A redirect source says yes while capture applies.
    D6r = "D6r",
    /// A redirect source says yes for somebody who signs in here by now.
    D6s = "D6s",
    /// A password was typed for a redirect source.
    D6t = "D6t",
    /// The source says the password is wrong.
    D7 = "D7",
    /// The source does not know the linked entry.
    D8 = "D8",
    /// Disabled or expired at the source.
    D9 = "D9",
    /// Locked at the source.
    D10 = "D10",
    /// The right password, but it must be changed first.
    D11 = "D11",
    /// Not at this hour or from this place.
    D11b = "D11b",
    /// The source wants a factor that only it can ask for.
    D12 = "D12",
    /// Several entries bear the name.
    D13 = "D13",
    /// There is nothing to verify a password with.
    D13b = "D13b",
    /// The source is down: nothing changes.
    D14 = "D14",
    /// The source is down, and the hub's verifier agrees within the limits of the outage policy.
    D15 = "D15",
    /// As D15, but the verifier does not agree.
    D15b = "D15b",
    /// The source is down, and a limit of the outage policy is not met.
    D16 = "D16",
    /// The source refuses the hub itself.
    D17 = "D17",
    /// Unknown, and created just in time.
    D18 = "D18",
    /// Unknown, and linked to a person without another authority.
    D18b = "D18b",
    /// Unknown, and somebody else holds what they would hold: an identity of its own.
    D19 = "D19",
    /// Unknown, wrong password or name.
    D20 = "D20",
    /// Unknown, any other refusal.
    D20b = "D20b",
    /// The right password, but nobody is let in yet.
    D21 = "D21",
    /// Unknown, and the source is down.
    D22 = "D22",
    /// Unknown, and the source is not asked any more.
    D22b = "D22b",
    /// Staged, and activated by the right password.
    D23 = "D23",
    /// Staged, any other answer.
    D23b = "D23b",
    /// The source and the captured verifier disagree.
    D24 = "D24",
    /// Disabled.
    D25 = "D25",
    /// Merged away.
    D26 = "D26",
    /// The person's source is not asked any more.
    D27 = "D27",
    /// A break-glass administrator.
    D28 = "D28",
    /// Section 2.1: an empty, NUL-bearing or overlong password.
    PasswordForm = "2.1",
    /// Section 2.3: too many refusals.
    Throttled = "2.3",
    /// Section 2.7: the lockout budget of the account is used up.
    Budget = "2.7",
    /// Section 2.8: what came back from a redirect does not hold.
    Redirect = "2.8",
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
