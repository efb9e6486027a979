//! Figures for Prometheus, on a listener of their own that is not the one browsers reach.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use axum_server::Handle;
use directory::metric::{self, MetricKind};
use hub::Hub;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::MetricsSettings;

/// From a local query to a directory's time-out.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// How often what was measured is put into buckets, so that a hub that nobody asks does not hoard it.
const UPKEEP: Duration = Duration::from_secs(5);

/// One per process, whoever starts first.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// A listener that runs.
pub struct MetricsServer {
    pub address: SocketAddr,
    handle: Handle<SocketAddr>,
    listener: JoinHandle<std::io::Result<()>>,
    upkeep: JoinHandle<()>,
}

#[derive(Clone)]
struct Figures {
    hub: Hub,
    recorder: PrometheusHandle,
}

/// Refuses an address that others can reach, unless that was asked for: the figures say how much is going on, how the
/// directories are called and which of them is down.
pub fn check_address(settings: &MetricsSettings) -> anyhow::Result<()> {
    ensure!(
        settings.allow_remote || settings.listen.ip().to_canonical().is_loopback(),
        "--metrics-listen {} can be reached by others, and whoever reaches it reads every figure without signing in: \
         listen on 127.0.0.1, or add --metrics-allow-remote if a firewall lets only your Prometheus in",
        settings.listen
    );
    Ok(())
}

/// Begins to count. What happened before is not in the figures.
pub fn install(version: &'static str, started_at: f64) -> anyhow::Result<()> {
    if RECORDER.get().is_some() {
        return Ok(());
    }
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
        .context("the buckets of the figures")?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        let _first = RECORDER.set(handle);
    }
    for figure in metric::ALL {
        match figure.kind {
            MetricKind::Counter => metrics::describe_counter!(figure.name, figure.help),
            MetricKind::Gauge => metrics::describe_gauge!(figure.name, figure.help),
            MetricKind::Histogram => metrics::describe_histogram!(figure.name, figure.help),
        }
        // What never happened yet is 0, so that the first time is a rise.
        if figure.kind == MetricKind::Counter && figure.labels.is_empty() {
            metrics::counter!(figure.name).increment(0);
        }
    }
    metrics::gauge!(metric::BUILD_INFO, "version" => version).set(1.0);
    metrics::gauge!(metric::PROCESS_START).set(started_at);
    Ok(())
}

/// Listens. The figures are `/metrics` and nothing else is there.
pub fn start(listener: TcpListener, hub: Hub, stop: &CancellationToken) -> anyhow::Result<MetricsServer> {
    let recorder = RECORDER.get().context("the figures are not counted in this process")?.clone();
    let address = listener.local_addr().context("the address of --metrics-listen")?;
    let handle = Handle::new();
    let router = Router::new().route("/metrics", get(render)).with_state(Figures { hub, recorder: recorder.clone() });
    let server = axum_server::from_tcp(listener)?.handle(handle.clone()).serve(router.into_make_service());
    let stop = stop.clone();
    let upkeep = tokio::spawn(async move {
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
            recorder.run_upkeep();
        }
    });
    Ok(MetricsServer { address, handle, listener: tokio::spawn(server), upkeep })
}

impl MetricsServer {
    pub async fn stop(self) {
        self.handle.shutdown();
        if let Ok(Err(error)) = self.listener.await {
            tracing::warn!(%error, "the listener of the figures");
        }
        self.upkeep.abort();
    }
}

async fn render(State(figures): State<Figures>) -> Response {
    figures.hub.observe().await;
    observe_process();
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], figures.recorder.render()).into_response()
}

/// What Linux says of this process; elsewhere these figures are absent.
fn observe_process() {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!(metric::PROCESS_MEMORY).set(bytes);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        let open = u32::try_from(files.count()).unwrap_or(u32::MAX);
        metrics::gauge!(metric::PROCESS_OPEN_FDS).set(f64::from(open));
    }
    if let Some(limit) = open_files_limit() {
        metrics::gauge!(metric::PROCESS_MAX_FDS).set(limit);
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn open_files_limit() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
