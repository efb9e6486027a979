//! Signing in by redirect (semantics, section 2.8; rows D6r, D6s, D6t), through the pages of a running server and those
//! of npm's certified `oidc-provider`.

use std::collections::BTreeMap;

use directory::{
    ConnectorSettings, LockoutSettings, OpenIdSettings, PersonState, Source, SourceDraft, SourceKind, SourceMode,
};
use reqwest::Response;
use serde_json::json;
use testkit::{Cloud, CloudSetup};
use url::Url;

use super::{
    house::{House, PORTAL},
    outcome::{Outcome, Page},
};
use crate::support::{location, pair, set_cookie};

const NEW_PASSWORD: &str = "seven quiet lanterns on the quay";

/// A house whose application's people sign in at a provider.
struct Redirected {
    house: House,
    cloud: Cloud,
    source: Source,
}

/// A browser on its way: the page it started from, and where it was sent.
struct Way {
    transaction: String,
    to: String,
    cookie: String,
}

impl Redirected {
    async fn open(kind: SourceKind) -> Self {
        let house = House::open().await;
        let callback: Url = format!("{}/sign-in/callback/cloud", house.server.base).parse().unwrap();
        let cloud = Cloud::start(CloudSetup { redirect_uris: vec![callback], short_id_tokens: false }).await;
        for name in ["ada", "bob"] {
            cloud.add_user(name).await;
        }
        let settings = OpenIdSettings {
            issuer: cloud.issuer().clone(),
            client_id: Cloud::CLIENT.to_owned(),
            ca_pem: Some(cloud.ca_pem().to_owned()),
            graph: None,
            ..OpenIdSettings::preset(kind)
        };
        let draft = SourceDraft {
            name: "cloud".to_owned(),
            label: "Contoso cloud".to_owned(),
            mode: SourceMode::Active,
            domains: vec!["example.test".to_owned()],
            connector: ConnectorSettings::OpenId(settings),
            lockout: LockoutSettings::default(),
            ..SourceDraft::preset(kind)
        };
        let registered = house.hub().register_source(&(&house.administrator).into(), draft, Cloud::SECRET.into()).await;
        let source = registered.unwrap();
        house.client(PORTAL, &[&source]).await;
        Self { house, cloud, source }
    }

    /// From the application to the provider, after this name was typed.
    async fn leaves(&self, typed: &str) -> Way {
        let transaction = self.house.transaction(PORTAL, "").await;
        let first = self.house.server.get(&format!("/sign-in?transaction={transaction}"), None).await;
        let mut page = first.text().await.unwrap();
        if !typed.is_empty() {
            assert!(page.contains("Continue with Contoso cloud"));
            let form = [("transaction", transaction.as_str()), ("identifier", typed)];
            page = self.house.server.post("/sign-in", &form, None).await.text().await.unwrap();
            assert!(page.contains("Enter your password"), "a password can be typed as well");
        }
        let (_, link) = page.split_once("href=\"/sign-in/redirect").unwrap();
        let link = format!("/sign-in/redirect{}", link.split_once('"').unwrap().0.replace("&amp;", "&"));
        let answer = self.house.server.get(&link, None).await;
        assert_eq!(answer.status(), 303, "{link}");
        let cookie = pair(&set_cookie(&answer, "isthmus-redirect").unwrap());
        Way { transaction, to: location(&answer).to_owned(), cookie }
    }

    /// The provider's word reaches the hub, in the browser that left.
    async fn returns(&self, way: &Way, back: &Url) -> Response {
        self.house.server.get(&format!("{}?{}", back.path(), back.query().unwrap()), Some(&way.cookie)).await
    }

    /// The whole way.
    async fn signs_in(&self, typed: &str, name: &str) -> Outcome {
        let way = self.leaves(typed).await;
        let back = self.cloud.sign_in(&way.to, name).await;
        let answer = self.returns(&way, &back).await;
        Outcome::read(&self.house, answer, 0, BTreeMap::from([("session".to_owned(), 1)])).await
    }

    async fn audited(&self, action: &str) -> usize {
        let lines = storage::audit::recent(&mut self.house.hub().database.reader(), 500).await.unwrap();
        lines.iter().filter(|line| line.action == action).count()
    }

