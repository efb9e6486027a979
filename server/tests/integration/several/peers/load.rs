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
    fleet::{Fleet, SPAN, THRESHOLD},
};
use crate::rows::directory_stub::RIGHT;

/// Whose password is guessed.
pub const VICTIM: &str = "victim";

/// How the attempt of somebody with the right password ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Answered,
    Lost,
    Refused,
}

struct Attempt {
    name: String,
    began: Instant,
    ended: Instant,
    ending: Ending,
}

/// What everybody met.
#[derive(Default)]
pub struct Load {
    stop: AtomicBool,
    pub signed_in: Mutex<Vec<SignedIn>>,
    pub lost: Mutex<Vec<(usize, Instant, Instant)>>,
    pub not_now: AtomicUsize,
    pub refused: AtomicUsize,
    /// What became of the right passwords.
    attempts: Mutex<Vec<Attempt>>,
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
                        let (name, began) = (&names[dice.roll(names.len())], Instant::now());
                        let outcome = balancer.sign_in(name, RIGHT).await;
                        let ending = match &outcome {
                            Err(Trouble::Lost { .. }) => Ending::Lost,
                            Err(Trouble::Refused) => Ending::Refused,
                            _ => Ending::Answered,
                        };
                        let attempt = Attempt { name: name.clone(), began, ended: Instant::now(), ending };
                        load.attempts.lock().unwrap().push(attempt);
                        match outcome {
                            // Judged at the end, by what the others met.
                            Err(Trouble::Refused) => {}
                            outcome => load.note(outcome.map(Some)),
                        }
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
            Err(Trouble::Refused) => unreachable!("the other ways to be refused are counted where they are met"),
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
        self.right_passwords_were_refused_only_by_the_budget();
    }

    /// The budget keeps the place of a bind that may have left (semantics, section 4). So a right password is refused
    /// while two others of that person are under way or were lost with a server: without their cookie a browser has
    /// two of the three places.
    fn right_passwords_were_refused_only_by_the_budget(&self) {
        let attempts = self.attempts.lock().unwrap();
        for refused in attempts.iter().filter(|attempt| attempt.ending == Ending::Refused) {
            let holds_a_place = |other: &&Attempt| {
                let until = match other.ending {
                    Ending::Answered => other.ended,
                    Ending::Lost => other.ended + SPAN,
                    Ending::Refused => return false,
                };
                other.name == refused.name && other.began <= refused.ended && refused.began <= until
            };
            let others = attempts.iter().filter(holds_a_place).count();
            assert!(others >= THRESHOLD - 3, "{} was refused with the right password: {others} others", refused.name);
        }
        let refused = attempts.iter().filter(|attempt| attempt.ending == Ending::Refused).count();
        println!("{refused} of {} right passwords met places kept for binds that may have left", attempts.len());
    }
}
