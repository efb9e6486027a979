//! Set-up links, password rules and roles.

use directory::{PersonState, Role, SourceDraft, SourceMode};
use hub::{
    HubError,
    kernel::capability::{Administer, FindPeople, HelpPeople},
    mirror::NewHubPerson,
    session::ProvenBy,
};
use secrecy::ExposeSecret as _;

use crate::support::{PASSWORD, Powers, hubs, source_draft, token_of};

fn is_refused<T: std::fmt::Debug>(result: Result<T, HubError>) -> bool {
    matches!(result, Err(HubError::Refused(_)))
}

#[tokio::test]
async fn a_set_up_link_works_once_and_for_a_day() {
    for test in hubs().await {
        let invitation = test.hub.create_administrator("ada", Some("ada@example.test"), false).await.unwrap();
        assert!(invitation.link.expose_secret().starts_with("https://hub.example.test/set-up?token="));
        let token = token_of(&invitation.link);
        let page = test.hub.set_up_page(&token).await.unwrap();
        assert_eq!(page.username.as_deref(), Some("ada"));
        test.hub.set_up_page(&token).await.unwrap();
        let short = test.hub.set_up_password(&token, &"short".into()).await;
        assert!(matches!(short, Err(HubError::Invalid { field: "password", .. })), "does not spend the link");
        let own_name = test.hub.set_up_password(&token, &"ada@example.test!".into()).await;
        assert!(matches!(own_name, Err(HubError::Invalid { .. })));
        test.hub.set_up_password(&token, &PASSWORD.into()).await.unwrap();
        assert!(is_refused(test.hub.set_up_password(&token, &PASSWORD.into()).await));
        assert!(is_refused(test.hub.set_up_page(&token).await));
        assert!(is_refused(test.hub.set_up_page(&"guessed".into()).await));

        let late = test.hub.create_administrator("bob", None, false).await.unwrap();
        test.wait(24 * 60 * 60);
        assert!(is_refused(test.hub.set_up_password(&token_of(&late.link), &PASSWORD.into()).await));
    }
}

#[tokio::test]
async fn two_browsers_with_one_link_set_one_password() {
    for test in hubs().await {
        let token = token_of(&test.hub.create_administrator("ada", None, false).await.unwrap().link);
        let password = PASSWORD.into();
        let (a, b) =
            tokio::join!(test.hub.set_up_password(&token, &password), test.hub.set_up_password(&token, &password));
        assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
    }
}

#[tokio::test]
async fn a_newer_link_replaces_the_older_and_a_new_password_ends_the_sessions() {
    for test in hubs().await {
        let (person, session) = test.console_person("ada", Role::Administrator).await;
        assert!(is_refused(test.hub.create_administrator("ada", None, false).await), "exists already");
        let first = test.hub.create_administrator("ADA", None, true).await.unwrap();
        let second = test.hub.create_administrator("ada", None, true).await.unwrap();
        assert_eq!((first.person, second.person), (person, person));
        assert!(is_refused(test.hub.set_up_page(&token_of(&first.link)).await));
        assert!(test.hub.permit::<Administer>(Some(session)).await.is_err(), "recovery ends the sessions");
        let session = test.session(person, ProvenBy::Hub).await;
        test.hub.permit::<Administer>(Some(session)).await.unwrap();
        test.hub.set_up_password(&token_of(&second.link), &"another set of harbour lamps".into()).await.unwrap();
        assert!(test.hub.permit::<Administer>(Some(session)).await.is_err());
        assert!(is_refused(test.hub.create_administrator("nobody", None, true).await), "nobody is called so");
    }
}

#[tokio::test]
async fn recovery_is_for_administrators_only() {
    for test in hubs().await {
        test.console_person("helen", Role::HelpDesk).await;
        assert!(is_refused(test.hub.create_administrator("helen", None, true).await));
    }
}

