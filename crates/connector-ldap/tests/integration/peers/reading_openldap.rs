//! Reading OpenLDAP for an import: whole, and by what changed.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Change, Connector, ReadFrom,
    conformance::reading::{self, Ended, Hands, ReadingSubject, drain, whole},
};
use directory::{ConnectorSettings, ObjectKind, SourceKind};
use testkit::{Fault, FaultProxy, Slapd, SlapdSetup};

use crate::support::{connect, settings, source};

const DEVICES: &str = "dn: cn=PC1,dc=example,dc=test\nobjectClass: device\ncn: PC1\nserialNumber: S-1\n\
                       owner: uid=u000001,ou=people,dc=example,dc=test\n\n\
                       dn: cn=PC2,dc=example,dc=test\nobjectClass: device\ncn: PC2\n\n";
const MEMBERS: &[(&str, &str)] = &[("team-1", "u000001"), ("dept-all", "team-1"), ("all-staff", "dept-all")];

fn setup(content_sync: Option<u32>, member_of: bool) -> SlapdSetup {
    SlapdSetup { people: 40, content_sync, member_of, extra_ldif: DEVICES.into(), ..SlapdSetup::default() }
}

fn to(slapd: &Slapd, url: &str) -> Arc<dyn Connector> {
    let mut settings = settings(SourceKind::Ldap, url, &slapd.ca_pem, &slapd.base_dn, &slapd.reader_dn);
    settings.page_size = 10;
    Arc::new(connect(&source(SourceKind::Ldap, settings), &slapd.reader_password).unwrap())
}

fn subject<'a>(connect: &'a (dyn Fn() -> Arc<dyn Connector> + Sync)) -> ReadingSubject<'a> {
    ReadingSubject { connect, people: 41, groups: 12, devices: 2, members: MEMBERS, rejected: 0 }
}

struct Administrator<'a>(&'a Slapd);

impl Administrator<'_> {
    fn dn(&self, kind: ObjectKind, name: &str) -> String {
        match kind {
            ObjectKind::Person => self.0.person_dn(name),
            ObjectKind::Group => format!("cn={name},ou=groups,{}", self.0.base_dn),
            ObjectKind::Device => format!("cn={name},{}", self.0.base_dn),
        }
    }
}

#[async_trait]
impl Hands for Administrator<'_> {
    async fn add(&self, kind: ObjectKind, name: &str) -> bool {
        let rest = match kind {
            ObjectKind::Person => format!("objectClass: inetOrgPerson\nuid: {name}\ncn: New Comer\nsn: Comer\n"),
            ObjectKind::Group => {
                format!("objectClass: groupOfNames\ncn: {name}\nmember: {}\n", self.0.person_dn("u000002"))
            }
            ObjectKind::Device => format!("objectClass: device\ncn: {name}\n"),
        };
        self.0.modify(&format!("dn: {}\nchangetype: add\n{rest}", self.dn(kind, name)));
        true
    }
    async fn change(&self, kind: ObjectKind, name: &str) -> bool {
        let attribute = match kind {
            ObjectKind::Person => "title",
            ObjectKind::Group => "description",
            ObjectKind::Device => "serialNumber",
        };
        self.0.set(&self.dn(kind, name), attribute, &["changed"]);
        true
    }
    async fn remove(&self, kind: ObjectKind, name: &str) -> bool {
        self.0.modify(&format!("dn: {}\nchangetype: delete\n", self.dn(kind, name)));
        true
    }
    async fn put_into(&self, group: &str, username: &str, inside: bool) -> bool {
        let (group, person) = (self.dn(ObjectKind::Group, group), self.0.person_dn(username));
        let what = if inside { "add" } else { "delete" };
        self.0.modify(&format!("dn: {group}\nchangetype: modify\n{what}: member\nmember: {person}\n"));
        true
    }
}

#[tokio::test]
async fn openldap_is_read_whole_and_by_what_changed() {
    for (content_sync, member_of) in [(Some(1_000), true), (Some(0), true), (None, false)] {
        let slapd = Slapd::with(setup(content_sync, member_of)).await;
        let make = || to(&slapd, &slapd.ldaps_url);
        let subject = subject(&make);
        reading::all(&subject).await;
        reading::tells_what_changed(&subject, &Administrator(&slapd)).await;
        reading::tells_memberships(&subject, &Administrator(&slapd), "team-3", "u000001").await;
    }
}

