//! The user-info endpoint: what the scopes of an access token tell about its person.

use directory::{AttributeDefinition, AttributeName, ClientId, CustomName, GrantId, Namespace, Person};
use oidc::{ErrorCode, PersonClaims, ProtocolError, Scope, Scopes};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use storage::{
    accounts::Accounts, aliases::Aliases, attribute_definitions::AttributeDefinitions, attributes::Attributes,
    groups::Groups, provider::Provider,
};

use super::{ProviderError, grant::Grant};
use crate::{Hub, HubError};

const fn invalid_token(description: &'static str) -> ProviderError {
    ProviderError::Protocol(ProtocolError::new(ErrorCode::InvalidToken, description))
}

impl Hub {
    /// The claims for this access token. A token that is valid by its signature is refused when its grant was
    /// revoked, and while its person may not be here.
    pub async fn user_info(&self, access_token: &SecretString) -> Result<Map<String, Value>, ProviderError> {
        let keys = self.signing_keys().await?;
        let claims = keys
            .verify_access_token(access_token.expose_secret(), &self.endpoints().issuer, self.clock.now())
            .map_err(|_| invalid_token("the access token is not valid"))?;
        let grant: GrantId = claims.grant.parse().map_err(|_| invalid_token("the access token is not valid"))?;
        let row = Provider::new(&mut self.database.reader()).grant(grant).await?;
        let grant = Grant::from_row(row.ok_or(invalid_token("the access token was revoked"))?)?;
        if grant.revoked {
            return Err(invalid_token("the access token was revoked"));
        }
        let scopes = Scopes::parse(&claims.scope);
        if !scopes.contains(Scope::OpenId) || !scopes.is_within(&grant.scopes) {
            return Err(ProtocolError::new(ErrorCode::InsufficientScope, "scope openid is needed").into());
        }
        let permit = self.may_issue(grant.person).await.map_err(|error| match error {
            ProviderError::Protocol(_) => invalid_token("the access token is not valid any more"),
            ours @ ProviderError::Hub(_) => ours,
        })?;
        let person = self.person_claims(permit.person(), &grant.client, &scopes).await?;
        Ok(oidc::user_info(&person, &scopes))
    }

    /// Reads no more than the scopes may show.
    pub(super) async fn person_claims(
        &self,
        person: &Person,
        client: &ClientId,
        scopes: &Scopes,
    ) -> Result<PersonClaims, HubError> {
        let mut reader = self.database.reader();
        let mut claims = PersonClaims { subject: person.subject.clone(), ..PersonClaims::default() };
        let definitions = AttributeDefinitions(&mut reader).current().await?.definitions;
        for attribute in Attributes(&mut reader).of_person(person.id).await? {
            let place = match attribute.name {
                AttributeName::DisplayName => &mut claims.name,
                AttributeName::GivenName => &mut claims.given_name,
                AttributeName::FamilyName => &mut claims.family_name,
                AttributeName::Phone => &mut claims.phone_number,
                AttributeName::Locale => &mut claims.locale,
                AttributeName::Email => {
                    claims.email_verified = attribute.verified;
                    &mut claims.email
                }
                AttributeName::Custom(name) => {
                    claims.custom.extend(released(&definitions, name, client, scopes, &attribute.value));
                    continue;
                }
                // The last two are for telling people apart, and for nothing else.
                AttributeName::EmployeeNumber
                | AttributeName::Title
                | AttributeName::Department
                | AttributeName::BirthDate
                | AttributeName::NationalNumber => continue,
            };
            *place = Some(attribute.value);
        }
        if scopes.contains(Scope::Profile) {
            claims.name = claims.name.or_else(|| Some(person.display_name.clone()));
            claims.updated_at = Some(person.updated_at.timestamp());
            let accounts = Accounts(&mut reader).of_person(person.id).await?;
            claims.preferred_username = accounts.into_iter().find_map(|account| account.username);
            if claims.preferred_username.is_none() {
                // Nobody's directory: the name they hold at the hub itself.
                let aliases = Aliases(&mut reader).of_person(person.id).await?;
                let own = aliases.into_iter().find(|alias| alias.namespace == Namespace::Hub);
                claims.preferred_username = own.map(|alias| alias.folded);
            }
        }
        if scopes.contains(Scope::Groups) {
            let published = storage::clients::published_groups(&mut reader, client).await?;
            let groups = Groups(&mut reader).of_person(person.id).await?;
            claims.groups = groups.into_iter().filter(|g| published.contains(&g.id)).map(|g| g.name).collect();
        }
        Ok(claims)
    }
}

/// The claim of one of the installation's own attributes, if its definition lets this application see it by one of these
/// scopes, and the value holds to its type still.
fn released(
    definitions: &[AttributeDefinition],
    name: CustomName,
    client: &ClientId,
    scopes: &Scopes,
    stored: &str,
) -> Option<(String, Value)> {
    let definition = definitions.iter().find(|definition| definition.name == name)?;
    let release = definition.release.as_ref()?;
    let asked = Scope::of_claims(&release.scope).is_some_and(|scope| scopes.contains(scope));
    let allowed = release.applications.is_empty() || release.applications.contains(&client.0);
    if !(asked && allowed) {
        return None;
    }
    Some((release.claim.clone(), definition.claimed(stored)?))
}
