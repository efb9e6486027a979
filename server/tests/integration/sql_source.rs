//! An unknown database as a source: the wizard shows what is there, a proposal is taken, changed and tried, as a browser
//! without scripts does it.

use directory::{ConnectorSettings, Role};
use hub::session::ProvenBy;
use testkit::LegacySql;

use crate::{support::TestServer, wizard_peers::Browser};

/// What the form sends of fields that nobody touched.
const REST: [(&str, &str); 6] = [
    ("kind", "sql"),
    ("url", "sqlite:people.db"),
    ("password-format-scheme", "self-describing"),
    ("changed_overlap", "300"),
    ("connections", "8"),
    ("page_size", "1000"),
];

/// The value that stands in a field of the page.
fn value<'p>(page: &'p str, field: &str) -> &'p str {
    let from = page.find(&format!("name=\"values[{field}]\"")).unwrap_or_else(|| panic!("{field}: {page}"));
    let tag = &page[from..from + page[from..].find('>').unwrap()];
    tag.split("value=\"").nth(1).map(|rest| rest.split('"').next().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_database_is_connected_by_its_own_proposal_without_scripts() {
    let server = TestServer::start().await;
    let legacy = LegacySql::in_folder(&server.settings.source_files(), 20).await;
    legacy.execute("create table \"<img src=x>\" (id int)").await;
    let administrator = server.administrator("admin").await;
    let session = server.session(administrator, ProvenBy::Hub).await;
    let operator = server.holder(session, "operator", Role::Operator).await;
    let cookie = server.cookie(server.session(operator, ProvenBy::Hub).await).await;
    let mut browser = Browser { server: &server, cookie, draft: String::new(), seen: String::new() };
    let with = |more: &[(&'static str, &'static str)]| [REST.as_slice(), more].concat();

    // Nothing is known of it but where it is.
    let page = browser.send("address", &REST).await;
    assert!(page.contains("none is named yet") && page.contains("There is a proposal."), "{page}");
    assert!(page.contains("<option value=\"T_PERSON\"") && !page.contains("<img src=x"), "{page}");
    assert!(page.contains("PERS_NO, the primary key") && page.contains("Fill in what is empty"), "{page}");
    assert!(!page.contains("in place of what is there") && value(&page, "people").is_empty());

    // What somebody wrote stays, and nothing was tried or decided.
    let page = browser.send("address", &with(&[("take", "empty"), ("username_column", "EMAIL_ADR")])).await;
    let filled = ["people", "id_column", "username_column", "mapping-family_name", "password-column", "changed_column"];
    let filled = filled.map(|field| value(&page, field));
    assert_eq!(filled, ["T_PERSON", "PERS_NO", "EMAIL_ADR", "NACHNAME", "PW_HASH", "LAST_UPD"]);
    assert!(page.contains("Left as you wrote it") && page.contains("Nothing was tried with it yet"), "{page}");
    assert!(page.contains("LOGIN_NAME instead of EMAIL_ADR"), "{page}");
    assert!(!page.contains("Fill in what is empty") && !page.contains("step=finish"), "{page}");
    browser.send("finish", &[("name", "portal"), ("label", "Portal")]).await;
    assert!(server.running.hub.sources_now().await.unwrap().is_empty(), "it cannot be saved untried");

    // Another table than the proposed one: its columns are not mixed with that.
    let page = browser.send("address", &with(&[("take", "empty"), ("people", "T_ROLLE")])).await;
    assert!(page.contains("and you named T_ROLLE") && value(&page, "id_column").is_empty(), "{page}");
    assert!(!page.contains("Fill in what is empty") && page.contains("T_PERSON instead of T_ROLLE"), "{page}");
    let page = browser.send("address", &with(&[("take", "all"), ("people", "T_ROLLE")])).await;
    assert_eq!((value(&page, "people"), value(&page, "username_column")), ("T_PERSON", "LOGIN_NAME"));
    let page = browser.send("address", &with(&[("take", "everything")])).await;
    assert!(page.contains("Press one of the buttons."), "{page}");
    // What is proposed belongs to the address it was seen at.
    let mut elsewhere = with(&[("take", "all")]);
    elsewhere[1].1 = "sqlite:other.db";
    let page = browser.send("address", &elsewhere).await;
    assert!(page.contains("there is none for this address") && value(&page, "people").is_empty(), "{page}");

    browser.send("address", &REST).await;
    let page = browser.send("address", &with(&[("take", "empty")])).await;
    let fields = ["people", "id_column", "username_column", "mapping-email", "password-column"];
    let owned: Vec<(&str, String)> = fields.iter().map(|field| (*field, value(&page, field).to_owned())).collect();
    let mut reviewed: Vec<(&str, &str)> = REST.to_vec();
    reviewed.extend(owned.iter().map(|(field, value)| (*field, value.as_str())));
    reviewed.push(("domains", "example.test"));
    let page = browser.send("address", &reviewed).await;
    assert!(page.contains("every column of the settings is there") && page.contains("step=person"), "{page}");
    assert!(page.contains("of the first 20 people"), "how their passwords are stored: {page}");
    let page = browser.send("person", &[("person", "u000003@example.test")]).await;
    assert!(!page.contains("What would be created"), "an address is no name here unless somebody says so: {page}");
    let page = browser.send("person", &[("person", "u000003")]).await;
    assert!(page.contains("What would be created"), "{page}");
    browser.send("finish", &[("name", "portal"), ("label", "Portal"), ("switch_on", "true")]).await;
    let sources = server.running.hub.sources_now().await.unwrap();
    let ConnectorSettings::Sql(sql) = &sources[0].source.connector else { panic!("{sources:?}") };
    assert_eq!((sql.people.as_str(), sql.id_column.as_str(), sql.mapping.len()), ("T_PERSON", "PERS_NO", 1));
    assert_eq!(sql.changed_column, None, "what was taken out again in the form stays out");
    server.stop().await;
}
