//! What [`super::create`] would do with an entry, for whoever wants to know beforehand. Reads only.

use directory::{AttributeName, EmailAddress, Namespace, PersonId, Source, SourceEntry, TypedName, fold};
use storage::{Queries, aliases::Aliases};

use super::{
    create::{Occasion, refused},
    values::{Values, owns},
};
use crate::{HubError, kernel::vault::Vault};

/// A person who does not exist.
pub(crate) struct Preview {
    /// Why the entry would make nobody.
    pub(crate) refused: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) attributes: Vec<(AttributeName, String)>,
    /// Names to sign in with, in the source's namespace.
    pub(crate) aliases: Vec<String>,
    /// Identifiers somebody else holds: they would not be taken (COLLISION).
    pub(crate) held: Vec<(AttributeName, String, PersonId)>,
    /// Names that others bear in other namespaces: those who type them choose a directory.
    pub(crate) shared: Vec<String>,
    /// Whether the e-mail address is of a domain the source is declared to own.
    pub(crate) email_is_owned: bool,
}

/// Looks what of the entry is free.
pub(crate) async fn preview(
    queries: &mut impl Queries,
    vault: &Vault,
    source: &Source,
    entry: &SourceEntry,
) -> Result<Preview, HubError> {
    let mut values = Values::of(vault, source, entry);
    values.conceal();
    let mut held = Vec::new();
    for name in [AttributeName::Email, AttributeName::EmployeeNumber] {
        let Some(value) = values.attributes.get(&name) else { continue };
        if let Some(holder) = Aliases(queries).claimed_by(name.as_str(), &fold(value)).await? {
            held.push((name, value.clone(), holder));
        }
    }
    let mut shared = Vec::new();
    for name in &values.aliases {
        let holders = Aliases(queries).holders(&fold(name)).await?;
        let elsewhere = |namespace: Namespace| namespace != Namespace::Source(source.id);
        let bare = matches!(TypedName::parse(name), TypedName::Bare(_));
        if bare && holders.iter().any(|alias| elsewhere(alias.namespace)) {
            shared.push(name.clone());
        }
    }
    let email = values.attributes.get(&AttributeName::Email).and_then(|value| EmailAddress::split(value));
    Ok(Preview {
        refused: refused(&values, entry, Occasion::SignIn),
        email_is_owned: email.is_some_and(|address| owns(source, &address)),
        display_name: values.display_name,
        username: values.username,
        attributes: values.attributes.into_iter().collect(),
        aliases: values.aliases.into_iter().collect(),
        held,
        shared,
    })
}
