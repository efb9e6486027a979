//! `cargo xtask bench sign-in`: whole sign-ins per second at a real hub, beside what this machine can do at most, in
//! one run. Machines differ and are noisy, so only the ratios mean anything.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use testkit::{Slapd, SlapdSetup};

use crate::{
    flow::Flow,
    hub::{Hub, Registered, processor_time},
    limits,
};

/// Accounts in each directory; flows take turns.
const PEOPLE: usize = 200;

/// Everybody's tokens are refreshed in turn by this many at once.
const REFRESHING: usize = 16;

#[derive(Args)]
pub struct SignInArguments {
    /// The `isthmus` binary to measure
    #[arg(long)]
    binary: PathBuf,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often everything is measured; the middle one counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// One kind of work beside its limit, round by round.
#[derive(Default)]
struct Figure {
    per_second: Vec<f64>,
    limit: Vec<f64>,
    /// Processor time of the hub for each, in milliseconds.
    milliseconds: Vec<f64>,
}

pub async fn sign_in(arguments: SignInArguments) -> anyhow::Result<()> {
    let time = Duration::from_secs(arguments.seconds);
    let cores = std::thread::available_parallelism()?.get();

    let delegated = slapd("dc=delegated,dc=test", "delegated.test").await;
    let captured = slapd("dc=captured,dc=test", "captured.test").await;
    let sources = [
        Registered { name: "delegated", mode: "active", directory: &delegated },
        Registered { name: "captured", mode: "capture", directory: &captured },
    ];
    let hub = Hub::start(&arguments.binary, &sources).await?;
    let idle = hub.memory()?;
    let page = Flow::new(&hub.url, "delegated").page_size().await?;

    println!(
        "{cores} cores, {} rounds of {} s for each figure, the load driver on the same machine; load of the machine \
         before: {}",
        arguments.rounds,
        arguments.seconds,
        std::fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default()
    );
    // Once through everybody: people are created, and at the second directory captured.
    for client in ["delegated", "captured"] {
        let flow = Flow::new(&hub.url, client);
        futures::stream::iter(0..PEOPLE)
            .map(|person| flow.sign_in(person))
            .buffer_unordered(8)
            .try_for_each(|_| async { Ok(()) })
            .await?;
    }
    let [mut local, mut by_directory, mut refresh] = [Figure::default(), Figure::default(), Figure::default()];
    let mut verification = Vec::new();
    for _ in 0..arguments.rounds {
        let before = processor_time("self")?;
        let began = limits::verifications_per_second(cores, time / 2)?;
        let each = (processor_time("self")? - before).as_secs_f64() * 1_000.0 / (began * time.as_secs_f64() / 2.0);
        verification.push(each);
        measure(&mut local, &hub, time, Work::SignIn { client: "captured", at_once: 16 * cores }).await?;
        let ended = limits::verifications_per_second(cores, time / 2)?;
        local.limit.push(f64::midpoint(began, ended));
        by_directory.limit.push(limits::binds_per_second(&delegated, 8, time / 2).await?);
        measure(&mut by_directory, &hub, time, Work::SignIn { client: "delegated", at_once: 8 * cores }).await?;
        refresh.limit.push(limits::durable_writes_per_second(hub.folder(), time / 2)?);
        measure(&mut refresh, &hub, time, Work::Refresh).await?;
    }

    local.print("local sign-ins", "argon2id verifications", "at least 0.85, and 45/s per core");
    let (own, hashing) = (middle(&local.milliseconds), middle(&verification));
    println!(
        "    of {own:.2} ms of the hub's processor time {hashing:.2} ms are one verification: {:.3}",
        hashing / own
    );
    by_directory.print("delegated sign-ins", "pooled binds", "at least 500/s per core");
    let own = middle(&by_directory.milliseconds);
    println!("    {own:.2} ms of the hub's processor time each: {:.0}/s per core", 1_000.0 / own);
    refresh.print("refreshes", "durable writes", "at least 0.5");
    println!("    {:.2} ms of the hub's processor time each", middle(&refresh.milliseconds));
    println!("idle memory           {:>8.1} MB    target below 60 MB", idle as f64 / 1e6);
    println!("sign-in page          {:>8.1} kB    target at most 40 kB, nothing of it script", page as f64 / 1e3);
    Ok(())
}

impl Figure {
    fn print(&self, what: &str, limit_name: &str, target: &str) {
        let ratios: Vec<f64> = self.per_second.iter().zip(&self.limit).map(|(done, limit)| done / limit).collect();
        let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
        println!(
            "{what:<20} {:>9.1}/s   limit {:>9.1} {limit_name}/s   ratio {:.3} ({})   target {target}",
            middle(&self.per_second),
            middle(&self.limit),
            middle(&ratios),
            each.join(", ")
        );
    }
}

/// The middle one, so that a neighbour's burst spoils no figure.
fn middle(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn slapd(base_dn: &str, domain: &str) -> Slapd {
    let (base_dn, domain) = (base_dn.to_owned(), domain.to_owned());
    Slapd::with(SlapdSetup { base_dn, domain, people: PEOPLE, ..SlapdSetup::default() }).await
}

#[derive(Clone, Copy)]
enum Work {
    SignIn { client: &'static str, at_once: usize },
    Refresh,
}

/// One round of one kind of work. A failure ends the bench: figures with failures in them are worth nothing.
async fn measure(figure: &mut Figure, hub: &Hub, time: Duration, work: Work) -> anyhow::Result<()> {
    let at_once = match work {
        Work::SignIn { at_once, .. } => at_once,
        Work::Refresh => REFRESHING,
    };
    let mut ready = Vec::new();
    for number in 0..at_once {
        let client = match work {
            Work::SignIn { client, .. } => client,
            Work::Refresh => "delegated",
        };
        let flow = Flow::new(&hub.url, client);
        let token = match work {
            Work::SignIn { .. } => String::new(),
            Work::Refresh => flow.sign_in(number).await?,
        };
        ready.push((flow, token));
    }
    let next = Arc::new(AtomicUsize::new(0));
    let (begin, before) = (Instant::now(), hub.processor_time()?);
    let walkers = ready.into_iter().map(|(flow, mut token)| {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            let mut done = 0_u32;
            while begin.elapsed() < time {
                token = match work {
                    Work::SignIn { .. } => flow.sign_in(next.fetch_add(1, Ordering::Relaxed) % PEOPLE).await?,
                    Work::Refresh => flow.refresh(&token).await?,
                };
                done += 1;
            }
            anyhow::Ok(done)
        })
    });
    let mut done = 0_u32;
    for walked in futures::future::join_all(walkers).await {
        done += walked??;
    }
    anyhow::ensure!(done > 0, "nothing was done in {time:?}");
    figure.per_second.push(f64::from(done) / begin.elapsed().as_secs_f64());
    figure.milliseconds.push((hub.processor_time()? - before).as_secs_f64() * 1_000.0 / f64::from(done));
    Ok(())
}
