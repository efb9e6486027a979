//! The site document: as the issue of the example shows it, applied once and twice, changed, spoilt.

use std::path::Path;

use directory::SourceMode;
use hub::{
    HubError,
    apply::{ApplyReport, ItemKind, ItemOutcome, Resolver, SiteDocument, SiteSecrets},
    kernel::Actor,
};
use proptest::prelude::*;
use secrecy::SecretString;

use crate::support::{TestHub, hubs};

const EXAMPLE: &str = r#"
[[source]]
name = "corp-ldap"
kind = "ldap"                        # or "active-directory"
urls = ["ldaps://127.0.0.1:6360"]
ca_file = "ca.crt"                   # paths are relative to this file
bind_dn = "cn=reader,ou=services,dc=example,dc=test"
bind_password = { file = "bind.secret" }   # or { env = "NAME" }
base_dn = "dc=example,dc=test"
domains = ["example.test"]           # e-mail domains this source owns
mode = "active"                      # active, capture, draining, observe, paused, retired
just_in_time = true
lockout_threshold = 5
lockout_window = "15m"

[[client]]
id = "portal"
secret = { env = "PORTAL_SECRET" }
redirect_uris = ["http://localhost:9000/callback"]
post_logout_redirect_uris = ["http://localhost:9000/"]
original_source = "corp-ldap"        # or a list
"#;

const EVERY_KEY: &str = r#"
[[source]]
name = "ad"
kind = "active-directory"
label = "Windows domain"
urls = ["ldap://dc1.ad.test", "ldap://dc2.ad.test"]
start_tls = true
bind_dn = "reader@ad.test"
bind_password = { env = "AD_SECRET" }
base_dn = "dc=ad,dc=test"
person_filter = "(&(objectCategory=person)(objectClass=user))"
name_attributes = ["sAMAccountName"]
id_attribute = "objectGUID"
username_attribute = "sAMAccountName"
mapping = { title = "personalTitle", locale = "" }
netbios_domain = "ADEX"
group_base = "ou=groups,dc=ad,dc=test"
group_filter = "(objectClass=group)"
device_filter = ""
connect_timeout = "500ms"
operation_timeout = 5
connections = 4
page_size = 100
domains = ["ad.test"]
mode = "capture"
just_in_time = false
just_in_time_activation = true
lockout_threshold = 2
lockout_window = 0
lockout_waiver = true
capture_settle = "70m"
shadow = true
outage_sign_in = true
self_written = ["phone", "email"]
protected_groups = ["cn=Domain Admins,cn=Users,dc=ad,dc=test"]

[source.profile]
priority = 20
priorities = { phone = 5 }
expressions = { department = 'entry.ou.after("=")' }

[[client]]
id = "spa"
name = "Single page"
authentication = "none"
redirect_uris = ["https://spa.example.test/"]
require_pkce = true
consent = "first-time"
original_source = ["ad"]
groups = ["ad/Staff"]

[policy]
session = "8h"
throttle_network = 60
office_networks = ["192.0.2.0/24"]
"#;

