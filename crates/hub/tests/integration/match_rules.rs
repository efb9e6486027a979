//! Rules of matching as people write them, and who has to agree.

use directory::MatchAttribute;
use hub::{
    HubError,
    kernel::{Actor, capability::Administer},
    registry::RulesChange,
    session::ProvenBy,
};
use storage::matching::Matching;

use crate::support::{Powers, TestHub, hubs, source_draft};

const RULES: &str = r#"
synchronised = []
contradictions = ["employee_number"]

[trust]
corp = ["employee_number", "email"]

[[rule]]
name = "number"
match = ["employee_number"]
automatic = true

[[rule]]
name = "address and name"
tier = 2
match = ["email", "family_name:form"]
score = 0.9
ignore_if_matched_by = ["number"]
"#;

async fn in_force(test: &TestHub) -> i64 {
    Matching(&mut test.hub.database.reader()).rules().await.unwrap().map_or(0, |rules| rules.version)
}

/// Sessions are short, people are not.
async fn again(test: &TestHub, powers: &Powers) -> Powers {
    let session = test.session(powers.person_id(), ProvenBy::Hub).await;
    Powers::from(test.hub.permit::<Administer>(Some(session)).await.unwrap())
}

#[tokio::test]
async fn rules_that_can_link_by_themselves_take_two_people() {
    for test in hubs().await {
        let (ada, bea) = (test.administrator("ada").await, test.administrator("bea").await);
        test.wait(24 * 60 * 60);
        let (ada, bea) = (again(&test, &ada).await, again(&test, &bea).await);
        test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let by = ada.sources.actor();
        let RulesChange::Proposed(dry) = test.hub.change_match_rules(by, RULES, true).await.unwrap() else { panic!() };
        assert!(test.hub.approvals(&ada.read).await.unwrap().is_empty(), "{dry:?}");
        let RulesChange::Proposed(proposal) = test.hub.change_match_rules(by, RULES, false).await.unwrap() else {
            panic!()
        };
        assert_eq!(in_force(&test).await, 0);
        let own = test.hub.approve(&ada.roles, proposal.id, None, "").await;
        assert!(matches!(own, Err(HubError::Refused(_))), "{own:?}");
        let page = test.hub.approval(&bea.read, proposal.id).await.unwrap();
        assert_eq!((page.may_not, page.outdated, page.changes.len()), (None, None, 1));
        assert!(page.changes[0].after.contains("address and name"), "{}", page.changes[0].after);
        test.hub.approve(&bea.roles, proposal.id, None, "").await.unwrap();
        let rules = Matching(&mut test.hub.database.reader()).rules().await.unwrap().unwrap();
        assert_eq!((rules.version, rules.changed_by == rules.approved_by.unwrap_or_default()), (1, false));
        assert_eq!(rules.rules.tiers[1].rules[0].weight, 900);
        assert!(rules.rules.trusted.iter().any(|t| t.attribute == MatchAttribute::Email));
        // The text of what is in force is a text of the same rules.
        let text = test.hub.match_rules_text().await.unwrap();
        assert_eq!(test.hub.change_match_rules(by, &text, false).await.unwrap(), RulesChange::Unchanged);
    }
}

#[tokio::test]
async fn rules_that_only_ask_are_in_force_at_once() {
    for test in hubs().await {
        let ada = test.administrator("ada").await;
        test.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let asks = RULES.replace("automatic = true", "");
        let done = test.hub.change_match_rules(Actor::CommandLine, &asks, false).await.unwrap();
        assert_eq!((done, in_force(&test).await), (RulesChange::InForce(1), 1));
    }
}

#[tokio::test]
async fn faulty_rules_change_nothing_and_are_told_in_words() {
    for test in hubs().await {
        for (text, word) in [
            ("[trust]\nnowhere = [\"email\"]", "nowhere"),
            ("[[rule]]\nname = \"x\"\nmatch = [\"shoe_size\"]", "shoe_size"),
            ("[[rule]]\nname = \"x\"\nmatch = [\"family_name\"]", "names only"),
            ("[[rule]]\nname = \"x\"\nmatch = [\"email\"]\nscore = 1.5", "score"),
            ("rules = 1", "rules"),
        ] {
            let refused = test.hub.change_match_rules(Actor::CommandLine, text, false).await;
            let Err(HubError::Invalid { message, .. }) = refused else { panic!("{refused:?}") };
            assert!(message.contains(word), "{message}");
        }
        assert_eq!(in_force(&test).await, 0);
    }
}
