//! The `isthmus` command: reads its arguments, does what they say, tells what went wrong.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match server::run(server::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<server::Ended>() => {
            error.downcast().map_or(ExitCode::FAILURE, |server::Ended(code)| code.into())
        }
        Err(error) => {
            eprintln!("isthmus: {}", told_once(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes; a cause that its effect has told already is left out.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
