//! What the Overview counts, and that every number has its rows.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{PersonId, PersonState, SourceId};
use hub::{
    overview::{AttemptAsk, AttemptLine, Path, Reason},
    sign_in::decision::Row,
};
use storage::{
    StorageError,
    trace::{TraceRow, Traces},
};

use crate::support::{Powers, TestHub, hubs, source_draft};

async fn attempt(
    test: &TestHub,
    at: DateTime<Utc>,
    row: &str,
    signed_in: bool,
    about: (Option<SourceId>, Option<PersonId>),
) {
    let id = hub::kernel::Random::id(&*test.hub.random, at);
    let trace = TraceRow {
        id,
        code: id.simple().to_string(),
        at,
        client_id: None,
        source_id: about.0.map(SourceId::uuid),
        person_id: about.1.map(PersonId::uuid),
        identifier: vec![1],
        endpoint: None,
        adapter_result: None,
        decision: row.to_owned(),
        signed_in,
        steps: serde_json::json!([]),
        say: String::new(),
        took_ms: 40 + i64::from(id.as_bytes()[15] % 3),
        request_id: "r".to_owned(),
    };
    let written: Result<bool, StorageError> =
        storage::write!(test.hub.database, |tx| { Traces(tx).insert(&trace).await });
    assert!(written.unwrap());
}

#[test]
fn every_row_of_the_table_has_its_way() {
    for row in Row::ALL {
        let path = Path::of(row.as_str(), true);
        assert!(matches!(path, Path::Hub | Path::Delegated), "{row}");
        assert_eq!(Path::of(row.as_str(), false), Path::Refused);
        // D3 is no row; each of the others can refuse, and says for which reason.
        assert!(Reason::of(row.as_str()).is_some(), "{row} has no reason");
        let reasons = Reason::ALL.iter().filter(|reason| reason.rows().contains(&row.as_str())).count();
        assert_eq!(reasons, 1, "{row}");
    }
    for row in Reason::ALL.iter().flat_map(|reason| reason.rows()) {
        assert!(Row::ALL.iter().any(|known| known.as_str() == *row), "{row} is no row of the table");
    }
    assert_eq!(Path::of("D1", true), Path::Hub);
    assert_eq!((Path::of("D6", true), Path::of("D18", true)), (Path::Delegated, Path::Delegated));
}

async fn rows_of(test: &TestHub, powers: &Powers, path: Option<Path>, reason: Option<Reason>) -> Vec<AttemptLine> {
    let midnight = test.hub.clock.now().date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let ask = AttemptAsk { from: midnight, until: midnight + TimeDelta::days(1), path, reason };
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let page = test.hub.attempts_page(&powers.find, &ask, after.as_deref(), 3).await.unwrap();
        lines.extend(page.lines);
        after = page.next;
        if after.is_none() {
            return lines;
        }
    }
}

#[tokio::test]
async fn the_numbers_of_today_are_the_rows_behind_them() {
    for test in hubs().await {
        let powers = test.administrator("admin").await;
        let source = test.hub.register_source(&powers.sources, source_draft("corp"), "x".into()).await.unwrap();
        let anna = test.provision(&source, "anna").await;
        let now = test.hub.clock.now();
        let midnight = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        attempt(&test, midnight - TimeDelta::seconds(1), "D1", true, (None, None)).await;
        let there = (Some(source.id), Some(anna));
        for (row, signed_in, number) in
            [("D1", true, 4), ("D6", true, 3), ("D18", true, 1), ("D7", false, 5), ("D14", false, 2), ("2.3", false, 1)]
        {
            for n in 0..number {
                attempt(&test, midnight + TimeDelta::minutes(10 * n), row, signed_in, there).await;
            }
        }
        let seen = test.hub.overview_now(&powers.read).await.unwrap();
        let sum = |of: fn(&hub::overview::Hour) -> i64| seen.hours.iter().map(of).sum::<i64>();
        assert_eq!((sum(|h| h.hub), sum(|h| h.delegated), sum(|h| h.refused)), (4, 4, 8));
        assert_eq!(seen.hours[0].begins, midnight);
        assert!(seen.hours.last().unwrap().begins <= now);
        let reasons = [(Reason::WrongPassword, 5), (Reason::Limited, 1), (Reason::SourceDown, 2)];
        assert_eq!(seen.reasons, reasons);
        for (path, number) in [(Path::Hub, 4), (Path::Delegated, 4), (Path::Refused, 8)] {
            let rows = rows_of(&test, &powers, Some(path), None).await;
            assert_eq!(rows.len(), number);
            assert!(rows.iter().all(|row| row.path == path));
            assert!(rows.is_sorted_by(|a, b| a.at >= b.at));
        }
        for (reason, number) in reasons {
            let rows = rows_of(&test, &powers, Some(Path::Refused), Some(reason)).await;
            assert_eq!(i64::try_from(rows.len()).unwrap(), number);
            assert!(rows.iter().all(|row| row.reason == Some(reason)));
            assert_eq!(rows[0].person.as_ref().map(|(id, _)| *id), Some(anna));
            assert_eq!(rows[0].source.as_deref(), Some("Corporate directory"));
        }
        assert_eq!(rows_of(&test, &powers, None, None).await.len(), 16);
        let health = &seen.sources[0];
        assert_eq!(health.last_success, Some(midnight + TimeDelta::minutes(20)));
        assert!(health.milliseconds.is_some_and(|number| (40..43).contains(&number)), "{health:?}");
        // The administrator is here with a password, anna is mirrored.
        assert_eq!(seen.people.get(&PersonState::Mirrored), Some(&1));
        assert_eq!(seen.people.get(&PersonState::Migrated), Some(&1));
        assert_eq!((seen.open_cases, seen.proposals.len()), (0, 0));
    }
}

#[tokio::test]
async fn an_hour_that_is_over_is_counted_once_and_the_present_one_again() {
    for test in hubs().await {
        let powers = test.administrator("admin").await;
        let now = test.hub.clock.now();
        let first = now - TimeDelta::seconds(now.timestamp() % 86_400);
        test.clock.advance(first + TimeDelta::minutes(150) - now);
        let count = async || -> Vec<i64> {
            test.hub.overview_now(&powers.read).await.unwrap().hours.iter().map(|hour| hour.hub).collect()
        };
        attempt(&test, first + TimeDelta::minutes(5), "D1", true, (None, None)).await;
        assert_eq!(count().await, [1, 0, 0]);
        attempt(&test, first + TimeDelta::minutes(6), "D1", true, (None, None)).await;
        attempt(&test, first + TimeDelta::minutes(140), "D1", true, (None, None)).await;
        assert_eq!(count().await, [1, 0, 1], "nothing is written into an hour that is over");
    }
}
