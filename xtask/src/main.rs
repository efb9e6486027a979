//! `cargo xtask`: everything that is done to this workspace beyond plain cargo. Nothing has to be installed first; what
//! is missing is named, and `demo` and `test --install` fetch it.

mod assets;
mod bench;
mod check;
mod machine;
mod module;
mod shell;
mod site;
mod test;
mod toolchain;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, try, test and check Isthmus", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and start the demo: a legacy directory, the hub, a sample application
    Demo {
        /// Arguments of `isthmus demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build everything and start `isthmus` with these arguments, `serve` for example
    Run {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the pages, the WebAssembly half and the `isthmus` binary
    Build {
        /// Optimised, with the assets inside the binary
        #[arg(long)]
        release: bool,
        /// Only what browsers load: target/site
        #[arg(long)]
        assets: bool,
    },
    /// Run every test: Rust, real peers, browser
    Test(TestOptions),
    /// Formatting, clippy, import rules, sizes, generated files
    Check {
        /// Write what is generated instead of complaining about it
        #[arg(long)]
        write: bool,
    },
    /// Measure, beside the limits of this machine in the same run
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Args)]
struct TestOptions {
    /// Only what needs no peer: seconds instead of minutes
    #[arg(long, conflicts_with = "thorough")]
    quick: bool,
    /// More cases of every property test
    #[arg(long)]
    thorough: bool,
    /// Install what is missing first: packages (apt, npm), the wasm32 target
    #[arg(long)]
    install: bool,
}

#[derive(Subcommand)]
enum Bench {
    /// Whole sign-ins per second, local and delegated, and refreshes
    SignIn {
        /// Seconds for each measurement
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// How often everything is measured; the middle one counts
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// People from LDAP beside `ldapsearch`, people from a file beside the same rows inserted by the database itself
    Import {
        /// People in the LDAP directory; 0 leaves it out
        #[arg(long, default_value_t = 100_000)]
        people: usize,
        /// Records in the file; 0 leaves it out
        #[arg(long, default_value_t = 1_000_000)]
        records: usize,
        /// An `isthmus` that is there already, instead of building the optimised one
        #[arg(long)]
        binary: Option<std::path::PathBuf>,
    },
}

fn main() -> std::process::ExitCode {
    let outcome = match Cli::parse().command {
        Command::Demo { arguments } => site::start("demo", &arguments),
        Command::Run { arguments } => site::start("", &arguments),
        Command::Build { release, assets } => site::build(release, assets),
        Command::Test(TestOptions { quick, thorough, install }) => test::run(quick, thorough, install),
        Command::Check { write } => check::run(write),
        Command::Bench { what: Bench::SignIn { seconds, rounds } } => bench::sign_in(seconds, rounds),
        Command::Bench { what: Bench::Import { people, records, binary } } => bench::import(people, records, binary),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
