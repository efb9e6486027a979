//! What every area stands on. Nothing here knows an area.

mod audit;
mod browser_session;
pub mod capability;
mod clock;
mod kept_answer;
mod lease;
pub mod passwords;
mod random;
pub mod sealing;
pub mod vault;

pub use audit::{Actor, AuditEvent, record};
pub use clock::{Clock, FixedClock, SystemClock, seconds};
pub use lease::Fenced;
pub use random::{Random, SystemRandom};
