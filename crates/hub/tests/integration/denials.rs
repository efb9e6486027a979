//! Who is denied what: every use case that wants an administrator takes the capability, and these are the sessions
//! that do not become one.

use directory::{HubRole, SessionId};
use hub::{HubError, session::ProvenBy};

use crate::support::{TestHub, hubs, source_draft};

/// Sessions by name, and what each is told when it asks for (administrator, help desk).
async fn sessions(test: &TestHub) -> Vec<(&'static str, Option<SessionId>)> {
    let (ada, at_hub) = test.console_person("ada", HubRole::Administrator).await;
    let admin = test.hub.as_administrator(Some(at_hub)).await.unwrap();
    let source = test.hub.register_source(&admin, source_draft("corp"), "secret".into()).await.unwrap();
    let anna = test.provision(&source, "anna").await;
    let (_, helen) = test.console_person("helen", HubRole::HelpDesk).await;
    let ended = test.session(ada, ProvenBy::Hub).await;
    test.hub.end_session(ended).await.unwrap();
    let delegated = test.session(ada, ProvenBy::Source(source.id)).await;
    let plain = test.session(anna, ProvenBy::Source(source.id)).await;
    let forged = test.session(anna, ProvenBy::Hub).await;
    let (carl, disabled) = test.console_person("carl", HubRole::Administrator).await;
    // Without ending the session first: the capability looks at the person as well.
    let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
        let mut person = storage::people::People(tx).by_id(carl).await?.unwrap();
        person.disabled_by_hub = Some("left".to_owned());
        Ok(storage::people::People(tx).update(&person).await?)
    });
    done.unwrap();
    vec![
        ("nobody", None),
        ("unknown session", Some(uuid::Uuid::from_u128(1).into())),
        ("ended session of an administrator", Some(ended)),
        ("delegated session of an administrator", Some(delegated)),
        ("disabled administrator", Some(disabled)),
        ("person of a directory", Some(plain)),
        ("person of a directory in a session of the hub", Some(forged)),
        ("help desk", Some(helen)),
        ("administrator", Some(at_hub)),
    ]
}

#[tokio::test]
async fn only_an_administrator_in_a_session_of_the_hub_administers() {
    for test in hubs().await {
        let mut told = String::new();
        for (name, session) in sessions(&test).await {
            let word = |result: Result<(), HubError>| match result {
                Ok(()) => "allowed".to_owned(),
                Err(error @ HubError::Denied(_)) => error.to_string(),
                Err(other) => panic!("{other:?}"),
            };
            let administrator = word(test.hub.as_administrator(session).await.map(|_| ()));
            let help_desk = word(test.hub.as_help_desk(session).await.map(|_| ()));
            told.push_str(&format!("{name}\n  administrator: {administrator}\n  help desk: {help_desk}\n"));
        }
        insta::assert_snapshot!("denials", told);
    }
}

/// A use case that changes or shows what only administrators may see must ask for the capability in its signature.
/// This reads the sources, so that a new one cannot forget it.
#[test]
fn every_public_use_case_of_the_console_takes_a_capability() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // Called by the command line, or with a single-use token instead of a session.
    let exempt = ["as_administrator", "as_help_desk", "create_administrator", "set_up_page", "set_up_password"];
    let mut seen = 0;
    for area in ["sources", "clients", "access"] {
        for file in std::fs::read_dir(root.join(area)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|e| e != "rs") {
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
                assert!(signature.contains(": &Administrator"), "{}: {name} takes no capability", path.display());
            }
        }
    }
    assert!(seen >= 20, "{seen} use cases were found");
}
