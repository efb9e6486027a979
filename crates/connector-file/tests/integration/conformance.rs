//! The suite of every connector, for each format. What it asks of passwords and servers is not there: a file has none.

use std::{fmt::Write as _, fs, sync::Arc};

use async_trait::async_trait;
use connector::{
    Connector,
    conformance::{
        self, Subject,
        reading::{self, Hands, ReadingSubject},
    },
};
use directory::{AttributeName, FileFormat, ObjectKind};

use crate::support::World;

const PEOPLE: usize = 2_500;

fn content(format: FileFormat) -> String {
    let mut text = match format {
        FileFormat::Csv => "id,username,display_name,email,groups\n".to_owned(),
        FileFormat::JsonLines => String::new(),
        FileFormat::Ldif => {
            "version: 1\n\ndn: ou=people,dc=example,dc=test\nobjectClass: organizationalUnit\n\n".to_owned()
        }
    };
    for n in 0..PEOPLE {
        match format {
            FileFormat::Csv => writeln!(text, "{n:06},user{n},\"User, {n}\",user{n}@example.test,All;Team {}", n % 7),
            FileFormat::JsonLines => writeln!(
                text,
                r#"{{"id":"{n:06}","username":"user{n}","display_name":"User {n}","groups":["All","Team {}"]}}"#,
                n % 7
            ),
            FileFormat::Ldif => writeln!(
                text,
                "dn: uid=user{n},ou=people,dc=example,dc=test\nobjectClass: person\nobjectClass: inetOrgPerson\n\
                 id: {n:06}\nusername: user{n}\ndisplay_name: User {n}\ngroups: All\ngroups: Team {}\n",
                n % 7
            ),
        }
        .unwrap();
    }
    text
}

/// Whoever exports the files.
struct Exporter<'a>(&'a World);

impl Exporter<'_> {
    fn edit(&self, kind: ObjectKind, change: impl Fn(Vec<String>) -> Vec<String>) {
        let settings = &self.0.settings;
        let path = match kind {
            ObjectKind::Person => Some(&settings.path),
            ObjectKind::Group => settings.groups_path.as_ref(),
            ObjectKind::Device => settings.devices_path.as_ref(),
        };
        let path = self.0.folder.path().join(path.unwrap());
        let lines = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        // As a careful exporter does it: whole, and then renamed.
        let beside = path.with_extension("new");
        fs::write(&beside, change(lines).join("\n") + "\n").unwrap();
        fs::rename(&beside, &path).unwrap();
    }
}

#[async_trait]
impl Hands for Exporter<'_> {
    async fn add(&self, kind: ObjectKind, name: &str) -> bool {
        let line = match kind {
            ObjectKind::Person => format!("new,{name},New,,"),
            ObjectKind::Group => format!("new,{name},"),
            ObjectKind::Device => format!("new,{name},"),
        };
        self.edit(kind, |lines| lines.into_iter().chain([line.clone()]).collect());
        true
    }

    async fn change(&self, kind: ObjectKind, name: &str) -> bool {
        let line = match kind {
            ObjectKind::Person => format!("new,{name},Newer,,"),
            ObjectKind::Group => format!("new,{name},000001"),
            ObjectKind::Device => format!("new,{name},S-17"),
        };
        self.edit(kind, |mut lines| {
            lines.pop();
            lines.push(line.clone());
            lines
        });
        true
    }

    async fn remove(&self, kind: ObjectKind, name: &str) -> bool {
        self.edit(kind, |lines| lines.into_iter().filter(|line| !line.contains(name)).collect());
        true
    }

    async fn put_into(&self, group: &str, _username: &str, inside: bool) -> bool {
        let members = if inside { "000001;000002" } else { "000001" };
        self.edit(ObjectKind::Group, |lines| {
            let line = |line: String| if line.contains(group) { format!("g1,{group},{members}") } else { line };
            lines.into_iter().map(line).collect()
        });
        true
    }
}

#[tokio::test]
async fn it_can_be_read_for_an_import() {
    let world = World::new(FileFormat::Csv, content(FileFormat::Csv)).with(|settings| {
        settings.mapping.retain(|name, _| *name == AttributeName::DisplayName);
        settings.groups_path = Some("groups.csv".into());
        settings.devices_path = Some("devices.csv".into());
    });
    let write = |name: &str, text: &str| fs::write(world.folder.path().join(name), text).unwrap();
    write("groups.csv", "id,name,members\ng1,Staff,000001\ng2,Nested,g2;g1\n");
    write("devices.csv", "id,name,serial_number\nd1,LAPTOP-1,S1\n");
    let connect = || -> Arc<dyn Connector> { Arc::new(world.connector()) };
    let subject = ReadingSubject {
        connect: &connect,
        people: PEOPLE,
        groups: 2,
        devices: 1,
        members: &[("Staff", "user1"), ("Nested", "Staff")],
        rejected: 0,
    };
    reading::all(&subject).await;
    reading::tells_what_changed(&subject, &Exporter(&world)).await;
    reading::tells_memberships(&subject, &Exporter(&world), "Staff", "user2").await;
    reading::breaks_in_the_middle(&subject, &|there| {
        let (path, away) = (world.path(), world.path().with_extension("away"));
        if there { fs::rename(away, path).unwrap() } else { fs::rename(path, away).unwrap() }
    })
    .await;
}

#[tokio::test]
async fn every_format_passes_the_suite() {
    for format in FileFormat::ALL {
        let world = World::new(*format, content(*format)).with(|settings| {
            settings.mapping.retain(|name, _| *name == AttributeName::DisplayName);
            settings.groups = Some("groups".into());
            settings.person_class = Some("inetOrgPerson".into());
        });
        let subject = Subject {
            connector: Arc::new(world.connector()),
            typed_name: "User41".into(),
            password: "no file checks it".into(),
            people: PEOPLE,
            groups: vec!["All".into(), "Team 6".into()],
        };
        conformance::healthy(&subject).await;
        conformance::finds_by_name_and_fetches_by_id(&subject).await;
        conformance::reads_everybody_once(&subject).await;
    }
}
