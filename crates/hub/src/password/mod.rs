//! Passwords that are set at the hub: the rules of `credential`, with the words that others know about the person and
//! the organisation. Set-up links and the change page ask here, so that they ask the same.

use credential::{Factors, Password};
use directory::{AttributeName, Namespace, PersonId};
use secrecy::SecretString;
use storage::{Queries, aliases::Aliases, attributes::Attributes};

use crate::{Hub, HubError};

/// Fewest characters of a password set at the hub: until second factors exist, it stands alone.
pub const MINIMUM: usize = FACTORS.shortest();
const FACTORS: Factors = Factors::PasswordOnly;

impl Hub {
    /// The password that was typed for this person, if it may be set; else why not, for the page.
    pub(crate) async fn acceptable_password(
        &self,
        person: PersonId,
        typed: &SecretString,
    ) -> Result<Password, HubError> {
        self.acceptable_password_beside(person, "", typed).await
    }

    /// The same, where `name` is one more that the password must not consist of.
    pub(crate) async fn acceptable_password_beside(
        &self,
        person: PersonId,
        name: &str,
        typed: &SecretString,
    ) -> Result<Password, HubError> {
        let invalid = |message: String| HubError::Invalid { field: "password", message };
        let password = Password::accept(typed).map_err(|refused| invalid(refused.to_string()))?;
        let mut known = known_words(&mut self.database.reader(), person).await?;
        known.extend(self.public_url.host_str().map(str::to_owned));
        known.extend((!name.is_empty()).then(|| name.to_owned()));
        credential::may_be_set(&password, FACTORS, &known).map_err(|weakness| invalid(weakness.to_string()))?;
        Ok(password)
    }
}

/// The name this person signs in with at the hub.
pub(crate) async fn username_of(queries: &mut impl Queries, person: PersonId) -> Result<Option<String>, HubError> {
    let aliases = Aliases(queries).of_person(person).await?;
    Ok(aliases.into_iter().find(|a| a.namespace == Namespace::Hub).map(|a| a.folded))
}

/// What others know about the person: no password may consist of it.
async fn known_words(queries: &mut impl Queries, person: PersonId) -> Result<Vec<String>, HubError> {
    let mut words: Vec<String> = Aliases(queries).of_person(person).await?.into_iter().map(|a| a.folded).collect();
    let attributes = Attributes(queries).of_person(person).await?;
    words.extend(
        attributes
            .into_iter()
            .filter(|a| {
                matches!(
                    a.name,
                    AttributeName::DisplayName
                        | AttributeName::GivenName
                        | AttributeName::FamilyName
                        | AttributeName::Email
                )
            })
            .map(|a| a.value),
    );
    Ok(words)
}
