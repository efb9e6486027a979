//! The public URL and what stands in front of the hub.

use std::{net::SocketAddr, time::Duration};

use chrono::DateTime;
use serde_json::Value;
use url::Url;

use super::{Patient, Report, clock};
use crate::config;

const URL: &str = "Public URL";
const PROXY: &str = "Proxies";
const WAIT: Duration = Duration::from_secs(5);

pub async fn check(report: &mut Report, patient: &Patient) {
    let Some(url) = &patient.public_url else {
        report.warning(URL, "not known yet", "Start `isthmus serve --public-url …` once.");
        return;
    };
    if let Err(why) = config::public_url(url.as_str()) {
        report.problem(URL, format!("{url}: {why}"), "Correct --public-url.");
        return;
    }
    if resolves(report, url).await {
        reach(report, patient, url).await;
    }
    proxies(report, patient);
}

async fn resolves(report: &mut Report, url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = match tokio::time::timeout(WAIT, tokio::net::lookup_host((bare, port))).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if found.is_empty() {
        report.problem(
            "DNS",
            format!("{host} does not resolve on this machine"),
            "Add it to DNS, or correct --public-url; look at /etc/resolv.conf.",
        );
        return false;
    }
    let addresses: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    report.ok("DNS", format!("{host} is {}", addresses.join(", ")));
    true
}

/// Whether what answers there is this hub: the same issuer, and a key of this database.
async fn reach(report: &mut Report, patient: &Patient, url: &Url) {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(WAIT)
        .timeout(WAIT)
        .no_proxy()
        .build();
    let Ok(client) = client else {
        report.warning(URL, "this machine has no certificate authorities to trust", "Install ca-certificates.");
        return;
    };
    let read = async |path: &str| -> Result<(Value, Option<String>), reqwest::Error> {
        let at = url.join(path).unwrap_or_else(|_| url.clone());
        let response = client.get(at).send().await?.error_for_status()?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        Ok((response.json().await?, date))
    };
    let asked_at = patient.hub.clock.now();
    let (document, date) = match read(".well-known/openid-configuration").await {
        Ok(answer) => answer,
        Err(error) => return unreachable(report, patient, url, &error),
    };
    let issuer = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if issuer.trim_end_matches('/') != url.as_str().trim_end_matches('/') {
        report.problem(
            URL,
            format!("what answers at {url} calls itself {issuer:?}"),
            "Another hub is behind this name, or a server with another --public-url: correct the proxy or the option.",
        );
        return;
    }
    let keys = read("oauth2/jwks").await.ok().map(|(keys, _)| keys);
    let published: Vec<&str> = keys
        .as_ref()
        .and_then(|keys| keys.get("keys")?.as_array())
        .map(|keys| keys.iter().filter_map(|key| key.get("kid")?.as_str()).collect())
        .unwrap_or_default();
    if patient.inspection.signing_keys.iter().any(|key| published.contains(&key.id.as_str())) {
        report.ok(URL, format!("{url} leads to this hub"));
    } else {
        report.problem(
            URL,
            format!("{url} leads to a hub that signs with other keys: it has another database"),
            "Correct what the name or the proxy points to, or --data and --database of this command.",
        );
    }
    if let Some(there) = date.and_then(|date| DateTime::parse_from_rfc2822(&date).ok()) {
        // Whole seconds, cut off.
        let ahead = asked_at.signed_duration_since(there).num_seconds();
        clock::compare(report, ahead, "what answers at the public URL");
    }
}

fn unreachable(report: &mut Report, patient: &Patient, url: &Url, error: &reqwest::Error) {
    if patient.runs == Some(false) {
        report.warning(URL, "no server runs on this data folder, so nobody answers", "Start `isthmus serve`.");
        return;
    }
    let mut why = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        why = one.to_string();
        cause = one.source();
    }
    let (detail, remedy) = if let Some(status) = error.status() {
        (format!("{url} answers {status}"), "Look at the log of the proxy, then at the hub's.")
    } else if error.is_timeout() {
        (format!("{url} does not answer"), "Look at the firewall, at the proxy, and whether the server runs.")
    } else if error.is_connect() && why.to_lowercase().contains("certificate") {
        (
            format!("{url}: its certificate is not accepted: {why}"),
            "Renew it, send the whole chain, or install its authority on this machine.",
        )
    } else if error.is_connect() {
        (format!("nobody answers at {url}: {why}"), "Start the server, or correct the proxy in front of it.")
    } else {
        (format!("{url} does not answer as a hub does: {why}"), "Correct what the name or the proxy points to.")
    };
    report.problem(URL, detail, remedy);
}

fn proxies(report: &mut Report, patient: &Patient) {
    let Some(options) = &patient.options else { return };
    if let Some(everybody) = options.trusted_proxies.iter().find(|network| network.prefix_len() == 0) {
        report.problem(
            PROXY,
            format!("--trusted-proxy {everybody} believes everybody who names another address as theirs"),
            "Name only the addresses of your proxies: the throttle counts by client address.",
        );
    }
    if options.proxies.untrusted {
        report.warning(
            PROXY,
            "a proxy on a private address names clients, and is not trusted: to the throttle they are all one",
            "Name it with --trusted-proxy.",
        );
    } else if options.trusted_proxies.is_empty() {
        report.ok(PROXY, "none is trusted, and none was seen");
    } else if options.proxies.trusted {
        report.ok(PROXY, "the trusted ones name their clients");
    } else {
        report.warning(
            PROXY,
            "no request through a trusted proxy has named its client since the server started",
            "Let the proxy set X-Forwarded-For or Forwarded, or take --trusted-proxy away.",
        );
    }
}
