//! When imports begin by themselves, in words and choices.

use directory::ImportSchedule;

use super::{api::ScheduleCard, read::capital};
use crate::ui::Choice;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// The form with what is in force.
pub(super) fn schedule_card(schedule: ImportSchedule) -> ScheduleCard {
    ScheduleCard {
        sentence: sentence(schedule),
        every: schedule.every_seconds.to_string(),
        every_choices: choices(&[5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY], schedule.every_seconds),
        full_every: schedule.full_every_seconds.to_string(),
        full_every_choices: choices(&[6 * HOUR, 12 * HOUR, DAY, WEEK], schedule.full_every_seconds),
    }
}

/// The usual times, and whatever else was chosen elsewhere.
fn choices(usual: &[u64], chosen: u64) -> Vec<Choice> {
    let mut seconds: Vec<u64> = usual.iter().copied().chain([0, chosen]).collect();
    seconds.sort_unstable();
    seconds.dedup();
    seconds.into_iter().map(|seconds| Choice::new(seconds.to_string(), capital(&often(seconds)))).collect()
}

fn sentence(schedule: ImportSchedule) -> String {
    let changes = (schedule.every_seconds != 0).then(|| format!("what changed {}", often(schedule.every_seconds)));
    let full = (schedule.full_every_seconds != 0).then(|| format!("everything {}", often(schedule.full_every_seconds)));
    let both: Vec<String> = changes.into_iter().chain(full).collect();
    if both.is_empty() {
        return "Nothing is imported by itself.".to_owned();
    }
    format!("By itself: {}.", both.join(", "))
}

/// "every 15 minutes"
fn often(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0 => return "never".to_owned(),
        _ if seconds.is_multiple_of(WEEK) => (seconds / WEEK, "week"),
        _ if seconds.is_multiple_of(DAY) => (seconds / DAY, "day"),
        _ if seconds.is_multiple_of(HOUR) => (seconds / HOUR, "hour"),
        _ if seconds.is_multiple_of(MINUTE) => (seconds / MINUTE, "minute"),
        _ => (seconds, "second"),
    };
    if number == 1 { format!("every {unit}") } else { format!("every {number} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_from_elsewhere_stays_to_be_chosen_and_is_said_in_words() {
        let card = schedule_card(ImportSchedule { every_seconds: 90, full_every_seconds: WEEK });
        assert_eq!(card.sentence, "By itself: what changed every 90 seconds, everything every week.");
        let labels: Vec<&str> = card.every_choices.iter().map(|choice| &*choice.label).collect();
        assert_eq!(
            labels,
            [
                "Never",
                "Every 90 seconds",
                "Every 5 minutes",
                "Every 15 minutes",
                "Every hour",
                "Every 6 hours",
                "Every day"
            ]
        );
        assert_eq!(schedule_card(ImportSchedule::default()).sentence, "Nothing is imported by itself.");
    }
}
