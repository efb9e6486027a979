//! The root DSE (RFC 4512 5.1): what a directory says about itself.

use connector::{Introduction, Vendor};

use super::look::Look;
use crate::{fault::Fault, search::Entry};

const ATTRIBUTES: &[&str] = &[
    "objectClass",
    "namingContexts",
    "defaultNamingContext",
    "rootDomainNamingContext",
    "subschemaSubentry",
    "vendorName",
    "vendorVersion",
    "supportedControl",
    "supportedExtension",
    "supportedCapabilities",
    "supportedSASLMechanisms",
    "configContext",
    "forestFunctionality",
    "dnsHostName",
];
/// `LDAP_CAP_ACTIVE_DIRECTORY_OID` ([MS-ADTS] 3.1.1.3.4.3).
const CAPABILITY_ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
/// Values of one attribute that are kept, and how long each may be.
const VALUES: usize = 200;
const LENGTH: usize = 300;

/// Empty if nothing of it may be read.
pub(super) async fn read(look: &mut Look<'_>) -> Result<Option<Introduction>, Fault> {
    let Some(entry) = look.entry("", ATTRIBUTES).await? else { return Ok(None) };
    let known = ["namingContexts", "defaultNamingContext", "supportedControl", "subschemaSubentry", "vendorName"];
    if known.iter().all(|name| entry.bytes(name).is_empty()) {
        return Ok(None);
    }
    Ok(Some(introduction(&entry)))
}

fn introduction(entry: &Entry) -> Introduction {
    let vendor = vendor(entry);
    Introduction {
        vendor,
        product: product(entry, vendor),
        naming_contexts: values(entry, "namingContexts"),
        default_context: values(entry, "defaultNamingContext").into_iter().next(),
        schema_at: values(entry, "subschemaSubentry").into_iter().next(),
        controls: values(entry, "supportedControl"),
        extensions: values(entry, "supportedExtension"),
        sasl_mechanisms: values(entry, "supportedSASLMechanisms"),
    }
}

fn values(entry: &Entry, name: &str) -> Vec<String> {
    let fits = |text: &&str| text.len() <= LENGTH && !text.chars().any(char::is_control);
    entry.texts(name).filter(fits).take(VALUES).map(str::to_owned).collect()
}

fn vendor(entry: &Entry) -> Vendor {
    let says = |name: &str, part: &str| entry.texts(name).any(|text| text.to_lowercase().contains(part));
    if entry.texts("supportedCapabilities").any(|oid| oid == CAPABILITY_ACTIVE_DIRECTORY) {
        return Vendor::ActiveDirectory;
    }
    if ["389", "red hat", "fedora"].iter().any(|name| says("vendorName", name))
        || says("vendorVersion", "389-directory")
    {
        return Vendor::Directory389;
    }
    // slapd names no vendor unless told to, but its root DSE is of a class of its own.
    if says("objectClass", "openldaprootdse") || says("vendorName", "openldap") {
        return Vendor::OpenLdap;
    }
    Vendor::Unknown
}

fn product(entry: &Entry, vendor: Vendor) -> String {
    let first = |name| values(entry, name).into_iter().next().unwrap_or_default();
    let (name, version) = (first("vendorName"), first("vendorVersion"));
    let own = format!("{name} {version}").trim().to_owned();
    match vendor {
        Vendor::ActiveDirectory if own.is_empty() => "Active Directory".to_owned(),
        Vendor::ActiveDirectory => format!("Active Directory ({own})"),
        Vendor::OpenLdap if own.is_empty() => "OpenLDAP".to_owned(),
        Vendor::Directory389 if own.is_empty() => "389 Directory Server".to_owned(),
        Vendor::OpenLdap | Vendor::Directory389 | Vendor::Unknown => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_make_of_a_directory_is_told_from_its_own_words() {
        let of = |attributes: &[(&str, &str)]| {
            let introduction = introduction(&Entry::of(attributes));
            (introduction.vendor, introduction.product)
        };
        assert_eq!(of(&[("supportedCapabilities", CAPABILITY_ACTIVE_DIRECTORY)]).0, Vendor::ActiveDirectory);
        assert_eq!(
            of(&[("vendorName", "389 Project"), ("vendorVersion", "389-Directory/2.3.1 B2024.1")]),
            (Vendor::Directory389, "389 Project 389-Directory/2.3.1 B2024.1".to_owned())
        );
        assert_eq!(of(&[("objectClass", "OpenLDAProotDSE")]), (Vendor::OpenLdap, "OpenLDAP".to_owned()));
        assert_eq!(of(&[("vendorName", "Somebody\u{7}"), ("namingContexts", "o=x")]), (Vendor::Unknown, String::new()));
    }

    #[test]
    fn endless_values_are_cut() {
        let long = "x".repeat(5_000);
        let mut many: Vec<(&str, &str)> = vec![("namingContexts", long.as_str())];
        many.extend(std::iter::repeat_n(("namingContexts", "o=x"), 1_000));
        assert_eq!(introduction(&Entry::of(&many)).naming_contexts.len(), VALUES);
    }
}
