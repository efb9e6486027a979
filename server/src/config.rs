//! From what was typed to settings that hold together.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use url::{Host, Url};

use crate::cli::{ServeArguments, StoreArguments};

/// Where the data is.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    pub data: PathBuf,
    /// `postgres://…`; SQLite in `data` if absent.
    pub database: Option<String>,
    pub sealing_key: Option<PathBuf>,
}

/// All that `serve` needs.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    pub store: StoreSettings,
    pub listen: SocketAddr,
    pub public_url: Url,
    pub allow_networks: Vec<IpNet>,
    /// In the data folder if absent.
    pub source_files: Option<PathBuf>,
    pub trusted_proxies: Vec<IpNet>,
    pub tls: Option<TlsFiles>,
    pub metrics: Option<MetricsSettings>,
    /// In the data folder if absent.
    pub audit_checkpoints: Option<PathBuf>,
}

/// Where the figures are read.
#[derive(Debug, Clone)]
pub struct MetricsSettings {
    pub listen: SocketAddr,
    /// Others than this machine may read them.
    pub allow_remote: bool,
}

/// The two files of an HTTPS listener.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl From<StoreArguments> for StoreSettings {
    fn from(arguments: StoreArguments) -> Self {
        Self { data: arguments.data, database: arguments.database, sealing_key: arguments.sealing_key }
    }
}

impl TryFrom<Box<ServeArguments>> for ServeSettings {
    type Error = anyhow::Error;

    fn try_from(arguments: Box<ServeArguments>) -> Result<Self, Self::Error> {
        let tls = match (arguments.tls_certificate, arguments.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            _ => None,
        };
        if tls.is_some() && arguments.public_url.scheme() != "https" {
            anyhow::bail!(
                "--tls-certificate makes this server speak HTTPS, but --public-url is {}: write https://",
                arguments.public_url
            );
        }
        if let Some(database) = &arguments.store.database {
            database_url(database)?;
        }
        let allow_remote = arguments.metrics_allow_remote;
        let metrics = arguments.metrics_listen.map(|listen| MetricsSettings { listen, allow_remote });
        if let Some(metrics) = &metrics {
            crate::monitoring::check_address(metrics)?;
        }
        Ok(Self {
            store: arguments.store.into(),
            listen: arguments.listen,
            public_url: arguments.public_url,
            allow_networks: arguments.allow_network,
            source_files: arguments.source_files,
            trusted_proxies: arguments.trusted_proxy,
            tls,
            metrics,
            audit_checkpoints: arguments.audit_checkpoints,
        })
    }
}

impl ServeSettings {
    /// The folder below which sources that are files are opened.
    #[must_use]
    pub fn source_files(&self) -> PathBuf {
        source_files(self.source_files.clone(), &self.store.data)
    }
}

/// The folder below which sources that are files are opened: the one that was named, or one of the data folder.
#[must_use]
pub fn source_files(named: Option<PathBuf>, data: &Path) -> PathBuf {
    named.unwrap_or_else(|| data.join("sources"))
}

/// Refuses a database address that is not PostgreSQL's; never repeats it, because it may hold a password.
pub fn database_url(text: &str) -> anyhow::Result<()> {
    let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
    anyhow::ensure!(
        known,
        "--database must begin with postgres://. Leave it out to use SQLite in the folder given by --data"
    );
    Ok(())
}

/// The issuer: an origin and nothing else, https unless it never leaves this machine.
pub fn public_url(text: &str) -> Result<Url, String> {
    let example = "write it like https://id.example.org";
    let url = Url::parse(text).map_err(|error| format!("this is not a URL ({error}): {example}"))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(format!("it has no host: {example}")),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => {
            return Err(
                "it must be https: passwords travel to it. Plain http is for loopback addresses only".to_owned()
            );
        }
        other => return Err(format!("the scheme {other} is not https: {example}")),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("it must end after the host and port, without a path: {example}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("it must not contain a user name or password: {example}"));
    }
    Ok(url)
}

/// A network in CIDR notation, or a single address.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let network: IpNet =
        text.parse().map_err(|_| "this is not a network: write it like 10.20.0.0/16 or fd00::/8".to_owned())?;
    if network.trunc() != network {
        return Err(format!("the address has bits beyond its prefix: did you mean {}?", network.trunc()));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_is_an_origin_and_https_off_loopback() {
        for good in [
            "https://id.example.org",
            "https://id.example.org:8443/",
            "http://127.0.0.1:80",
            "http://[::1]:9",
            "http://localhost:8080",
        ] {
            assert!(public_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.org",
            "http://127.0.0.1.example.org",
            "ftp://x",
            "id.example.org",
            "https://x/path",
            "https://x/?q",
            "https://x/#f",
            "https://u:p@x",
            "mailto:a@b",
            "http://10.0.0.1",
            "",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_says_what_is_wrong_with_it() {
        assert_eq!(network("127.0.0.1").unwrap().to_string(), "127.0.0.1/32");
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert!(network("10.1.2.3/8").unwrap_err().contains("10.0.0.0/8"));
        assert!(network("10.0.0.0/33").is_err());
        assert!(network("everything").is_err());
    }
}