struct Secrets(&'static str);

impl Resolver for Secrets {
    fn secret_file(&self, path: &Path) -> Result<SecretString, String> {
        if path == Path::new("bind.secret") { Ok(self.0.into()) } else { Err(format!("{} is missing", path.display())) }
    }
    fn secret_variable(&self, name: &str) -> Result<SecretString, String> {
        Ok(format!("canary-{name}-of-some-length").into())
    }
    fn certificate_file(&self, _path: &Path) -> Result<String, String> {
        Ok("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_owned())
    }
}

async fn apply_with(test: &TestHub, text: &str, secret: &'static str, dry: bool) -> Result<ApplyReport, HubError> {
    let document: SiteDocument = toml::from_str(text).map_err(|e| HubError::Refused(e.message().to_owned()))?;
    let secrets = SiteSecrets::resolve(&document, &Secrets(secret))?;
    test.hub.apply(Actor::CommandLine, &document, &secrets, dry).await
}

async fn apply(test: &TestHub, text: &str) -> Result<ApplyReport, HubError> {
    apply_with(test, text, "canary-bind", false).await
}

fn outcomes(report: &ApplyReport) -> Vec<(ItemKind, &str, ItemOutcome)> {
    report.items.iter().map(|i| (i.kind, i.name.as_str(), i.outcome)).collect()
}

#[tokio::test]
async fn the_example_registers_a_source_and_a_client_and_then_changes_nothing() {
    for test in hubs().await {
        let dry = apply_with(&test, EXAMPLE, "canary-bind", true).await.unwrap();
        assert!(test.hub.sources_now().await.unwrap().is_empty(), "a dry run writes nothing");
        let first = apply(&test, EXAMPLE).await.unwrap();
        assert_eq!(dry.items, first.items, "a dry run says what will be done");
        let created =
            [(ItemKind::Source, "corp-ldap", ItemOutcome::Created), (ItemKind::Client, "portal", ItemOutcome::Created)];
        assert_eq!(outcomes(&first), created);
        let live = test.hub.sources_now().await.unwrap();
        assert_eq!((live[0].source.mode, live[0].source.lockout.window_seconds), (SourceMode::Active, Some(900)));
        assert!(live[0].connector().is_ok());
        let before = test.audit().await;
        let second = apply(&test, EXAMPLE).await.unwrap();
        assert!(second.is_unchanged(), "{second}");
        assert_eq!(test.audit().await, before, "nothing happened, nothing is recorded");
        let live = test.hub.sources_now().await.unwrap();
        assert_eq!(live[0].source.revision, 1);
    }
}

#[tokio::test]
async fn every_key_is_read() {
    for test in hubs().await {
        let report = apply(&test, EVERY_KEY).await.unwrap();
        insta::assert_snapshot!("every_key", report);
        assert!(apply(&test, EVERY_KEY).await.unwrap().is_unchanged());
        assert_eq!(test.hub.policy_now().await.unwrap().session, 8 * 60 * 60);
        let sources = test.hub.sources_now().await.unwrap();
        let ldap = sources[0].source.connector.ldap().unwrap();
        assert_eq!((ldap.connect_timeout_ms, ldap.operation_timeout_ms), (500, 5_000));
        // What a later file leaves out keeps its value.
        let shorter = EVERY_KEY.replace("mode = \"capture\"\n", "").replace("consent = \"first-time\"\n", "");
        assert!(apply(&test, &shorter).await.unwrap().is_unchanged());
    }
}

#[tokio::test]
async fn a_change_is_told_field_by_field_and_what_the_file_lacks_stays() {
    for test in hubs().await {
        apply(&test, EXAMPLE).await.unwrap();
        let moved = EXAMPLE
            .replace("127.0.0.1:6360", "new.example.test")
            .replace("mode = \"active\"", "mode = \"capture\"")
            .replace("localhost:9000/callback", "localhost:9001/callback");
        let report = apply(&test, &moved).await.unwrap();
        insta::assert_snapshot!("changed", report);
        let live = test.hub.sources_now().await.unwrap();
        assert!(live[0].connector().is_ok(), "the secret in the file counts as entered again");
        let rotated = apply_with(&test, &moved, "canary-new", false).await.unwrap();
        assert_eq!(rotated.items[0].changes.len(), 1);
        assert_eq!(rotated.items[0].changes[0].field, "bind_password");
        let none = apply(&test, "").await.unwrap();
        let kept = [
            (ItemKind::Source, "corp-ldap", ItemOutcome::NotInFile),
            (ItemKind::Client, "portal", ItemOutcome::NotInFile),
        ];
        assert_eq!(outcomes(&none), kept);
        assert_eq!(test.hub.sources_now().await.unwrap().len(), 1);
        let told = format!("{report}{report:?}{rotated}{:?}", test.audit().await);
        assert!(!told.contains("canary"), "{told}");
    }
}

const OWN: &str = r#"
[[attribute]]
name = "cost-centre"
label = "Cost centre"
kind = { type = "text", longest = 8 }
several = true
release = { claim = "cost_centre", scope = "profile", applications = ["portal"] }

[[attribute]]
name = "hired"
label = "First day"
kind = { type = "day" }
sensitive = true
"#;

#[tokio::test]
async fn attributes_of_ones_own_are_defined_with_the_directories_that_fill_them() {
    for test in hubs().await {
        let filling = "[source.profile]\nexpressions = { \"custom.cost-centre\" = 'entry.costCentre' }\n\n[[client]]";
        let text = format!("{OWN}{}", EXAMPLE.replace("[[client]]", filling));
        let dry = apply_with(&test, &text, "canary-bind", true).await.unwrap();
        let first = apply(&test, &text).await.unwrap();
        assert_eq!(dry.items, first.items, "a dry run says what will be done");
        assert_eq!(first.items[0].kind, ItemKind::Attribute);
        assert!(first.to_string().contains("release.claim: cost_centre"), "{first}");
        assert!(apply(&test, &text).await.unwrap().is_unchanged());
        // Another limit and another setting of the directory that fills it, at once.
        let changed = text.replace("longest = 8", "longest = 9").replace("just_in_time = true", "just_in_time = false");
        let report = apply(&test, &changed).await.unwrap();
        assert!(report.to_string().contains("kind.longest: 8 → 9"), "{report}");
        let live = test.hub.sources_now().await.unwrap();
        assert_eq!(live[0].source.revision, 3, "one for its own change, one to compute its entries again");
        assert_eq!(live[0].source.definitions.len(), 2);
        // What the file leaves out stays, and what cannot be meant is refused before anything is written.
        let without = apply(&test, EXAMPLE).await.unwrap();
        assert!(outcomes(&without).contains(&(ItemKind::Attribute, "hired", ItemOutcome::NotInFile)));
        for (from, to, why) in [
            ("claim = \"cost_centre\"", "claim = \"email_verified\"", "a standard gives this claim"),
            ("scope = \"profile\"", "scope = \"openid\"", "use one of profile"),
            ("name = \"hired\"", "name = \"Hired\"", "lower-case"),
            ("name = \"hired\"", "name = \"cost-centre\"", "there twice"),
            ("\"custom.cost-centre\"", "\"custom.cost-center\"", "no attribute cost-center of your own"),
            ("type = \"day\"", "type = \"date\"", "unknown variant"),
        ] {
            let error = apply(&test, &text.replacen(from, to, 1)).await.unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
    }
}

#[tokio::test]
async fn what_needs_two_people_waits_as_a_proposal() {
    for test in hubs().await {
        apply(&test, EXAMPLE).await.unwrap();
        let source = test.hub.sources_now().await.unwrap()[0].source.clone();
        test.provision(&source, "anna").await;
        let text = EXAMPLE
            .replace("domains = [\"example.test\"]", "domains = [\"elsewhere.test\"]")
            .replace("mode = \"active\"", "mode = \"retired\"");
        let report = apply(&test, &text).await.unwrap();
        assert_eq!(report.items[0].outcome, ItemOutcome::Unchanged);
        assert_eq!(report.items[0].proposed.len(), 2);
        assert_eq!(report.proposals.len(), 1);
        assert!(report.to_string().contains("needs a second person: domains: [example.test] → [elsewhere.test]"));
        let again = apply(&test, &text).await.unwrap();
        assert_eq!(again.proposals, report.proposals, "kept once");
        let now = test.hub.sources_now().await.unwrap()[0].source.clone();
        assert_eq!(now, source);
    }
}

#[tokio::test]
async fn an_error_names_its_place_and_changes_nothing() {
    let cases = [
        ("base_dn = \"dc=example,dc=test\"", "base_dn = \"example.test\"", "[[source]] corp-ldap: base_dn"),
        ("lockout_threshold = 5\n", "", "set lockout_threshold"),
        ("lockout_threshold = 5", "lockout_treshold = 5", "lockout_treshold"),
        ("\"15m\"", "\"15 minutes\"", "15 minutes"),
        ("\"active\"", "\"aktive\"", "aktive"),
        ("ldaps://127.0.0.1:6360", "ldap://127.0.0.1:6360", "start_tls"),
        ("{ file = \"bind.secret\" }", "\"canary-in-the-file\"", "env"),
        ("{ file = \"bind.secret\" }", "{ file = \"other\" }", "other is missing"),
        ("\"corp-ldap\"        #", "\"nowhere\" #", "[[client]] portal: original_source"),
        ("localhost:9000/callback", "portal.example.test/callback", "[[client]] portal: redirect_uris"),
        ("secret = { env = \"PORTAL_SECRET\" }", "", "[[client]] portal: secret"),
        ("[[client]]", "[[source]]\nname=\"x\"\n[[client]]", "missing field"),
        ("[[client]]", "[policy]\nsesion = 1\n[[client]]", "sesion"),
        ("[[client]]", "[policy]\nsession = \"1s\"\n[[client]]", "[policy]"),
    ];
    for test in hubs().await {
        for (right, wrong, told) in cases {
            assert!(EXAMPLE.contains(right), "{right}");
            let error = apply(&test, &EXAMPLE.replace(right, wrong)).await.unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("canary"), "{told}: {error}");
        }
        assert!(test.hub.sources_now().await.unwrap().is_empty());
        assert!(storage::clients::all(&mut test.hub.database.reader()).await.unwrap().is_empty());
        assert!(test.audit().await.is_empty());
        let twice = apply(&test, &format!("{EXAMPLE}{EXAMPLE}")).await.unwrap_err().to_string();
        assert!(twice.contains("there twice"), "{twice}");
    }
}

#[tokio::test]
async fn a_policy_change_is_in_force_in_another_process_within_two_seconds() {
    for test in hubs().await {
        let other = test.second_process().await;
        let before = other.hub.policy_now().await.unwrap();
        apply(&test, "[policy]\nstatus_max_age = \"1h\"\n").await.unwrap();
        other.wait(2);
        let after = other.hub.policy_now().await.unwrap();
        assert_eq!((before.status_max_age, after.status_max_age), (24 * 3600, 3600));
        assert_eq!(after.session, before.session);
    }
}

fn document() -> impl Strategy<Value = String> {
    let source = (
        prop::collection::btree_set("[a-e]", 1..3),
        "[a-zA-Z][a-zA-Z ]{0,10}",
        prop::sample::select(vec!["active", "capture", "draining", "observe", "paused"]),
        any::<bool>(),
        3u32..50,
        1u64..10_000,
    )
        .prop_map(|(domains, label, mode, jit, threshold, window)| {
            let domains: Vec<String> = domains.iter().map(|d| format!("\"{d}.test\"")).collect();
            format!(
                "[[source]]\nname = \"corp\"\nkind = \"ldap\"\nurls = [\"ldaps://{}.example.test\"]\n\
                 bind_dn = \"cn=r,o=x\"\nbind_password = {{ env = \"A\" }}\nbase_dn = \"o=x\"\n\
                 label = \"{label}\"\nmode = \"{mode}\"\njust_in_time = {jit}\nshadow = {jit}\n\
                 lockout_threshold = {threshold}\nlockout_window = {window}\ndomains = [{}]\n",
                mode,
                domains.join(", ")
            )
        });
    let client = ("[a-z]{1,6}", any::<bool>(), 1usize..4).prop_map(|(name, first_time, uris)| {
        let uris: Vec<String> = (0..uris).map(|i| format!("\"https://{name}.test/{i}\"")).collect();
        let consent = if first_time { "first-time" } else { "never" };
        format!(
            "[[client]]\nid = \"portal\"\nname = \"{name}\"\nsecret = {{ env = \"P\" }}\nconsent = \"{consent}\"\n\
             redirect_uris = [{}]\noriginal_source = \"corp\"\ngroups = [\"corp/{name}\"]\n",
            uris.join(", ")
        )
    });
    (source, client).prop_map(|(source, client)| format!("{source}{client}"))
}

/// Whatever the database held before: after one run, a second one changes nothing, and a dry run tells the truth.
#[test]
fn applying_twice_changes_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let test = runtime.block_on(async { TestHub::on(testkit::sqlite()).await });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 48, ..ProptestConfig::default() });
    let outcome = runner.run(&document(), |text| {
        runtime.block_on(async {
            let told = apply_with(&test, &text, "x", true).await.map_err(|e| TestCaseError::fail(e.to_string()))?;
            let done = apply(&test, &text).await.map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(&told.items, &done.items);
            let again = apply(&test, &text).await.map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert!(again.is_unchanged(), "{}", again);
            Ok(())
        })
    });
    outcome.unwrap();
}
