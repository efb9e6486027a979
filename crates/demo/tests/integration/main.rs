//! The demo's directories, asked by clients that were not written for them.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails there")]

mod cloud;
mod directory;
