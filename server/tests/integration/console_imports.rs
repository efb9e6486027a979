//! Imports in the console, as a browser without scripts sees them: started, watched, cancelled, taken away.

use std::{fmt::Write as _, path::Path, time::Duration};

use directory::Role;
use hub::{kernel::Actor, session::ProvenBy};
use reqwest::{Method, Response, StatusCode, header};

use crate::support::{TestServer, location};

const SITE: &str = r#"
[[source]]
name = "staff"
label = "Staff list"
kind = "file"
mode = "active"
domains = ["example.test"]

[source.file]
path = "people.csv"
format = "csv"
id = "number"
username = "login"
settle_seconds = 0
mapping = { display_name = "name", email = "mail" }
"#;

struct NoSecrets;

impl hub::apply::Resolver for NoSecrets {
    fn secret_file(&self, _path: &Path) -> Result<secrecy::SecretString, String> {
        Err("not needed here".into())
    }
    fn secret_variable(&self, _name: &str) -> Result<secrecy::SecretString, String> {
        Err("not needed here".into())
    }
    fn certificate_file(&self, _path: &Path) -> Result<String, String> {
        Err("not needed here".into())
    }
}

/// A server with a file of so many people, and the cookie of its administrator.
async fn with_people(people: usize) -> (TestServer, String) {
    let server = TestServer::start().await;
    write_people(&server, people);
    let document = toml::from_str(SITE).unwrap();
    let secrets = hub::apply::SiteSecrets::resolve(&document, &NoSecrets).unwrap();
    server.running.hub.apply(Actor::CommandLine, &document, &secrets, false).await.unwrap();
    let administrator = server.administrator("admin").await;
    let cookie = server.cookie(server.session(administrator, ProvenBy::Hub).await).await;
    (server, cookie)
}

fn write_people(server: &TestServer, people: usize) {
    let folder = server.settings.source_files();
    std::fs::create_dir_all(&folder).unwrap();
    let mut text = "number,login,name,mail\n".to_owned();
    for n in 0..people {
        writeln!(text, "{n},user{n},Person {n},user{n}@example.test").unwrap();
    }
    std::fs::write(folder.join("people.csv"), text).unwrap();
}

/// What a form of a page sends without scripts.
async fn send(server: &TestServer, path: &str, form: &[(&str, &str)], cookie: &str) -> Response {
    let request = server.request(Method::POST, path).form(form).header(header::COOKIE, cookie);
    request.header(header::ACCEPT, "text/html").header("Sec-Fetch-Site", "same-origin").send().await.unwrap()
}

async fn page(server: &TestServer, path: &str, cookie: &str) -> String {
    server.get(path, Some(cookie)).await.text().await.unwrap()
}

