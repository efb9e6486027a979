//! A change of the rules that values are computed by counts at the next import, though no entry changed.

use directory::{
    AttributeDefinition, AttributeName, AttributeType, ImportOutcome, ObjectKind, ProfileSettings, Source, SourceDraft,
};
use storage::attributes::Attributes;

use super::{CHANGES, FULL, import, person, readable};
use crate::support::{Powers, TestHub, entry, hubs};

async fn changed(test: &TestHub, boss: &Powers, source: &Source, change: impl FnOnce(&mut ProfileSettings)) -> Source {
    let now = test.hub.source_by_name(&boss.read, &source.name).await.unwrap().source;
    let mut draft = SourceDraft::from(&now);
    change(&mut draft.profile);
    test.hub.update_source(&boss.sources, now.id, now.revision, draft, None).await.unwrap().source
}

async fn value(test: &TestHub, source: &Source, name: AttributeName) -> Option<String> {
    let ada = person(test, source, "ada").await;
    let all = Attributes(&mut test.hub.database.reader()).of_person(ada.id).await.unwrap();
    all.into_iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value)
}

#[tokio::test]
async fn a_new_mapping_priority_or_definition_counts_at_the_next_import_of_changes() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        let source = readable(&test, 50, true).await;
        let mut ada = entry("ada");
        ada.raw.insert("ou".to_owned(), vec!["Sales".to_owned()]);
        test.directory.set(ada);
        test.directory.set(entry("bob"));
        import(&test, &source, FULL).await;
        let quiet = import(&test, &source, CHANGES).await;
        assert_eq!(quiet.counts.read.values().sum::<u64>(), 0, "nothing changed, nothing is read");
        // A mapping.
        let department = AttributeName::Department;
        let text = "entry.?ou.orValue('')".to_owned();
        changed(&test, &boss, &source, |profile| drop(profile.expressions.insert(department, text))).await;
        let run = import(&test, &source, CHANGES).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Updated), 1, "{run:?}");
        assert_eq!(value(&test, &source, department).await.as_deref(), Some("Sales"));
        // A priority: everything is weighed again.
        changed(&test, &boss, &source, |profile| profile.priority = Some(7)).await;
        assert_eq!(import(&test, &source, CHANGES).await.counts.read[&ObjectKind::Person], 2);
        // A definition, which is no setting of the source at all.
        let definition = |longest| AttributeDefinition {
            name: "unit".parse().unwrap(),
            label: "Unit".to_owned(),
            kind: AttributeType::Text { longest: Some(longest) },
            several: false,
            required: false,
            sensitive: false,
            release: None,
        };
        let unit = definition(3).attribute();
        test.hub.define_attribute(&boss.roles, 0, definition(3), true).await.unwrap();
        // No setting of the source changed, and its Profile page offers it at once.
        assert_eq!(test.hub.live_source(source.id).await.unwrap().source.definitions[..], [definition(3)]);
        let text = "entry.?ou.orValue('')".to_owned();
        changed(&test, &boss, &source, |profile| drop(profile.expressions.insert(unit, text))).await;
        import(&test, &source, CHANGES).await;
        assert_eq!(value(&test, &source, unit).await, None, "too long");
        assert_eq!(import(&test, &source, CHANGES).await.counts.read.values().sum::<u64>(), 0);
        test.hub.define_attribute(&boss.roles, 1, definition(9), false).await.unwrap();
        let run = import(&test, &source, CHANGES).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Updated), 1, "{run:?}");
        assert_eq!(value(&test, &source, unit).await.as_deref(), Some("Sales"));
    }
}
