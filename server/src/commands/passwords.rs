//! `isthmus passwords`: what a directory stores for its people, by kind, and taking it over.

use std::sync::Arc;

use anyhow::Context as _;
use hub::{kernel::Actor, stored_passwords::PasswordReport};
use url::Url;

use super::open_existing;
use crate::{
    cli::PasswordsArguments,
    config::source_files,
    wiring::{self, Connectors},
};

/// `isthmus passwords`.
pub async fn passwords(arguments: PasswordsArguments) -> anyhow::Result<()> {
    let files = source_files(arguments.source_files, &arguments.store.data);
    let store = open_existing(arguments.store.into()).await?;
    // Nothing of this needs it; the hub has it for links and tokens.
    let public_url = match wiring::known_public_url(&store.database).await? {
        Some(url) => url,
        None => Url::parse("http://localhost")?,
    };
    let database = store.database.clone();
    let hub = store.hub(public_url, Arc::new(Connectors::new(arguments.allow_network, files)));
    let read = hub.read_stored_passwords(Actor::CommandLine, &arguments.source, arguments.take_over).await;
    database.close().await;
    let report = read.with_context(|| arguments.source.clone())?;
    print!("{}", shown(&report));
    match report.stopped {
        Some(reason) => anyhow::bail!(
            "{}: the reading ended early: {reason}. What was done so far stands; give the command again to go on",
            arguments.source
        ),
        None => Ok(()),
    }
}

fn shown(report: &PasswordReport) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (scheme, people) in &report.schemes {
        let remark = if scheme.is_verifiable() { "" } else { "  cannot be verified here" };
        let _ = writeln!(text, "{people:>9}  {scheme}{remark}");
    }
    let _ = writeln!(text, "{:>9}  people in all, {} of them taken over", report.read, report.taken_over);
    for (reason, people) in &report.stayed {
        let _ = writeln!(text, "{people:>9}  stay with their directory: {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use directory::StoredScheme;

    use super::*;

    #[test]
    fn the_table_says_who_needs_a_new_password() {
        let report = PasswordReport {
            read: 12,
            schemes: BTreeMap::from([(StoredScheme::Bcrypt, 11), (StoredScheme::Refused, 1)]),
            taken_over: 10,
            stayed: BTreeMap::from([("the person is disabled", 1)]),
            stopped: None,
        };
        let expected = "       11  bcrypt\n        1  refused  cannot be verified here\n       12  people in all, 10 of them \
                        taken over\n        1  stay with their directory: the person is disabled\n";
        assert_eq!(shown(&report), expected);
    }
}
