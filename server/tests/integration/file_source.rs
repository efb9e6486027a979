//! A file as a source, from the wizard to its settings, as a browser without scripts connects it.

use directory::{ConnectorSettings, SourceMode};
use hub::session::ProvenBy;
use reqwest::{Method, header};

use crate::{
    support::{TestServer, location},
    wizard_peers::Browser,
};

const PEOPLE: &str = "number;login;full name;mail\n17;anna;Anna Ferry;anna@example.test\n18;bert;Bert Quay;\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_connected_and_changed_without_scripts() {
    let server = TestServer::start().await;
    let folder = server.settings.source_files();
    std::fs::create_dir_all(folder.join("staff")).unwrap();
    std::fs::write(folder.join("staff/people.csv"), PEOPLE).unwrap();
    let administrator = server.administrator("admin").await;
    let cookie = server.cookie(server.session(administrator, ProvenBy::Hub).await).await;
    let mut browser = Browser { server: &server, cookie, draft: String::new(), seen: String::new() };

    let empty = server.get("/console/sources/new?kind=file", Some(&browser.cookie)).await.text().await.unwrap();
    assert!(empty.contains("values[path]") && empty.contains("values[mapping-email]"), "{empty}");
    assert!(empty.contains("/console/sources/new?kind=scim"), "the other kinds are a click away");
    let mut settings = vec![
        ("kind", "file"),
        ("path", "../isthmus.sqlite"),
        ("format", "csv"),
        ("delimiter", "semicolon"),
        ("id", "number"),
        ("username", "login"),
        ("names", "mail"),
        ("inactive", "left"),
        ("separator", ";"),
        ("settle_seconds", "0"),
        ("mapping-display_name", "full name"),
        ("mapping-email", "mail"),
        ("domains", "example.test"),
    ];
    let page = browser.send("address", &settings).await;
    assert!(page.contains("climbs out") && page.contains("value=\"../isthmus.sqlite\""), "{page}");
    settings[1].1 = "staff/nobody.csv";
    let page = browser.send("address", &settings).await;
    assert!(page.contains("cannot be opened"), "{page}");
    settings[1].1 = "staff/people.csv";
    let page = browser.send("address", &settings).await;
    assert!(page.contains("2 with an id") && page.contains("Test person"), "{page}");
    let page = browser.send("person", &[("person", "ANNA@example.test")]).await;
    assert!(page.contains("What would be created") && page.contains("Anna Ferry"), "{page}");
    let page = browser.send("finish", &[("name", "staff"), ("label", "Staff list"), ("switch_on", "true")]).await;
    assert!(page.contains("Staff list") && page.contains("staff/people.csv"), "{page}");

    let form = server.get("/console/sources/staff/settings", Some(&browser.cookie)).await.text().await.unwrap();
    assert!(form.contains("form[values][path]") && !form.contains("form[base_dn]"), "{form}");
    let names: Vec<(String, &str)> =
        settings[1..12].iter().map(|(name, value)| (format!("form[values][{name}]"), *value)).collect();
    let revision = server.running.hub.sources_now().await.unwrap()[0].source.revision.to_string();
    let mut fields = vec![
        ("form[original]", "staff"),
        ("form[name]", "staff"),
        ("form[kind]", "file"),
        ("form[label]", "All staff"),
        ("form[revision]", revision.as_str()),
        ("form[values][own-email]", "true"),
        ("form[capture_settle_minutes]", "0"),
    ];
    fields.extend(names.iter().map(|(name, value)| (name.as_str(), *value)));
    let save = server.request(Method::POST, "/api/save-source").form(&fields).header(header::COOKIE, &browser.cookie);
    let saved = save.header(header::ACCEPT, "text/html").header("Sec-Fetch-Site", "same-origin").send().await.unwrap();
    assert_eq!(location(&saved), "/console/sources/staff?done=saved", "{}", saved.status());
    let live = &server.running.hub.sources_now().await.unwrap()[0];
    let ConnectorSettings::File(file) = &live.source.connector else { panic!("{live:?}") };
    assert_eq!((live.source.label.as_str(), live.source.mode), ("All staff", SourceMode::Active));
    assert_eq!((file.path.as_str(), file.mapping.len()), ("staff/people.csv", 2));
    assert_eq!(live.source.self_written, [directory::AttributeName::Email]);
    let page = server.get("/console/sources/staff?test=1&person=bert", Some(&browser.cookie)).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("2 with an id") && page.contains("Bert Quay"), "{page}");
    server.stop().await;
}
