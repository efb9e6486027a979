//! A source's settings, checked once and brought into the form the connector works with.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use directory::{AttributeMapping, HostChoice, LdapObjects, LdapSettings, Source, SourceKind, TransportSecurity};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use url::Url;

use crate::{
    dn::Dn,
    fault::{Fault, Stage},
};
use connector::TroubleKind;

/// One of the source's servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// "host:port", for messages.
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) port: u16,
}

/// Where objects of one kind are.
pub(crate) struct Objects {
    /// Empty = the whole directory.
    pub(crate) base: Option<(String, Dn)>,
    /// Empty = they are not read.
    pub(crate) filter: Option<String>,
}

impl Objects {
    fn new(base: Option<&str>, filter: Option<&str>, usual: &str) -> Result<Self, String> {
        let base = base.map(str::trim).filter(|base| !base.is_empty());
        let base = match base {
            Some(text) => {
                let dn = Dn::parse(text).ok_or_else(|| format!("{text:?} is no distinguished name"))?;
                Some((text.to_owned(), dn))
            }
            None => None,
        };
        let wanted = filter.unwrap_or(usual).trim();
        let filter = if wanted.is_empty() { None } else { Some(self::filter(wanted)?) };
        Ok(Self { base, filter })
    }

    /// Groups, then devices.
    fn both(settings: &LdapSettings, kind: SourceKind) -> Result<(Self, Self), String> {
        let LdapObjects { group_base, group_filter, device_base, device_filter } = &settings.objects;
        let (groups, devices) = (LdapObjects::usual_group_filter(kind), LdapObjects::usual_device_filter(kind));
        Ok((
            Self::new(group_base.as_deref(), group_filter.as_deref(), groups)?,
            Self::new(device_base.as_deref(), device_filter.as_deref(), devices)?,
        ))
    }
}

pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) active_directory: bool,
    pub(crate) hosts: Vec<Host>,
    pub(crate) host_choice: HostChoice,
    pub(crate) transport: TransportSecurity,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) bind_dn: String,
    pub(crate) secret: SecretString,
    pub(crate) base_dn: String,
    pub(crate) base: Dn,
    pub(crate) person_filter: String,
    /// Attributes a typed name is compared with: never one that people write themselves.
    pub(crate) name_attributes: Vec<String>,
    pub(crate) id_attribute: String,
    pub(crate) username_attribute: String,
    pub(crate) mapping: AttributeMapping,
    /// What expressions read beside it.
    pub(crate) reads: Vec<String>,
    pub(crate) groups: Objects,
    pub(crate) devices: Objects,
    pub(crate) netbios_domain: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) operation_timeout: Duration,
    /// For one question as a whole, however many servers and searches it takes.
    pub(crate) patience: Duration,
    pub(crate) connections: usize,
    pub(crate) page_size: i32,
    pub(crate) protected: Vec<Dn>,
    /// Everything that is read of a person.
    pub(crate) attributes: Vec<String>,
}

/// What tells a person's standing and lockout, by kind.
const OF_OPENLDAP: &[&str] = &[
    "memberOf",
    "uid",
    "gidNumber",
    "pwdFailureTime",
    "pwdAccountLockedTime",
    "pwdChangedTime",
    "pwdPolicySubentry",
    "pwdEndTime",
    "shadowExpire",
    "nsAccountLock",
];
const OF_ACTIVE_DIRECTORY: &[&str] = &[
    "memberOf",
    "primaryGroupID",
    "objectSid",
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "pwdLastSet",
    "badPwdCount",
    "badPasswordTime",
    "lockoutTime",
    "msDS-ResultantPSO",
    "adminCount",
    "mS-DS-ConsistencyGuid",
];

