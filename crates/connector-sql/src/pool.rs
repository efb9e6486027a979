//! A handful of connections. sqlx's own pool would dial again and again until its patience ends; a person who waits at
//! the door is told at once that nothing listens.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{
    fault::Fault,
    link::{Described, Link, Question},
    settings::Compiled,
    value::Value,
};

/// Connections idle for longer are closed: firewalls forget them without a word.
const IDLE: Duration = Duration::from_secs(60);
/// Connections older than this are closed: accounts lose rights, certificates end.
const OLDEST: Duration = Duration::from_secs(30 * 60);

struct Kept {
    link: Link,
    made_at: Instant,
    used_at: Instant,
}

/// What is asked: rows, or only what columns there are.
#[derive(Clone, Copy)]
enum Errand<'q> {
    Rows(&'q Question),
    Describe(&'q str),
}

#[derive(Default)]
struct Answer {
    rows: Vec<Vec<Value>>,
    columns: Vec<Described>,
}

impl Errand<'_> {
    async fn run(self, link: &mut Link) -> Result<Answer, Fault> {
        Ok(match self {
            Self::Rows(question) => Answer { rows: link.rows(question).await?, ..Answer::default() },
            Self::Describe(sql) => Answer { columns: link.describe(sql).await?, ..Answer::default() },
        })
    }
}

pub(crate) struct Pool {
    places: Semaphore,
    idle: Mutex<VecDeque<Kept>>,
}

/// How long the parts of an answer took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    pub(crate) connect: Option<Duration>,
    pub(crate) ask: Duration,
}

impl Pool {
    pub(crate) fn new(connections: usize) -> Self {
        Self { places: Semaphore::new(connections), idle: Mutex::new(VecDeque::new()) }
    }

    pub(crate) async fn rows(
        &self,
        compiled: &Compiled,
        question: &Question,
    ) -> Result<(Vec<Vec<Value>>, Took), Fault> {
        let (answer, took) = self.ask(compiled, Errand::Rows(question)).await?;
        Ok((answer.rows, took))
    }

    pub(crate) async fn describe(&self, compiled: &Compiled, sql: &str) -> Result<(Vec<Described>, Took), Fault> {
        let (answer, took) = self.ask(compiled, Errand::Describe(sql)).await?;
        Ok((answer.columns, took))
    }

    /// Asks over a connection that is there, or over a new one. A kept connection that turns out to be dead is replaced
    /// once: every question only reads, so asking twice is no harm. A caller that goes away takes the connection along.
    async fn ask(&self, compiled: &Compiled, errand: Errand<'_>) -> Result<(Answer, Took), Fault> {
        let waited = timeout(compiled.operation_timeout, self.places.acquire()).await;
        let Ok(Ok(_place)) = waited else {
            return Err(Fault::unavailable("all connections are busy"));
        };
        if let Some(kept) = self.take() {
            let (made_at, mut link) = (kept.made_at, kept.link);
            let began = Instant::now();
            match timeout(compiled.operation_timeout, errand.run(&mut link)).await {
                Ok(Ok(answer)) => {
                    self.keep(link, made_at);
                    return Ok((answer, Took { connect: None, ask: began.elapsed() }));
                }
                Ok(Err(fault)) if !fault.of_connection => {
                    self.keep(link, made_at);
                    return Err(fault);
                }
                Ok(Err(fault)) => tracing::debug!(reason = %fault, "a kept connection is replaced"),
                Err(_) => return Err(too_slow(compiled)),
            }
        }
        let began = Instant::now();
        let mut link = Link::connect(compiled).await?;
        let connect = began.elapsed();
        let began = Instant::now();
        let answer =
            timeout(compiled.operation_timeout, errand.run(&mut link)).await.map_err(|_| too_slow(compiled))?;
        match &answer {
            Err(fault) if fault.of_connection => {}
            Ok(_) | Err(_) => self.keep(link, began),
        }
        answer.map(|answer| (answer, Took { connect: Some(connect), ask: began.elapsed() }))
    }

    fn take(&self) -> Option<Kept> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        idle.retain(|kept| now - kept.used_at < IDLE && now - kept.made_at < OLDEST);
        idle.pop_back()
    }

    fn keep(&self, link: Link, made_at: Instant) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back(Kept { link, made_at, used_at: Instant::now() });
    }
}

fn too_slow(compiled: &Compiled) -> Fault {
    Fault::unavailable(format!("no answer within {} ms", compiled.operation_timeout.as_millis()))
}
