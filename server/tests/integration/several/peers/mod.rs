//! Everything here needs PostgreSQL.

mod browser;
mod fleet;
mod killed;
mod load;
mod restarted;
mod rotated;
mod stalled;

use std::time::Duration;

/// How long a test goes on under load: `ISTHMUS_TEST_TIER=thorough` takes its time.
fn load_time() -> Duration {
    match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("thorough") => Duration::from_secs(180),
        _ => Duration::from_secs(20),
    }
}

/// A few random numbers that are the same in every run, or in one that somebody wants to see again.
struct Dice(u64);

impl Dice {
    fn seeded() -> Self {
        let seed = std::env::var("ISTHMUS_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_729);
        println!("ISTHMUS_TEST_SEED={seed}");
        Self(seed)
    }

    /// Below `sides` (splitmix64).
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}
