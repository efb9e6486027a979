//! Reading Active Directory (Samba) for an import: whole, by DirSync, and by update sequence numbers.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Change, Connector, ReadFrom,
    conformance::reading::{self, Ended, Hands, ReadingSubject, drain, whole},
};
use directory::{AccountStatus, LdapObjects, ObjectKind, SourceKind};
use testkit::SambaAd;

use crate::support::{connect, settings, source};

/// A part of the shared domain for one test alone.
struct Lab {
    samba: &'static SambaAd,
    base: String,
    name: &'static str,
}

impl Lab {
    async fn new(name: &'static str) -> Self {
        let samba = SambaAd::shared().await;
        let lab = Self { samba, base: format!("OU={name},{}", samba.base_dn), name };
        samba.modify(&format!("dn: {}\nchangetype: add\nobjectClass: organizationalUnit\n", lab.base));
        for number in 0..12 {
            lab.add(ObjectKind::Person, &format!("{name}-{number}")).await;
        }
        lab.add(ObjectKind::Group, &format!("{name}-team")).await;
        lab.add(ObjectKind::Group, &format!("{name}-all")).await;
        lab.put_into(&format!("{name}-team"), &format!("{name}-1"), true).await;
        lab.samba.modify(&format!(
            "dn: {}\nchangetype: modify\nadd: member\nmember: {}\n",
            lab.dn(&format!("{name}-all")),
            lab.dn(&format!("{name}-team"))
        ));
        lab.add(ObjectKind::Device, &format!("{name}-PC")).await;
        lab
    }

    fn dn(&self, name: &str) -> String {
        format!("CN={name},{}", self.base)
    }

    /// With an ordinary service account, or one that may replicate.
    fn connect(&self, replicates: bool) -> Arc<dyn Connector> {
        let (account, password) = if replicates {
            self.samba.administrator()
        } else {
            (self.samba.reader_dn.as_str(), self.samba.reader_password.as_str())
        };
        let mut settings =
            settings(SourceKind::ActiveDirectory, &self.samba.ldaps_url, &self.samba.ca_pem, &self.base, account);
        settings.objects = LdapObjects {
            group_base: Some(self.base.clone()),
            device_base: Some(self.base.clone()),
            ..LdapObjects::default()
        };
        settings.page_size = 5;
        (settings.connect_timeout_ms, settings.operation_timeout_ms) = (10_000, 10_000);
        Arc::new(connect(&source(SourceKind::ActiveDirectory, settings), password).unwrap())
    }
}

#[async_trait]
impl Hands for Lab {
    async fn add(&self, kind: ObjectKind, name: &str) -> bool {
        let account = format!("{}-{name}", self.name);
        let account = if name.starts_with(self.name) { name } else { account.as_str() };
        let rest = match kind {
            // As this test's people are called in the hub: by their username.
            ObjectKind::Person => format!("objectClass: user\nsAMAccountName: {name}\n"),
            ObjectKind::Group => format!("objectClass: group\nsAMAccountName: {name}\n"),
            ObjectKind::Device => format!(
                "objectClass: computer\nsAMAccountName: {}$\nuserAccountControl: 4096\noperatingSystem: Windows 11\n\
                 managedBy: {}\n",
                &account[..account.len().min(15)],
                self.dn(&format!("{}-1", self.name))
            ),
        };
        self.samba.modify(&format!("dn: {}\nchangetype: add\n{rest}", self.dn(name)));
        true
    }
    async fn change(&self, kind: ObjectKind, name: &str) -> bool {
        let attribute = match kind {
            ObjectKind::Person => "title",
            ObjectKind::Group => "description",
            ObjectKind::Device => "operatingSystemVersion",
        };
        self.samba.set(&self.dn(name), attribute, &["changed"]);
        true
    }
    async fn remove(&self, _: ObjectKind, name: &str) -> bool {
        self.samba.modify(&format!("dn: {}\nchangetype: delete\n", self.dn(name)));
        true
    }
    async fn put_into(&self, group: &str, username: &str, inside: bool) -> bool {
        let what = if inside { "add" } else { "delete" };
        let (group, person) = (self.dn(group), self.dn(username));
        self.samba.modify(&format!("dn: {group}\nchangetype: modify\n{what}: member\nmember: {person}\n"));
        true
    }
}

/// The suite's newcomers have one name, and account names are one per domain, which the tests share.
static NEWCOMERS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn conforms(lab: &Lab, replicates: bool) {
    let _alone = NEWCOMERS.lock().await;
    let make = || lab.connect(replicates);
    let team = format!("{}-team", lab.name);
    let (one, all, two) = (format!("{}-1", lab.name), format!("{}-all", lab.name), format!("{}-2", lab.name));
    let members = [(team.as_str(), one.as_str()), (all.as_str(), team.as_str())];
    let subject = ReadingSubject { connect: &make, people: 12, groups: 2, devices: 1, members: &members, rejected: 0 };
    reading::all(&subject).await;
    reading::tells_what_changed(&subject, lab).await;
    reading::tells_memberships(&subject, lab, &team, &two).await;
}

