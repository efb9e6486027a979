//! Whether a source can be registered as an administrator wants it, with words for every field that cannot.

use directory::{
    ConnectorSettings, LdapSettings, Source, SourceDraft, SourceKind, SourceMode, TransportSecurity, fold,
};
use url::Url;

use super::{
    check_label,
    directory_name::{check_attribute, check_dn, check_domain, check_filter},
    invalid, source_check_file, source_check_openid, source_check_profile, source_check_scim, source_check_sql,
};
use crate::HubError;

/// Longest time-outs and largest pools: a typing error must not hang the hub.
const LONGEST_TIMEOUT_MS: u64 = 60_000;
const MOST_CONNECTIONS: u32 = 64;
const LARGEST_PAGE: u32 = 5_000;
/// A year: longer lockout windows are typing errors.
const LONGEST_WINDOW: u64 = 366 * 24 * 60 * 60;

/// Checks the draft and brings it into its stored form (folded domains, trimmed text).
pub(super) fn check(mut draft: SourceDraft, before: Option<&Source>) -> Result<SourceDraft, HubError> {
    check_name(&draft, before)?;
    draft.label = draft.label.trim().to_owned();
    check_label("label", &draft.label)?;
    check_mode(&draft, before)?;
    if !draft.connector.fits(draft.kind) {
        return Err(invalid("kind", "the settings are those of another kind of source"));
    }
    match &mut draft.connector {
        ConnectorSettings::Ldap(ldap) => check_ldap(ldap, draft.kind)?,
        ConnectorSettings::Sql(sql) => source_check_sql::check(sql)?,
        ConnectorSettings::OpenId(openid) => source_check_openid::check(openid, draft.kind, before)?,
        ConnectorSettings::Scim(scim) => source_check_scim::check(scim)?,
        ConnectorSettings::File(file) => source_check_file::check(file)?,
    }
    if draft.connector.is_plain() && !draft.allow_plain {
        return Err(invalid(
            "transport",
            "passwords would cross the network unprotected: use ldaps:// or StartTLS, or set allow_plain if you must",
        ));
    }
    draft.domains = check_domains(&draft.domains)?;
    check_lockout(&draft)?;
    if draft.capture_settle_seconds > LONGEST_WINDOW {
        return Err(invalid("capture_settle", "this is longer than a year"));
    }
    draft.self_written.sort_unstable();
    draft.self_written.dedup();
    source_check_profile::check(&mut draft)?;
    for group in &draft.protected_groups {
        // Elsewhere groups have no distinguished names.
        if draft.connector.ldap().is_some() {
            check_dn(group).map_err(|e| invalid("protected_groups", e))?;
        }
    }
    Ok(draft)
}

/// Checks a draft that is not complete yet: what stands empty waits for a later step.
pub(super) fn check_so_far(draft: SourceDraft) -> Result<SourceDraft, HubError> {
    let before = draft.connector.ldap().cloned();
    let mut filled = SourceDraft { name: "later".to_owned(), label: "later".to_owned(), ..draft.clone() };
    if let ConnectorSettings::Sql(sql) = &mut filled.connector {
        let later = source_check_sql::fill(sql);
        let mut checked = check(filled, None)?;
        if let ConnectorSettings::Sql(sql) = &mut checked.connector {
            source_check_sql::empty(sql, later);
        }
        return Ok(SourceDraft { name: draft.name, label: draft.label, ..checked });
    }
    let (Some(before), Some(ldap)) = (before, filled.connector.ldap_mut()) else {
        let checked = check(filled, None)?;
        return Ok(SourceDraft { name: draft.name, label: draft.label, ..checked });
    };
    for text in [&mut ldap.bind_dn, &mut ldap.base_dn] {
        if text.trim().is_empty() {
            *text = "cn=later".to_owned();
        }
    }
    let mut checked = check(filled, None)?;
    if let Some(ldap) = checked.connector.ldap_mut() {
        if before.bind_dn.trim().is_empty() {
            ldap.bind_dn.clear();
        }
        if before.base_dn.trim().is_empty() {
            ldap.base_dn.clear();
        }
    }
    Ok(SourceDraft { name: draft.name, label: draft.label, ..checked })
}

