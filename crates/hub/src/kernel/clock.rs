//! Time is handed in, so that tests decide what time it is.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

/// What time it is, truncated to microseconds so that a stored time equals the one in hand.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// A length of the policy or of a setting; a century is as good as forever, and adding it cannot overflow.
#[must_use]
pub fn seconds(length: u64) -> TimeDelta {
    const CENTURY: u32 = 3_155_760_000;
    TimeDelta::seconds(i64::from(u32::try_from(length).unwrap_or(CENTURY).min(CENTURY)))
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        storage::to_microseconds(Utc::now())
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(storage::to_microseconds(now)))
    }

    /// Moves time forwards (or back, with a negative step).
    pub fn advance(&self, step: TimeDelta) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += step;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
