//! `cargo xtask bench`: what a real hub does, beside what this machine can do at most, in one run. Machines differ and
//! are noisy, so only the ratios mean anything.

mod flow;
mod hub;
mod import;
mod limits;
mod sign_in;
mod watched;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Whole sign-ins per second
    SignIn(sign_in::SignInArguments),
    /// People imported from LDAP and from a file
    Import(import::ImportArguments),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // The process's default, for reqwest; a second installation would only repeat it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match arguments.what {
        What::SignIn(arguments) => sign_in::sign_in(arguments).await,
        What::Import(arguments) => import::import(arguments).await,
    }
}
