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
    config::{ServeSettings, TlsFiles},
    data_folder::DataFolder,
    http::{self, AppState},
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
    let listener = listen(settings.listen)?;
    let vault = wiring::vault(&folder, &settings.store)?;
    let (database, applied) = wiring::open_database(&folder, &settings.store, old_schema).await?;
    if !applied.is_empty() {
        tracing::info!(versions = ?applied, "upgraded the database schema");
    }
    let connectors = Arc::new(Connectors::new(settings.allow_networks.clone()));
    let hub = wiring::hub(vault, database, connectors, Policy::default(), settings.public_url.clone());
    wiring::remember_public_url(&hub).await?;
    // A sealing key that is not this database's is noticed here, not at somebody's sign-in.
    hub.prepare_signing_keys().await.context("the keys that sign tokens cannot be opened")?;
    let stop_background = CancellationToken::new();
    let app = http::router(AppState::new(hub.clone(), &settings)?);

    let address = listener.local_addr().context("the address listened on")?;
    let handle = Handle::new();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server_handle = handle.clone();
    let listener = match tls {
        Some(config) => {
            let server = axum_server::from_tcp_rustls(listener, config)?.handle(server_handle);
            tokio::spawn(server.serve(service))
        }
        None => tokio::spawn(axum_server::from_tcp(listener)?.handle(server_handle).serve(service)),
    };
    let background = background::start(&hub, &stop_background);
    tracing::info!(%address, public_url = %settings.public_url, tls = settings.tls.is_some(), "listening");
    Ok(Running { address, hub, handle, listener, stop_background, background, folder })
}

impl Running {
    /// Stops accepting, lets requests under way finish, ends background work, closes the database.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.handle.graceful_shutdown(Some(GRACE));
        let listened = self.listener.await.context("the listener")?;
        self.stop_background.cancel();
        while self.background.join_next().await.is_some() {}
        self.hub.database.close().await;
        drop(self.folder);
        listened.context("the listener")
    }
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "Another program has this port: stop it or choose another with --listen",
            std::io::ErrorKind::PermissionDenied => {
                "Ports below 1024 belong to root: choose a higher one with --listen, or grant CAP_NET_BIND_SERVICE"
            }
            std::io::ErrorKind::AddrNotAvailable => "This machine does not have that address: correct --listen",
            _ => "Correct --listen",
        };
        anyhow!("cannot listen on {address}: {error}. {remedy}")
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
