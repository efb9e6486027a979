//! What can be typed. Every option can also be set in the environment as `ISTHMUS_…`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use url::Url;

/// A directory coexistence hub: people sign in here while their accounts move from old directories to one.
#[derive(Debug, Parser)]
#[command(name = "isthmus", version, about, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Start with `isthmus demo`: it needs nothing and shows a person moving before your eyes.\n\
                        Logs go to standard error; ISTHMUS_LOG sets their level (error, warn, info, debug).")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the hub
    Serve(Box<ServeArguments>),
    /// Administrators of the hub itself
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Register the sources and applications of a site document
    ///
    /// Prints what differs, then changes it. Nothing is ever deleted: what the document lacks is listed. What needs
    /// two people is filed as a proposal. A running server notices within two seconds.
    Apply(ApplyArguments),
    /// Try Isthmus on this machine, with a directory and an application of its own
    ///
    /// Starts an LDAP directory, the hub and a sample application on loopback addresses, in a temporary folder that
    /// vanishes with it, and prints where they are and who can sign in.
    Demo(DemoArguments),
    /// The database
    Database {
        #[command(subcommand)]
        command: DatabaseCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Print a one-time link with which somebody sets the password of an administrator
    Create(AdminCreateArguments),
}

#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Bring the schema to this version of Isthmus (`serve` does it by itself for SQLite)
    Upgrade(StoreArguments),
}

/// Where the hub keeps its data.
#[derive(Debug, Clone, Args)]
pub struct StoreArguments {
    /// Folder of the hub: its SQLite database and its sealing key. Made if missing
    #[arg(long, value_name = "DIR", env = "ISTHMUS_DATA")]
    pub data: PathBuf,
    /// A PostgreSQL database instead of SQLite in DIR: postgres://user:password@host:port/name
    #[arg(long, value_name = "URL", env = "ISTHMUS_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// File with the key that seals secrets: 32 bytes, or as hex or base64. Default: DIR/sealing.key, made once
    ///
    /// The key itself can be given as ISTHMUS_SEALING_KEY instead. Losing it loses the stored connector secrets.
    #[arg(long, value_name = "FILE", env = "ISTHMUS_SEALING_KEY_FILE")]
    pub sealing_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", env = "ISTHMUS_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// What browsers and applications call this hub, also its OpenID Connect issuer: https://id.example.org
    ///
    /// It must be https unless its host is a loopback address.
    #[arg(long, value_name = "URL", env = "ISTHMUS_PUBLIC_URL", value_parser = crate::config::public_url)]
    pub public_url: Url,
    /// A network that sources may be in although it is not public. Give it once per network
    ///
    /// The hub connects to public addresses, and to these.
    #[arg(long, value_name = "CIDR", env = "ISTHMUS_ALLOW_NETWORK", value_delimiter = ',',
          value_parser = crate::config::network)]
    pub allow_network: Vec<IpNet>,
    /// A proxy in front of the hub that names the client's address (Forwarded, X-Forwarded-For). Once per network
    #[arg(long, value_name = "CIDR", env = "ISTHMUS_TRUSTED_PROXY", value_delimiter = ',',
          value_parser = crate::config::network)]
    pub trusted_proxy: Vec<IpNet>,
    /// Certificate chain in PEM, to speak HTTPS without a proxy
    #[arg(long, value_name = "FILE", env = "ISTHMUS_TLS_CERTIFICATE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", env = "ISTHMUS_TLS_KEY", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct AdminCreateArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    /// Name the administrator signs in with
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub username: String,
    /// Their e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// What browsers call this hub. Default: what `isthmus serve` was last started with
    #[arg(long, value_name = "URL", env = "ISTHMUS_PUBLIC_URL", value_parser = crate::config::public_url)]
    pub public_url: Option<Url>,
    /// The administrator exists and lost the password: end their sessions and print a new link
    #[arg(long)]
    pub recover: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ApplyArguments {
    /// The site document (TOML)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub store: StoreArguments,
    /// A network that sources may be in although it is not public, as for `serve`
    ///
    /// A directory whose lockout the document does not state is asked for it.
    #[arg(long, value_name = "CIDR", env = "ISTHMUS_ALLOW_NETWORK", value_delimiter = ',',
          value_parser = crate::config::network)]
    pub allow_network: Vec<IpNet>,
    /// Show what would change and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Args)]
pub struct DemoArguments {
    /// Address the hub listens on; the sample application takes the next port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}