#[tokio::test]
async fn the_last_administrator_stays_and_taking_a_role_ends_the_sessions() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let refused = test.hub.revoke_role(&ada.roles, ada.person_id(), Role::Administrator).await;
        assert!(refused.unwrap_err().to_string().contains("last administrator"));
        let (bob, session) = test.console_person("bob", Role::Administrator).await;
        test.hub.revoke_role(&ada.roles, bob, Role::Administrator).await.unwrap();
        assert!(test.hub.permit::<Administer>(Some(session)).await.is_err());
        assert!(test.hub.session(session).await.unwrap().is_none());
        let holders = test.hub.role_holders(&ada.audit).await.unwrap();
        assert_eq!(holders.iter().map(|h| h.display_name.as_str()).collect::<Vec<_>>(), ["ada"]);
        // One who cannot sign in does not count as another administrator.
        let (carl, _) = test.console_person("carl", Role::Administrator).await;
        let disabled: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            hub::mirror::disable_by_hub(tx, &test.hub, ada.actor(), carl, "left").await
        });
        assert_eq!(disabled.unwrap().state(), PersonState::DisabledByHub);
        assert!(test.hub.revoke_role(&ada.roles, ada.person_id(), Role::Administrator).await.is_err());
    }
}

#[tokio::test]
async fn people_of_a_directory_get_no_role() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let source = test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let anna = test.provision(&source, "anna").await;
        for role in Role::ALL {
            assert!(is_refused(test.hub.grant_role(&ada.roles, anna, *role).await));
        }
    }
}

#[tokio::test]
async fn a_role_counts_only_in_a_session_proven_at_the_hub() {
    for test in hubs().await {
        let (person, session) = test.console_person("ada", Role::Administrator).await;
        let ada = Powers::from(test.hub.permit::<Administer>(Some(session)).await.unwrap());
        let source = test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let delegated = test.session(person, ProvenBy::Source(source.id)).await;
        assert!(matches!(test.hub.permit::<Administer>(Some(delegated)).await, Err(HubError::Denied(_))));
        assert!(matches!(test.hub.permit::<FindPeople>(Some(delegated)).await, Err(HubError::Denied(_))));
        test.hub.permit::<FindPeople>(Some(session)).await.unwrap();
        test.hub.end_session(session).await.unwrap();
        assert!(matches!(test.hub.permit::<Administer>(Some(session)).await, Err(HubError::Denied(_))));
    }
}

#[tokio::test]
async fn neither_token_nor_password_is_kept_or_told() {
    for test in hubs().await {
        let invitation = test.hub.create_administrator("ada", None, false).await.unwrap();
        let token = token_of(&invitation.link);
        test.hub.set_up_password(&token, &PASSWORD.into()).await.unwrap();
        let told = format!("{invitation:?} {:?}", test.audit().await);
        assert!(!told.contains(token.expose_secret()) && !told.contains(PASSWORD), "{told}");
        for action in ["person.entered", "role.granted", "set-up-link.issued", "person.password-set"] {
            assert!(told.contains(action), "{action}");
        }
        let Some(folder) = test.database.folder() else { continue };
        for file in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
            assert!(!holds(token.expose_secret()) && !holds(PASSWORD));
        }
    }
}

#[tokio::test]
async fn an_administrator_invites_help_desk_and_renews_the_link() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let new = NewHubPerson {
            username: "helen".to_owned(),
            display_name: "Helen Desk".to_owned(),
            email: Some("helen@example.test".to_owned()),
        };
        let first = test.hub.invite_console_person(&ada.roles, new, Role::HelpDesk).await.unwrap();
        let second = test.hub.renew_invitation(&ada.roles, first.person).await.unwrap();
        assert!(is_refused(test.hub.set_up_password(&token_of(&first.link), &PASSWORD.into()).await));
        test.hub.set_up_password(&token_of(&second.link), &PASSWORD.into()).await.unwrap();
        assert!(is_refused(test.hub.renew_invitation(&ada.roles, ada.person_id()).await), "never for oneself");
        let session = test.session(first.person, ProvenBy::Hub).await;
        test.hub.permit::<FindPeople>(Some(session)).await.unwrap();
        assert!(test.hub.permit::<Administer>(Some(session)).await.is_err());
    }
}

