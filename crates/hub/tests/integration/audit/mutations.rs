//! Whatever somebody with the database in their hands does to the log is found: ten thousand random deeds on each
//! database with `ISTHMUS_TEST_TIER=thorough`, fewer otherwise. Each is done inside a transaction, verified there, and
//! rolled back.

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use hub::audit::{Verification, verify};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng},
};
use storage::{Transaction, audit_chain, no_parameters};
use uuid::Uuid;

use super::{Lines, file, sealer, write_events};
use crate::support::{TestHub, hubs};

const EVENTS: i64 = 48;
const SEED: [u8; 32] = *b"ten thousand deeds and all found";

fn deeds() -> usize {
    match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("thorough") => 10_000,
        Ok("quick") => 300,
        // Ten thousand on both databases together.
        _ => 5_000,
    }
}

/// What a deed is written in.
struct Hand {
    postgres: bool,
    rng: TestRng,
}

impl Hand {
    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.rng.next_u64() % u64::try_from(end).unwrap()).unwrap()
    }

    fn event(&mut self) -> i64 {
        self.below(EVENTS) + 1
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.postgres { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
    }

    fn id(&self, id: Uuid) -> String {
        if self.postgres { format!("'{id}'::uuid") } else { self.bytes(id.as_bytes()) }
    }

    fn random_id(&mut self) -> Uuid {
        Uuid::from_u128(u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64()))
    }
}

async fn run(tx: &mut Transaction, sql: String) -> u64 {
    let sql: &'static str = Box::leak(sql.into_boxed_str());
    tx.execute(sql, no_parameters()).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// One column of one event gets another value.
async fn alter(tx: &mut Transaction, hand: &mut Hand, n: i64) -> String {
    let event = audit_chain::sealed_at(tx, n).await.unwrap().unwrap();
    let flip = |bytes: &[u8], hand: &mut Hand| {
        let mut bytes = bytes.to_vec();
        let at = usize::try_from(hand.below(i64::try_from(bytes.len()).unwrap())).unwrap();
        bytes[at] ^= 1 << hand.below(8);
        bytes
    };
    let random_id = hand.random_id();
    let random_id = hand.id(random_id);
    let set = match hand.below(12) {
        0 => {
            let id = Uuid::from_slice(&flip(event.event.id.as_bytes(), hand)).unwrap();
            format!("id = {}", hand.id(id))
        }
        1 => {
            let at = event.event.at + chrono::TimeDelta::microseconds(hand.below(1 << 40) + 1);
            let text = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, false);
            if hand.postgres { format!("at = '{text}'::timestamptz") } else { format!("at = '{text}'") }
        }
        2 => "actor = actor || ' '".to_owned(),
        3 => "action = 'nothing.happened'".to_owned(),
        4 if event.event.person_id.is_some() && hand.below(2) == 0 => "person_id = null".to_owned(),
        4 => format!("person_id = {random_id}"),
        5 if event.event.source_id.is_some() && hand.below(2) == 0 => "source_id = null".to_owned(),
        5 => format!("source_id = {random_id}"),
        6 if event.event.client_id.is_some() && hand.below(2) == 0 => "client_id = null".to_owned(),
        6 => "client_id = 'elsewhere'".to_owned(),
        7 => "details = '{\"n\": -1}'".to_owned(),
        8 => {
            // One letter within the details.
            let mut details = event.event.details.clone();
            details["name"] = "Alesund".into();
            format!("details = '{details}'")
        }
        9 => "request_id = 'x'".to_owned(),
        10 => format!("hash = {}", {
            let hash = flip(&event.hash, hand);
            hand.bytes(&hash)
        }),
        // What no such column can hold: SQLite takes anything anywhere, PostgreSQL has dates beyond counting.
        _ if hand.postgres => "at = 'infinity'".to_owned(),
        _ => [
            "details = '{broken'",
            "at = 'yesterday'",
            "id = x'00'",
            "actor = x'ff'",
            "person_id = 'nobody'",
            "hash = 7",
        ][usize::try_from(hand.below(6)).unwrap()]
        .to_owned(),
    };
    assert_eq!(run(tx, format!("update audit_event set {set} where sequence = {n}")).await, 1);
    set
}