    async fn census(&self) -> BTreeMap<String, i64> {
        storage::census::census(&mut self.house.hub().database.reader()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d18_whoever_comes_back_is_created_once_and_known_from_then_on() {
    for kind in [SourceKind::OpenId, SourceKind::Entra] {
        let there = Redirected::open(kind).await;
        let first = there.signs_in("ada@example.test", "ada").await;
        first.let_in_by("D18", 0);
        let ada = there.house.person(first.person()).await;
        assert_eq!((ada.state(), ada.display_name.as_str()), (PersonState::Mirrored, "Test ada"));
        let account = there.house.account(ada.id).await;
        assert_eq!(account.immutable_id.as_str(), there.cloud.user_id("ada").await);
        let session = first.session.as_ref().unwrap();
        assert_eq!(session.proven_at_source_id, Some(there.source.id.uuid()), "no role counts in it");
        let claims = there.house.claims(PORTAL, &first.code()).await;
        assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("ada@example.test"), &json!(true)));
        let second = there.signs_in("", "ada").await;
        second.let_in_by("D6", 0);
        assert_eq!(second.person(), ada.id);
        assert_eq!(there.census().await["person"], 2, "the administrator and ada");
        there.house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_person_is_whoever_the_provider_says_and_never_the_typed_name() {
    let there = Redirected::open(SourceKind::OpenId).await;
    let bob = there.signs_in("bob@example.test", "bob").await.person();
    let way = there.leaves("bob@example.test").await;
    let back = there.cloud.sign_in(&way.to, "ada").await;
    let answer = there.returns(&way, &back).await;
    let session = there.house.session_in(&answer).await.unwrap();
    assert_ne!(session.person_id, bob.uuid(), "ada is not bob, whatever was typed");
    assert!(answer.text().await.unwrap().contains("You typed another name here"));
    assert_eq!(there.audited("sign-in.other-account").await, 1);
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d6t_a_password_for_a_redirect_source_goes_nowhere_and_says_nothing() {
    let there = Redirected::open(SourceKind::OpenId).await;
    let unknown = there.house.types("ada@example.test", Cloud::PASSWORD).await;
    unknown.refused_by("D6t", Page::Generic, 0).wrote(&[("refusal", 1)]);
    there.signs_in("", "ada").await.let_in_by("D18", 0);
    let known = there.house.types("ada@example.test", Cloud::PASSWORD).await;
    known.refused_by("D6t", Page::Generic, 0).wrote(&[("refusal", 1)]);
    for page in [&unknown.body, &known.body] {
        assert!(page.contains("Continue with Contoso cloud"));
    }
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_2_8_saying_no_there_leads_back_to_the_page_and_counts_nothing() {
    let there = Redirected::open(SourceKind::OpenId).await;
    let way = there.leaves("ada@example.test").await;
    let mut before = there.census().await;
    let back = there.cloud.say_no(&way.to, "access_denied").await;
    let answer = there.returns(&way, &back).await;
    assert_eq!(
        (answer.status(), location(&answer)),
        (303.try_into().unwrap(), &*format!("/sign-in?transaction={}", way.transaction))
    );
    let mut after = there.census().await;
    for census in [&mut before, &mut after] {
        census.remove("redirect_sign_in");
    }
    assert_eq!(after, before);
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_2_8_a_provider_in_trouble_is_a_directory_that_is_down() {
    let there = Redirected::open(SourceKind::OpenId).await;
    let way = there.leaves("ada@example.test").await;
    let back = there.cloud.say_no(&way.to, "server_error").await;
    let answer = there.returns(&way, &back).await;
    let outcome = Outcome::read(&there.house, answer, 0, BTreeMap::new()).await;
    assert_eq!((outcome.trace.row.as_str(), outcome.page()), ("D22", Page::Outage), "{:#?}", outcome.trace);
    // Its token endpoint does not answer.
    let way = there.leaves("ada@example.test").await;
    let back = there.cloud.sign_in(&way.to, "ada").await;
    there.cloud.tell(json!({ "down": true })).await;
    let answer = there.returns(&way, &back).await;
    let outcome = Outcome::read(&there.house, answer, 0, BTreeMap::new()).await;
    assert_eq!((outcome.trace.row.as_str(), outcome.page()), ("D22", Page::Outage), "{:#?}", outcome.trace);
    assert_eq!((there.census().await["person"], there.audited("sign-in.redirect-refused").await), (1, 0));
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_2_8_what_does_not_hold_is_refused_and_audited() {
    let there = Redirected::open(SourceKind::Entra).await;
    // Another issuer than the one this browser was sent to (RFC 9207).
    let way = there.leaves("").await;
    let mut back = there.cloud.sign_in(&way.to, "ada").await;
    let others: Vec<(String, String)> = back.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
    back.query_pairs_mut().clear().extend_pairs(others).append_pair("iss", "https://evil.example/");
    let mixed_up = there.returns(&way, &back).await;
    // A token of another tenant.
    let way = there.leaves("").await;
    there.cloud.tell(json!({ "tenant": "99999999-2222-4333-8444-555555555555" })).await;
    let back = there.cloud.sign_in(&way.to, "ada").await;
    let tenant = there.returns(&way, &back).await;
    for answer in [mixed_up, tenant] {
        let outcome = Outcome::read(&there.house, answer, 0, BTreeMap::new()).await;
        assert_eq!(outcome.trace.row, "2.8", "{:#?}", outcome.trace);
        assert!(outcome.session.is_none() && outcome.body.contains("could not be accepted"), "{}", outcome.body);
    }
    assert_eq!(there.audited("sign-in.redirect-refused").await, 2);
    let census = there.census().await;
    let refusals = census.get("refusal").copied().unwrap_or(0);
    assert_eq!((census["person"], refusals), (1, 0), "nobody is made, and nobody's counter moves");
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_2_8_only_the_browser_that_left_comes_back_and_once() {
    let there = Redirected::open(SourceKind::OpenId).await;
    let way = there.leaves("").await;
    let back = there.cloud.sign_in(&way.to, "ada").await;
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    // A link that somebody else was given, with a code of the sender's (RFC 9700, 4.7).
    let other = there.leaves("").await;
    for cookie in [None, Some("isthmus-redirect=somebody-else"), Some(other.cookie.as_str())] {
        let answer = there.house.server.get(&path, cookie).await;
        assert_eq!(answer.status(), 400);
        assert!(there.house.session_in(&answer).await.is_none());
    }
    let elsewhere = there.house.server.get(&path.replace("/cloud?", "/corp?"), Some(&way.cookie)).await;
    assert_eq!(elsewhere.status(), 400, "the answer of one source is none of another's");
    let answer = there.returns(&way, &back).await;
    assert!(there.house.session_in(&answer).await.is_some());
    assert_eq!(there.returns(&way, &back).await.status(), 400, "used once");
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d6r_a_password_is_offered_put_off_and_set_and_d6s_they_sign_in_here_now() {
    let there = Redirected::open(SourceKind::OpenId).await;
    there.signs_in("", "ada").await.let_in_by("D18", 0);
    there.house.change(&there.source, |draft| draft.mode = SourceMode::Capture).await;
    let offered = async |form: &[(&str, &str)]| {
        let way = there.leaves("").await;
        let back = there.cloud.sign_in(&way.to, "ada").await;
        let answer = there.returns(&way, &back).await;
        assert!(there.house.session_in(&answer).await.is_none(), "not in before the page is answered");
        let page = answer.text().await.unwrap();
        assert!(page.contains("Set a password here"), "{page}");
        let step = page.split_once("name=\"step\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let mut sent = vec![("transaction", way.transaction.as_str()), ("step", &step)];
        sent.extend_from_slice(form);
        (page.clone(), there.house.server.post("/sign-in/offer", &sent, Some(&way.cookie)).await)
    };
    for left in [2, 1, 0] {
        let (page, answer) = offered(&[("decision", "skip")]).await;
        assert!(page.contains("Not now"), "{left}");
        assert!(there.house.session_in(&answer).await.is_some() && location(&answer).contains("code="));
    }
    let (page, answer) = offered(&[("decision", "skip")]).await;
    assert!(!page.contains("Not now") && there.house.session_in(&answer).await.is_none());
    let (_, answer) = offered(&[("new_password", "ada"), ("repeated_password", "ada")]).await;
    assert!(answer.text().await.unwrap().contains("Set a password here"), "a weak one is refused on the same page");
    let (_, answer) = offered(&[("new_password", NEW_PASSWORD), ("repeated_password", NEW_PASSWORD)]).await;
    let session = there.house.session_in(&answer).await.unwrap();
    let ada = there.house.person(session.person_id.into()).await;
    assert_eq!(ada.state(), PersonState::Migrated);
    assert_eq!(there.audited("person.password-set-instead").await, 1);

    there.house.types("ada@example.test", NEW_PASSWORD).await.let_in_by("D1", 0);
    let way = there.leaves("").await;
    let back = there.cloud.sign_in(&way.to, "ada").await;
    let outcome = Outcome::read(&there.house, there.returns(&way, &back).await, 0, BTreeMap::new()).await;
    assert_eq!(outcome.trace.row, "D6s");
    assert!(outcome.session.is_none() && outcome.body.contains("You sign in here now"));
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d6r_nobody_is_taken_over_with_less_than_they_had() {
    let there = Redirected::open(SourceKind::OpenId).await;
    there.house.change(&there.source, |draft| draft.mode = SourceMode::Capture).await;
    there.cloud.tell(json!({ "amr": ["pwd", "otp"] })).await;
    there.signs_in("", "ada").await.let_in_by("D18", 0);
    let again = there.signs_in("", "ada").await;
    again.let_in_by("D6", 0);
    assert_eq!(there.house.person(again.person()).await.state(), PersonState::Mirrored);
    there.house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_from_the_start_reads_like_any_directory() {
    let there = Redirected::open(SourceKind::OpenId).await;
    there.cloud.tell(json!({ "down": true })).await;
    let transaction = there.house.transaction(PORTAL, "").await;
    let link = format!("/sign-in/redirect?source=cloud&transaction={transaction}");
    let outcome = Outcome::read(&there.house, there.house.server.get(&link, None).await, 0, BTreeMap::new()).await;
    assert_eq!((outcome.trace.row.as_str(), outcome.page()), ("D22", Page::Outage), "{:#?}", outcome.trace);
    // Not a directory that people are sent to.
    assert_eq!(there.house.server.get("/sign-in/redirect?source=nowhere", None).await.status(), 404);
    there.house.close().await;
}
