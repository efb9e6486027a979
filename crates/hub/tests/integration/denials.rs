//! Who is denied what: every use case of the console takes a capability, and these are the sessions that become
//! one or not.

use directory::{Permission, Role, SessionId};
use hub::{
    HubError,
    kernel::capability::{
        Administer, DecideCases, FindPeople, HelpPeople, ManageApps, ManageSources, ReadAudit, ReadConfiguration,
    },
    session::ProvenBy,
};

use crate::support::{Powers, TestHub, hubs, source_draft};

/// Sessions by name.
async fn sessions(test: &TestHub) -> Vec<(&'static str, Option<SessionId>)> {
    let (ada, at_hub) = test.console_person("ada", Role::Administrator).await;
    let admin = Powers::from(test.hub.permit::<Administer>(Some(at_hub)).await.unwrap());
    let source = test.hub.register_source(&admin.sources, source_draft("corp"), "secret".into()).await.unwrap();
    let anna = test.provision(&source, "anna").await;
    let mut holders = Vec::new();
    for role in [Role::HelpDesk, Role::Reviewer, Role::Operator, Role::Auditor] {
        let (_, session) = test.console_person(role.as_str(), role).await;
        holders.push((role.as_str(), Some(session)));
    }
    let ended = test.session(ada, ProvenBy::Hub).await;
    test.hub.end_session(ended).await.unwrap();
    let delegated = test.session(ada, ProvenBy::Source(source.id)).await;
    let plain = test.session(anna, ProvenBy::Source(source.id)).await;
    let forged = test.session(anna, ProvenBy::Hub).await;
    let (carl, disabled) = test.console_person("carl", Role::Administrator).await;
    // Without ending the session first: the capability looks at the person as well.
    let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
        let mut person = storage::people::People(tx).by_id(carl).await?.unwrap();
        person.disabled_by_hub = Some("left".to_owned());
        Ok(storage::people::People(tx).update(&person).await?)
    });
    done.unwrap();
    let mut sessions = vec![
        ("nobody", None),
        ("unknown session", Some(uuid::Uuid::from_u128(1).into())),
        ("ended session of an administrator", Some(ended)),
        ("delegated session of an administrator", Some(delegated)),
        ("disabled administrator", Some(disabled)),
        ("person of a directory", Some(plain)),
        ("person of a directory in a session of the hub", Some(forged)),
    ];
    sessions.extend(holders);
    sessions.push(("administrator", Some(at_hub)));
    sessions
}

#[tokio::test]
async fn a_session_becomes_what_its_roles_may() {
    for test in hubs().await {
        let mut told = String::new();
        for (name, session) in sessions(&test).await {
            let word = |result: Result<(), HubError>| match result {
                Ok(()) => "allowed".to_owned(),
                Err(error @ HubError::Denied(_)) => error.to_string(),
                Err(other) => panic!("{other:?}"),
            };
            told.push_str(&format!("{name}\n"));
            let answers = [
                ("find people", word(test.hub.permit::<FindPeople>(session).await.map(|_| ()))),
                ("help people", word(test.hub.permit::<HelpPeople>(session).await.map(|_| ()))),
                ("decide cases", word(test.hub.permit::<DecideCases>(session).await.map(|_| ()))),
                ("read configuration", word(test.hub.permit::<ReadConfiguration>(session).await.map(|_| ()))),
                ("manage sources", word(test.hub.permit::<ManageSources>(session).await.map(|_| ()))),
                ("manage apps", word(test.hub.permit::<ManageApps>(session).await.map(|_| ()))),
                ("read audit", word(test.hub.permit::<ReadAudit>(session).await.map(|_| ()))),
                ("administer", word(test.hub.permit::<Administer>(session).await.map(|_| ()))),
            ];
            for (what, answer) in answers {
                told.push_str(&format!("  {what}: {answer}\n"));
            }
        }
        insta::assert_snapshot!("denials", told);
    }
}

/// A use case that changes or shows what only administrators may see must ask for the capability in its signature.
/// This reads the sources, so that a new one cannot forget it.
#[test]
fn every_public_use_case_of_the_console_takes_a_capability() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // Called by the command line, or with a single-use token instead of a session, or for health and metrics.
    let exempt = [
        "permit",
        "create_administrator",
        "set_up_page",
        "set_up_password",
        "create_break_glass",
        "break_glass_code",
        "finish_break_glass",
        "one_person_decides",
        "audit_chain",
        "verify",
        "work",
        "end",
        "piece",
        // The hub's own tidying, under a lease.
        "forget_source_drafts",
    ];
    let capabilities = Permission::ALL.iter().map(|permission| format!("{permission:?}"));
    let capabilities: Vec<String> = capabilities.collect();
    let mut seen = 0;
    let mut waiting: Vec<_> =
        ["sources", "clients", "access", "audit", "overview", "people"].map(|area| root.join(area)).to_vec();
    while let Some(folder) = waiting.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for part in text.split("pub async fn ").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let signature = &part[..part.find('{').unwrap()];
                if exempt.contains(&name.as_str()) {
                    continue;
                }
                seen += 1;
                let asks = capabilities.iter().any(|c| signature.contains(&format!(": &{c}")));
                assert!(asks, "{}: {name} takes no capability", path.display());
            }
        }
    }
    assert!(seen >= 20, "{seen} use cases were found");
}
