//! Answers that are shown once: to a browser without scripts, the page after a form's redirect shows what the form
//! answered (a new secret, a test). Kept in this process's memory for two minutes, for one session, and gone after the
//! first look. Behind several servers without sticky sessions such a browser may miss it; the page then says so.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use directory::SessionId;
use leptos::prelude::*;

/// How long an answer waits to be looked at.
const KEPT: TimeDelta = TimeDelta::minutes(2);
/// Most answers that wait at once.
const MOST: usize = 1_000;

/// How long it stays after the first look: a page may be drawn twice for one request.
const DRAWN: TimeDelta = TimeDelta::seconds(3);

struct Answer {
    until: DateTime<Utc>,
    text: String,
}

type Waiting = HashMap<(SessionId, String), Answer>;
static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(Mutex::default);

/// Whether the form was sent by the browser itself, not by our script.
pub fn without_scripts() -> bool {
    use_context::<http::request::Parts>().is_some_and(|parts| {
        let accept = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/html"))
    })
}

/// Keeps an answer for the next look of this session at `place`.
pub fn keep(session: SessionId, place: &str, now: DateTime<Utc>, answer: String) {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.retain(|_, answer| now < answer.until);
    if waiting.len() < MOST {
        waiting.insert((session, place.to_owned()), Answer { until: now + KEPT, text: answer });
    }
}

/// Takes it.
pub fn take(session: SessionId, place: &str, now: DateTime<Utc>) -> Option<String> {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.retain(|_, answer| now < answer.until);
    let answer = waiting.get_mut(&(session, place.to_owned()))?;
    answer.until = answer.until.min(now + DRAWN);
    Some(answer.text.clone())
}