fn check_name(draft: &SourceDraft, before: Option<&Source>) -> Result<(), HubError> {
    if let Some(before) = before {
        if draft.name != before.name {
            return Err(invalid("name", "the name of a directory does not change; the label may"));
        }
        if draft.kind != before.kind {
            return Err(invalid("kind", "the kind of a directory does not change: register another one"));
        }
        return Ok(());
    }
    let name = &draft.name;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 63 || !name.chars().all(plain) || name.starts_with('-') || name.ends_with('-') {
        return Err(invalid("name", "use 1 to 63 lower-case letters, digits and hyphens, such as corp-ldap"));
    }
    if matches!(name.as_str(), "hub" | "new" | "find-me") {
        return Err(invalid("name", format!("{name:?} means something else here: choose another name")));
    }
    Ok(())
}

fn check_mode(draft: &SourceDraft, before: Option<&Source>) -> Result<(), HubError> {
    match (before.map(|b| b.mode), draft.mode) {
        (None, SourceMode::Retired) => Err(invalid("mode", "a directory is not registered as retired")),
        (Some(SourceMode::Retired), mode) if mode != SourceMode::Retired => {
            Err(invalid("mode", "a retired directory does not come back: register it anew"))
        }
        _ => Ok(()),
    }
}

fn check_ldap(ldap: &mut LdapSettings, kind: SourceKind) -> Result<(), HubError> {
    check_urls(&ldap.urls, ldap.transport)?;
    if let Some(pem) = &ldap.ca_pem {
        check_ca(pem)?;
    }
    for text in [&mut ldap.bind_dn, &mut ldap.base_dn, &mut ldap.person_filter] {
        *text = text.trim().to_owned();
    }
    // Active Directory also binds by UPN and DOMAIN\name.
    let other_name = kind == SourceKind::ActiveDirectory && ldap.bind_dn.contains(['@', '\\']);
    if !other_name {
        check_dn(&ldap.bind_dn).map_err(|e| invalid("bind_dn", e))?;
    }
    check_dn(&ldap.base_dn).map_err(|e| invalid("base_dn", e))?;
    check_filter(&ldap.person_filter).map_err(|e| invalid("person_filter", e))?;
    if ldap.name_attributes.is_empty() {
        return Err(invalid("name_attributes", "name at least one attribute that a typed name is compared with"));
    }
    for attribute in &ldap.name_attributes {
        check_attribute(attribute).map_err(|e| invalid("name_attributes", e))?;
    }
    check_attribute(&ldap.id_attribute).map_err(|e| invalid("id_attribute", e))?;
    check_attribute(&ldap.username_attribute).map_err(|e| invalid("username_attribute", e))?;
    for attribute in ldap.mapping.values() {
        check_attribute(attribute).map_err(|e| invalid("mapping", e))?;
    }
    for (field, base) in [("group_base", &ldap.objects.group_base), ("device_base", &ldap.objects.device_base)] {
        base.as_deref().map_or(Ok(()), check_dn).map_err(|e| invalid(field, e))?;
    }
    for (field, filter) in
        [("group_filter", &ldap.objects.group_filter), ("device_filter", &ldap.objects.device_filter)]
    {
        let filter = filter.as_deref().filter(|filter| !filter.is_empty());
        filter.map_or(Ok(()), check_filter).map_err(|e| invalid(field, e))?;
    }
    check_netbios(ldap, kind)?;
    check_figures(ldap)
}

