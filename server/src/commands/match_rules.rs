//! `isthmus match-rules`: who is the same person, as a file.

use std::sync::Arc;

use anyhow::Context as _;
use hub::{NoConnectors, kernel::Actor, registry::RulesChange};
use url::Url;

use super::open_store;
use crate::cli::MatchRulesArguments;

pub async fn match_rules(arguments: MatchRulesArguments) -> anyhow::Result<()> {
    let text = match &arguments.file {
        Some(file) => Some(std::fs::read_to_string(file).with_context(|| file.display().to_string())?),
        None => None,
    };
    let store = open_store(arguments.store.into()).await?;
    let database = store.database.clone();
    // Rules mention no address.
    let hub = store.hub(Url::parse("http://localhost")?, Arc::new(NoConnectors));
    let said = match text {
        None => hub.match_rules_text().await.map_err(anyhow::Error::from),
        Some(text) => {
            let done = hub.change_match_rules(Actor::CommandLine, &text, arguments.dry_run).await;
            done.map(|change| words(&change, arguments.dry_run)).context("nothing was changed")
        }
    };
    database.close().await;
    print!("{}", said?);
    Ok(())
}

fn words(change: &RulesChange, dry_run: bool) -> String {
    match (change, dry_run) {
        (RulesChange::Unchanged, _) => "These rules are in force already.\n".to_owned(),
        (RulesChange::InForce(version), false) => format!("In force from now on, as version {version}.\n"),
        (RulesChange::InForce(version), true) => format!("Would be in force at once, as version {version}.\n"),
        (RulesChange::Proposed(proposal), false) => format!(
            "{}. They can link people by themselves: a second administrator decides, on the page of approvals.\n",
            proposal.summary
        ),
        (RulesChange::Proposed(proposal), true) => {
            format!(
                "{}: a second administrator would decide, because they can link people by themselves.\n",
                proposal.summary
            )
        }
    }
}
