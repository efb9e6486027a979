//! The hub against both databases, with a directory that answers as told.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails there")]

mod access;
mod apply;
mod approvals;
mod audit;
mod break_glass;
mod browse;
mod clients;
mod denials;
mod imports;
mod match_rules;
mod mirror;
mod overview;
mod passwords;
mod people;
mod sealing;
mod sessions;
mod sign_in;
mod sources;
mod standing;
mod support;
mod wizard;
