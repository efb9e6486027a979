//! Who is the same person: exact rules on normalised attributes, guards and vetoes (semantics, section 6). Pure.
//!
//! [`decide`] is the whole answer: from one new record, what is known of those who bear one of its values, and the
//! rules, to LINK, a question for people, or CREATE. A false link is an account taken over, so every guard that does
//! not clearly pass turns a link into a question.

mod anchor;
mod check;
mod decide;
mod guard;
mod normal;
#[cfg(test)]
mod properties;

pub use anchor::{guid, sid};
pub use check::{RuleFault, check};
pub use decide::{AccountFacts, Bearer, Candidate, Claim, Found, Newcomer, Outcome, Population, Verdict, decide};
pub use guard::Doubt;
pub use normal::{look_up_key, normalised, same};
