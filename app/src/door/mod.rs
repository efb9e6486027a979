//! The door: every page a person meets before they are in, and on the way out. Drawn by the server, without a
//! script, in at most 40 kB with its stylesheet, and friendly to password managers.
//!
//! Each page is a plain struct and a function that returns the whole document. The forms post back to the routes of
//! the server: `/sign-in`, `/sign-in/code`, `/sign-in/offer`, `/sign-in/change`, `/sign-in/continue`, `/sign-in/consent`, `/sign-out`, `/set-up`,
//! `/account/password`; every field name is a constant of [`field`].

mod change_password;
mod code;
mod consent;
mod expired;
mod frame;
mod identifier;
mod message;
mod offer;
mod password;
mod provider;
mod refusal;
mod set_up;
mod sign_out;
mod signed_in;

pub use change_password::{ChangePasswordPage, change_password_page};
pub use code::{CodePage, code_page};
pub use consent::{Ask, AskKind, ConsentPage, consent_page};
pub use expired::{ChangeUnknownPage, ExpiredPage, change_unknown_page, expired_page};
pub use frame::Frame;
pub use identifier::{DirectoryChoice, IdentifierPage, identifier_page};
pub use message::{ErrorPage, error_page};
pub use offer::{OfferPage, offer_page};
pub use password::{PasswordPage, password_page};
pub use provider::ProviderLink;
pub use refusal::{RefusalKind, RefusalPage, refusal_page};
pub use set_up::{SetUpDonePage, SetUpPage, set_up_done_page, set_up_page};
pub use sign_out::{SignOutPage, SignedOutPage, sign_out_page, signed_out_page};
pub use signed_in::{SignedInPage, signed_in_page};

/// The names of the form fields, so that the server reads what the pages send.
pub mod field {
    /// The stored authorization request that is being signed in for; absent for the console.
    pub const TRANSACTION: &str = "transaction";
    /// A path of this hub to go to after a sign-in without a transaction.
    pub const RETURN_TO: &str = "return_to";
    /// What the person typed as their name.
    pub const IDENTIFIER: &str = "identifier";
    /// The password, exactly as typed.
    pub const PASSWORD: &str = "password";
    /// The chosen directory; empty for "Find me".
    pub const DIRECTORY: &str = "directory";
    /// `allow` or `refuse` on the consent page; `skip` puts an offer off.
    pub const DECISION: &str = "decision";
    /// What the first step of a sign-in in two steps handed out.
    pub const STEP: &str = "step";
    /// The break-glass code.
    pub const CODE: &str = "code";
    /// The secret of a set-up link.
    pub const TOKEN: &str = "token";
    /// The new password of the pages that set one.
    pub const NEW_PASSWORD: &str = "new_password";
    /// The same, typed again.
    pub const REPEATED_PASSWORD: &str = "repeated_password";
}

/// Where a sign-in form belongs to: an application's request, a path of the console, or neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passage {
    /// [`field::TRANSACTION`].
    pub transaction: Option<String>,
    /// [`field::RETURN_TO`].
    pub return_to: Option<String>,
    /// The application's name, as registered. `None` = the console.
    pub client_name: Option<String>,
}

impl Passage {
    /// The start of the same sign-in.
    #[must_use]
    pub fn start(&self) -> String {
        let pairs = [(field::TRANSACTION, &self.transaction), (field::RETURN_TO, &self.return_to)];
        let query: Vec<String> = pairs
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name}={}", crate::link::encode(v))))
            .collect();
        if query.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{}", query.join("&")) }
    }
}

#[cfg(test)]
mod tests;
