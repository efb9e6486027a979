//! Groups, devices and what waits, as the pages show them.

use directory::{AttributeName, GroupId, ImmutableId, PersonId, SourceMode};
use hub::{
    imports::ImportRequest,
    kernel::{Actor, capability::FindPeople},
    people::{BrowseAsk, DevicePage, GroupPage, Which},
};
use storage::accounts::Accounts;
use tokio_util::sync::CancellationToken;

use crate::support::{TestHub, by_number_then_address, device, entry, group, hubs, source_draft};

async fn source(test: &TestHub, name: &str) -> (directory::Source, FindPeople) {
    let administrator = test.administrator(&format!("boss-{name}")).await;
    let mut draft = source_draft(name);
    draft.mode = SourceMode::Active;
    draft.label = format!("Directory {name}");
    (test.hub.register_source(&administrator.sources, draft, "secret".into()).await.unwrap(), administrator.find)
}

async fn import(test: &TestHub, source: &directory::Source) {
    let request = ImportRequest { full: true, dry_run: false };
    let stop = CancellationToken::new();
    test.hub.import_source(source.id, request, Actor::CommandLine, &stop, &|_| {}).await.unwrap();
}

async fn person(test: &TestHub, source: &directory::Source, name: &str) -> PersonId {
    let id: ImmutableId = format!("id-{name}").into();
    Accounts(&mut test.hub.database.reader()).by_immutable_id(source.id, &id).await.unwrap().unwrap().person_id
}

fn ask(text: &str, which: Which) -> BrowseAsk {
    BrowseAsk { text: text.to_owned(), which, size: 50, ..BrowseAsk::default() }
}

async fn group_page(test: &TestHub, by: &FindPeople, id: GroupId) -> GroupPage {
    test.hub.group_page(by, id, None, 50).await.unwrap().unwrap()
}

