#![expect(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod files;
mod formats;
mod hostile;
mod property;
mod support;
