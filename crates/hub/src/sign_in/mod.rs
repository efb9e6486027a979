//! Signing in: the delegation broker (semantics, sections 2 to 5).
//!
//! [`Hub::sign_in`](crate::Hub::sign_in) looks the person up, asks exactly one place about the password, lets the
//! decision table say what that means, and carries it out in one transaction. What is written here is counters, budget
//! places and the trace; people and accounts are written by `mirror`, sessions by `session`.

mod answer;
mod broker;
mod budget;
mod change_password;
mod commit;
mod compare;
mod contact;
pub mod decision;
mod expired;
mod grid;
mod housekeeping;
mod known;
mod live_test;
mod lookup;
mod measure;
mod memory;
mod redirect;
mod route;
mod stranger;
mod throttle;
mod trace;
mod unlock;

pub(crate) use memory::Memory;

pub use change_password::{PasswordChange, PasswordChangeAnswer, PasswordPlace};

pub use redirect::{
    PasswordOfferAnswer, PasswordOfferChoice, RedirectAnswer, RedirectBack, RedirectBeginning, RedirectBegun,
    RedirectCaller, RedirectFinished,
};

pub use expired::{ExpiredAnswer, ExpiredChange};
pub use unlock::{Unlockable, UnlockedAtSource};

pub use answer::{
    ChangeNeeded, CodeStep, DirectoryChoice, PasswordOffered, ProviderChoice, Refusal, RefusalPage, SignInAnswer,
    SignInAttempt, SignInPage, SignInTrace, Tone, TraceStep,
};
