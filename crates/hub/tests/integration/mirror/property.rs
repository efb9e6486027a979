//! Whatever a directory says, some things never happen.

use std::collections::BTreeSet;

use directory::{AccountStatus, AttributeName, Namespace, SourceEntry};
use hub::mirror::Provisioned;
use proptest::prelude::*;
use storage::{
    aliases::{Alias, Aliases},
    attributes::Attributes,
};

use crate::support::{TestHub, entry};

use super::*;

/// What a directory may answer about three people who want one another's names.
fn any_entries() -> impl Strategy<Value = Vec<(usize, SourceEntry)>> {
    let names =
        prop::sample::subsequence(vec!["ann", "Ben", "cyd", "a@corp.test", "B@corp.test", "x@other.test"], 0..4);
    let email = prop::sample::select(vec![None, Some("a@corp.test"), Some("b@corp.test"), Some("x@other.test")]);
    let number = prop::sample::select(vec![None, Some("1"), Some("2")]);
    let status = prop::sample::select(vec![AccountStatus::Active, AccountStatus::Disabled]);
    let one = (0..3usize, names, email, number, status).prop_map(|(who, names, email, number, status)| {
        let mut read = SourceEntry { status, ..entry(&format!("u{who}")) };
        read.names.extend(names.into_iter().map(str::to_owned));
        for (name, value) in [(AttributeName::Email, email), (AttributeName::EmployeeNumber, number)] {
            if let Some(value) = value {
                read = with(read, name, value);
            }
        }
        (who, read)
    });
    prop::collection::vec(one, 1..12)
}

#[test]
fn whatever_a_directory_says_nobody_ever_shares_a_name_an_address_or_a_number() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (test, source) = runtime.block_on(async {
        let test = TestHub::on(testkit::sqlite()).await;
        let source = source(&test, "corp").await;
        (test, source)
    });
    let rounds = std::cell::Cell::new(0u32);
    let mut runner =
        proptest::test_runner::TestRunner::new(proptest::test_runner::Config { cases: 40, ..Default::default() });
    runner
        .run(&any_entries(), |entries| {
            rounds.set(rounds.get() + 1);
            let round = rounds.get();
            runtime.block_on(async {
                let mut people = BTreeSet::new();
                for (who, mut read) in entries {
                    // Everybody starts afresh each round, still wanting what the rounds before hold.
                    read.immutable_id = format!("{round}-{who}").into();
                    match create(&test, &source, &read).await {
                        Provisioned::Created { person, .. }
                        | Provisioned::Collided { person, .. }
                        | Provisioned::Matched { person, .. }
                        | Provisioned::Linked { person, .. } => {
                            people.insert(person.id);
                        }
                        Provisioned::Ignored { .. } => {}
                    }
                }
                let mut reader = test.hub.database.reader();
                for id in people {
                    for attribute in Attributes(&mut reader).of_person(id).await.unwrap() {
                        let Some(value) = attribute.folded else { continue };
                        let holder = Aliases(&mut reader).claimed_by(attribute.name.as_str(), &value).await.unwrap();
                        assert!(holder.is_none_or(|holder| holder == id), "{} of somebody else", attribute.name);
                        assert!(!attribute.verified || holder == Some(id), "verified and not held");
                    }
                    for Alias { namespace, .. } in Aliases(&mut reader).of_person(id).await.unwrap() {
                        assert_eq!(namespace, Namespace::Source(source.id));
                    }
                }
            });
            Ok(())
        })
        .unwrap();
}