impl Compiled {
    pub(crate) fn new(source: &Source, secret: SecretString) -> Result<Self, Fault> {
        let wrong = |what: String, remedy: &str| {
            Fault::new(TroubleKind::Misconfigured, Stage::Settings, &source.name, what).remedy(remedy)
        };
        let Some(settings) = source.connector.ldap() else {
            return Err(wrong("its settings are not those of an LDAP directory".into(), "Register it anew."));
        };
        if settings.urls.is_empty() {
            return Err(wrong("the source has no URL".into(), "Add one, such as ldaps://directory.example.com."));
        }
        let hosts = settings
            .urls
            .iter()
            .map(|url| host(url, settings.transport).map_err(|what| wrong(what, "Write it as ldaps://host:port.")))
            .collect::<Result<Vec<_>, _>>()?;
        let tls = match settings.transport {
            TransportSecurity::Plain => None,
            TransportSecurity::Tls | TransportSecurity::StartTls => {
                Some(tls(settings.ca_pem.as_deref()).map_err(|what| {
                    wrong(what, "Paste the PEM certificate of the authority that issued the server's certificate.")
                })?)
            }
        };
        if settings.bind_dn.trim().is_empty() || secret.expose_secret().is_empty() {
            // Without either, RFC 4513 5.1 makes the bind anonymous, which succeeds and reads less.
            return Err(wrong("the service account has no name or no password".into(), "Enter both."));
        }
        let base = Dn::parse(&settings.base_dn).ok_or_else(|| {
            wrong(format!("{:?} is no distinguished name", settings.base_dn), "Write the base as dc=example,dc=com.")
        })?;
        let person_filter = filter(&settings.person_filter)
            .map_err(|what| wrong(what, "Write it as (objectClass=inetOrgPerson), RFC 4515."))?;
        let name_attributes = name_attributes(source, settings);
        let reads: Vec<String> = source.profile.reads().into_iter().collect();
        let names = settings.name_attributes.iter().chain(settings.mapping.values()).chain(&reads);
        let mut all: Vec<&String> = names.chain([&settings.id_attribute, &settings.username_attribute]).collect();
        all.sort_unstable();
        if let Some(odd) = all.iter().find(|name| !is_attribute(name)) {
            return Err(wrong(format!("{odd:?} is no attribute name"), "Write it as uid, mail or sAMAccountName."));
        }
        let protected = source
            .protected_groups
            .iter()
            .map(|text| {
                Dn::parse(text)
                    .ok_or_else(|| wrong(format!("the protected group {text:?} is no DN"), "Write it as cn=admins,…"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let active_directory = source.kind == SourceKind::ActiveDirectory;
        let (groups, devices) = Objects::both(settings, source.kind)
            .map_err(|what| wrong(what, "Check where groups and devices are, or leave it empty."))?;
        let connect_timeout = Duration::from_millis(settings.connect_timeout_ms.clamp(100, 30_000));
        let operation_timeout = Duration::from_millis(settings.operation_timeout_ms.clamp(100, 30_000));
        Ok(Self {
            name: source.name.clone(),
            active_directory,
            hosts,
            host_choice: settings.host_choice,
            transport: settings.transport,
            tls,
            bind_dn: settings.bind_dn.clone(),
            secret,
            base_dn: settings.base_dn.clone(),
            base,
            person_filter,
            attributes: wanted(&all, active_directory),
            name_attributes,
            id_attribute: settings.id_attribute.clone(),
            username_attribute: settings.username_attribute.clone(),
            mapping: settings.mapping.clone(),
            reads: reads.clone(),
            groups,
            devices,
            netbios_domain: settings.netbios_domain.clone().filter(|domain| !domain.trim().is_empty()),
            patience: patience(connect_timeout, operation_timeout),
            connect_timeout,
            operation_timeout,
            connections: usize::try_from(settings.connections.clamp(1, 100)).unwrap_or(1),
            page_size: i32::try_from(settings.page_size.clamp(1, 1_000)).unwrap_or(1),
            protected,
        })
    }
}

/// A person waits for this. Only whoever sets longer limits by hand waits longer.
fn patience(connect: Duration, operation: Duration) -> Duration {
    const USUAL: Duration = Duration::from_millis(4_300);
    let both = connect + operation;
    if operation < USUAL { both.min(USUAL) } else { both }
}

fn wanted(named: &[&String], active_directory: bool) -> Vec<String> {
    let by_kind = if active_directory { OF_ACTIVE_DIRECTORY } else { OF_OPENLDAP };
    let all = named.iter().map(|name| name.as_str()).chain(by_kind.iter().copied());
    let mut seen = BTreeSet::new();
    all.filter(|name| seen.insert(name.to_lowercase())).map(str::to_owned).collect()
}

/// The attributes a typed name may be compared with, without what this source's people write themselves (semantics,
/// section 1): else somebody could answer to another's name.
fn name_attributes(source: &Source, settings: &LdapSettings) -> Vec<String> {
    let own: Vec<&String> = source.self_written.iter().filter_map(|name| settings.mapping.get(name)).collect();
    let mut names: Vec<String> = settings
        .name_attributes
        .iter()
        .filter(|name| !own.iter().any(|own| own.eq_ignore_ascii_case(name)))
        .cloned()
        .collect();
    if names.is_empty() {
        names.push(settings.username_attribute.clone());
    }
    names.truncate(16);
    names
}

fn host(url: &Url, transport: TransportSecurity) -> Result<Host, String> {
    let (scheme, default) = match transport {
        TransportSecurity::Tls => ("ldaps", 636),
        TransportSecurity::StartTls | TransportSecurity::Plain => ("ldap", 389),
    };
    if url.scheme() != scheme {
        return Err(format!("the URL {url} does not begin with {scheme}://, which {transport} needs"));
    }
    let bare = url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none();
    let name = url.host_str().filter(|name| !name.is_empty() && bare);
    let name = name.ok_or_else(|| format!("the URL {url} is more, or less, than a host and a port"))?;
    let port = url.port().unwrap_or(default);
    let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Host { label: format!("{}:{port}", url.host_str().unwrap_or_default()), name, port })
}

fn tls(ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots(ca_pem)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The authorities to trust: the one that was given, or this machine's.
pub(crate) fn roots(ca_pem: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match ca_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate =
                    certificate.map_err(|error| format!("the authority's PEM cannot be read: {error}"))?;
                roots.add(certificate).map_err(|error| format!("the authority's certificate is unusable: {error}"))?;
            }
        }
        None => {
            let _unusable = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("there is no certificate of an authority to trust".to_owned());
    }
    Ok(roots)
}

/// The name the certificate must be for.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host:?} is neither a host name nor an address"))
}

fn filter(text: &str) -> Result<String, String> {
    let text = text.trim();
    let text = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
    // Bounded before it is parsed: the parser recurses.
    if text.len() > 4_096 || text.matches('(').count() > 64 || ldap3::parse_filter(&text).is_err() {
        return Err(format!("{text:?} is no LDAP filter"));
    }
    Ok(text)
}

fn is_attribute(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        && name.len() <= 128
}
