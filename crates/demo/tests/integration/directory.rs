use std::{net::SocketAddr, sync::Arc};

use demo::Directory;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry,
    adapters::{Adapter, EntriesOnly, PagedResults},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn connect(directory: &Directory) -> Ldap {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(directory.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let settings = LdapConnSettings::new().set_config(Arc::new(config));
    let (driver, ldap) = LdapConnAsync::with_settings(settings, directory.url().as_str()).await.unwrap();
    tokio::spawn(driver.drive());
    ldap
}

async fn reader(directory: &Directory) -> Ldap {
    let mut ldap = connect(directory).await;
    ldap.simple_bind(directory.bind_dn(), directory.bind_password()).await.unwrap().success().unwrap();
    ldap
}

#[tokio::test]
async fn a_person_binds_with_the_printed_password_and_with_no_other() {
    let directory = Directory::start(loopback()).await.unwrap();
    let mut ldap = connect(&directory).await;
    for person in directory.logins_to_try() {
        assert_eq!(ldap.simple_bind(&person.dn, &person.password).await.unwrap().rc, 0);
        assert_eq!(ldap.simple_bind(&person.dn, "wrong").await.unwrap().rc, 49);
        // A name without a password proves nothing (RFC 4513 section 5.1.2).
        assert_eq!(ldap.simple_bind(&person.dn, "").await.unwrap().rc, 53);
    }
    assert_eq!(ldap.simple_bind("uid=nobody,dc=ferries,dc=example", "x").await.unwrap().rc, 49);
}

#[tokio::test]
async fn the_service_account_reads_a_person_whole() {
    let directory = Directory::start(loopback()).await.unwrap();
    let mut ldap = reader(&directory).await;
    let asked = vec!["*", "entryUUID", "memberOf", "pwdChangedTime"];
    let filter = "(&(objectClass=inetOrgPerson)(|(uid=JSMITH)(mail=jsmith)))";
    let (found, _) = ldap.search(directory.base_dn(), Scope::Subtree, filter, asked).await.unwrap().success().unwrap();
    assert_eq!(found.len(), 1);
    let entry = SearchEntry::construct(found.into_iter().next().unwrap());
    let person = &directory.people()[0];
    assert_eq!(entry.dn, person.dn);
    assert_eq!(entry.attrs["cn"], ["Julia Smith"]);
    assert_eq!(entry.attrs["entryUUID"], [person.entry_uuid.to_string()]);
    assert_eq!(entry.attrs["memberOf"].len(), person.groups.len());
    assert!(entry.attrs["pwdChangedTime"][0].ends_with('Z'));

    let everybody = "(memberOf=CN=all-staff, ou=groups,dc=ferries,dc=example)";
    let (found, _) =
        ldap.search(directory.base_dn(), Scope::Subtree, everybody, vec!["1.1"]).await.unwrap().success().unwrap();
    assert_eq!(found.len(), directory.people().len());

    let (found, _) = ldap
        .search(directory.base_dn(), Scope::Subtree, &format!("(entryUUID={})", person.entry_uuid), vec!["uid"])
        .await
        .unwrap()
        .success()
        .unwrap();
    let entry = SearchEntry::construct(found.into_iter().next().unwrap());
    assert_eq!((entry.attrs.len(), entry.attrs["uid"][0].as_str()), (1, "jsmith"));
}

#[tokio::test]
async fn pages_bring_everybody_once() {
    let directory = Directory::start(loopback()).await.unwrap();
    let mut ldap = reader(&directory).await;
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(70))];
    let mut stream = ldap
        .streaming_search_with(adapters, directory.base_dn(), Scope::Subtree, "(objectClass=person)", vec!["uid"])
        .await
        .unwrap();
    let mut names = std::collections::BTreeSet::new();
    while let Some(entry) = stream.next().await.unwrap() {
        assert!(names.insert(SearchEntry::construct(entry).attrs["uid"][0].clone()));
    }
    assert_eq!(stream.finish().await.rc, 0);
    assert_eq!(names.len(), directory.people().len());
}

#[tokio::test]
async fn nobody_reads_without_a_bind_and_people_read_only_themselves() {
    let directory = Directory::start(loopback()).await.unwrap();
    let mut ldap = connect(&directory).await;
    let search = async |ldap: &mut Ldap, base: &str| {
        ldap.search(base, Scope::Subtree, "(objectClass=*)", vec!["cn"]).await.unwrap()
    };
    assert_eq!(search(&mut ldap, directory.base_dn()).await.1.rc, 50);
    let person = &directory.people()[1];
    ldap.simple_bind(&person.dn, &person.password).await.unwrap().success().unwrap();
    assert_eq!(search(&mut ldap, directory.base_dn()).await.0.len(), 1);
    assert_eq!(search(&mut ldap, "dc=elsewhere").await.1.rc, 32);
    let root = ldap.search("", Scope::Base, "(objectClass=*)", vec!["namingContexts"]).await.unwrap();
    assert_eq!(
        SearchEntry::construct(root.0.into_iter().next().unwrap()).attrs["namingContexts"],
        ["dc=ferries,dc=example"]
    );
}

#[tokio::test]
async fn the_demo_listens_on_loopback_only() {
    let refused = Directory::start(SocketAddr::from(([0, 0, 0, 0], 0))).await;
    assert!(refused.err().unwrap().to_string().contains("loopback"));
}

#[tokio::test]
async fn a_stopped_directory_answers_nobody() {
    let directory = Directory::start(loopback()).await.unwrap();
    let mut ldap = reader(&directory).await;
    directory.stop().await;
    assert!(ldap.simple_bind(directory.bind_dn(), directory.bind_password()).await.is_err());
}
