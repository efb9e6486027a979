//! Changing a password that is kept at the hub.

use directory::{Role, SessionId};
use hub::{
    HubError,
    kernel::capability::Administer,
    session::ProvenBy,
    sign_in::{PasswordChange, PasswordChangeAnswer, PasswordPlace},
};
use secrecy::SecretString;

use crate::support::{PASSWORD, TestHub, hubs, source_draft};

const NEW: &str = "seven quiet lighthouse keepers";

fn change(session: SessionId, current: &str, new: &str) -> PasswordChange {
    PasswordChange {
        session,
        current: SecretString::from(current),
        new: SecretString::from(new),
        repeated: SecretString::from(new),
        address: "192.0.2.7".parse().unwrap(),
        device_cookie: None,
        browser: Some("Firefox on Linux".to_owned()),
    }
}

async fn answer(test: &TestHub, session: SessionId, current: &str, new: &str) -> PasswordChangeAnswer {
    test.hub.change_password(change(session, current, new)).await.unwrap()
}

fn at_current(answer: &PasswordChangeAnswer) -> Option<&str> {
    match answer {
        PasswordChangeAnswer::Refused { current, .. } => current.as_deref(),
        PasswordChangeAnswer::Changed(_) => None,
    }
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_opens_a_new_one() {
    for test in hubs().await {
        let (person, session) = test.console_person("ada", Role::Administrator).await;
        let elsewhere = test.session(person, ProvenBy::Hub).await;
        let place = test.hub.password_place(session).await.unwrap();
        assert!(matches!(&place, PasswordPlace::Hub { username: Some(name), .. } if name == "ada"), "{place:?}");
        let PasswordChangeAnswer::Changed(opened) = answer(&test, session, PASSWORD, NEW).await else { panic!() };
        assert!(opened.id != session && opened.proven_by == ProvenBy::Hub);
        for over in [session, elsewhere] {
            assert!(test.hub.session(over).await.unwrap().is_none());
            let refused = test.hub.change_password(change(over, NEW, PASSWORD)).await;
            assert!(matches!(refused, Err(HubError::Denied(_))));
        }
        test.hub.permit::<Administer>(Some(opened.id)).await.unwrap();
        // The old one no longer proves anything, the new one does.
        let refused = answer(&test, opened.id, PASSWORD, "another set of harbour lamps").await;
        assert_eq!(at_current(&refused), Some("This is not your current password."));
        let again = answer(&test, opened.id, NEW, "another set of harbour lamps").await;
        assert!(matches!(again, PasswordChangeAnswer::Changed(_)));
        let told = format!("{:?}", test.audit().await);
        assert!(told.contains("person.password-changed") && told.contains("person.password-change-refused"));
        assert!(!told.contains(NEW) && !told.contains(PASSWORD));
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_changes_nothing() {
    for test in hubs().await {
        let (_, session) = test.console_person("ada", Role::Administrator).await;
        let refused = |answer: PasswordChangeAnswer| match answer {
            PasswordChangeAnswer::Refused { current, new, repeated } => [current, new, repeated].map(|m| m.is_some()),
            PasswordChangeAnswer::Changed(_) => panic!("it was changed"),
        };
        assert_eq!(refused(answer(&test, session, PASSWORD, "too short").await), [false, true, false]);
        assert_eq!(refused(answer(&test, session, PASSWORD, "passwordstandard").await), [false, true, false]);
        assert_eq!(refused(answer(&test, session, PASSWORD, "hub.example.test").await), [false, true, false]);
        assert_eq!(refused(answer(&test, session, PASSWORD, PASSWORD).await), [false, true, false], "no change");
        assert_eq!(refused(answer(&test, session, "", "too short").await), [true, true, false]);
        assert_eq!(refused(answer(&test, session, "", NEW).await), [true, false, false]);
        let other = PasswordChange { repeated: "something else".into(), ..change(session, PASSWORD, NEW) };
        assert_eq!(refused(test.hub.change_password(other).await.unwrap()), [false, false, true]);
        // The same letters, composed in another way, are the same password.
        let accented = PasswordChange {
            repeated: "seven cafe\u{301} lighthouse keepers".into(),
            ..change(session, PASSWORD, "seven café lighthouse keepers")
        };
        let changed = test.hub.change_password(accented).await.unwrap();
        assert!(matches!(changed, PasswordChangeAnswer::Changed(_)), "{changed:?}");
    }
}

#[tokio::test]
async fn guessing_the_current_password_is_throttled_and_counted_like_signing_in() {
    for test in hubs().await {
        let (person, session) = test.console_person("ada", Role::Administrator).await;
        let attempt = |test: &TestHub, password: &str| {
            let attempt = hub::sign_in::SignInAttempt {
                client: None,
                identifier: "ada".to_owned(),
                password: password.into(),
                directory: None,
                address: "192.0.2.7".parse().unwrap(),
                device_cookie: None,
                browser: None,
                request_id: "r".to_owned(),
            };
            let hub = test.hub.clone();
            async move { hub.sign_in(attempt).await.unwrap() }
        };
        for _ in 0..10 {
            let refused = answer(&test, session, "a wrong guess of mine", NEW).await;
            assert_eq!(at_current(&refused), Some("This is not your current password."));
        }
        let throttled = answer(&test, session, PASSWORD, NEW).await;
        assert!(at_current(&throttled).is_some_and(|text| text.contains("Too many attempts")), "{throttled:?}");
        let door = attempt(&test, PASSWORD).await;
        assert!(matches!(door, hub::sign_in::SignInAnswer::Refused(_)), "they are counted at the door as well");
        test.wait(61);
        let failures = {
            let mut reader = test.hub.database.reader();
            storage::throttle::Throttle(&mut reader).failures(person, &[]).await.unwrap().unwrap().failures
        };
        assert_eq!(failures, 10);
        assert!(matches!(answer(&test, session, PASSWORD, NEW).await, PasswordChangeAnswer::Changed(_)));
        let failures =
            storage::throttle::Throttle(&mut test.hub.database.reader()).failures(person, &[]).await.unwrap();
        assert_eq!(failures, None, "and a new password ends the count");
    }
}

#[tokio::test]
async fn whoever_has_their_password_in_a_directory_is_told_where() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        let source = test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let anna = test.provision(&source, "anna").await;
        let session = test.session(anna, ProvenBy::Source(source.id)).await;
        let place = test.hub.password_place(session).await.unwrap();
        assert_eq!(place, PasswordPlace::Source { label: "Corporate directory".to_owned() });
        let refused = test.hub.change_password(change(session, "right password", NEW)).await;
        assert!(matches!(refused, Err(HubError::Refused(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_made() {
    for test in hubs().await {
        let (person, one) = test.console_person("ada", Role::Administrator).await;
        let other = test.session(person, ProvenBy::Hub).await;
        let (a, b) = tokio::join!(
            test.hub.change_password(change(one, PASSWORD, NEW)),
            test.hub.change_password(change(other, PASSWORD, "another set of harbour lamps"))
        );
        let changed = |answer: &Result<_, HubError>| matches!(answer, Ok(PasswordChangeAnswer::Changed(_)));
        assert_eq!(u8::from(changed(&a)) + u8::from(changed(&b)), 1, "{a:?} {b:?}");
    }
}
