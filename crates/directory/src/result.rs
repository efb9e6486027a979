//! What a source answered, and what matching found: the closed sets that the decision table is total over.

use crate::words::words;

words! {
    /// The only answers a connector may give to "is this the right password" (decision table, section 3).
    AdapterResult, "adapter result" {
        /// The password is right and the source lets the account in.
        Ok = "ok",
        /// The source says the password is wrong.
        BadPassword = "bad-password",
        /// The source does not know the account.
        NotFound = "not-found",
        /// The account is disabled there.
        Disabled = "disabled",
        /// The account is locked there for now.
        Locked = "locked",
        /// The password is right but too old.
        PasswordExpired = "password-expired",
        /// The password is right but must be changed first.
        MustChange = "must-change",
        /// The account's validity is over.
        AccountExpired = "account-expired",
        /// Not at this hour or from this workstation.
        NotAllowedNow = "not-allowed-now",
        /// The source wants a second factor that only it can ask for.
        MfaRequired = "mfa-required",
        /// The name stands for more than one entry.
        SeveralEntries = "several-entries",
        /// Nothing to verify against: unknown scheme, no hash, a source without passwords.
        Unverifiable = "unverifiable",
        /// The source could not be asked, or answered something this version does not know.
        Unavailable = "unavailable",
        /// The source refuses the hub itself.
        Misconfigured = "misconfigured",
    }
}

words! {
    /// Why nobody was made of an entry yet.
    WaitingFor, "reason to wait" {
        /// One person fits, and a reviewer is to agree before they are linked.
        Link = "link",
        /// Somebody may be the same person, and nothing is definite.
        Review = "review",
        /// Two or more fit.
        Ambiguous = "ambiguous",
        /// Who fits has another account there already.
        Taken = "taken",
        /// Something that everybody must have is missing, or cannot be computed.
        Incomplete = "incomplete",
    }
}

words! {
    /// What matching an account against the directory found (section 6).
    MatchOutcome, "match outcome" {
        /// The account is linked and both sides are alive.
        Linked = "linked",
        /// One definite candidate and every guard passes.
        Link = "link",
        /// A candidate, but nothing definite.
        Review = "review",
        /// Two or more definite candidates.
        Ambiguous = "ambiguous",
        /// The candidate already has a live account of the same source and kind.
        Taken = "taken",
        /// Nobody fits: a new person.
        Create = "create",
        /// A name, e-mail address or number of the account is held by somebody else.
        Collision = "collision",
        /// Left out by a filter or an administrator.
        Ignored = "ignored",
        /// Linked, but absent from a complete read.
        Gone = "gone",
        /// Back within the tombstone timer.
        Returned = "returned",
    }
}
