//! `cargo xtask bench sign-in`: whole sign-ins per second at a real hub, beside what this machine can do at most, in
//! one run. Machines differ and are noisy, so only the ratios mean anything.

mod flow;
mod hub;
mod limits;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use testkit::{Slapd, SlapdSetup};

use flow::Flow;
use hub::{Hub, Registered};

/// Accounts in each directory; flows take turns.
const PEOPLE: usize = 200;

#[derive(Parser)]
struct Arguments {
    /// The `isthmus` binary to measure
    #[arg(long)]
    binary: PathBuf,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // The process's default, for reqwest; a second installation would only repeat it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let time = Duration::from_secs(arguments.seconds);
    let cores = std::thread::available_parallelism()?.get();

    let delegated = slapd("dc=delegated,dc=test", "delegated.test").await;
    let captured = slapd("dc=captured,dc=test", "captured.test").await;
    let sources = [
        Registered { name: "delegated", mode: "active", directory: &delegated },
        Registered { name: "captured", mode: "capture", directory: &captured },
    ];
    let hub = Hub::start(&arguments.binary, &sources).await?;

    println!("{cores} cores, {} s for each figure, the load driver on the same machine", arguments.seconds);
    let verifications = limits::verifications_per_second(cores, time)?;
    let binds = limits::binds_per_second(&delegated, 8, time).await?;

    // Once through everybody: people are created, and at the second directory captured.
    for client in ["delegated", "captured"] {
        let flow = Flow::new(&hub.url, client);
        for person in 0..PEOPLE {
            flow.sign_in(person).await?;
        }
    }
    let local = sign_ins_per_second(&hub, "captured", 2 * cores, time).await;
    let by_directory = sign_ins_per_second(&hub, "delegated", 4 * cores, time).await;

    report("local sign-ins", &local, "argon2id verifications", verifications, "≥ 0.85");
    report("delegated sign-ins", &by_directory, "pooled binds", binds, "hub's own cost < 1 ms CPU");
    anyhow::ensure!(local.failed + by_directory.failed == 0, "some sign-ins failed; the figures are worth nothing");
    Ok(())
}

async fn slapd(base_dn: &str, domain: &str) -> Slapd {
    let (base_dn, domain) = (base_dn.to_owned(), domain.to_owned());
    Slapd::with(SlapdSetup { base_dn, domain, people: PEOPLE, ..SlapdSetup::default() }).await
}

struct Measured {
    per_second: f64,
    failed: usize,
    first_failure: Option<String>,
}

async fn sign_ins_per_second(hub: &Hub, client: &str, at_once: usize, time: Duration) -> Measured {
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let walkers = (0..at_once).map(|_| {
        let (flow, next) = (Flow::new(&hub.url, client), Arc::clone(&next));
        tokio::spawn(async move {
            let (mut done, mut failures) = (0_u32, Vec::new());
            while begin.elapsed() < time {
                match flow.sign_in(next.fetch_add(1, Ordering::Relaxed) % PEOPLE).await {
                    Ok(()) => done += 1,
                    Err(error) => failures.push(format!("{error:#}")),
                }
            }
            (done, failures)
        })
    });
    let (mut done, mut failures) = (0_u32, Vec::new());
    for walked in futures::future::join_all(walkers).await {
        match walked {
            Ok((finished, failed)) => {
                done += finished;
                failures.extend(failed);
            }
            Err(error) => failures.push(error.to_string()),
        }
    }
    Measured {
        per_second: f64::from(done) / begin.elapsed().as_secs_f64(),
        failed: failures.len(),
        first_failure: failures.into_iter().next(),
    }
}

fn report(what: &str, measured: &Measured, limit_name: &str, limit: f64, target: &str) {
    let ratio = measured.per_second / limit;
    println!(
        "{what:<20} {:>8.1}/s   limit {limit:>9.1} {limit_name}/s   ratio {ratio:.3}   target {target}",
        measured.per_second
    );
    if let Some(failure) = &measured.first_failure {
        println!("    {} failed, the first: {failure}", measured.failed);
    }
}
