//! What `serve` was last started with, kept in the database so that `isthmus doctor` looks at the same things.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::config::ServeSettings;

/// The options that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeOptions {
    pub listen: SocketAddr,
    pub allow_networks: Vec<IpNet>,
    /// The folder of source files, as an absolute path.
    #[serde(default)]
    pub source_files: Option<PathBuf>,
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate and key of an HTTPS listener, as absolute paths.
    pub tls: Option<(PathBuf, PathBuf)>,
    pub metrics: Option<SocketAddr>,
    #[serde(default)]
    pub proxies: ProxiesSeen,
}

/// Which proxies named clients since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxiesSeen {
    /// One that `--trusted-proxy` lists.
    pub trusted: bool,
    /// One on a private address that it does not list.
    pub untrusted: bool,
}

impl From<&ServeSettings> for ServeOptions {
    fn from(settings: &ServeSettings) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            listen: settings.listen,
            allow_networks: settings.allow_networks.clone(),
            source_files: Some(absolute(&settings.source_files())),
            trusted_proxies: settings.trusted_proxies.clone(),
            tls: settings.tls.as_ref().map(|files| (absolute(&files.certificate), absolute(&files.key))),
            metrics: settings.metrics.as_ref().map(|metrics| metrics.listen),
            proxies: ProxiesSeen::default(),
        }
    }
}
