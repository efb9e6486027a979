//! As a stranger: names, ports, certificates, and what a directory says about itself to anybody.

use std::time::Duration;

use connector::{DiscoveryStage, DiscoveryStep, Failure, FailureKind, Greeting, Introduction, ServerGreeting};
use directory::TransportSecurity;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use url::Url;

use super::{LdapDiscovery, look::Look, root};
use crate::{
    connection::{Connection, Endpoint, endpoints},
    fault::{Fault, Stage},
    settings::Compiled,
};

/// Servers looked at.
const SERVERS: usize = 8;
/// No further address of one server is tried after this long.
const LONG_ENOUGH: Duration = Duration::from_secs(8);
/// Addresses of one server that are tried.
const ADDRESSES: usize = 4;

/// The steps of one server, timed.
pub(super) struct Steps {
    pub(super) steps: Vec<DiscoveryStep>,
    clock: Instant,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { steps: Vec::new(), clock: Instant::now() }
    }

    pub(super) fn add(&mut self, stage: DiscoveryStage, outcome: Result<String, Fault>) {
        self.add_failure(stage, outcome.map_err(Fault::failure));
    }

    pub(super) fn add_failure(&mut self, stage: DiscoveryStage, outcome: Result<String, Failure>) {
        let milliseconds = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.clock = Instant::now();
        self.steps.push(DiscoveryStep { stage, outcome, milliseconds });
    }
}

/// All servers at once: each has its own time-outs, and one that hangs must not hide the next.
pub(super) async fn greet(discovery: &LdapDiscovery) -> Greeting {
    let urls = &discovery.settings().urls;
    let mut tasks = JoinSet::new();
    for (place, url) in urls.iter().take(SERVERS).enumerate() {
        let one = LdapDiscovery::new(&discovery.source, None, discovery.networks.clone());
        let url = url.clone();
        tasks.spawn(async move { (place, server(&one, &url).await) });
    }
    let mut greeted = tasks.join_all().await;
    greeted.sort_by_key(|(place, _)| *place);
    let mut introduction = None;
    let mut servers = Vec::new();
    for (_, (server, said)) in greeted {
        introduction = introduction.or(said);
        servers.push(server);
    }
    if urls.is_empty() {
        let nothing = Failure {
            kind: FailureKind::Settings,
            endpoint: discovery.source.name.clone(),
            detail: "there is no address".to_owned(),
        };
        let mut steps = Steps::new();
        steps.add_failure(DiscoveryStage::Resolve, Err(nothing));
        servers.push(ServerGreeting { server: String::new(), steps: steps.steps, certificates: Vec::new() });
    }
    Greeting { servers, introduction }
}

async fn server(discovery: &LdapDiscovery, url: &Url) -> (ServerGreeting, Option<Introduction>) {
    let mut steps = Steps::new();
    let (compiled, presented) = match discovery.for_strangers(url) {
        Ok(both) => both,
        Err(fault) => {
            steps.add(DiscoveryStage::Resolve, Err(settings_of(fault, discovery)));
            let greeting = ServerGreeting { server: url.to_string(), steps: steps.steps, certificates: Vec::new() };
            return (greeting, None);
        }
    };
    let label = compiled.hosts[0].label.clone();
    let introduction = match reach(discovery, &compiled, &mut steps).await {
        Some(mut connection) => introduce(&compiled, &mut connection, &mut steps).await,
        None => None,
    };
    let greeting = ServerGreeting { server: label, steps: steps.steps, certificates: presented.facts() };
    (greeting, introduction)
}

/// An authority that cannot be read has advice of its own.
fn settings_of(fault: Fault, discovery: &LdapDiscovery) -> Fault {
    let unreadable = crate::settings::roots(discovery.settings().ca_pem.as_deref()).is_err();
    let plain = discovery.settings().transport == TransportSecurity::Plain;
    if unreadable && !plain && fault.stage == Stage::Settings {
        return fault.means(FailureKind::AuthorityUnreadable);
    }
    fault
}

/// Resolves, connects and encrypts. Nothing but StartTLS has been said when it returns.
pub(super) async fn reach(discovery: &LdapDiscovery, compiled: &Compiled, steps: &mut Steps) -> Option<Connection> {
    let started = Instant::now();
    let host = &compiled.hosts[0];
    let found = timeout(compiled.connect_timeout, endpoints(&discovery.networks, host)).await;
    let found = found.unwrap_or_else(|_| {
        let late = Fault::timed_out(Stage::Connect, &host.label, compiled.connect_timeout);
        Err(late.means(FailureKind::NameUnknown))
    });
    let candidates = match found {
        Ok(candidates) => candidates,
        Err(fault) => {
            steps.add(DiscoveryStage::Resolve, Err(fault));
            return None;
        }
    };
    let addresses: Vec<String> =
        candidates.iter().take(ADDRESSES).map(|found| found.address.ip().to_string()).collect();
    steps.add(DiscoveryStage::Resolve, Ok(format!("{} is {}", host.name, addresses.join(" and "))));
    let mut last = None;
    for endpoint in candidates.into_iter().take(ADDRESSES) {
        match Connection::open(compiled, &endpoint).await {
            Ok(connection) => {
                opened(compiled, &endpoint, steps);
                return Some(connection);
            }
            Err(fault) => last = Some(fault),
        }
        if started.elapsed() > LONG_ENOUGH {
            break;
        }
    }
    let fault = last?;
    if fault.stage == Stage::Tls {
        steps.add(DiscoveryStage::Connect, Ok(format!("{} answers", host.label)));
        steps.add(DiscoveryStage::Tls, Err(fault));
    } else {
        steps.add(DiscoveryStage::Connect, Err(fault));
    }
    None
}

fn opened(compiled: &Compiled, endpoint: &Endpoint, steps: &mut Steps) {
    steps.add(DiscoveryStage::Connect, Ok(format!("{} answers at {}", endpoint.label, endpoint.address)));
    let protection = match compiled.transport {
        TransportSecurity::Tls => "encrypted from the first byte, and the certificate is trusted",
        TransportSecurity::StartTls => "StartTLS encrypts before anything else is said, and the certificate is trusted",
        TransportSecurity::Plain => "not encrypted: everybody on the way can read passwords",
    };
    steps.add(DiscoveryStage::Tls, Ok(protection.to_owned()));
}

async fn introduce(compiled: &Compiled, connection: &mut Connection, steps: &mut Steps) -> Option<Introduction> {
    let mut look = Look::new(compiled, connection);
    match root::read(&mut look).await {
        Ok(Some(introduction)) => {
            let words =
                if introduction.product.is_empty() { "a directory of unknown make" } else { &introduction.product };
            steps.add(DiscoveryStage::RootDse, Ok(words.to_owned()));
            Some(introduction)
        }
        // Strangers may be told nothing; the service account is asked again later.
        Ok(None) => {
            steps.add(DiscoveryStage::RootDse, Ok("strangers are told nothing".to_owned()));
            None
        }
        Err(fault) => {
            steps.add(DiscoveryStage::RootDse, Err(fault));
            None
        }
    }
}
