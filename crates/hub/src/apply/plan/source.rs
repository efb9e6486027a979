//! One `[[source]]`.

use directory::{
    ConnectorSettings, ImportSchedule, LdapSettings, SourceDraft, SourceMode, TransportSecurity, WriteAccess,
};
use secrecy::SecretString;
use storage::{Queries, sources::StoredSource};

use super::{ItemChange, ItemKind, SiteSecrets, outcome};
use crate::{
    Hub, HubError,
    apply::{Seconds, SourceSection},
    registry::{PreparedSource, PreparedWriteAccess, check_schedule, schedule_changes},
};

pub(super) async fn prepare(
    hub: &Hub,
    section: &SourceSection,
    known: Option<&StoredSource>,
    secrets: &SiteSecrets,
) -> Result<PreparedSource, HubError> {
    let before = known.map(|k| SourceDraft::from(&k.source));
    let draft = draft_of(section, before, secrets)?;
    let secret = secrets.bind_passwords.get(&section.name);
    match (known, secret) {
        (Some(known), secret) => hub.prepare_changed_source(known, draft, secret).await,
        (None, Some(secret)) => hub.prepare_new_source(draft, secret).await,
        (None, None) if !draft.connector.needs_secret() => {
            hub.prepare_new_source(draft, &SecretString::default()).await
        }
        (None, None) => Err(HubError::Invalid {
            field: "bind_password",
            message: "give { file = … } or { env = … }".to_owned(),
        }),
    }
}

/// When it is imported by itself: as it is, and as it will be. Nothing if that stays.
pub(super) async fn schedule(
    queries: &mut impl Queries,
    section: &SourceSection,
    prepared: &PreparedSource,
) -> Result<Option<(ImportSchedule, ImportSchedule)>, HubError> {
    let before = storage::import_schedule::of_source(queries, prepared.source.id).await?;
    let mut after = before;
    set(&mut after.every_seconds, section.import_every.map(Seconds::seconds).as_ref());
    set(&mut after.full_every_seconds, section.full_import_every.map(Seconds::seconds).as_ref());
    check_schedule(after)?;
    Ok((before != after).then_some((before, after)))
}

/// Who may write there, if that changes.
pub(super) async fn write_access(
    hub: &Hub,
    section: &SourceSection,
    prepared: &PreparedSource,
    secrets: &SiteSecrets,
) -> Result<Option<PreparedWriteAccess>, HubError> {
    let before = storage::write_access::of_source(&mut hub.database.reader(), prepared.source.id).await?;
    let mut wanted = before.as_ref().map(|before| before.access.clone()).unwrap_or_default();
    let known = wanted.clone();
    set(&mut wanted.bind_dn, section.write_dn.as_ref());
    set(&mut wanted.unlock_at_source, section.unlock_at_source.as_ref());
    set(&mut wanted.password_write_back, section.password_write_back.as_ref());
    if wanted.bind_dn.is_empty() {
        // Taken away with all it was for, unless the file says in the same breath that it is wanted.
        let asks = section.unlock_at_source == Some(true) || section.password_write_back == Some(true);
        wanted = if asks { wanted } else { WriteAccess::default() };
    }
    let secret = secrets.write_passwords.get(&section.name);
    if wanted == known && secret.is_none() {
        return Ok(None);
    }
    hub.prepare_write_access(&prepared.source, before.as_ref(), wanted, secret)
}

pub(super) fn item(
    known: bool,
    prepared: &PreparedSource,
    schedule: &Option<(ImportSchedule, ImportSchedule)>,
    access: Option<&PreparedWriteAccess>,
) -> ItemChange {
    let mut changes = prepared.changes.clone();
    changes.extend(schedule.iter().flat_map(|(before, after)| schedule_changes(*before, *after)));
    changes.extend(access.iter().flat_map(|access| access.changes.clone()));
    let mut notes = Vec::new();
    if prepared.source.mode == SourceMode::Paused {
        notes.push("paused: nobody signs in through it yet".to_owned());
    }
    ItemChange {
        kind: ItemKind::Source,
        name: prepared.source.name.clone(),
        outcome: outcome(known, changes.is_empty()),
        changes,
        proposed: prepared.proposed.clone(),
        notes,
    }
}

