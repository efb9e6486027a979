//! Row D28 as the person at the browser and the one at the host meet it.

use reqwest::StatusCode;
use secrecy::SecretString;
use url::Url;

use crate::support::{PASSWORD, TestServer, isthmus, location, pair, set_cookie};

/// What stands between two texts of a page.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap().1;
    rest.split_once(after).unwrap().0
}

/// The command beside the running server.
fn host(server: &TestServer, arguments: &[&str]) -> String {
    let data = server.settings.store.data.to_str().unwrap();
    let mut all = vec!["admin"];
    all.extend(arguments);
    all.extend(["--data", data]);
    let output = isthmus(server.settings.store.data.parent().unwrap(), &all);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn d28_the_code_of_the_host_opens_the_console() {
    let server = TestServer::start().await;
    let made = host(&server, &["create", "--username", "glass", "--break-glass"]);
    let link = made.split_whitespace().find(|word| word.contains("/set-up")).unwrap();
    let token = Url::parse(link).unwrap().query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
    server.running.hub.set_up_password(&SecretString::from(token), &SecretString::from(PASSWORD)).await.unwrap();

    let form = [("identifier", "glass"), ("password", PASSWORD), ("return_to", "/console/people")];
    let asked = server.post("/sign-in", &form, None).await;
    assert_eq!(asked.status(), StatusCode::OK);
    assert!(set_cookie(&asked, "isthmus").is_none(), "nobody is signed in by half of it");
    let page = asked.text().await.unwrap();
    assert!(page.contains("isthmus admin break-glass") && !page.contains("<script"));
    let step = between(&page, "name=\"step\" value=\"", "\"").to_owned();

    let printed = host(&server, &["break-glass"]);
    let code = printed.split_whitespace().find(|word| word.len() == 15 && word.matches('-').count() == 3).unwrap();
    let send = async |code: &str, step: &str| {
        let form = [("step", step), ("code", code), ("return_to", "/console/people")];
        server.post("/sign-in/code", &form, None).await
    };
    let wrong = send("222-222-222-222", &step).await;
    assert!(wrong.text().await.unwrap().contains("This is not the code"));
    let ended = send(code, "guessed").await;
    assert_eq!(ended.status(), StatusCode::BAD_REQUEST);
    let right = send(code, &step).await;
    assert_eq!((right.status(), location(&right)), (StatusCode::SEE_OTHER, "/console/people"));
    let cookie = pair(&set_cookie(&right, "isthmus").unwrap());
    assert_eq!(server.get("/console/administrators", Some(&cookie)).await.status(), StatusCode::OK);
    assert_eq!(send(code, &step).await.status(), StatusCode::BAD_REQUEST, "once");

    let lines = storage::audit::recent(&mut server.running.hub.database.reader(), 50).await.unwrap();
    let alerts: Vec<_> =
        lines.iter().filter(|line| line.details["level"] == "alert").map(|l| l.action.as_str()).collect();
    assert_eq!(alerts, ["break-glass.signed-in", "break-glass.wrong-code", "break-glass.code-printed"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_break_glass_administrator_the_command_says_how_to_make_one() {
    let server = TestServer::start().await;
    let data = server.settings.store.data.to_str().unwrap();
    let output = isthmus(server.settings.store.data.parent().unwrap(), &["admin", "break-glass", "--data", data]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("isthmus admin create --break-glass"), "{said}");
    server.stop().await;
}
