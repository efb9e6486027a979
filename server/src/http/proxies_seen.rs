//! Notes, once each per start, that a trusted proxy names its clients, or that one does that is not trusted.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::http::{HeaderMap, header};
use hub::Hub;

use super::client_address::X_FORWARDED_FOR;
use crate::{
    serve_options::{ProxiesSeen, ServeOptions},
    wiring,
};

/// What was seen since the start.
#[derive(Debug)]
pub struct Proxies {
    options: ServeOptions,
    trusted: AtomicBool,
    untrusted: AtomicBool,
}

impl Proxies {
    #[must_use]
    pub fn new(options: ServeOptions) -> Self {
        Self { options, trusted: AtomicBool::new(false), untrusted: AtomicBool::new(false) }
    }

    /// Looks at where a request came from. Whoever is on the public network may invent such a header: only a private
    /// neighbour is likely to be a proxy.
    pub fn see(&self, hub: &Hub, peer: IpAddr, headers: &HeaderMap) {
        if !headers.contains_key(header::FORWARDED) && !headers.contains_key(&X_FORWARDED_FOR) {
            return;
        }
        let peer = peer.to_canonical();
        let trusted = self.options.trusted_proxies.iter().any(|network| network.contains(&peer));
        let flag = if trusted { &self.trusted } else { &self.untrusted };
        if (!trusted && !is_private(peer)) || flag.swap(true, Ordering::Relaxed) {
            return;
        }
        if !trusted {
            tracing::warn!(
                "a proxy on a private address names clients and is not trusted: name it with --trusted-proxy"
            );
        }
        let proxies = ProxiesSeen {
            trusted: self.trusted.load(Ordering::Relaxed),
            untrusted: self.untrusted.load(Ordering::Relaxed),
        };
        let options = ServeOptions { proxies, ..self.options.clone() };
        let hub = hub.clone();
        tokio::spawn(async move {
            if let Err(error) = wiring::remember_serve_options(&hub, &options).await {
                tracing::warn!(%error, "could not note which proxies were seen");
            }
        });
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
