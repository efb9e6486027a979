//! Connecting a directory over HTTP as a browser without scripts does it, at a real slapd: forms sent by the browser,
//! each answered with the address of the page that shows how it went.

use directory::Role;
use hub::session::ProvenBy;
use reqwest::{Method, header};
use testkit::{Authority, Slapd, SlapdSetup};

use crate::support::{TestServer, location};

/// Somebody at the wizard.
pub struct Browser<'a> {
    pub server: &'a TestServer,
    pub cookie: String,
    /// The draft and its revision, from the address of the page shown last.
    pub draft: String,
    pub seen: String,
}

impl Browser<'_> {
    /// Sends the form of a step and returns the page that follows.
    pub async fn send(&mut self, step: &str, values: &[(&str, &str)]) -> String {
        let names: Vec<String> = values.iter().map(|(name, _)| format!("values[{name}]")).collect();
        let mut form = vec![("step", step), ("draft", self.draft.as_str())];
        let revision = if self.seen.is_empty() { "0" } else { self.seen.as_str() };
        form.push(("revision", revision));
        form.extend(names.iter().map(String::as_str).zip(values.iter().map(|(_, value)| *value)));
        let request = self.server.request(Method::POST, "/api/source-wizard-step").form(&form);
        let request = request.header(header::ACCEPT, "text/html").header(header::COOKIE, &self.cookie);
        let answer = request.header("Sec-Fetch-Site", "same-origin").send().await.unwrap();
        let status = answer.status();
        assert!(status.is_redirection(), "{step}: {status} {}", answer.text().await.unwrap());
        let link = location(&answer).to_owned();
        let value = |name: &str| {
            let found = link.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_default().to_owned()
        };
        (self.draft, self.seen) = (value("draft"), value("seen"));
        let page = self.server.get(&link, Some(&self.cookie)).await;
        assert_eq!(page.status(), 200, "{link}");
        page.text().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_connects_a_directory_without_scripts() {
    let server = TestServer::start().await;
    let slapd = Slapd::with(SlapdSetup { people: 8, ..SlapdSetup::default() }).await;
    let administrator = server.administrator("admin").await;
    let session = server.session(administrator, ProvenBy::Hub).await;
    let operator = server.holder(session, "operator", Role::Operator).await;
    let session = server.session(operator, ProvenBy::Hub).await;
    let cookie = server.cookie(session).await;
    let mut browser = Browser { server: &server, cookie, draft: String::new(), seen: String::new() };

    let empty = server.get("/console/sources/new?kind=ldap", Some(&browser.cookie)).await.text().await.unwrap();
    assert!(empty.contains("values[urls]") && empty.contains("Try the address"));
    // Browsers send line breaks of their own making.
    let (foreign, ours) =
        (Authority::new("somebody else").ca_pem().replace('\n', "\r\n"), slapd.ca_pem.replace('\n', "\r\n"));
    let url = slapd.ldaps_url.clone();
    let mut address =
        [("urls", url.as_str()), ("transport", "tls"), ("kind", "active-directory"), ("ca_pem", &foreign)];
    let page = browser.send("address", &address).await;
    assert!(page.contains("issued by an authority that this hub has no reason to trust"), "advice is given");
    assert!(page.contains("slapd test authority") && page.contains("SHA-256"), "the certificate is shown");
    address[3].1 = &ours;
    let page = browser.send("address", &address).await;
    assert!(page.contains("OpenLDAP") && page.contains("plain LDAP, and no Active Directory"), "{page}");

    let page =
        browser.send("account", &[("bind_dn", &slapd.reader_dn), ("bind_password", &slapd.reader_password)]).await;
    assert!(page.contains("locks after 5 wrong passwords within 15 minutes"), "{page}");
    assert!(!page.contains(&slapd.reader_password), "the secret never comes back");
    let base = format!("ou=people,{}", slapd.base_dn);
    let page = browser
        .send(
            "people",
            &[
                ("base_dn", &base),
                ("person_filter", "(objectClass=inetOrgPerson)"),
                ("id_attribute", "entryUUID"),
                ("username_attribute", "uid"),
                ("name_attributes", "uid, mail"),
            ],
        )
        .await;
    assert!(page.contains("9 entries fit"), "{page}");
    browser
        .send("attributes", &[("mapping-email", "mail"), ("mapping-display_name", "cn"), ("domains", "example.test")])
        .await;
    let page = browser.send("lockout", &[]).await;
    assert!(page.contains("at most 3 wrong passwords reach the directory"), "{page}");
    let page = browser.send("lockout", &[("lockout_threshold", "many")]).await;
    assert!(page.contains("is not a whole number") && page.contains("value=\"many\""), "what was typed is still there");
    browser.send("lockout", &[]).await;
    let page = browser.send("person", &[("person", "u000003"), ("person_password", "Passw0rd-3")]).await;
    assert!(page.contains("What would be created") && page.contains("u000003@example.test"), "{page}");
    assert!(page.contains("accepted") && !page.contains("Passw0rd-3"));
    let page = browser.send("finish", &[("name", "fresh"), ("label", "Fresh LDAP"), ("switch_on", "true")]).await;
    assert!(page.contains("Fresh LDAP"), "{page}");
    let source = server.running.hub.sources_now().await.unwrap();
    assert_eq!((source.len(), source[0].is_down()), (1, false));
    server.stop().await;
}
