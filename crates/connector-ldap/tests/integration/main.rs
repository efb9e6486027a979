//! The connector against real directories, and against ones that misbehave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demo;
mod discovery;
mod hostile;
mod hostile_replies;
mod hosts;
mod peers;
mod ranges;
mod slow;
mod support;