/// Everything from here on gets hashes that fit, as somebody who knows the code would do it.
async fn rehash(tx: &mut Transaction, hand: &Hand, from: i64) {
    let mut before = match from {
        1 => vec![0; 32],
        _ => audit_chain::hash_at(tx, from - 1).await.unwrap().unwrap_or_else(|| vec![0; 32]),
    };
    let mut last = from - 1;
    for event in audit_chain::sealed_after(tx, from - 1, 1_000).await.unwrap() {
        before = hub::audit::hash(&before, event.sequence, &event.event).to_vec();
        last = event.sequence;
        let hash = hand.bytes(&before);
        run(tx, format!("update audit_event set hash = {hash} where sequence = {last}")).await;
    }
    let hash = hand.bytes(&before);
    run(tx, format!("update audit_head set sequence = {last}, hash = {hash}")).await;
}

/// Does something to the log or its file; says what.
async fn deed(tx: &mut Transaction, hand: &mut Hand, lines: &mut [String]) -> (&'static str, String) {
    let n = hand.event();
    match hand.below(12) {
        0..4 => ("altered", alter(tx, hand, n).await),
        4 => {
            run(tx, format!("delete from audit_event where sequence = {n}")).await;
            ("deleted", n.to_string())
        }
        5 => {
            let to = n + hand.below(EVENTS - n + 1);
            run(tx, format!("delete from audit_event where sequence between {n} and {to}")).await;
            ("deleted", format!("{n} to {to}"))
        }
        6 => {
            let mut other = hand.event();
            if other == n {
                other = if n == 1 { 2 } else { n - 1 };
            }
            run(tx, format!("update audit_event set sequence = -1 where sequence = {n}")).await;
            run(tx, format!("update audit_event set sequence = {n} where sequence = {other}")).await;
            run(tx, format!("update audit_event set sequence = {other} where sequence = -1")).await;
            if hand.below(2) == 0 {
                return ("reordered", format!("{n} and {other}"));
            }
            rehash(tx, hand, n.min(other)).await;
            ("reordered and rehashed", format!("{n} and {other}"))
        }
        7 => {
            // With the record of the end, so that only the checkpoint knows.
            run(tx, format!("delete from audit_event where sequence >= {n}")).await;
            rehash(tx, hand, n).await;
            if hand.below(2) == 0 {
                run(tx, "delete from audit_checkpoint".to_owned()).await;
            }
            ("truncated", format!("from {n}"))
        }
        8 => {
            run(tx, format!("update audit_event set action = 'nothing.happened' where sequence = {n}")).await;
            rehash(tx, hand, n).await;
            ("rewritten", format!("from {n}"))
        }
        9 => {
            // The gap is closed and everything is hashed again.
            run(tx, format!("delete from audit_event where sequence = {n}")).await;
            for later in n + 1..=EVENTS {
                run(tx, format!("update audit_event set sequence = {} where sequence = {later}", later - 1)).await;
            }
            rehash(tx, hand, n).await;
            ("closed a gap", n.to_string())
        }
        10 => {
            run(tx, format!("update audit_event set sequence = null, hash = null where sequence = {n}")).await;
            ("unsealed", n.to_string())
        }
        _ => {
            let line = usize::try_from(hand.below(i64::try_from(lines.len()).unwrap())).unwrap();
            let mut bytes = lines[line].clone().into_bytes();
            let at = usize::try_from(hand.below(i64::try_from(bytes.len()).unwrap())).unwrap();
            bytes[at] ^= 1 << hand.below(7);
            lines[line] = String::from_utf8_lossy(&bytes).into_owned();
            ("checkpoint altered", lines[line].clone())
        }
    }
}

