//! Peers for tests that are not written in Rust: the browser tests ask for them on standard input, one JSON object a
//! line, and get one JSON object a line back. Everything ends with the process.

use std::{
    collections::HashMap,
    io::{BufRead as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::Context as _;
use demo::{SampleApplication, SampleApplicationSettings};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::{Authority, Slapd, SlapdSetup};
use url::Url;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Wish {
    /// A slapd of its own.
    Slapd {
        name: String,
        base_dn: String,
        domain: String,
        people: usize,
    },
    Stop {
        name: String,
    },
    Start {
        name: String,
    },
    /// An account is disabled at its directory, or enabled again.
    Disable {
        name: String,
        username: String,
    },
    Enable {
        name: String,
        username: String,
    },
    /// A certificate for `localhost`, for a proxy in front of the hub.
    Certificate,
    /// The demo's relying party.
    Application {
        issuer: Url,
        client_id: String,
        client_secret: String,
        port: u16,
    },
}

#[derive(Default)]
struct Peers {
    directories: HashMap<String, Slapd>,
    applications: Vec<SampleApplication>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut peers = Peers::default();
    let (wishes, mut next) = tokio::sync::mpsc::channel(1);
    // Standard input blocks, and the sample application must go on serving meanwhile.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if wishes.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = next.recv().await {
        let answer = match serde_json::from_str(&line) {
            Ok(wish) => peers.grant(wish).await.unwrap_or_else(|error| json!({ "error": format!("{error:#}") })),
            Err(error) => json!({ "error": error.to_string() }),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

impl Peers {
    async fn grant(&mut self, wish: Wish) -> anyhow::Result<Value> {
        match wish {
            Wish::Slapd { name, base_dn, domain, people } => {
                let slapd = Slapd::with(SlapdSetup { base_dn, domain, people, ..SlapdSetup::default() }).await;
                let answer = json!({
                    "url": slapd.ldaps_url, "ca_pem": slapd.ca_pem, "base_dn": slapd.base_dn, "domain": slapd.domain,
                    "bind_dn": slapd.reader_dn, "bind_password": slapd.reader_password,
                });
                self.directories.insert(name, slapd);
                Ok(answer)
            }
            Wish::Stop { name } => {
                self.directory(&name)?.stop();
                Ok(json!({}))
            }
            Wish::Start { name } => {
                self.directory(&name)?.start_again();
                Ok(json!({}))
            }
            Wish::Disable { name, username } => {
                self.directory(&name)?.disable(&username);
                Ok(json!({}))
            }
            Wish::Enable { name, username } => {
                self.directory(&name)?.enable(&username);
                Ok(json!({}))
            }
            Wish::Certificate => {
                let certificate = Authority::new("browser tests").local();
                Ok(json!({ "certificate": certificate.certificate_pem, "key": certificate.key_pem }))
            }
            Wish::Application { issuer, client_id, client_secret, port } => {
                let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let settings = SampleApplicationSettings { issuer, client_id, client_secret, listen };
                let application = SampleApplication::start(settings).await?;
                let answer = json!({ "url": application.url() });
                self.applications.push(application);
                Ok(answer)
            }
        }
    }

    fn directory(&mut self, name: &str) -> anyhow::Result<&mut Slapd> {
        self.directories.get_mut(name).with_context(|| format!("no directory {name}"))
    }
}
