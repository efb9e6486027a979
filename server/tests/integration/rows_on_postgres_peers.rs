//! The rows of the decision table over HTTP once more, with PostgreSQL under the server. Those at slapd and Samba are
//! not repeated: what differs there is the directory.

const ON_POSTGRES: bool = true;

use crate::rows::directory_stub;

#[expect(clippy::duplicate_mod, reason = "the same tests on the other database")]
#[path = "rows/delegated.rs"]
mod delegated;
#[expect(clippy::duplicate_mod, reason = "the same tests on the other database")]
#[expect(dead_code, reason = "slapd and Samba need more of it")]
#[path = "rows/house.rs"]
mod house;
#[expect(clippy::duplicate_mod, reason = "the same tests on the other database")]
#[path = "rows/outcome.rs"]
mod outcome;
#[expect(clippy::duplicate_mod, reason = "the same tests on the other database")]
#[path = "rows/owned.rs"]
mod owned;
#[expect(clippy::duplicate_mod, reason = "the same tests on the other database")]
#[path = "rows/refusals.rs"]
mod refusals;
#[expect(clippy::duplicate_mod, reason = "the same tests on the other database")]
#[path = "rows/unknown.rs"]
mod unknown;
