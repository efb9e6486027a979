//! What each format may look like.

use connector::{Change, Connector as _, Found};
use directory::{AccountStatus, AttributeName, Delimiter, FileFormat, ImmutableId, ObjectKind};
use secrecy::ExposeSecret as _;

use crate::support::{World, folder, people, person, read_all, source};

#[tokio::test]
async fn csv_with_quotes_line_breaks_and_a_byte_order_mark() {
    let text = "\u{feff}id;username;display_name;email;left\r\n\
                1;anna;\"Anna; \"\"the\"\" Müller\";anna@example.test;\r\n\r\n\
                2;bert;\"Bert\nof two lines\";;Yes\r\n3;carla;;;no";
    let world = World::new(FileFormat::Csv, text).with(|settings| {
        settings.delimiter = Delimiter::Semicolon;
        settings.names = vec!["email".into()];
        settings.mapping.retain(|name, _| matches!(name, AttributeName::DisplayName | AttributeName::Email));
        settings.status = Some("left".into());
        settings.inactive = vec!["yes".into()];
    });
    let people = people(&world.connector()).await;
    let shown: Vec<_> = people
        .iter()
        .map(|p| (p.immutable_id.as_str(), p.attributes.get(&AttributeName::DisplayName).map(String::as_str), p.status))
        .collect();
    assert_eq!(
        shown,
        [
            ("1", Some("Anna; \"the\" Müller"), AccountStatus::Active),
            ("2", Some("Bert\nof two lines"), AccountStatus::Disabled),
            ("3", None, AccountStatus::Active),
        ]
    );
    assert_eq!(people[0].names, ["anna", "anna@example.test"]);
    assert!(!people[1].attributes.contains_key(&AttributeName::Email), "absent is not empty text");
    let found = world.connector().find("ANNA@example.TEST").await.unwrap();
    assert!(matches!(found, Found::One(entry) if entry.immutable_id.as_str() == "1"));
}

#[tokio::test]
async fn json_lines_with_numbers_lists_and_keys_in_keys() {
    let text = concat!(
        r#"{"id": 17, "username": "anna", "name": {"family": "Müller"}, "teams": ["Domain Admins", "x"], "gone": false}"#,
        "\n\n",
        r#"{"id": "18", "username": "bert", "gone": true, "teams": null, "hash": "$2y$10$abc"}"#,
        "\n"
    );
    let world = World::new(FileFormat::JsonLines, text).with(|settings| {
        settings.mapping.insert(AttributeName::FamilyName, "name.family".into());
        settings.groups = Some("teams".into());
        settings.status = Some("gone".into());
        settings.inactive = vec!["true".into()];
        settings.password = Some("hash".into());
    });
    let connector = world.connector();
    let anna = person(&connector, "17").await;
    assert_eq!(anna.attributes[&AttributeName::FamilyName], "Müller");
    assert_eq!(anna.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["Domain Admins", "x"]);
    assert!(anna.privileged, "a protected group");
    assert_eq!(connector.stored_password(&anna).await.unwrap().map(|p| p.expose_secret().to_owned()), None);
    let bert = person(&connector, "18").await;
    assert_eq!(bert.status, AccountStatus::Disabled);
    let stored = connector.stored_password(&bert).await.unwrap().unwrap();
    assert_eq!(stored.expose_secret(), "$2y$10$abc");
    assert!(!format!("{bert:?}").contains("$2y$"), "a password is no attribute");
}

