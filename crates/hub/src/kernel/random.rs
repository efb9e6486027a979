//! Randomness is handed in as well: ids, tokens, codes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// Letters and digits that are not mistaken for one another when read out.
const READABLE: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);

    /// A secret of 256 bits, base64url without padding.
    fn token(&self) -> String {
        let mut bytes = [0u8; 32];
        self.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A row id: UUID version 7, so that rows made together lie together. Never a secret.
    fn id(&self, now: chrono::DateTime<chrono::Utc>) -> Uuid {
        let mut bytes = [0u8; 10];
        self.fill(&mut bytes);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// A code that is easy to read out, `R4T-9KD`: 30 bits. It names a trace and identifies nobody.
    fn readable_code(&self) -> String {
        let mut bytes = [0u8; 6];
        self.fill(&mut bytes);
        let letter = |i: usize| char::from(READABLE[usize::from(bytes[i]) % READABLE.len()]);
        format!("{}{}{}-{}{}{}", letter(0), letter(1), letter(2), letter(3), letter(4), letter(5))
    }
}

/// The operating system's random bytes.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without random bytes nothing here may go on")]
        aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
    }
}