#[tokio::test]
async fn rfc_4533_only_what_changed_is_told_and_deletions_are_named() {
    let slapd = Slapd::with(setup(Some(1_000), true)).await;
    let connector = to(&slapd, &slapd.ldaps_url);
    let read = connector.reading().unwrap();
    let before = whole(read, ObjectKind::Person).await;
    let since = |delta: connector::ReadCursor| async { drain(read, ObjectKind::Person, ReadFrom::Cursor(delta)).await };
    let Ended::Complete(idle) = since(before.delta.clone().unwrap()).await else { panic!("it starts over") };
    assert!(idle.objects.is_empty() && idle.removed.is_empty(), "{idle:?}");
    slapd.set(&slapd.person_dn("u000007"), "title", &["Chief"]);
    slapd.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n",
        slapd.person_dn("u000008")
    ));
    let gone = before.named("u000009").map(id_of).unwrap();
    slapd.delete("u000009");
    let Ended::Complete(delta) = since(idle.delta.unwrap()).await else { panic!("it starts over") };
    assert_eq!(delta.objects.len(), 2, "{delta:?}");
    let before_rename = before.named("u000008").map(id_of).unwrap();
    assert_eq!(delta.named("renamed").map(id_of), Some(before_rename), "a rename keeps the id");
    assert_eq!(delta.removed.into_iter().collect::<Vec<_>>(), [gone]);
    // Somebody who leaves the part that is read is gone from it, and no longer.
    let narrow = Slapd::person_dn(&slapd, "u000010");
    slapd.modify(&format!(
        "dn: {narrow}\nchangetype: modrdn\nnewrdn: uid=u000010\ndeleteoldrdn: 1\nnewsuperior: ou=services,{}\n",
        slapd.base_dn
    ));
    let Ended::Complete(moved) = since(delta.delta.unwrap()).await else { panic!("it starts over") };
    assert_eq!((moved.objects.len(), moved.removed.len()), (1, 0), "a move inside the base: {moved:?}");
}

fn id_of(change: &Change) -> directory::ImmutableId {
    match change {
        Change::Person(person) => person.immutable_id.clone(),
        Change::Group(group) => group.immutable_id.clone(),
        Change::Device(device) => device.immutable_id.clone(),
        Change::Removed(id) => id.clone(),
    }
}

#[tokio::test]
async fn without_content_synchronisation_changes_are_told_and_a_deletion_starts_over() {
    let slapd = Slapd::with(setup(None, true)).await;
    let connector = to(&slapd, &slapd.ldaps_url);
    let read = connector.reading().unwrap();
    let before = whole(read, ObjectKind::Person).await;
    slapd.set(&slapd.person_dn("u000007"), "title", &["Chief"]);
    let Ended::Complete(delta) = drain(read, ObjectKind::Person, ReadFrom::Cursor(before.delta.unwrap())).await else {
        panic!("it starts over")
    };
    assert!(delta.named("u000007").is_some() && delta.removed.is_empty(), "{delta:?}");
    slapd.delete("u000009");
    let ended = drain(read, ObjectKind::Person, ReadFrom::Cursor(delta.delta.unwrap())).await;
    let Ended::StartOver(reason) = ended else { panic!("nobody noticed: {ended:?}") };
    assert!(reason.contains("gone"), "{reason}");
}

#[tokio::test]
async fn an_edited_filter_begins_anew() {
    let slapd = Slapd::with(setup(Some(1_000), true)).await;
    let connector = to(&slapd, &slapd.ldaps_url);
    let delta = whole(connector.reading().unwrap(), ObjectKind::Person).await.delta.unwrap();
    let mut other = settings(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &slapd.base_dn, &slapd.reader_dn);
    other.person_filter = "(&(objectClass=inetOrgPerson)(!(title=x)))".into();
    let mut other = source(SourceKind::Ldap, other);
    let edited = connect(&other, &slapd.reader_password).unwrap();
    let ended = drain(edited.reading().unwrap(), ObjectKind::Person, ReadFrom::Cursor(delta)).await;
    assert!(matches!(&ended, Ended::StartOver(reason) if reason.contains("settings")), "{ended:?}");
    let ConnectorSettings::Ldap(settings) = &mut other.connector else { panic!() };
    settings.objects.group_filter = Some(String::new());
    let none = connect(&other, &slapd.reader_password).unwrap();
    assert!(!none.reading().unwrap().abilities().groups);
}

#[tokio::test]
async fn a_network_that_breaks_in_the_middle_completes_nothing() {
    let slapd = Slapd::with(setup(Some(1_000), true)).await;
    let network = FaultProxy::in_front_of(&slapd.ldaps_url).await;
    let make = || to(&slapd, &network.url("ldaps"));
    reading::breaks_in_the_middle(&subject(&make), &|up| {
        network.set(if up { Fault::None } else { Fault::Refuse });
    })
    .await;
}

#[tokio::test]
async fn devices_and_their_owners_are_read() {
    let slapd = Slapd::with(setup(None, true)).await;
    let connector = to(&slapd, &slapd.ldaps_url);
    let read = connector.reading().unwrap();
    let people = whole(read, ObjectKind::Person).await;
    let devices = whole(read, ObjectKind::Device).await;
    let Some(Change::Device(pc)) = devices.named("PC1") else { panic!("{devices:?}") };
    assert_eq!(pc.serial_number.as_deref(), Some("S-1"));
    assert_eq!(pc.owners, [people.named("u000001").map(id_of).unwrap()]);
}