/// The draft the section stands for: what it leaves out keeps its value.
fn draft_of(
    section: &SourceSection,
    before: Option<SourceDraft>,
    secrets: &SiteSecrets,
) -> Result<SourceDraft, HubError> {
    let mut draft =
        before.unwrap_or_else(|| SourceDraft { label: section.name.clone(), ..SourceDraft::preset(section.kind) });
    draft.name.clone_from(&section.name);
    draft.kind = section.kind;
    draft.allow_plain = section.allow_plain;
    set(&mut draft.label, section.label.as_ref());
    set(&mut draft.domains, section.domains.as_ref());
    set(&mut draft.mode, section.mode.as_ref());
    set(&mut draft.just_in_time, section.just_in_time.as_ref());
    set(&mut draft.just_in_time_activation, section.just_in_time_activation.as_ref());
    set(&mut draft.lockout.waiver, section.lockout_waiver.as_ref());
    set(&mut draft.capture_settle_seconds, section.capture_settle.map(Seconds::seconds).as_ref());
    set(&mut draft.shadow, section.shadow.as_ref());
    set(&mut draft.outage_sign_in, section.outage_sign_in.as_ref());
    set(&mut draft.self_written, section.self_written.as_ref());
    set(&mut draft.protected_groups, section.protected_groups.as_ref());
    set(&mut draft.profile, section.profile.as_ref());
    draft.lockout.threshold = section.lockout_threshold.or(draft.lockout.threshold);
    draft.lockout.window_seconds = section.lockout_window.map(Seconds::seconds).or(draft.lockout.window_seconds);
    match &mut draft.connector {
        ConnectorSettings::Ldap(ldap) => ldap_of(section, ldap, secrets)?,
        ConnectorSettings::Sql(sql) => {
            *sql = table(section.sql.as_ref(), "sql")?;
            sql.ca_pem = secrets.certificates.get(&section.name).cloned();
        }
        ConnectorSettings::OpenId(openid) => {
            *openid = table(section.openid.as_ref(), "openid")?;
            openid.ca_pem = secrets.certificates.get(&section.name).cloned();
        }
        ConnectorSettings::Scim(scim) => {
            *scim = table(section.scim.as_ref(), "scim")?;
            scim.ca_pem = secrets.certificates.get(&section.name).cloned();
        }
        ConnectorSettings::File(file) => *file = table(section.file.as_ref(), "file")?,
    }
    Ok(draft)
}

/// The table with the settings of this kind: unlike LDAP's, they stand together.
fn table<T: Clone>(written: Option<&T>, name: &'static str) -> Result<T, HubError> {
    let message = || format!("write [source.{name}] below this [[source]]");
    written.cloned().ok_or_else(|| HubError::Invalid { field: name, message: message() })
}

fn ldap_of(section: &SourceSection, ldap: &mut LdapSettings, secrets: &SiteSecrets) -> Result<(), HubError> {
    ldap.urls.clone_from(&section.urls);
    set(&mut ldap.host_choice, section.host_choice.as_ref());
    ldap.transport = transport(section)?;
    // Where a directory is and whom it trusts are always as in the file.
    ldap.ca_pem = secrets.certificates.get(&section.name).cloned();
    ldap.bind_dn = section.bind_dn.clone().unwrap_or_default();
    ldap.base_dn = section.base_dn.clone().unwrap_or_default();
    set(&mut ldap.person_filter, section.person_filter.as_ref());
    set(&mut ldap.name_attributes, section.name_attributes.as_ref());
    set(&mut ldap.id_attribute, section.id_attribute.as_ref());
    set(&mut ldap.username_attribute, section.username_attribute.as_ref());
    set(&mut ldap.connect_timeout_ms, section.connect_timeout.map(|t| t.milliseconds).as_ref());
    set(&mut ldap.operation_timeout_ms, section.operation_timeout.map(|t| t.milliseconds).as_ref());
    set(&mut ldap.connections, section.connections.as_ref());
    set(&mut ldap.page_size, section.page_size.as_ref());
    if let Some(domain) = &section.netbios_domain {
        ldap.netbios_domain = (!domain.is_empty()).then(|| domain.clone());
    }
    let objects = &mut ldap.objects;
    for (base, wanted) in
        [(&mut objects.group_base, &section.group_base), (&mut objects.device_base, &section.device_base)]
    {
        if let Some(text) = wanted {
            *base = (!text.is_empty()).then(|| text.clone());
        }
    }
    set(&mut objects.group_filter, section.group_filter.is_some().then_some(&section.group_filter));
    set(&mut objects.device_filter, section.device_filter.is_some().then_some(&section.device_filter));
    for (attribute, at_source) in section.mapping.iter().flatten() {
        if at_source.is_empty() {
            ldap.mapping.remove(attribute);
        } else {
            ldap.mapping.insert(*attribute, at_source.clone());
        }
    }
    Ok(())
}

fn transport(section: &SourceSection) -> Result<TransportSecurity, HubError> {
    let invalid = |field, message: &str| Err(HubError::Invalid { field, message: message.to_owned() });
    if section.urls.is_empty() {
        return invalid("urls", "name at least one server, such as [\"ldaps://directory.example.org\"]");
    }
    if let Some(other) = section.urls.iter().find(|url| !matches!(url.scheme(), "ldap" | "ldaps")) {
        let message =
            format!("{}:// is no directory's address: use ldaps://, or ldap:// with StartTLS", other.scheme());
        return Err(HubError::Invalid { field: "urls", message });
    }
    let tls = section.urls.iter().any(|u| u.scheme() == "ldaps");
    match (tls, section.start_tls, section.allow_plain) {
        (_, true, true) => invalid("start_tls", "give start_tls or allow_plain, not both"),
        (true, true, _) => invalid("start_tls", "StartTLS begins with ldap://, not ldaps://"),
        // `allow_plain` beside ldaps:// only says what would be allowed.
        (true, false, _) => Ok(TransportSecurity::Tls),
        (false, true, false) => Ok(TransportSecurity::StartTls),
        (false, false, true) => Ok(TransportSecurity::Plain),
        (false, false, false) => {
            invalid("urls", "ldap:// sends passwords unprotected: use ldaps://, or set start_tls = true")
        }
    }
}

fn set<T: Clone>(place: &mut T, written: Option<&T>) {
    if let Some(written) = written {
        place.clone_from(written);
    }
}
