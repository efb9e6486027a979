//! Settings of a SCIM service.

use directory::ScimSettings;

use super::{invalid, source_check::check_ca};
use crate::HubError;

const LARGEST_PAGE: u32 = 1_000;

pub(super) fn check(scim: &mut ScimSettings) -> Result<(), HubError> {
    let url = &scim.url;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("url", "give an address such as https://scim.example.org/v2/"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("url", "give only the address below which Users is; the token has a field of its own"));
    }
    if let Some(pem) = &scim.ca_pem {
        check_ca(pem)?;
    }
    if !(1..=LARGEST_PAGE).contains(&scim.page_size) {
        return Err(invalid("page_size", format!("use 1 to {LARGEST_PAGE}")));
    }
    Ok(())
}
