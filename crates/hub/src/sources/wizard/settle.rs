//! From what was found to settings.

use connector::{Survey, Vendor};
use directory::{ConnectorSettings, LdapSettings, SourceDraft, SourceKind};

use super::report::{Check, CheckTone};

/// The settings of an LDAP directory. A draft of another kind becomes one: this wizard makes nothing else.
pub(super) fn ldap_of(settings: &mut SourceDraft) -> &mut LdapSettings {
    if settings.connector.ldap().is_none() {
        settings.kind = SourceKind::Ldap;
        settings.connector = ConnectorSettings::preset(SourceKind::Ldap);
    }
    match &mut settings.connector {
        ConnectorSettings::Ldap(ldap) => ldap,
        ConnectorSettings::Sql(_)
        | ConnectorSettings::OpenId(_)
        | ConnectorSettings::Scim(_)
        | ConnectorSettings::File(_) => unreachable!("made one of LDAP just above"),
    }
}

/// Starts from the presets of this kind, unless it is one already.
pub(super) fn become_kind(settings: &mut SourceDraft, kind: SourceKind) {
    if settings.kind == kind {
        return;
    }
    let preset = LdapSettings::preset(kind);
    settings.kind = kind;
    settings.capture_settle_seconds = kind.capture_settle_seconds();
    let ldap = ldap_of(settings);
    let (urls, transport, ca_pem) = (std::mem::take(&mut ldap.urls), ldap.transport, ldap.ca_pem.take());
    *ldap = LdapSettings { urls, transport, ca_pem, bind_dn: ldap.bind_dn.clone(), ..preset };
}

/// A directory that says what it is, is treated as that.
pub(super) fn adopt_kind(settings: &mut SourceDraft, vendor: Vendor) -> Option<Check> {
    let kind = match vendor {
        Vendor::ActiveDirectory => SourceKind::ActiveDirectory,
        Vendor::OpenLdap | Vendor::Directory389 => SourceKind::Ldap,
        Vendor::Unknown => return None,
    };
    if settings.kind == kind {
        return None;
    }
    become_kind(settings, kind);
    let name = if kind == SourceKind::Ldap { "plain LDAP, and no Active Directory" } else { "Active Directory" };
    Some(Check::new(CheckTone::Noted, "Kind changed", format!("it says that it is {name}, so it is treated as that")))
}

/// Settings that fit what was found; everything can be changed on the next steps.
pub(super) fn propose(settings: &mut SourceDraft, survey: &Survey) {
    let proposal = survey.proposal.clone();
    let ldap = ldap_of(settings);
    ldap.base_dn = proposal.base_dn;
    ldap.person_filter = proposal.person_filter;
    ldap.name_attributes = proposal.name_attributes;
    ldap.id_attribute = proposal.id_attribute;
    ldap.username_attribute = proposal.username_attribute;
    ldap.mapping = proposal.mapping;
    if settings.kind == SourceKind::ActiveDirectory {
        ldap_of(settings).netbios_domain.clone_from(&survey.netbios_domain);
    }
    // What the connector does not read by itself at sign-in has to stand in the settings.
    if !survey.lockout.read_at_sign_in {
        settings.lockout.threshold = survey.lockout.threshold;
        settings.lockout.window_seconds = survey.lockout.window_seconds;
    }
}
