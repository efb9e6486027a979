//! Verifying passwords on a bounded pool: one verification takes 19 MiB and a core for some 16 ms, so more of them at
//! once than there are cores only makes all of them later. Who would have to wait too long is told so at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use credential::{Cost, Password, Salt, UnreadableVerifier, Verdict, legacy};
use directory::metric;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::Random;
use crate::HubError;

/// Waiting verifications per core, above which the hub sheds load: about a second of work.
const WAITING_PER_CORE: usize = 64;

/// The pool. One per process.
#[derive(Debug)]
pub struct VerificationPool {
    permits: Arc<Semaphore>,
    cores: usize,
    waiting: AtomicUsize,
    waiting_limit: usize,
    cost: Cost,
}

impl Default for VerificationPool {
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get), Cost::STANDARD)
    }
}

impl VerificationPool {
    #[must_use]
    pub fn new(cores: usize, cost: Cost) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(cores)),
            cores,
            waiting: AtomicUsize::new(0),
            waiting_limit: cores * WAITING_PER_CORE,
            cost,
        }
    }

    /// Makes a verifier for a password that was just proven or set.
    pub async fn make(&self, random: &dyn Random, password: &Password) -> Result<String, HubError> {
        let mut salt: Salt = [0; 16];
        random.fill(&mut salt);
        let (password, cost) = (password.clone(), self.cost);
        self.run(move || credential::make(&password, &salt, cost))
            .await?
            .map_err(|error| HubError::Internal(format!("a verifier could not be made: {error}")))
    }

    /// Whether this is the password of the verifier, ours or an imported one. One that cannot be read is an error of
    /// ours, not a wrong password.
    pub async fn verify(&self, verifier: String, password: &Password) -> Result<Verdict, HubError> {
        let (password, cost) = (password.clone(), self.cost);
        let verdict = self.run(move || match credential::verify(&verifier, &password, cost) {
            Err(UnreadableVerifier::Malformed | UnreadableVerifier::UnknownScheme) => {
                legacy::verify(&SecretString::from(verifier), &password, &legacy::Hints::default())
                    .map_err(|e| e.to_string())
            }
            ours => ours.map_err(|error| error.to_string()),
        });
        verdict.await?.map_err(|error| HubError::Internal(format!("a stored verifier cannot be used: {error}")))
    }

    /// Whether this is the password that another system stored. The inner error says why nobody can tell.
    pub async fn verify_stored(
        &self,
        stored: SecretString,
        password: &Password,
    ) -> Result<Result<Verdict, legacy::Unverifiable>, HubError> {
        let password = password.clone();
        self.run(move || legacy::verify(&stored, &password, &legacy::Hints::default())).await
    }

    /// The text a value of another system is imported as: one that is cheap to guess is wrapped.
    pub async fn keep_stored(
        &self,
        random: &dyn Random,
        stored: SecretString,
    ) -> Result<Result<String, legacy::Unverifiable>, HubError> {
        let mut salt: Salt = [0; 16];
        random.fill(&mut salt);
        let cost = self.cost;
        self.run(move || legacy::keep(&stored, &legacy::Hints::default(), &salt, cost)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HubError> {
        let began = Instant::now();
        let Some(_place) = Waiting::enter(&self.waiting, self.waiting_limit) else {
            metrics::counter!(metric::PASSWORD_CHECKS_SHED).increment(1);
            return Err(HubError::Overloaded);
        };
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| HubError::Overloaded)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        let done = done.await;
        metrics::histogram!(metric::PASSWORD_CHECK_SECONDS).record(began.elapsed());
        done.map_err(|error| HubError::Internal(format!("a verification did not finish: {error}")))
    }

    /// Publishes how busy it is.
    pub(crate) fn observe(&self) {
        let running = self.cores.saturating_sub(self.permits.available_permits());
        // Everybody in the queue counts as waiting until the verification is done.
        let waiting = self.waiting.load(Ordering::Acquire).saturating_sub(running);
        for (state, number) in [("running", running), ("waiting", waiting), ("limit", self.waiting_limit)] {
            let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
            metrics::gauge!(metric::PASSWORD_CHECKS, "state" => state).set(number);
        }
    }
}

/// A place in the queue; leaves it when dropped, also when the request is cancelled.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::AcqRel) < limit).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SystemRandom;

    #[tokio::test]
    async fn a_full_pool_sheds_load_and_recovers() {
        let pool = VerificationPool { waiting_limit: 1, ..VerificationPool::new(1, Cost::STANDARD) };
        let password = Password::accept(&SecretString::from("x")).unwrap();
        let (a, b) = tokio::join!(pool.make(&SystemRandom, &password), pool.make(&SystemRandom, &password));
        assert!(a.is_ok() && matches!(b, Err(HubError::Overloaded)));
        let verdict = pool.verify(a.unwrap(), &password).await.unwrap();
        assert_eq!(verdict, Verdict::Right { needs_rehash: false });
    }
}