#[tokio::test]
async fn active_directory_is_read_whole_and_by_dir_sync() {
    let lab = Lab::new("sync").await;
    conforms(&lab, true).await;
    let connector = lab.connect(true);
    let read = connector.reading().unwrap();
    let before = whole(read, ObjectKind::Person).await;
    let delta = before.delta.clone().unwrap();
    lab.samba.set(&lab.dn("sync-3"), "title", &["Chief"]);
    let gone = before.named("sync-4").cloned();
    lab.remove(ObjectKind::Person, "sync-4").await;
    // Somebody who is moved out of what is read, but not deleted, has left.
    lab.samba.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: CN=sync-5\ndeleteoldrdn: 1\nnewsuperior: OU=Services,{}\n",
        lab.dn("sync-5"),
        lab.samba.base_dn
    ));
    let Ended::Complete(told) = drain(read, ObjectKind::Person, ReadFrom::Cursor(delta)).await else {
        panic!("it starts over")
    };
    assert_eq!(told.objects.len(), 1, "{told:?}");
    let Some(Change::Person(gone)) = gone else { panic!("{before:?}") };
    let Some(Change::Person(left)) = before.named("sync-5") else { panic!("{before:?}") };
    assert!(told.removed.contains(&gone.immutable_id) && told.removed.contains(&left.immutable_id), "{told:?}");
    for kept in before.objects.keys().filter(|id| **id != gone.immutable_id && **id != left.immutable_id) {
        assert!(!told.removed.contains(kept));
    }
}

#[tokio::test]
async fn active_directory_is_read_by_update_sequence_numbers_without_the_right_to_replicate() {
    let lab = Lab::new("stamp").await;
    conforms(&lab, false).await;
    let connector = lab.connect(false);
    let read = connector.reading().unwrap();
    let before = whole(read, ObjectKind::Person).await;
    let since = |delta: connector::ReadCursor| async { drain(read, ObjectKind::Person, ReadFrom::Cursor(delta)).await };
    let Ended::Complete(idle) = since(before.delta.unwrap()).await else { panic!("it starts over") };
    assert!(idle.objects.is_empty(), "{idle:?}");
    lab.samba.set(&lab.dn("stamp-3"), "title", &["Chief"]);
    let Ended::Complete(told) = since(idle.delta.unwrap()).await else { panic!("it starts over") };
    assert_eq!(told.objects.len(), 1, "{told:?}");
    lab.remove(ObjectKind::Person, "stamp-4").await;
    let ended = since(told.delta.unwrap()).await;
    assert!(matches!(&ended, Ended::StartOver(reason) if reason.contains("gone")), "{ended:?}");
}

#[tokio::test]
async fn computers_primary_groups_and_account_control_are_read() {
    let lab = Lab::new("detail").await;
    let connector = lab.connect(false);
    let read = connector.reading().unwrap();
    lab.samba.set(&lab.dn("detail-2"), "accountExpires", &["130000000000000000"]);
    // An account that was made over LDAP without a password is disabled (userAccountControl 546).
    let people = whole(read, ObjectKind::Person).await;
    let Some(Change::Person(one)) = people.named("detail-1") else { panic!("{people:?}") };
    assert_eq!(one.status, AccountStatus::Disabled);
    assert!(one.anchors.sid.as_deref().is_some_and(|sid| sid.starts_with("S-1-5-21-")), "{:?}", one.anchors);
    let devices = whole(read, ObjectKind::Device).await;
    let Some(Change::Device(pc)) = devices.named("detail-PC") else { panic!("{devices:?}") };
    assert_eq!((pc.operating_system.as_deref(), pc.enabled), (Some("Windows 11"), true));
    assert_eq!(pc.owners, std::slice::from_ref(&one.immutable_id));
    assert!(pc.sid.as_deref().is_some_and(|sid| sid.starts_with("S-1-5-21-")));

    let samba = lab.samba;
    let mut everywhere =
        settings(SourceKind::ActiveDirectory, &samba.ldaps_url, &samba.ca_pem, &lab.base, &samba.reader_dn);
    (everywhere.connect_timeout_ms, everywhere.operation_timeout_ms) = (10_000, 10_000);
    everywhere.objects.group_filter = Some("(sAMAccountName=Domain Users)".into());
    let connector = connect(&source(SourceKind::ActiveDirectory, everywhere), &samba.reader_password).unwrap();
    let groups = whole(connector.reading().unwrap(), ObjectKind::Group).await;
    let Some(Change::Group(users)) = groups.named("Domain Users") else { panic!("{groups:?}") };
    assert!(users.members_complete && users.members.contains(&one.immutable_id), "the primary group: {users:?}");
}
