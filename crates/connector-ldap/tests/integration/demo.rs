//! The demo's directory is one more directory.

use std::sync::Arc;

use connector::{
    Connector as _,
    conformance::{self, Subject},
};
use directory::SourceKind;

use crate::support::{connect, settings, source};

#[tokio::test]
async fn the_demos_directory_conforms() {
    let directory = demo::Directory::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let settings = settings(
        SourceKind::Ldap,
        directory.url().as_str(),
        directory.ca_pem(),
        directory.base_dn(),
        directory.bind_dn(),
    );
    let connector = Arc::new(connect(&source(SourceKind::Ldap, settings), directory.bind_password()).unwrap());
    let person = &directory.logins_to_try()[0];
    let found = connector.find(&person.username).await.unwrap();
    let connector::Found::One(entry) = found else { panic!("{found:?}") };
    let subject = Subject {
        connector,
        typed_name: person.username.clone(),
        password: person.password.clone(),
        people: directory.people().len(),
        groups: entry.groups.iter().map(|group| group.name.clone()).collect(),
    };
    assert!(!subject.groups.is_empty());
    conformance::all(&subject).await;
}
