//! Match rules of the tests.

use directory::{
    CredentialAuthority, Folding, MatchAttribute, MatchRule, MatchRules, MatchTerm, MatchTier, PersonId, Source,
    TrustedAttribute,
};
use storage::{
    matching::{Matching, RulesVersion},
    people::People,
};

use super::TestHub;

/// Employee number, then e-mail address, each enough by itself; these sources are trusted for both.
pub fn by_number_then_address(trusted: &[&Source]) -> MatchRules {
    let rule = |name: &str, attribute, folding| MatchRule {
        name: name.to_owned(),
        terms: vec![MatchTerm { attribute, folding }],
        weight: 1000,
        ignore_if_matched_by: Vec::new(),
        automatic: true,
    };
    MatchRules {
        tiers: vec![
            MatchTier { rules: vec![rule("number", MatchAttribute::EmployeeNumber, Folding::Zeros)] },
            MatchTier { rules: vec![rule("address", MatchAttribute::Email, Folding::Case)] },
        ],
        trusted: trusted
            .iter()
            .flat_map(|source| {
                [MatchAttribute::EmployeeNumber, MatchAttribute::Email]
                    .map(|attribute| TrustedAttribute { source: source.id, attribute })
            })
            .collect(),
        ..MatchRules::default()
    }
}

impl TestHub {
    /// Puts rules in force past those who would have to agree.
    pub async fn rules(&self, rules: MatchRules) {
        let done: Result<_, hub::HubError> = storage::write!(self.hub.database, |tx| {
            let version = Matching(tx).rules().await?.map_or(0, |version| version.version) + 1;
            let added = RulesVersion {
                version,
                rules: rules.clone(),
                changed_by: "test".to_owned(),
                approved_by: None,
                changed_at: self.hub.clock.now(),
            };
            Ok(Matching(tx).add_rules(&added).await?)
        });
        assert!(done.unwrap());
    }

    /// Every entry of these was read once.
    pub async fn read_whole(&self, sources: &[&Source]) {
        for source in sources {
            let done: Result<_, hub::HubError> =
                storage::write!(self.hub.database, |tx| { hub::mirror::note_read_whole(tx, &self.hub, source).await });
            done.unwrap();
        }
    }

    /// Makes somebody a person whose password nobody checks, as an import of a file does.
    pub async fn stage(&self, person: PersonId) {
        let done: Result<_, hub::HubError> = storage::write!(self.hub.database, |tx| {
            let mut staged = People(tx).by_id(person).await?.unwrap();
            (staged.activated, staged.credential_authority) = (false, CredentialAuthority::None);
            Ok(People(tx).update(&staged).await?)
        });
        done.unwrap();
    }
}