#[tokio::test]
async fn ldif_with_folded_lines_base64_comments_and_guids() {
    let text = "# extended LDIF\nversion: 1\n\n\
                dn: ou=people,dc=x\nobjectClass: organizationalUnit\n\n\
                dn:: Y249QW5uYSBNw7xsbGVyLGRjPXg=\nobjectClass: USER\n# a comment\n that is folded\n\
                objectGUID:: AQIDBAUGBwgJCgsMDQ4PEA==\nsAMAccountName: an\n na\ncn:: TcO8bGxlcg==\n\
                description:\nmemberOf: CN=Staff,OU=Groups,DC=x\nuserAccountControl: 514\n\n\n\
                dn: cn=bert,dc=x\nobjectClass: user\nobjectGUID:: AQ==\n\n\
                # search result\nsearch: 2\nresult: 0 Success\n";
    let world = World::new(FileFormat::Ldif, text).with(|settings| {
        settings.id = "objectGUID".into();
        settings.username = "sAMAccountName".into();
        settings.mapping = [(AttributeName::DisplayName, "cn".into())].into();
        settings.person_class = Some("user".into());
        settings.groups = Some("memberOf".into());
        settings.status = Some("userAccountControl".into());
        settings.inactive = vec!["514".into()];
    });
    let connector = world.connector();
    let whole = read_all(&connector, ObjectKind::Person).await.unwrap();
    let [Change::Person(anna)] = whole.changes.as_slice() else { panic!("{whole:?}") };
    assert_eq!(anna.immutable_id.as_str(), "04030201-0605-0807-090a-0b0c0d0e0f10");
    assert_eq!((anna.locator.as_str(), anna.username.as_deref()), ("cn=Anna Müller,dc=x", Some("anna")));
    assert_eq!(anna.attributes[&AttributeName::DisplayName], "Müller");
    assert_eq!(anna.status, AccountStatus::Disabled);
    assert_eq!(anna.groups[0].name, "Staff");
    assert_eq!(anna.groups[0].immutable_id.as_str(), "CN=Staff,OU=Groups,DC=x");
    let [bad] = whole.rejected.as_slice() else { panic!("{whole:?}") };
    assert!(bad.locator.ends_with("line 20") && bad.reason.contains("objectGUID"), "{bad:?}");
}

#[tokio::test]
async fn groups_and_devices_have_files_of_their_own() {
    let world = World::new(FileFormat::Csv, "id,username,display_name,given_name,family_name,email\n1,anna,,,,\n")
        .with(|settings| {
            settings.groups_path = Some("groups.csv".into());
            settings.devices_path = Some("devices.csv".into());
        });
    let write = |name: &str, text: &str| std::fs::write(world.folder.path().join(name), text).unwrap();
    write("groups.csv", "id,name,members\ng1,Staff,1;2;g2\ng2,Nested,\n,Nameless,\n");
    write(
        "devices.csv",
        "id,name,serial_number,enabled,owners,last_seen\nd1,LAPTOP-1,S1,no,1,2026-01-31T09:00:00+01:00\nd2,X,,maybe,,\n",
    );
    let connector = world.connector();
    let groups = read_all(&connector, ObjectKind::Group).await.unwrap();
    let [Change::Group(staff), Change::Group(nested)] = groups.changes.as_slice() else { panic!("{groups:?}") };
    assert_eq!((staff.name.as_str(), staff.members.len(), staff.members_complete), ("Staff", 3, true));
    assert!(nested.members.is_empty());
    assert_eq!(groups.rejected.len(), 1);
    let devices = read_all(&connector, ObjectKind::Device).await.unwrap();
    let [Change::Device(laptop)] = devices.changes.as_slice() else { panic!("{devices:?}") };
    assert_eq!((laptop.enabled, laptop.owners.as_slice()), (false, [ImmutableId("1".into())].as_slice()));
    assert_eq!(laptop.last_seen_at.unwrap().to_rfc3339(), "2026-01-31T08:00:00+00:00");
    assert_eq!(devices.rejected[0].immutable_id, Some(ImmutableId("d2".into())), "present all the same");
    assert!(!person(&connector, "1").await.groups_complete, "groups say who is in them");
}

#[tokio::test]
async fn what_expressions_read_is_handed_over_by_its_own_name_and_nothing_else() {
    let lines = r#"{"id": 1, "username": "anna", "teams": ["a", "b"], "room": "", "desk": 7, "salary": 1}"#;
    let world = World::new(FileFormat::JsonLines, lines);
    let mut source = source(world.settings.clone());
    let text = r#"entry.teams.first() + entry.?room.orValue("") + entry["desk"] + entry.username + entry.nothing"#;
    source.profile.expressions.insert(AttributeName::Department, text.to_owned());
    let later = || std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 << 33);
    let connector =
        connector_file::FileConnector::with_clock(&source, folder(world.folder.path()), std::sync::Arc::new(later));
    let anna = person(&connector.unwrap(), "1").await;
    let raw: Vec<_> = anna.raw.iter().map(|(name, values)| (name.as_str(), values.join(","))).collect();
    assert_eq!(raw, [("desk", "7".to_owned()), ("teams", "a,b".to_owned())]);
}
