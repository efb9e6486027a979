//! Settings of an OpenID provider.

use directory::{ConnectorSettings, OpenIdSettings, Source, SourceKind};
use url::Url;

use super::{invalid, source_check::check_ca};
use crate::HubError;

const LONGEST: usize = 200;

/// Checks them and brings them into their stored form.
pub(super) fn check(openid: &mut OpenIdSettings, kind: SourceKind, before: Option<&Source>) -> Result<(), HubError> {
    openid.client_id = openid.client_id.trim().to_owned();
    let printable = |text: &str| text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic());
    if openid.client_id.is_empty() || !printable(&openid.client_id) {
        return Err(invalid(
            "client_id",
            "write the client id (at Entra ID: the application id) that the provider gave",
        ));
    }
    check_address("issuer", &openid.issuer)?;
    if openid.issuer.query().is_some() {
        return Err(invalid("issuer", "an issuer has no question mark"));
    }
    if kind == SourceKind::Entra && openid.tenant().is_none() {
        return Err(invalid(
            "issuer",
            "write the issuer with the tenant's id, https://login.microsoftonline.com/TENANT-ID/v2.0: common and \
             organizations stand for everybody's tenants, so that anybody could sign in",
        ));
    }
    if let Some(Source { connector: ConnectorSettings::OpenId(was), .. }) = before
        && was.issuer != openid.issuer
    {
        // The ids of its people are ids of that issuer: at another one they may be somebody else's.
        return Err(invalid("issuer", "the issuer of a source does not change: connect another source"));
    }
    if let Some(graph) = &mut openid.graph {
        if kind != SourceKind::Entra {
            return Err(invalid("graph", "only Entra ID has Microsoft Graph"));
        }
        check_address("graph", graph)?;
        if !graph.path().ends_with('/') {
            graph.set_path(&format!("{}/", graph.path()));
        }
    }
    if let Some(pem) = &openid.ca_pem {
        check_ca(pem)?;
    }
    let named = |text: &String| text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if let Some(odd) = openid.mapping.values().find(|text| !named(text)) {
        return Err(invalid("mapping", format!("{odd:?} is the name of no claim: use letters, digits and _")));
    }
    Ok(())
}

fn check_address(field: &'static str, url: &Url) -> Result<(), HubError> {
    let extra = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) || extra {
        return Err(invalid(
            field,
            "write an address like https://login.example.org/, without a name or password in it",
        ));
    }
    Ok(())
}
