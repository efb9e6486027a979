//! `isthmus apply`: a file that says which directories and applications there should be, the difference to what is
//! there, and the changes in one transaction. Nothing is ever deleted: what the file leaves out is listed.

mod document;
mod plan;
mod report;
mod resolve;

pub use document::{ClientSection, Seconds, SecretReference, SiteDocument, SourceSection};
pub use report::{ApplyReport, ItemChange, ItemKind, ItemOutcome};
pub use resolve::{Resolver, SiteSecrets};

use crate::{Hub, HubError, kernel::Actor};

impl Hub {
    /// Compares the file with the database and, unless it is a dry run, makes the changes in one transaction. A
    /// running server notices within two seconds.
    pub async fn apply(
        &self,
        actor: Actor,
        document: &SiteDocument,
        secrets: &SiteSecrets,
        dry_run: bool,
    ) -> Result<ApplyReport, HubError> {
        let plan = plan::plan(self, document, secrets).await?;
        if dry_run {
            return Ok(plan.report(true, &[]));
        }
        let proposals = storage::write!(self.database, |tx| { plan.carry_out(tx, self, actor).await })?;
        self.state.connections.forget();
        Ok(plan.report(false, &proposals))
    }
}
