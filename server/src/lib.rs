//! The `isthmus` binary as a library, so that tests start the very server that people run.
//!
//! `cli` says what can be typed, `config` turns it into checked settings, [`wiring`] is the one place that names the
//! database and the connectors, `http` translates between HTTP and the hub, `background` keeps house.

// The console's pages are deeply nested types, laid out when they are rendered here.
#![recursion_limit = "512"]

mod background;
mod checkpoints;
pub mod cli;
mod commands;
pub mod config;
pub mod data_folder;
pub mod doctor;
pub mod http;
mod key_file;
mod logs;
pub mod monitoring;
pub mod serve;
pub mod serve_options;
mod spreadsheet;
mod telemetry;
pub mod wiring;

use anyhow::Context as _;
use cli::{AdminCommand, AuditCommand, Cli, Command, DatabaseCommand};
use telemetry::Telemetry;

/// A command has said what it found, and ends with this code.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("ended with {0}")]
pub struct Ended(pub u8);

/// Does what the command line says. Every error names the place and the remedy.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let (server, otlp) = match &cli.command {
        Command::Serve(arguments) => (true, arguments.otlp_endpoint.clone()),
        _ => (false, None),
    };
    install_crypto_provider();
    let telemetry = otlp.as_ref().map(Telemetry::new).transpose()?;
    logs::start(server, telemetry.as_ref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the operating system gives no threads to this process: raise its limits")?;
    Telemetry::run_on(runtime.handle());
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(arguments) => serve::serve(arguments.try_into()?).await,
            Command::Admin { command: AdminCommand::Create(arguments) } => commands::admin_create(arguments).await,
            Command::Admin { command: AdminCommand::BreakGlass(arguments) } => commands::break_glass(arguments).await,
            Command::Audit { command: AuditCommand::Verify(arguments) } => commands::audit_verify(arguments).await,
            Command::Apply(arguments) => commands::apply(arguments).await,
            Command::Import(arguments) => commands::import(arguments).await,
            Command::Passwords(arguments) => commands::passwords(arguments).await,
            Command::MatchRules(arguments) => commands::match_rules(arguments).await,
            Command::Demo(arguments) => commands::demo(arguments).await,
            Command::Doctor(arguments) => doctor::doctor(arguments).await,
            Command::Backup(arguments) => commands::backup(arguments).await,
            Command::Restore(arguments) => commands::restore(arguments).await,
            Command::Database { command: DatabaseCommand::AfterRestore(arguments) } => {
                commands::after_restore(arguments).await
            }
            Command::Key { command } => commands::key(command).await,
            Command::Database { command: DatabaseCommand::Upgrade(arguments) } => {
                commands::database_upgrade(arguments).await
            }
        }
    });
    if let Some(telemetry) = telemetry {
        telemetry.stop();
    }
    result
}

/// rustls takes its cryptography from one process-wide provider. Two installs are one: tests start several servers.
pub fn install_crypto_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
