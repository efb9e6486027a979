//! What can be typed. What an installation keeps saying can also be set in the environment, as `ISTHMUS_…`.

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
    /// The audit log
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Register the sources and applications of a site document
    ///
    /// Prints what differs, then changes it. Nothing is ever deleted: what the document lacks is listed. What needs
    /// two people is filed as a proposal. A running server notices within two seconds.
    Apply(ApplyArguments),
    /// Read the people, groups and devices of a directory
    ///
    /// Reads what changed since the last import, or everything where the directory cannot tell. A run that was
    /// interrupted goes on where it was. Nobody is deleted: who is twice absent from a complete reading is out until they
    /// return, and a run that misses too many stops. On a terminal it shows how far it is, elsewhere it writes a line of
    /// JSON a second.
    Import(ImportArguments),
    /// Look at the passwords a directory stores, and take them over
    ///
    /// Counts everybody who is linked to the directory by the kind of their stored password, where it shows them to the
    /// hub. With --take-over the hub decides from then on: the values are imported (those that are cheap to guess are
    /// wrapped in argon2id), and each is replaced at its owner's first sign-in. What the hub cannot verify stays with the
    /// directory. Nothing is written there.
    Passwords(PasswordsArguments),
    /// Show or change the rules that say who is the same person
    ///
    /// Without FILE the rules in force are printed, in the form FILE has. Rules that can link people by themselves wait
    /// on the console's page of approvals for a second person.
    MatchRules(MatchRulesArguments),
    /// Try Isthmus on this machine, with a directory and an application of its own
    ///
    /// Starts an LDAP directory, the table of an old portal, a cloud directory, the hub and a sample application on
    /// loopback addresses, in a temporary folder that vanishes with it, and prints where they are and who can sign in.
    Demo(DemoArguments),
    /// Look at everything the hub stands on, and say what to do about what is wrong
    ///
    /// Clock, DNS, certificates, database, disk, public URL, proxies, and each directory live with its service account.
    /// It changes nothing and works beside a running server and without one. It fails if there is a problem; warnings
    /// alone do not make it fail.
    Doctor(DoctorArguments),
    /// Copy the SQLite database into one file while the server works
    ///
    /// The copy is consistent and complete. The sealing key is not in it, and neither are certificates and the options
    /// of `serve`. The file is written under another name, checked, and renamed.
    Backup(BackupArguments),
    /// Put a backup into a data folder
    ///
    /// The server must be stopped. The backup is checked, opened and upgraded before anything is touched; a database
    /// that is there is put aside and never deleted. Every session, grant, code and link ends.
    Restore(RestoreArguments),
    /// The keys: those that sign tokens, and the one that seals stored secrets
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
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
    /// Print a one-time code for the break-glass administrator
    ///
    /// Beside their password it lets them in when every directory is down. It works once, for fifteen minutes, and
    /// replaces the one before. `isthmus admin create --break-glass` makes that administrator.
    BreakGlass(BreakGlassArguments),
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Show the keys: which ones are published, sign, or are about to leave
    List(StoreArguments),
    /// Put another key in place of the present one, while servers run
    Rotate {
        #[command(subcommand)]
        command: RotateCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum RotateCommand {
    /// Publish a new pair of keys that will sign tokens, and later take the present pair away
    ///
    /// The new pair is published a day before it signs (policy `signing_key_ahead`), so that no application meets a
    /// token of a key it has not seen. The present pair stays published until the last token it signed has expired.
    /// Running servers notice within two seconds. They also do this by themselves (policy `signing_key_period`).
    Signing(RotateSigningArguments),
    /// Seal every stored secret with a new key and throw the old one away
    ///
    /// Servers go on working meanwhile. The new key is written beside the old one in the key file; when every running
    /// server holds it, stored secrets are wrapped anew; then the old key is taken out of the file and opens nothing
    /// any more, except in backups from before. A rotation that was interrupted goes on when the command is given
    /// again. Servers on other hosts need a copy of the file: the command says which, and waits for them.
    ///
    /// If the key is given as ISTHMUS_SEALING_KEY: restart every server with the new key there and the old one as
    /// ISTHMUS_SEALING_KEY_PREVIOUS, and give this command both.
    Sealing(StoreArguments),
}

#[derive(Debug, Clone, Args)]
pub struct RotateSigningArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    /// Sign with the new pair in five seconds, as soon as every server has published it
    ///
    /// Applications that keep the list of keys may ask for it once more.
    #[arg(long)]
    pub now: bool,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Find out whether any event was altered, deleted, moved or cut off
    ///
    /// Reads every event, its place in the chain and every signed checkpoint, beside a running server or without one.
    /// Ends with 0 if all is as it was written, with 3 if something is not, with 1 if it could not be found out.
    Verify(AuditVerifyArguments),
}

#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Bring the schema to this version of Isthmus (`serve` does it by itself for SQLite)
    Upgrade(StoreArguments),
    /// After PostgreSQL's own restore, before any server starts: end every session, grant, code and link
    ///
    /// What was ended, used up or counted since the backup is unknown, and must not come back. `isthmus restore` does
    /// it by itself for SQLite.
    AfterRestore(StoreArguments),
}

