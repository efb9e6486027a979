//! Clocks: codes, tokens, lockout windows and standing all stand on them.

use hub::inspect::Inspection;

use super::{Report, length};

const CHECK: &str = "Clock";
/// Tokens allow a minute; a difference that grows this far will get there.
pub const WARN_SECONDS: i64 = 5;
pub const PROBLEM_SECONDS: i64 = 30;
const REMEDY: &str =
    "Let the machines take their time from one place (chrony or systemd-timesyncd), and restart nothing.";

pub fn check(report: &mut Report, inspection: &Inspection) {
    if let Some(there) = inspection.database_now {
        compare(report, inspection.now.signed_duration_since(there).num_seconds(), "the database's machine");
    }
    // A moment for a write that was just made by a server on another machine.
    match inspection.newest_event.map(|at| at.signed_duration_since(inspection.now).num_seconds()) {
        Some(ahead) if ahead > WARN_SECONDS => report.problem(
            CHECK,
            format!("the newest line of the audit log is {} in the future: the clock was set back", length(ahead)),
            "Correct the clock. Until it has caught up, sessions and lockout windows last longer than they should.",
        ),
        Some(_) | None if inspection.database_now.is_none() => {
            report.ok(
                CHECK,
                format!("{}, and nothing in the database is newer", inspection.now.format("%Y-%m-%d %H:%M:%S UTC")),
            );
        }
        Some(_) | None => {}
    }
}

/// Says how far this machine's clock is ahead of another one.
pub fn compare(report: &mut Report, ahead: i64, of: &str) {
    let direction = if ahead >= 0 { "ahead of" } else { "behind" };
    let detail = format!("{} {direction} {of}", length(ahead));
    match ahead.abs() {
        seconds if seconds >= PROBLEM_SECONDS => report.problem(CHECK, detail, REMEDY),
        seconds if seconds >= WARN_SECONDS => report.warning(CHECK, detail, REMEDY),
        _ => report.ok(CHECK, format!("within {WARN_SECONDS} seconds of {of}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_difference_is_named_with_its_size_and_direction() {
        let mut report = Report::default();
        for ahead in [0, 4, 7, -45, 7_200] {
            compare(&mut report, ahead, "there");
        }
        let seen: Vec<(Level, &str)> = report.findings.iter().map(|f| (f.level, f.detail.as_str())).collect();
        assert_eq!(
            seen,
            [
                (Level::Ok, "within 5 seconds of there"),
                (Level::Ok, "within 5 seconds of there"),
                (Level::Warning, "7 seconds ahead of there"),
                (Level::Problem, "45 seconds behind there"),
                (Level::Problem, "2 hours ahead of there"),
            ]
        );
    }
}
