//! People who sign in all the time, and somebody who guesses.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    Dice,
    browser::{Balancer, SignedIn, Trouble},
    fleet::Fleet,
};
use crate::rows::directory_stub::RIGHT;

/// Whose password is guessed.
pub const VICTIM: &str = "victim";

/// What everybody met.
#[derive(Default)]
pub struct Load {
    stop: AtomicBool,
    pub signed_in: Mutex<Vec<SignedIn>>,
    pub lost: Mutex<Vec<(usize, Instant, Instant)>>,
    pub not_now: AtomicUsize,
    pub refused: AtomicUsize,
    odd: Mutex<Vec<String>>,
}

impl Load {
    /// Starts `people` workers that sign in and `guessers` that type wrong passwords of [`VICTIM`], each another one.
    pub fn start(
        fleet: &Arc<Fleet>,
        names: &Arc<Vec<String>>,
        people: usize,
        guessers: usize,
    ) -> (Arc<Self>, Vec<tokio::task::JoinHandle<()>>) {
        let load = Arc::new(Self::default());
        let workers = (0..people + guessers).map(|number| {
            let (load, fleet, names) = (Arc::clone(&load), Arc::clone(fleet), Arc::clone(names));
            tokio::spawn(async move {
                let balancer = Balancer::of(&fleet);
                let mut dice = Dice(number as u64);
                let mut tries = 0;
                while !load.stop.load(Ordering::Relaxed) {
                    tries += 1;
                    if number < people {
                        let name = &names[dice.roll(names.len())];
                        load.note(balancer.sign_in(name, RIGHT).await.map(Some));
                    } else {
                        load.note(balancer.guess(VICTIM, &format!("wrong {number} {tries}")).await.map(|()| None));
                    }
                }
            })
        });
        let workers = workers.collect();
        (load, workers)
    }

    fn note(&self, outcome: Result<Option<SignedIn>, Trouble>) {
        match outcome {
            Ok(Some(signed_in)) => self.signed_in.lock().unwrap().push(signed_in),
            Ok(None) => _ = self.refused.fetch_add(1, Ordering::Relaxed),
            Err(Trouble::Lost { server, began, ended }) => self.lost.lock().unwrap().push((server, began, ended)),
            Err(Trouble::NotNow) => _ = self.not_now.fetch_add(1, Ordering::Relaxed),
            Err(Trouble::Odd(what)) => self.odd.lock().unwrap().push(what),
        }
    }

    pub fn count(&self) -> usize {
        self.signed_in.lock().unwrap().len()
    }

    /// Waits until somebody signed in who had not before.
    pub async fn until_another(&self, at_most: Duration) -> Duration {
        let (before, began) = (self.count(), Instant::now());
        while self.count() == before {
            assert!(began.elapsed() < at_most, "nobody signs in any more: {:?}", self.odd.lock().unwrap().last());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    /// Ends it; nothing but what is allowed to happen may have happened.
    pub async fn end(&self, workers: Vec<tokio::task::JoinHandle<()>>) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.await.unwrap();
        }
        let odd = self.odd.lock().unwrap();
        assert!(odd.is_empty(), "{} odd answers, the first: {}", odd.len(), odd[0]);
    }
}