fn check_urls(urls: &[Url], transport: TransportSecurity) -> Result<(), HubError> {
    let wanted = match transport {
        TransportSecurity::Tls => "ldaps",
        TransportSecurity::StartTls | TransportSecurity::Plain => "ldap",
    };
    if urls.is_empty() || urls.len() > 8 {
        return Err(invalid("urls", "give one to eight addresses, such as ldaps://directory.example.test"));
    }
    for (index, url) in urls.iter().enumerate() {
        let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        if url.scheme() != wanted {
            let remedy = match (transport, url.scheme()) {
                (TransportSecurity::Tls, "ldap") => "use ldaps://, or set start_tls",
                (TransportSecurity::StartTls, "ldaps") => "StartTLS begins with ldap://",
                _ => "addresses begin with ldaps://, or with ldap:// for StartTLS",
            };
            return Err(invalid("urls", format!("{shown} does not go with {transport}: {remedy}")));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("urls", format!("{shown} names no host")));
        }
        let extra = !url.username().is_empty()
            || url.password().is_some()
            || !matches!(url.path(), "" | "/")
            || url.query().is_some()
            || url.fragment().is_some();
        if extra {
            return Err(invalid("urls", format!("{shown}: give only host and port; the base has a field of its own")));
        }
        if urls[..index].contains(url) {
            return Err(invalid("urls", format!("{shown} is there twice")));
        }
    }
    Ok(())
}

pub(super) fn check_ca(pem: &str) -> Result<(), HubError> {
    if pem.contains("PRIVATE KEY") {
        return Err(invalid("ca_file", "this holds a private key: give only the authority's certificate"));
    }
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(invalid("ca_file", "this holds no certificate: give the authority's certificate as PEM"));
    }
    if pem.len() > 1_000_000 {
        return Err(invalid("ca_file", "this is larger than a megabyte"));
    }
    Ok(())
}

fn check_netbios(ldap: &LdapSettings, kind: SourceKind) -> Result<(), HubError> {
    let Some(domain) = &ldap.netbios_domain else { return Ok(()) };
    if kind != SourceKind::ActiveDirectory {
        return Err(invalid("netbios_domain", "only Active Directory has one"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if domain.is_empty() || domain.len() > 15 || !domain.chars().all(fits) {
        return Err(invalid("netbios_domain", "use the short name in front of the backslash, at most 15 characters"));
    }
    Ok(())
}

fn check_figures(ldap: &LdapSettings) -> Result<(), HubError> {
    for (field, value) in
        [("connect_timeout", ldap.connect_timeout_ms), ("operation_timeout", ldap.operation_timeout_ms)]
    {
        if !(100..=LONGEST_TIMEOUT_MS).contains(&value) {
            return Err(invalid(field, "use 100 milliseconds to 60 seconds"));
        }
    }
    if !(1..=MOST_CONNECTIONS).contains(&ldap.connections) {
        return Err(invalid("connections", format!("use 1 to {MOST_CONNECTIONS}")));
    }
    if !(1..=LARGEST_PAGE).contains(&ldap.page_size) {
        return Err(invalid("page_size", format!("use 1 to {LARGEST_PAGE}")));
    }
    Ok(())
}

fn check_domains(domains: &[String]) -> Result<Vec<String>, HubError> {
    let mut folded: Vec<String> = domains.iter().map(|d| fold(d).as_str().to_owned()).collect();
    for domain in &folded {
        check_domain(domain).map_err(|e| invalid("domains", e))?;
    }
    folded.sort_unstable();
    folded.dedup();
    Ok(folded)
}

fn check_lockout(draft: &SourceDraft) -> Result<(), HubError> {
    if draft.lockout.threshold.is_some_and(|t| t > 10_000) {
        return Err(invalid("lockout_threshold", "use 0 (never locks) to 10,000"));
    }
    if draft.lockout.window_seconds.is_some_and(|w| w > LONGEST_WINDOW) {
        return Err(invalid("lockout_window", "this is longer than a year; 0 means that failures never expire"));
    }
    Ok(())
}