/// A log with checkpoints in its course and at its end.
async fn log(test: &TestHub) -> Vec<String> {
    let lines = Arc::new(Lines::default());
    let mut sealer = sealer(test, "a", &lines);
    for _ in 0..4 {
        write_events(&test.hub, usize::try_from(EVENTS / 4).unwrap()).await;
        sealer.work().await.unwrap();
        test.wait(61);
        sealer.work().await.unwrap();
    }
    assert_eq!(lines.all().len(), 4);
    lines.all()
}

#[tokio::test]
async fn whatever_somebody_does_to_the_log_is_found() {
    for test in hubs().await {
        let lines = log(&test).await;
        let now = test.hub.clock.now();
        let postgres = test.database.name() == "postgres";
        let mut hand = Hand { postgres, rng: TestRng::from_seed(RngAlgorithm::ChaCha, &SEED) };
        let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
        let begin = std::time::Instant::now();
        for number in 0..deeds() {
            let mut tx = test.hub.database.begin().await.unwrap();
            let mut after = lines.clone();
            let (kind, what) = deed(&mut tx, &mut hand, &mut after).await;
            let report: Verification = verify(&mut tx, &[], Some(file(after)), now).await.unwrap();
            assert!(!report.is_intact(), "{} {number}: {kind} {what} was not found", test.database.name());
            assert!(report.findings.iter().all(|finding| finding.to_string().len() > 20));
            drop(tx);
            *tally.entry(kind).or_default() += 1;
        }
        let report = verify(&mut test.hub.database.reader(), &[], Some(file(lines)), now).await.unwrap();
        assert!(report.is_intact(), "and all of it was rolled back: {:?}", report.findings);
        println!("{}: {} deeds found in {:?}: {tally:?}", test.database.name(), deeds(), begin.elapsed());
    }
}

/// The words say which event and what was done to it.
#[tokio::test]
async fn a_finding_names_the_event() {
    for test in hubs().await {
        let lines = log(&test).await;
        let now = test.hub.clock.now();
        let hand =
            Hand { postgres: test.database.name() == "postgres", rng: TestRng::from_seed(RngAlgorithm::ChaCha, &SEED) };
        let hash = hand.bytes(&[7; 32]);
        let at = if hand.postgres { "'2000-01-01T00:00:00Z'::timestamptz" } else { "'2000-01-01T00:00:00+00:00'" };
        for (sql, said) in [
            ("update audit_event set actor = 'system' where sequence = 1", "event 1 was altered"),
            (&format!("update audit_event set at = {at} where sequence = 9"), "event 9 was altered"),
            (
                &format!("update audit_event set hash = {hash} where sequence = 9"),
                "event 9 is as it was sealed, but its stored hash was altered",
            ),
            ("delete from audit_event where sequence between 4 and 6", "events 4 to 6 were deleted or moved"),
            ("delete from audit_event where sequence > 45", "cut off after event 45: events 46 to 48 are missing"),
            ("delete from audit_head", "the record of where the chain ends was deleted"),
            (&format!("update audit_head set hash = {hash}"), "another hash than the sealer left there"),
            ("update audit_event set sequence = 1000 where sequence = 48", "events 48 to 999 were deleted"),
            (&format!("update audit_key set public_key = {hash}"), "signed with a key"),
            (&format!("update audit_checkpoint set signature = {hash}"), "its signature does not hold"),
        ] {
            let mut tx = test.hub.database.begin().await.unwrap();
            assert!(run(&mut tx, sql.to_owned()).await > 0, "{sql}");
            let report = verify(&mut tx, &[], Some(file(lines.clone())), now).await.unwrap();
            let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
            assert!(findings[0].contains(said), "{sql}: {findings:?}");
        }
        assert!(DateTime::UNIX_EPOCH < now);
    }
}
