//! Groups with nesting, and devices.

use directory::{ImmutableId, ImportOutcome, ObjectKind, SourceDevice, SourceMode};
use storage::{directory_devices::DirectoryDevices, groups::Groups};

use super::{CHANGES, FULL, import, outcomes, person, readable, registered};
use crate::support::{TestHub, device, entry, group, hubs};

async fn groups_of(test: &TestHub, source: &directory::Source, name: &str) -> Vec<String> {
    let person = person(test, source, name).await;
    let groups = Groups(&mut test.hub.database.reader()).of_person(person.id).await.unwrap();
    groups.into_iter().map(|group| group.name).collect()
}

#[tokio::test]
async fn members_of_a_group_within_a_group_are_members_and_a_circle_ends() {
    for test in hubs().await {
        let source = readable(&test, 2, false).await;
        for name in ["ada", "bob", "cyd"] {
            test.directory.set(entry(name));
        }
        test.directory.set_group(group("all", &["group-crew", "id-cyd"]));
        test.directory.set_group(group("crew", &["id-ada", "id-bob", "group-all"]));
        import(&test, &source, FULL).await;
        assert_eq!(groups_of(&test, &source, "ada").await, ["all", "crew"]);
        assert_eq!(groups_of(&test, &source, "cyd").await, ["all", "crew"], "by the circle");
        test.wait(60);
        test.directory.set_group(group("crew", &["id-bob"]));
        let run = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &run).await, [("group-crew".to_owned(), ImportOutcome::Updated)]);
        assert!(groups_of(&test, &source, "ada").await.is_empty());
        assert_eq!(groups_of(&test, &source, "bob").await, ["all", "crew"]);
        assert_eq!(groups_of(&test, &source, "cyd").await, ["all"]);
    }
}

#[tokio::test]
async fn a_refresh_of_a_person_leaves_what_the_list_of_the_group_says() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(entry("ada"));
        test.directory.set_group(group("crew", &["id-ada"]));
        import(&test, &source, FULL).await;
        let mut ada = entry("ada");
        ada.locator = "uid=ada,ou=moved".to_owned();
        test.directory.set(ada);
        import(&test, &source, FULL).await;
        assert_eq!(groups_of(&test, &source, "ada").await, ["crew"]);
    }
}

#[tokio::test]
async fn somebody_a_group_listed_before_they_came_is_in_it_when_they_do() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        test.directory.set(entry("ada"));
        test.directory.set_group(group("crew", &["id-late"]));
        import(&test, &source, CHANGES).await;
        test.directory.change(entry("late"));
        import(&test, &source, CHANGES).await;
        assert_eq!(groups_of(&test, &source, "late").await, ["crew"]);
    }
}

#[tokio::test]
async fn members_that_could_not_be_read_whole_and_differences_remove_nobody_else() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        for name in ["ada", "bob", "cyd"] {
            test.directory.set(entry(name));
        }
        test.directory.set_group(group("crew", &["id-ada", "id-bob"]));
        import(&test, &source, CHANGES).await;
        let mut half = group("crew", &["id-cyd"]);
        half.members_complete = false;
        test.directory.set_group(half);
        import(&test, &source, CHANGES).await;
        for name in ["ada", "bob", "cyd"] {
            assert_eq!(groups_of(&test, &source, name).await, ["crew"]);
        }
        let mut difference = group("crew", &[]);
        difference.partial = true;
        difference.left = vec![ImmutableId("id-ada".to_owned())];
        test.directory.set_group(difference);
        import(&test, &source, CHANGES).await;
        assert!(groups_of(&test, &source, "ada").await.is_empty());
        assert_eq!(groups_of(&test, &source, "bob").await, ["crew"]);
    }
}

#[tokio::test]
async fn a_group_that_is_gone_lends_nobody_and_its_return_restores_it() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(entry("ada"));
        for name in ["crew", "club", "team"] {
            test.directory.set_group(group(name, &["id-ada"]));
        }
        import(&test, &source, FULL).await;
        test.wait(60);
        test.directory.remove_group(&ImmutableId("group-crew".to_owned()));
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.of(ObjectKind::Group, ImportOutcome::MissingNoted), 1);
        assert_eq!(groups_of(&test, &source, "ada").await, ["club", "crew", "team"], "one sighting is none");
        test.wait(15 * 60);
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.of(ObjectKind::Group, ImportOutcome::Gone), 1);
        assert_eq!(groups_of(&test, &source, "ada").await, ["club", "team"]);
        test.directory.set_group(group("crew", &["id-ada"]));
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.of(ObjectKind::Group, ImportOutcome::Returned), 1);
        assert_eq!(groups_of(&test, &source, "ada").await, ["club", "crew", "team"]);
    }
}

fn with_numbers(name: &str, sid: Option<&str>, serial: Option<&str>) -> SourceDevice {
    SourceDevice {
        sid: sid.map(str::to_owned),
        serial_number: serial.map(str::to_owned),
        manufacturer: Some("Lenovo".to_owned()),
        ..device(name, "id-ada")
    }
}

#[tokio::test]
async fn one_device_at_two_sources_is_linked_by_sid_or_serial_number_and_never_by_name() {
    for test in hubs().await {
        let first = readable(&test, 10, false).await;
        test.directory.set_device(with_numbers("same-name", Some("S-1-5-21-1"), Some("PF0ABCDE")));
        test.directory.set_device(with_numbers("b", None, Some("PF0XYZ12")));
        test.directory.set_device(with_numbers("filler", None, Some("To be filled by O.E.M.")));
        import(&test, &first, FULL).await;
        let second = registered(&test, "second", SourceMode::Active).await;
        test.directory.set_device(with_numbers("same-name", Some("S-1-5-21-9"), Some("PF0OTHER")));
        test.directory.set_device(with_numbers("b", Some("S-1-5-21-1"), None));
        test.directory.set_device(with_numbers("c", None, Some("pf0xyz12")));
        import(&test, &second, FULL).await;
        let all = DirectoryDevices(&mut test.hub.database.reader()).page(("", uuid::Uuid::nil()), 50).await.unwrap();
        let of = |source: &directory::Source, name: &str| {
            all.iter().find(|d| d.source_id == source.id && d.name == name).unwrap().same_device
        };
        assert_eq!(of(&first, "same-name"), of(&second, "b"), "the SID");
        assert_eq!(of(&first, "b"), of(&second, "c"), "serial number and manufacturer");
        assert_ne!(of(&first, "same-name"), of(&second, "same-name"));
        assert_ne!(of(&first, "filler"), of(&second, "filler"), "a filler is no number");
        let owner = DirectoryDevices(&mut test.hub.database.reader()).owners(all[0].id).await.unwrap();
        assert_eq!(owner, [ImmutableId("id-ada".to_owned())]);
        test.wait(60);
        let again = import(&test, &second, FULL).await;
        assert_eq!(again.counts.of(ObjectKind::Device, ImportOutcome::Unchanged), 4);
    }
}
