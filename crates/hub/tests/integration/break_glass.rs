//! Row D28: the administrator for the day on which nothing else works.

use directory::{Role, SourceMode};
use hub::{
    HubError,
    access::CodeAnswer,
    kernel::capability::Administer,
    session::Session,
    sign_in::{CodeStep, SignInAnswer, SignInAttempt},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::{FakeDirectory, PASSWORD, TestHub, client_draft, hubs, source_draft, token_of};

async fn glass(test: &TestHub) {
    let link = test.hub.create_break_glass("glass").await.unwrap();
    test.hub.set_up_password(&token_of(&link.link), &PASSWORD.into()).await.unwrap();
}

fn attempt(name: &str, password: &str) -> SignInAttempt {
    SignInAttempt {
        client: None,
        identifier: name.to_owned(),
        password: password.into(),
        directory: None,
        address: "192.0.2.9".parse().unwrap(),
        device_cookie: None,
        browser: None,
        request_id: "request".to_owned(),
    }
}

async fn first_step(test: &TestHub) -> CodeStep {
    match test.hub.sign_in(attempt("glass", PASSWORD)).await.unwrap() {
        SignInAnswer::CodeNeeded(step) => step,
        other => panic!("{other:?}"),
    }
}

async fn types(test: &TestHub, step: &CodeStep, code: &SecretString) -> CodeAnswer {
    test.hub.finish_break_glass(&step.0, code).await.unwrap()
}

fn signed_in(answer: CodeAnswer) -> Session {
    match answer {
        CodeAnswer::SignedIn(session) => session,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn d28_a_password_and_a_code_of_the_host_open_the_console_once() {
    for test in hubs().await {
        glass(&test).await;
        let refused = test.hub.sign_in(attempt("glass", "wrong password here")).await.unwrap();
        assert!(matches!(refused, SignInAnswer::Refused(_)), "no step without the password");
        let step = first_step(&test).await;
        assert!(matches!(types(&test, &step, &"ABC-DEF-GHJ-KLM".into()).await, CodeAnswer::Wrong(_)), "none printed");
        let printed = test.hub.break_glass_code(None).await.unwrap();
        assert_eq!(printed.username, "glass");
        // Read out over the telephone.
        let spoken = SecretString::from(printed.code.expose_secret().to_lowercase().replace('-', " "));
        let session = signed_in(types(&test, &step, &spoken).await);
        assert_eq!(session.amr, ["pwd", "otp"]);
        test.hub.permit::<Administer>(Some(session.id)).await.unwrap();
        assert_eq!(types(&test, &step, &printed.code).await, CodeAnswer::Ended, "the step is spent");
        let step = first_step(&test).await;
        assert!(matches!(types(&test, &step, &printed.code).await, CodeAnswer::Wrong(_)), "and so is the code");

        let told = format!("{:?}", test.audit().await);
        for action in
            ["break-glass.marked", "break-glass.code-printed", "break-glass.wrong-code", "break-glass.signed-in"]
        {
            assert!(told.contains(action), "{action}");
        }
        assert!(told.contains("alert") && !told.contains(printed.code.expose_secret()));
        let rows = storage::break_glass::all(&mut test.hub.database.reader()).await.unwrap();
        assert!(rows[0].last_used_at.is_some() && rows[0].code_digest.is_none());
    }
}

#[tokio::test]
async fn d28_codes_and_steps_grow_old_and_five_wrong_ones_wear_a_code_out() {
    for test in hubs().await {
        glass(&test).await;
        let old = test.hub.break_glass_code(Some("glass")).await.unwrap();
        let newer = test.hub.break_glass_code(None).await.unwrap();
        let step = first_step(&test).await;
        assert!(matches!(types(&test, &step, &old.code).await, CodeAnswer::Wrong(_)), "replaced");
        test.wait(5 * 60);
        assert_eq!(types(&test, &step, &newer.code).await, CodeAnswer::Ended, "five minutes to type it");
        test.wait(10 * 60);
        let step = first_step(&test).await;
        assert!(matches!(types(&test, &step, &newer.code).await, CodeAnswer::Wrong(_)), "fifteen minutes to use it");

        let code = test.hub.break_glass_code(None).await.unwrap().code;
        for _ in 0..5 {
            assert!(matches!(types(&test, &step, &"222-222-222-222".into()).await, CodeAnswer::Wrong(_)));
        }
        assert!(matches!(types(&test, &step, &code).await, CodeAnswer::Wrong(_)), "worn out");
        let code = test.hub.break_glass_code(None).await.unwrap().code;
        signed_in(types(&test, &step, &code).await);
    }
}

#[tokio::test]
async fn d28_no_source_is_asked_even_where_the_application_has_one() {
    for test in hubs().await {
        glass(&test).await;
        let ada = test.administrator("ada").await;
        let source = test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let mut draft = client_draft("portal");
        draft.original_sources = vec![source.id];
        let client = test.hub.register_client(&ada.apps, draft).await.unwrap().client.id;
        test.wait(2);
        let before = calls(&test.directory);
        let at_portal = SignInAttempt { client: Some(client), ..attempt("glass", PASSWORD) };
        assert!(matches!(test.hub.sign_in(at_portal).await.unwrap(), SignInAnswer::CodeNeeded(_)));
        assert_eq!(calls(&test.directory), before, "nobody was asked");
        // Nor does it matter what became of the directory.
        test.hub.set_source_mode(&ada.sources, source.id, 1, SourceMode::Paused).await.unwrap();
        test.wait(2);
        let code = test.hub.break_glass_code(None).await.unwrap().code;
        signed_in(types(&test, &first_step(&test).await, &code).await);
    }
}

fn calls(directory: &FakeDirectory) -> usize {
    directory.searches() + directory.fetches() + directory.passwords_seen()
}

#[tokio::test]
async fn d28_is_for_people_made_for_it_and_never_the_only_administrator() {
    for test in hubs().await {
        let none = test.hub.break_glass_code(None).await.unwrap_err();
        assert!(none.to_string().contains("--break-glass"), "{none}");
        let ada = test.administrator("ada").await;
        assert!(test.hub.create_break_glass("ada").await.is_err(), "an account of every day does not change");
        assert!(test.hub.break_glass_code(Some("ada")).await.is_err());
        glass(&test).await;
        let last = test.hub.revoke_role(&ada.roles, ada.person_id(), Role::Administrator).await;
        assert!(matches!(last, Err(HubError::Refused(_))), "the one for emergencies does not count");
        let holders = test.hub.role_holders(&ada.audit).await.unwrap();
        let marks: Vec<_> = holders.iter().map(|h| (h.username.as_str(), h.break_glass, h.password_set)).collect();
        assert_eq!(marks, [("ada", false, true), ("glass", true, true)]);

        // Disabled between the two steps.
        let step = first_step(&test).await;
        let code = test.hub.break_glass_code(None).await.unwrap().code;
        let glass = holders[1].person;
        let disabled: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            hub::mirror::disable_by_hub(tx, &test.hub, ada.actor(), glass, "left").await
        });
        disabled.unwrap();
        assert_eq!(types(&test, &step, &code).await, CodeAnswer::Ended);
    }
}
