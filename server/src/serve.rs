//! A running server: start, listen, stop without losing anything.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use directory::Policy;
use hub::Hub;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    background,
    checkpoints::{self, Checkpoints},
    config::{ServeSettings, TlsFiles},
    data_folder::DataFolder,
    http::{self, AppState},
    monitoring::{self, MetricsServer},
    serve_options::ServeOptions,
    wiring::{self, Connectors, OldSchema},
};

/// How long requests under way may take to finish after the signal to stop.
const GRACE: Duration = Duration::from_secs(20);

/// A server that listens. Dropping it does not stop it; [`Running::stop`] does.
pub struct Running {
    /// Where it listens, with the port that was really taken.
    pub address: SocketAddr,
    pub hub: Hub,
    handle: Handle<SocketAddr>,
    listener: JoinHandle<std::io::Result<()>>,
    stop_background: CancellationToken,
    background: JoinSet<()>,
    folder: DataFolder,
    metrics: Option<MetricsServer>,
}

/// `isthmus serve`: runs until SIGINT or SIGTERM.
pub async fn serve(settings: ServeSettings) -> anyhow::Result<()> {
    let running = start(settings).await?;
    wait_for_signal().await?;
    tracing::info!("stopping: no new connections, requests under way may finish");
    running.stop().await
}

/// Opens everything and listens. Nothing is left behind if a part of it fails.
pub async fn start(settings: ServeSettings) -> anyhow::Result<Running> {
    crate::install_crypto_provider();
    let folder = DataFolder::open(&settings.store.data)?;
    let old_schema = if settings.store.database.is_none() {
        folder.require_ours()?;
        OldSchema::Upgrade
    } else {
        OldSchema::Refuse
    };
    let tls = match &settings.tls {
        Some(files) => Some(tls_config(files).await?),
        None => None,
    };
    let listener = listen(settings.listen, "--listen")?;
    let metrics = match &settings.metrics {
        Some(metrics) => Some(listen(metrics.listen, "--metrics-listen")?),
        None => None,
    };
    if metrics.is_some() {
        monitoring::install(env!("CARGO_PKG_VERSION"), wiring::seconds_now())?;
    }
    // A sealing key that is not this database's is noticed here, not at somebody's sign-in.
    let (vault, database, applied) = wiring::open_store(&folder, &settings.store, old_schema).await?;
    let checkpoints = settings.audit_checkpoints.clone().unwrap_or_else(|| folder.path.join(checkpoints::NAME));
    let checkpoints = Arc::new(Checkpoints::at(checkpoints)?);
    if !applied.is_empty() {
        tracing::info!(versions = ?applied, "upgraded the database schema");
    }
    let connectors = Arc::new(Connectors::new(settings.allow_networks.clone(), settings.source_files()));
    let hub = wiring::hub(vault, database, connectors, Policy::default(), settings.public_url.clone());
    wiring::remember_public_url(&hub).await?;
    wiring::remember_serve_options(&hub, &ServeOptions::from(&settings)).await?;
    hub.prepare_signing_keys().await.context("the keys that sign tokens cannot be opened")?;
    let stop_background = CancellationToken::new();
    let app = http::router(AppState::new(hub.clone(), &settings)?);

    let address = listener.local_addr().context("the address listened on")?;
    let handle = Handle::new();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server_handle = handle.clone();
    let listener = match tls {
        Some(config) => {
            if let Some(files) = settings.tls.clone() {
                tokio::spawn(keep_certificate(config.clone(), files, stop_background.clone()));
            }
            let server = axum_server::from_tcp_rustls(listener, config)?.handle(server_handle);
            tokio::spawn(server.serve(service))
        }
        None => tokio::spawn(axum_server::from_tcp(listener)?.handle(server_handle).serve(service)),
    };
    let background = background::start(&hub, checkpoints, &stop_background);
    let metrics = match metrics {
        Some(listener) => Some(monitoring::start(listener, hub.clone(), &stop_background)?),
        None => None,
    };
    if let Some(metrics) = &metrics {
        tracing::info!(address = %metrics.address, "figures for Prometheus at /metrics");
    }
    tracing::info!(%address, public_url = %settings.public_url, tls = settings.tls.is_some(), "listening");
    Ok(Running { address, hub, handle, listener, stop_background, background, folder, metrics })
}

impl Running {
    /// Stops accepting, lets requests under way finish, ends background work, closes the database.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.handle.graceful_shutdown(Some(GRACE));
        let listened = self.listener.await.context("the listener")?;
        self.stop_background.cancel();
        self.hub.stop_imports().await;
        while self.background.join_next().await.is_some() {}
        if let Some(metrics) = self.metrics {
            metrics.stop().await;
        }
        self.hub.database.close().await;
        drop(self.folder);
        listened.context("the listener")
    }
}

fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "Another program has this port: stop it or choose another with",
            std::io::ErrorKind::PermissionDenied => {
                "Ports below 1024 belong to root: grant CAP_NET_BIND_SERVICE, or choose a higher one with"
            }
            std::io::ErrorKind::AddrNotAvailable => "This machine does not have that address: correct",
            _ => "Correct",
        };
        anyhow!("cannot listen on {address}: {error}. {remedy} {option}")
    })?;
    listener.set_nonblocking(true).context("the listener")?;
    Ok(listener)
}

async fn tls_config(files: &TlsFiles) -> anyhow::Result<RustlsConfig> {
    let certificate = tokio::fs::read(&files.certificate)
        .await
        .with_context(|| format!("cannot read the certificate {} (--tls-certificate)", files.certificate.display()))?;
    let key = tokio::fs::read(&files.key)
        .await
        .with_context(|| format!("cannot read the private key {} (--tls-key)", files.key.display()))?;
    RustlsConfig::from_pem(certificate, key).await.with_context(|| {
        format!(
            "{} and {} do not make a TLS server: give the certificate chain and its own private key, both in PEM",
            files.certificate.display(),
            files.key.display()
        )
    })
}

/// How often it is looked whether the certificate of the listener was renewed.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(2);

/// Puts a renewed certificate to work. Half of a renewal, or a broken one, leaves the old one at work.
async fn keep_certificate(config: RustlsConfig, files: TlsFiles, stop: CancellationToken) {
    let read = || async { (tokio::fs::read(&files.certificate).await.ok(), tokio::fs::read(&files.key).await.ok()) };
    let mut known = read().await;
    while stop.run_until_cancelled(tokio::time::sleep(CERTIFICATE_LOOK)).await.is_some() {
        let now = read().await;
        let (Some(certificate), Some(key)) = &now else { continue };
        if now == known {
            continue;
        }
        match config.reload_from_pem(certificate.clone(), key.clone()).await {
            Ok(()) => {
                tracing::info!(certificate = %files.certificate.display(), "the listener's certificate was renewed")
            }
            Err(error) => tracing::error!(
                %error, certificate = %files.certificate.display(),
                "the certificate changed and cannot be used with its key: the one before goes on"
            ),
        }
        known = now;
    }
}

/// Whether these files make a TLS server; the error says what is wrong with them.
pub async fn check_tls(files: &TlsFiles) -> anyhow::Result<()> {
    tls_config(files).await.map(drop)
}

/// Waits for SIGINT or SIGTERM.
pub async fn wait_for_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