async fn first_device(test: &TestHub, by: &FindPeople, text: &str) -> DevicePage {
    let found = test.hub.devices_page(by, &ask(text, Which::There)).await.unwrap();
    test.hub.device_page(by, found.devices[0].id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_group_and_its_people_say_who_put_them_there() {
    for test in hubs().await {
        test.directory.can_be_read(10, false);
        let (source, by) = source(&test, "corp").await;
        for name in ["ada", "bob", "cyd"] {
            test.directory.set(entry(name));
        }
        test.directory.set_group(group("All", &["group-crew", "id-cyd", "id-unknown"]));
        test.directory.set_group(group("crew", &["id-ada", "id-bob"]));
        import(&test, &source).await;
        let list = test.hub.groups_page(&by, &ask("", Which::There)).await.unwrap();
        let lines: Vec<_> = list.groups.iter().map(|line| (line.name.as_str(), line.people.as_str())).collect();
        assert_eq!(lines, [("All", "3"), ("crew", "2")], "by folded name, nested people counted");
        assert_eq!(test.hub.groups_page(&by, &ask("aL", Which::There)).await.unwrap().groups.len(), 1);
        assert!(test.hub.groups_page(&by, &ask("", Which::Unseen)).await.is_err());
        let all = group_page(&test, &by, list.groups[0].id).await;
        assert_eq!((all.members.len(), all.listed.as_str(), all.within.len()), (3, "3", 1), "{all:?}");
        assert_eq!(all.members[0].origin, "list of members at Directory corp");
        assert_eq!(group_page(&test, &by, all.within[0].0).await.around[0].1, "All");
        // A page ends between two people.
        let page = test.hub.group_page(&by, list.groups[0].id, None, 2).await.unwrap().unwrap();
        let next = test.hub.group_page(&by, list.groups[0].id, page.next, 2).await.unwrap().unwrap();
        assert_eq!((page.members.len(), next.members.len(), next.next), (2, 1, None));
        let ada = test.hub.person_page(&by, None, person(&test, &source, "ada").await).await.unwrap().unwrap();
        let groups: Vec<_> = ada.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(groups, ["All", "crew"]);
        assert_eq!(ada.groups[0].origin, "list of members at Directory corp");
    }
}

#[tokio::test]
async fn a_group_that_is_gone_is_listed_by_itself() {
    for test in hubs().await {
        test.directory.can_be_read(10, false);
        let (source, by) = source(&test, "corp").await;
        test.directory.set(entry("ada"));
        test.directory.set_group(group("crew", &["id-ada"]));
        test.directory.set_group(group("rest", &["id-ada"]));
        import(&test, &source).await;
        test.directory.remove_group(&ImmutableId("group-crew".to_owned()));
        for _ in 0..2 {
            test.wait(20 * 60);
            import(&test, &source).await;
        }
        let there = test.hub.groups_page(&by, &ask("", Which::There)).await.unwrap();
        let gone = test.hub.groups_page(&by, &ask("", Which::Gone)).await.unwrap();
        assert_eq!((there.groups.len(), gone.groups.len()), (1, 1));
        assert!(gone.groups[0].gone_at.is_some() && gone.groups[0].name == "crew");
    }
}

#[tokio::test]
async fn a_device_shows_its_owner_and_where_else_it_is_known() {
    for test in hubs().await {
        test.directory.can_be_read(10, false);
        let (first, by) = source(&test, "first").await;
        test.directory.set(entry("ada"));
        let mut laptop = device("LT-0417", "id-ada");
        laptop.serial_number = Some("PF0XYZ12".to_owned());
        laptop.manufacturer = Some("Lenovo".to_owned());
        laptop.last_seen_at = Some(test.hub.clock.now() - chrono::TimeDelta::days(200));
        test.directory.set_device(laptop);
        test.directory.set_device(device("orphan", "id-nobody"));
        import(&test, &first).await;
        let page = first_device(&test, &by, "lt-04").await;
        assert_eq!(page.owners[0].person.as_ref().map(|(id, _)| *id), Some(person(&test, &first, "ada").await));
        assert!(page.line.unseen && page.elsewhere.is_empty(), "{page:?}");
        let unseen = test.hub.devices_page(&by, &ask("", Which::Unseen)).await.unwrap();
        assert_eq!(unseen.devices.len(), 1);
        assert_eq!(first_device(&test, &by, "orphan").await.owners[0].person, None);
        let ada = test.hub.person_page(&by, None, person(&test, &first, "ada").await).await.unwrap().unwrap();
        assert_eq!((ada.devices.len(), ada.devices[0].name.as_str()), (1, "LT-0417"));
        let numbered = test.hub.devices_page(&by, &ask("pf0x", Which::There)).await.unwrap();
        assert!(numbered.by_number && numbered.devices[0].name == "LT-0417", "{numbered:?}");
        let (second, _) = source(&test, "second").await;
        import(&test, &second).await;
        let page = first_device(&test, &by, "lt-04").await;
        assert_eq!(page.elsewhere.len(), 1, "by its serial number: {page:?}");
    }
}

#[tokio::test]
async fn an_entry_that_waits_is_said_on_the_page_of_whom_it_may_be() {
    for test in hubs().await {
        test.directory.can_be_read(10, false);
        let (first, by) = source(&test, "first").await;
        let (second, _) = source(&test, "second").await;
        // Trusted nowhere: what a rule finds is a question.
        test.rules(by_number_then_address(&[])).await;
        let numbered = |name: &str| {
            let mut entry = entry(name);
            entry.attributes.insert(AttributeName::EmployeeNumber, "42".to_owned());
            entry
        };
        test.directory.set(numbered("ada"));
        import(&test, &first).await;
        test.directory.remove(&entry("ada").immutable_id);
        test.directory.set(numbered("a-lovelace"));
        import(&test, &second).await;
        let id = person(&test, &first, "ada").await;
        let page = test.hub.person_page(&by, None, id).await.unwrap().unwrap();
        assert_eq!(page.waiting.len(), 1, "{page:?}");
        let text = &page.waiting[0].text;
        assert!(text.contains("at Directory second") && text.contains("found by number"), "{text}");
    }
}
