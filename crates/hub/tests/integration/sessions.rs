//! The sessions of a person, as help desk sees and ends them.

use directory::{Role, SessionId};
use hub::{
    HubError,
    kernel::capability::{FindPeople, HelpPeople},
    session::{self, NewSession, ProvenBy, Reach, SeenAs},
};

use crate::support::{TestHub, hubs, source_draft};

/// Somebody at help desk: what they may see, what they may do, and their own session.
async fn helper(test: &TestHub) -> (FindPeople, HelpPeople, SessionId) {
    let (_, session) = test.console_person("helen", Role::HelpDesk).await;
    let helper: HelpPeople = test.hub.permit(Some(session)).await.unwrap();
    ((&helper).into(), helper, session)
}

#[tokio::test]
async fn help_desk_sees_where_somebody_is_signed_in_and_ends_it_with_a_reason() {
    for test in hubs().await {
        let (finder, helper, own) = helper(&test).await;
        let ada = test.administrator("ada").await;
        let source = test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let anna = test.provision(&source, "anna").await;
        let policy = test.hub.policy_now().await.unwrap();
        let opened: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            let proven_by = ProvenBy::Source(source.id);
            let new = NewSession { person: anna, proven_by, amr: vec![], offline: false, reach: Reach::Everywhere };
            let seen = SeenAs { browser: Some("Firefox on Linux".to_owned()), address: None };
            session::open_seen(tx, &*test.hub.clock, &*test.hub.random, &policy, new, seen).await
        });
        let laptop = opened.unwrap().id;
        test.wait(60);
        let phone = test.session(anna, ProvenBy::Source(source.id)).await;
        let lines = test.hub.sessions_of(&finder, anna).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.session.id).collect::<Vec<_>>(), [phone, laptop]);
        assert_eq!(lines[1].seen_as.browser.as_deref(), Some("Firefox on Linux"));
        assert_eq!(lines[1].proven_by, "Corporate directory");

        let silent = test.hub.end_session_of(&helper, anna, laptop, " ").await;
        assert!(matches!(silent, Err(HubError::Invalid { field: "reason", .. })));
        let not_theirs = test.hub.end_session_of(&helper, anna, own, "lost").await;
        assert!(matches!(not_theirs, Err(HubError::NotFound(_))), "{not_theirs:?}");
        test.hub.end_session_of(&helper, anna, laptop, "lost laptop").await.unwrap();
        assert!(test.hub.session(laptop).await.unwrap().is_none());
        assert!(test.hub.session(phone).await.unwrap().is_some());
        test.hub.end_sessions_of(&helper, anna, "left the company").await.unwrap();
        assert!(test.hub.sessions_of(&finder, anna).await.unwrap().is_empty());
        let told = test.audit().await;
        let ended = told.iter().filter(|(action, _)| action == "session.ended-for-person");
        let reasons: String = ended.map(|(_, details)| details.as_str()).collect();
        assert!(reasons.contains("lost laptop") && reasons.contains("left the company"), "{told:?}");
    }
}

#[tokio::test]
async fn only_an_administrator_ends_sessions_of_somebody_who_holds_a_role() {
    for test in hubs().await {
        let (_, helper, _) = helper(&test).await;
        let (bob, session) = test.console_person("bob", Role::HelpDesk).await;
        for refused in [
            test.hub.end_session_of(&helper, bob, session, "why not").await,
            test.hub.end_sessions_of(&helper, bob, "why not").await,
        ] {
            assert!(matches!(refused, Err(HubError::Refused(_))), "{refused:?}");
        }
        assert!(test.hub.session(session).await.unwrap().is_some());
        let ada = test.administrator("ada").await;
        test.hub.end_sessions_of(&ada.help, bob, "laptop was stolen").await.unwrap();
        assert!(test.hub.session(session).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn sessions_that_are_over_are_not_listed() {
    for test in hubs().await {
        let (finder, ..) = helper(&test).await;
        let (bob, session) = test.console_person("bob", Role::HelpDesk).await;
        assert_eq!(test.hub.sessions_of(&finder, bob).await.unwrap().len(), 1);
        test.wait(2 * 60 * 60 + 1);
        assert!(test.hub.sessions_of(&finder, bob).await.unwrap().is_empty(), "unused for too long");
        assert!(test.hub.session(session).await.unwrap().is_none());
    }
}