/// Where the hub keeps its data.
#[derive(Debug, Clone, Args)]
pub struct StoreArguments {
    /// Folder of the hub: its SQLite database and its sealing key
    #[arg(long, value_name = "DIR", env = "ISTHMUS_DATA")]
    pub data: PathBuf,
    /// A PostgreSQL database instead of SQLite in DIR: postgres://user:password@host:port/name
    #[arg(long, value_name = "URL", env = "ISTHMUS_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// File with the key that seals secrets: 32 bytes, or as hex or base64. Default: DIR/sealing.key, made with a new hub
    ///
    /// The key itself can be given as ISTHMUS_SEALING_KEY instead. Losing it loses the stored connector secrets and
    /// the keys that sign tokens.
    #[arg(long, value_name = "FILE", env = "ISTHMUS_SEALING_KEY_FILE")]
    pub sealing_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct AuditVerifyArguments {
    /// Folder of the hub
    #[arg(long, value_name = "DIR", env = "ISTHMUS_DATA")]
    pub data: PathBuf,
    /// The PostgreSQL database, where it is one: postgres://user:password@host:port/name
    #[arg(long, value_name = "URL", env = "ISTHMUS_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// The checkpoint file, or a copy of it. Default: DIR/audit-checkpoints.jsonl
    #[arg(long, value_name = "FILE", env = "ISTHMUS_AUDIT_CHECKPOINTS")]
    pub checkpoints: Option<PathBuf>,
    /// A public key that you have noted down from the Audit page (ed25519:…). Once per key
    ///
    /// Without one the keys in the database are believed, which whoever wrote to the database could have replaced.
    #[arg(long, value_name = "KEY")]
    pub public_key: Vec<hub::audit::PublicKey>,
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
    /// Folder below which files and SQLite databases that are sources must be. Default: DIR/sources of --data
    #[arg(long, value_name = "DIR", env = "ISTHMUS_SOURCE_FILES")]
    pub source_files: Option<PathBuf>,
    /// A proxy in front of the hub that names the client's address (Forwarded, X-Forwarded-For). Once per network
    #[arg(long, value_name = "CIDR", env = "ISTHMUS_TRUSTED_PROXY", value_delimiter = ',',
          value_parser = crate::config::network)]
    pub trusted_proxy: Vec<IpNet>,
    /// Address for Prometheus, such as 127.0.0.1:9464; its figures are /metrics there. Default: none
    #[arg(long, value_name = "ADDR", env = "ISTHMUS_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// Let --metrics-listen be an address that other machines reach: anybody there reads the figures
    #[arg(long, env = "ISTHMUS_METRICS_ALLOW_REMOTE", requires = "metrics_listen")]
    pub metrics_allow_remote: bool,
    /// OpenTelemetry collector that spans are sent to (OTLP over HTTP), such as http://127.0.0.1:4318. Default: none
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = crate::telemetry::endpoint)]
    pub otlp_endpoint: Option<Url>,
    /// Certificate chain in PEM, to speak HTTPS without a proxy
    #[arg(long, value_name = "FILE", env = "ISTHMUS_TLS_CERTIFICATE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", env = "ISTHMUS_TLS_KEY", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// File that signed checkpoints of the audit log are appended to. Default: DIR/audit-checkpoints.jsonl
    ///
    /// Put it where whoever can write to the database cannot: on another disk, or copied to another machine.
    #[arg(long, value_name = "FILE", env = "ISTHMUS_AUDIT_CHECKPOINTS")]
    pub audit_checkpoints: Option<PathBuf>,
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
    /// A new administrator who signs in with a password and a code of `isthmus admin break-glass`
    #[arg(long, conflicts_with_all = ["recover", "email"])]
    pub break_glass: bool,
}

#[derive(Debug, Clone, Args)]
pub struct BreakGlassArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    /// Which one, where there are several
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct DoctorArguments {
    #[command(flatten)]
    pub store: StoreArguments,
    /// Print a list of objects (level, check, detail, remedy) instead of lines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct BackupArguments {
    /// The file to write; it must not exist
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Put the sealing key into the file as well: whoever has the file then has every secret
    #[arg(long)]
    pub include_sealing_key: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RestoreArguments {
    /// The file that `isthmus backup` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Put the database that is in the folder aside
    #[arg(long)]
    pub replace: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ImportArguments {
    /// The directory, by its name in the site document
    #[arg(value_name = "NAME")]
    pub source: String,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Read everything, though the directory can tell what changed
    #[arg(long)]
    pub full: bool,
    /// Do the very same work, take it back, and list what would become of each object
    #[arg(long)]
    pub dry_run: bool,
    /// Write what became of each object, the unchanged left out, into a new file (CSV)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// A network that sources may be in although it is not public, as for `serve`
    #[arg(long, value_name = "CIDR", env = "ISTHMUS_ALLOW_NETWORK", value_delimiter = ',',
          value_parser = crate::config::network)]
    pub allow_network: Vec<IpNet>,
    /// Folder below which files and SQLite databases that are sources must be. Default: DIR/sources of --data
    #[arg(long, value_name = "DIR", env = "ISTHMUS_SOURCE_FILES")]
    pub source_files: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct PasswordsArguments {
    /// The directory, by its name in the site document
    #[arg(value_name = "NAME")]
    pub source: String,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Import them: only while the directory is in mode capture or draining
    #[arg(long)]
    pub take_over: bool,
    /// A network that sources may be in although it is not public, as for `serve`
    #[arg(long, value_name = "CIDR", env = "ISTHMUS_ALLOW_NETWORK", value_delimiter = ',',
          value_parser = crate::config::network)]
    pub allow_network: Vec<IpNet>,
    /// Folder below which files and SQLite databases that are sources must be. Default: DIR/sources of --data
    #[arg(long, value_name = "DIR", env = "ISTHMUS_SOURCE_FILES")]
    pub source_files: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct MatchRulesArguments {
    /// The rules (TOML)
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Check the rules, say whether a second person would decide, and change nothing
    #[arg(long)]
    pub dry_run: bool,
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
    /// Folder below which files and SQLite databases that are sources must be. Default: DIR/sources of --data
    #[arg(long, value_name = "DIR", env = "ISTHMUS_SOURCE_FILES")]
    pub source_files: Option<PathBuf>,
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