#[tokio::test]
async fn nobody_takes_the_administrator_s_role_from_themselves() {
    for test in hubs().await {
        let (ada, bea) = (test.administrator("ada").await, test.administrator("bea").await);
        let own = test.hub.revoke_role(&ada.roles, ada.person_id(), Role::Administrator).await;
        assert!(own.unwrap_err().to_string().contains("Another administrator takes this role"));
        test.hub.revoke_role(&bea.roles, ada.person_id(), Role::Administrator).await.unwrap();
        assert!(
            is_refused(test.hub.revoke_role(&bea.roles, ada.person_id(), Role::Administrator).await),
            "not any more"
        );
    }
}

#[tokio::test]
async fn who_holds_what_since_when_and_from_whom() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let (helen, _) = test.console_person("helen", Role::HelpDesk).await;
        test.wait(60);
        let named = test.hub.person_named(&ada.roles, " HELEN ").await.unwrap();
        assert_eq!(named, helen);
        assert!(
            test.hub.grant_role(&ada.roles, helen, Role::Auditor).await.unwrap().is_none(),
            "has a password of ours"
        );
        assert!(is_refused(test.hub.grant_role(&ada.roles, helen, Role::Auditor).await));
        let holders = test.hub.role_holders(&ada.audit).await.unwrap();
        let held = &holders.iter().find(|h| h.person == helen).unwrap().roles;
        let told: Vec<_> = held.iter().map(|h| (h.role, h.by.as_str())).collect();
        assert_eq!(told, [(Role::Auditor, "ada"), (Role::HelpDesk, "helen-boss")]);
        assert!(held[0].since > held[1].since);
        let ada_line = holders.iter().find(|h| h.person == ada.person_id()).unwrap();
        assert_eq!(ada_line.roles[0].by, "the command line");
    }
}

#[tokio::test]
async fn a_captured_password_carries_no_role_until_another_is_set_here() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let draft = SourceDraft { mode: SourceMode::Capture, ..source_draft("corp") };
        let source = test.hub.register_source(&ada.sources, draft, "secret".into()).await.unwrap();
        let anna = test.provision(&source, "anna").await;
        let phc = {
            let mut reader = test.hub.database.reader();
            storage::verifiers::Verifiers(&mut reader).of_person(ada.person_id()).await.unwrap().unwrap().phc
        };
        let captured: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            let kind = hub::mirror::Capture::TakeOver;
            hub::mirror::capture(tx, &test.hub, anna, &source, phc.clone(), None, kind).await
        });
        captured.unwrap();
        let link =
            test.hub.grant_role(&ada.roles, anna, Role::Operator).await.unwrap().expect("a link: not our password");
        let session = test.session(anna, ProvenBy::Hub).await;
        let denied = test.hub.permit::<FindPeople>(Some(session)).await.unwrap_err();
        assert!(denied.to_string().contains("set at the hub"), "{denied}");
        test.hub.set_up_password(&token_of(&link.link), &PASSWORD.into()).await.unwrap();
        let session = test.session(anna, ProvenBy::Hub).await;
        test.hub.permit::<FindPeople>(Some(session)).await.unwrap();
    }
}

#[tokio::test]
async fn help_desk_never_acts_on_somebody_who_holds_a_role() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let (_, session) = test.console_person("helen", Role::HelpDesk).await;
        let helen: HelpPeople = test.hub.permit(Some(session)).await.unwrap();
        let (auditor, _) = test.console_person("arno", Role::Auditor).await;
        for holder in [ada.person_id(), auditor, helen.person_id()] {
            assert!(is_refused(test.hub.unlock_here(&helen, holder).await));
            test.hub.unlock_here(&ada.help, holder).await.unwrap();
        }
        let source = test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let anna = test.provision(&source, "anna").await;
        test.hub.unlock_here(&helen, anna).await.unwrap();
    }
}