async fn until(server: &TestServer, path: &str, cookie: &str, word: &str) -> String {
    for _ in 0..600 {
        let text = page(server, path, cookie).await;
        if text.contains(word) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never says {word}: {}", page(server, path, cookie).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_tried_started_read_and_taken_away() {
    let (server, cookie) = with_people(3).await;
    let empty = page(&server, "/console/sources/staff", &cookie).await;
    assert!(empty.contains("Nothing was imported yet") && empty.contains("Start the import"), "{empty}");

    let form = [("name", "staff"), ("what", "full"), ("dry_run", "true")];
    let begun = send(&server, "/api/start-import", &form, &cookie).await;
    let dry = location(&begun).to_owned();
    assert!(dry.starts_with("/console/sources/staff/imports/"), "{} {dry}", begun.status());
    let text = until(&server, &dry, &cookie, "completed").await;
    assert!(text.contains("Dry run of everything") && text.contains("People created"), "{text}");
    let people = page(&server, "/console/people", &cookie).await;
    assert!(!people.contains("Person 1"), "a dry run leaves nothing");

    let begun = send(&server, "/api/start-import", &[("name", "staff"), ("what", "changes")], &cookie).await;
    let wet = location(&begun).to_owned();
    assert_ne!(wet, dry);
    let text = until(&server, &wet, &cookie, "completed").await;
    assert!(text.contains("started by admin") && !text.contains("Cancel the import"), "{text}");
    let people = page(&server, "/console/people", &cookie).await;
    assert!(people.contains("Person 1") && people.contains("Staff list"), "{people}");
    let narrowed = page(&server, &format!("{wet}?outcome=rejected&kind=person"), &cookie).await;
    assert!(narrowed.contains("Nothing has this outcome"), "{narrowed}");
    let narrowed = page(&server, &format!("{wet}?outcome=created&kind=person"), &cookie).await;
    assert!(narrowed.contains("3 on this page"), "{narrowed}");
    assert!(page(&server, "/console/sources/staff", &cookie).await.contains(&wet), "the run is listed");

    let run = wet.rsplit('/').next().unwrap();
    let taken = server.post("/console/imports/export", &[("run", run), ("outcome", "created")], Some(&cookie)).await;
    assert_eq!(taken.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let text = taken.text().await.unwrap();
    assert!(text.starts_with("number,kind,outcome,id,place,person,detail\n") && text.lines().count() == 4, "{text}");
    let events = page(&server, "/console/audit?kind=import", &cookie).await;
    assert!(events.contains("import.exported") && events.contains("import.began"), "{events}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_says_when_imports_begin_by_themselves() {
    let (server, cookie) = with_people(1).await;
    let text = page(&server, "/console/sources/staff", &cookie).await;
    assert!(text.contains("Nothing is imported by itself."), "{text}");
    let often = [("name", "staff"), ("every", "1"), ("full_every", "0")];
    let refused = server.post("/api/set-import-schedule", &often, Some(&cookie)).await;
    let status = refused.status();
    let text = refused.text().await.unwrap();
    assert!(status.is_client_error() && text.contains("Choose a minute to a year"), "{status} {text}");
    let form = [("name", "staff"), ("every", "900"), ("full_every", "86400")];
    let saved = send(&server, "/api/set-import-schedule", &form, &cookie).await;
    let text = page(&server, location(&saved), &cookie).await;
    assert!(
        text.contains("The times are saved.") && text.contains("what changed every 15 minutes, everything every day")
    );
    let events = page(&server, "/console/audit?kind=source", &cookie).await;
    assert!(events.contains("source.import-schedule"), "{events}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_cancelled_and_a_stopping_server_leaves_it_to_go_on() {
    let (server, cookie) = with_people(20_000).await;
    let form = [("name", "staff"), ("what", "full")];
    let begun = send(&server, "/api/start-import", &form, &cookie).await;
    let run = location(&begun).to_owned();
    assert!(run.contains("/imports/"), "{}", begun.status());
    let again = server.post("/api/start-import", &form, Some(&cookie)).await;
    assert_eq!(again.status(), StatusCode::CONFLICT, "one at a time: {}", again.text().await.unwrap());
    let cancelled = [("name", "staff"), ("run", run.rsplit('/').next().unwrap())];
    let answer = send(&server, "/api/cancel-import", &cancelled, &cookie).await;
    assert_eq!(location(&answer), run);
    let text = until(&server, &run, &cookie, "cancelled").await;
    assert!(text.contains("What it had written stays."), "{text}");
    let answer = server.post("/api/cancel-import", &cancelled, Some(&cookie)).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "it has ended");

    let begun = send(&server, "/api/start-import", &form, &cookie).await;
    let run = location(&begun).to_owned();
    let hub = server.running.hub.clone();
    hub.stop_imports().await;
    let text = until(&server, &run, &cookie, "interrupted").await;
    assert!(text.contains("this process was stopped") && text.contains("it goes on where it was"), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_taken_away_by_those_who_may_read_the_configuration_only() {
    let (server, cookie) = with_people(1).await;
    let begun = send(&server, "/api/start-import", &[("name", "staff"), ("what", "full")], &cookie).await;
    let run = location(&begun).rsplit('/').next().unwrap().to_owned();
    let unknown = server.post("/console/imports/export", &[("run", "7")], Some(&cookie)).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let anonymous = server.post("/console/imports/export", &[("run", &run)], None).await;
    assert_eq!(anonymous.status(), StatusCode::FORBIDDEN);
    let person = server.running.hub.sources_now().await.unwrap()[0].source.id;
    let administrator = server.administrator("second").await;
    let delegated = server.cookie(server.session(administrator, ProvenBy::Source(person)).await).await;
    let session = server.session(administrator, ProvenBy::Hub).await;
    for role in Role::ALL.iter().copied().filter(|role| *role != Role::Administrator) {
        let holder = server.holder(session, role.as_str(), role).await;
        let cookie = server.cookie(server.session(holder, ProvenBy::Hub).await).await;
        let status = server.post("/console/imports/export", &[("run", &run)], Some(&cookie)).await.status();
        let wanted = if role == Role::HelpDesk { StatusCode::FORBIDDEN } else { StatusCode::OK };
        assert_eq!(status, wanted, "{role}");
    }
    let status = server.post("/console/imports/export", &[("run", &run)], Some(&delegated)).await.status();
    assert_eq!(status, StatusCode::FORBIDDEN, "proven by a directory");
    server.stop().await;
}
