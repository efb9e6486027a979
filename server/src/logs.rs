//! Logs on standard error: for people at a terminal, as JSON otherwise. No personal data at info, no secret ever.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::telemetry::Telemetry;

/// What is said without `ISTHMUS_LOG`. The libraries below speak up only when something is wrong.
const DEFAULT: &str = "warn,server=info,hub=info,storage=info,connector=info,connector_ldap=info,demo=info,oidc=info";

/// Commands that print their result say only what is wrong.
const QUIET: &str = "warn";

/// Starts logging; a server says more than a command. A second start in one process (tests) leaves the first.
pub fn start(server: bool, telemetry: Option<&Telemetry>) -> anyhow::Result<()> {
    let filter = match std::env::var("ISTHMUS_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(directives(text.trim())).with_context(|| {
            format!("ISTHMUS_LOG is {text:?}: write error, warn, info, debug, trace, or target=level pairs")
        })?,
        _ => EnvFilter::new(if server { DEFAULT } else { QUIET }),
    };
    // Each with a filter of its own: what leaves the machine is not what is written here.
    let registry = tracing_subscriber::registry().with(telemetry.map(Telemetry::layer));
    let started = if std::io::stderr().is_terminal() {
        let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
        registry.with(lines.with_filter(filter)).try_init()
    } else {
        let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        registry.with(json.with_writer(std::io::stderr).with_filter(filter)).try_init()
    };
    drop(started);
    Ok(())
}

/// One word is a level for our own crates; anything else is taken as written.
fn directives(text: &str) -> String {
    match text {
        "error" | "warn" | "info" | "debug" | "trace" => DEFAULT.replace("=info", &format!("={text}")),
        other => other.to_owned(),
    }
}
