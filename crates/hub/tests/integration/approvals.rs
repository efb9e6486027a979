//! Semantics, section 7, the APPROVED row: another person who has held the role for a day and was not created by the
//! author. And what follows from an approval, down to a retired directory.

use directory::{
    AttributeName, PersonState, Policy, ProposalId, Role, Source, SourceDraft, SourceMode, StandingAuthority,
    TransportSecurity,
};
use hub::{HubError, kernel::capability::Administer, session::ProvenBy};
use storage::people::People;

use crate::support::{Powers, TestHub, hubs, source_draft, token_of};

const DAY: i64 = 24 * 60 * 60;

fn refusal<T: std::fmt::Debug>(result: Result<T, HubError>) -> String {
    match result {
        Err(HubError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Sessions are short, people are not.
async fn again(test: &TestHub, powers: &Powers) -> Powers {
    let session = test.session(powers.person_id(), ProvenBy::Hub).await;
    Powers::from(test.hub.permit::<Administer>(Some(session)).await.unwrap())
}

/// Ada and Bea, both made on the host, a day ago.
async fn two_administrators(test: &TestHub) -> (Powers, Powers) {
    let (ada, bea) = (test.administrator("ada").await, test.administrator("bea").await);
    test.wait(DAY);
    (again(test, &ada).await, again(test, &bea).await)
}

async fn corp(test: &TestHub, by: &Powers) -> Source {
    let source = test.hub.register_source(&by.sources, source_draft("corp"), "secret".into()).await.unwrap();
    test.provision(&source, "anna").await;
    source
}

async fn now(test: &TestHub, by: &Powers) -> Source {
    test.hub.source_by_name(&by.read, "corp").await.unwrap().source
}

/// Asks for another domain.
async fn proposed(test: &TestHub, by: &Powers) -> ProposalId {
    let source = now(test, by).await;
    let mut draft = SourceDraft::from(&source);
    draft.domains.push("corp2.test".to_owned());
    let change = test.hub.update_source(&by.sources, source.id, source.revision, draft, None).await.unwrap();
    change.proposal.unwrap().id
}

#[tokio::test]
async fn another_administrator_of_a_day_decides_and_nobody_else() {
    for test in hubs().await {
        let (ada, bea) = two_administrators(&test).await;
        corp(&test, &ada).await;
        let id = proposed(&test, &ada).await;

        let own = refusal(test.hub.approve(&ada.roles, id, None, "").await);
        assert!(own.contains("You proposed this"), "{own}");
        let page = test.hub.approval(&ada.read, id).await.unwrap();
        assert!(page.own && page.may_not.unwrap().contains("You proposed this"));

        // Made by the author: as good as the author.
        let new = hub::access::NewHolder { username: "cleo".into(), display_name: "Cleo".into(), email: None };
        let cleo = test.hub.invite_console_person(&ada.roles, new, Role::Administrator).await.unwrap();
        test.hub.set_up_password(&token_of(&cleo.link), &crate::support::PASSWORD.into()).await.unwrap();
        // Made on the host, but a minute ago.
        let dora = test.administrator("dora").await;
        let young = refusal(test.hub.approve(&dora.roles, id, None, "").await);
        assert!(young.contains("You may decide this from"), "{young}");
        test.wait(DAY);
        let session = test.session(cleo.person, ProvenBy::Hub).await;
        let cleo: Administer = test.hub.permit(Some(session)).await.unwrap();
        let made = refusal(test.hub.approve(&cleo, id, None, "").await);
        assert!(made.contains("made you an administrator"), "{made}");

        assert_eq!(now(&test, &ada).await.domains, ["corp.test"], "nothing happened yet");
        let bea = again(&test, &bea).await;
        assert_eq!(test.hub.approval(&bea.read, id).await.unwrap().may_not, None);
        test.hub.approve(&bea.roles, id, None, "agreed at the meeting").await.unwrap();
        assert_eq!(now(&test, &bea).await.domains, ["corp.test", "corp2.test"]);
        let told = refusal(test.hub.approve(&again(&test, &dora).await.roles, id, None, "").await);
        assert!(told.contains("decided already"), "{told}");
        let list = test.hub.approvals(&bea.read).await.unwrap();
        let (words, _, reason) = list[0].decided.clone().unwrap();
        assert_eq!((words.as_str(), reason.as_deref()), ("approved by bea", Some("agreed at the meeting")));
        assert_eq!(list[0].proposed_by, "ada");
        let audit = test.audit().await;
        let approved = audit.iter().position(|(action, _)| action == "proposal.approved").unwrap();
        // Of one instant, so either stands first.
        let beside = audit[approved.saturating_sub(1)..].iter().take(3).any(|(action, _)| action == "source.changed");
        assert!(beside, "in one transaction, one beside the other");
    }
}

#[tokio::test]
async fn a_set_up_link_makes_a_day_begin_anew() {
    for test in hubs().await {
        let (ada, bea) = two_administrators(&test).await;
        corp(&test, &ada).await;
        let id = proposed(&test, &ada).await;
        // Whoever holds this link is Bea: Ada could use it herself.
        let link = test.hub.renew_invitation(&ada.roles, bea.person_id()).await.unwrap();
        test.hub.set_up_password(&token_of(&link.link), &crate::support::PASSWORD.into()).await.unwrap();
        let taken_over = again(&test, &bea).await;
        let young = refusal(test.hub.approve(&taken_over.roles, id, None, "").await);
        assert!(young.contains("set-up link"), "{young}");
        test.wait(DAY);
        test.hub.approve(&again(&test, &bea).await.roles, id, None, "").await.unwrap();
    }
}

#[tokio::test]
async fn one_person_decides_only_where_the_installation_says_so() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        corp(&test, &ada).await;
        let id = proposed(&test, &ada).await;
        assert!(!test.hub.one_person_decides().await.unwrap());
        refusal(test.hub.approve(&ada.roles, id, None, "").await);
        let policy = serde_json::to_value(Policy { approvals: 1, ..Policy::default() }).unwrap();
        let put: Result<(), storage::StorageError> =
            storage::write!(test.hub.database, |tx| { storage::settings::put(tx, "policy", policy.clone()).await });
        put.unwrap();
        test.wait(2);
        assert!(test.hub.one_person_decides().await.unwrap());
        test.hub.approve(&ada.roles, id, None, "").await.unwrap();
        assert_eq!(now(&test, &ada).await.domains.len(), 2);
    }
}

#[tokio::test]
async fn a_directory_that_changed_since_is_not_touched() {
    for test in hubs().await {
        let (ada, bea) = two_administrators(&test).await;
        let source = corp(&test, &ada).await;
        let id = proposed(&test, &ada).await;
        // Something else changes: that is no reason.
        let paused = test.hub.set_source_mode(&ada.sources, source.id, 1, SourceMode::Paused).await.unwrap().source;
        assert_eq!(test.hub.approval(&bea.read, id).await.unwrap().outdated, None);
        // Another proposal about the same field is approved first.
        let mut draft = SourceDraft::from(&paused);
        draft.domains = vec!["elsewhere.test".to_owned()];
        let other = test.hub.update_source(&ada.sources, source.id, paused.revision, draft, None).await.unwrap();
        test.hub.approve(&bea.roles, other.proposal.unwrap().id, None, "").await.unwrap();
        let stale = refusal(test.hub.approve(&bea.roles, id, None, "").await);
        assert!(stale.contains("changed since this was proposed"), "{stale}");
        assert_eq!(now(&test, &bea).await.domains, ["elsewhere.test"]);
        let page = test.hub.approval(&bea.read, id).await.unwrap();
        assert_eq!(page.outdated.as_deref(), Some(stale.as_str()), "the page says it before anybody tries");
        assert!(matches!(test.hub.refuse(&bea.roles, id, " ").await, Err(HubError::Invalid { field: "reason", .. })));
        test.hub.refuse(&bea.roles, id, "outdated").await.unwrap();
        assert!(test.hub.proposals(&bea.read).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_proposal_is_withdrawn_by_its_author_and_grows_old() {
    for test in hubs().await {
        let (ada, bea) = two_administrators(&test).await;
        corp(&test, &ada).await;
        let first = proposed(&test, &ada).await;
        assert!(refusal(test.hub.withdraw(&bea.sources, first).await).contains("Only whoever proposed"));
        test.hub.withdraw(&ada.sources, first).await.unwrap();
        let second = proposed(&test, &ada).await;
        assert_ne!(first, second);
        test.wait(31 * DAY);
        let (ada, bea) = (again(&test, &ada).await, again(&test, &bea).await);
        assert!(refusal(test.hub.approve(&bea.roles, second, None, "").await).contains("30 days"));
        assert_ne!(proposed(&test, &ada).await, second, "asked for anew, it counts from now");
    }
}

#[tokio::test]
async fn switching_tls_off_asks_the_second_person_for_the_bind_password() {
    for test in hubs().await {
        let (ada, bea) = two_administrators(&test).await;
        let source = corp(&test, &ada).await;
        let mut draft = SourceDraft::from(&source);
        draft.allow_plain = true;
        draft.self_written.push(AttributeName::Email);
        let ldap = draft.connector.ldap_mut().unwrap();
        ldap.transport = TransportSecurity::Plain;
        ldap.urls = vec!["ldap://corp.example.test".parse().unwrap()];
        let change = test.hub.update_source(&ada.sources, source.id, 1, draft, None).await.unwrap();
        let id = change.proposal.unwrap().id;
        let page = test.hub.approval(&bea.read, id).await.unwrap();
        assert!(page.needs_secret);
        let without = refusal(test.hub.approve(&bea.roles, id, None, "").await);
        assert!(without.contains("bind password"), "{without}");
        assert!(!now(&test, &bea).await.connector.is_plain(), "and nothing happened");
        test.hub.approve(&bea.roles, id, Some("secret".into()), "").await.unwrap();
        let after = now(&test, &bea).await;
        assert!(after.connector.is_plain() && after.self_written.contains(&AttributeName::Email));
        let told: Vec<String> = test.audit().await.into_iter().map(|(action, _)| action).collect();
        assert!(told.contains(&"source.plain-transport-allowed".to_owned()));
    }
}

#[tokio::test]
async fn a_directory_retires_when_a_second_person_agrees() {
    for test in hubs().await {
        let (ada, bea) = two_administrators(&test).await;
        let source = corp(&test, &ada).await;
        let bert = test.provision(&source, "bert").await;
        let person = || async { People(&mut test.hub.database.reader()).by_id(bert).await.unwrap().unwrap() };
        assert_eq!(person().await.standing_authority, StandingAuthority::Source(source.id));
        let asked = test.hub.set_source_mode(&ada.sources, source.id, 1, SourceMode::Retired).await.unwrap();
        assert_eq!(asked.source.mode, SourceMode::Active);
        assert_eq!(person().await.standing_authority, StandingAuthority::Source(source.id), "nothing moved yet");
        let before = storage::sources::by_id(&mut test.hub.database.reader(), source.id).await.unwrap().unwrap();
        test.hub.approve(&bea.roles, asked.proposal.unwrap().id, None, "moved").await.unwrap();

        let after = storage::sources::by_id(&mut test.hub.database.reader(), source.id).await.unwrap().unwrap();
        assert_eq!(after.source.mode, SourceMode::Retired);
        assert_ne!(after.secret.sealed, before.secret.sealed, "its service account's password is destroyed");
        let bert_now = person().await;
        assert_eq!(bert_now.standing_authority, StandingAuthority::Hub, "the hub judges its people now");
        assert_eq!(bert_now.state(), PersonState::Mirrored, "who checks the password does not move by itself");
        test.wait(2);
        let live = test.hub.sources_now().await.unwrap();
        assert_eq!(live[0].source.mode, SourceMode::Retired);
        let back = test.hub.set_source_mode(&ada.sources, source.id, 2, SourceMode::Active).await;
        assert!(matches!(back, Err(HubError::Invalid { field: "mode", .. })), "{back:?}");
    }
}
