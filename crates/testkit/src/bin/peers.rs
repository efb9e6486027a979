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
use testkit::{Authority, Cloud, CloudSetup, LegacyKind, LegacySql, Slapd, SlapdSetup};
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
    /// An OpenID provider with Microsoft Graph beside it.
    Cloud {
        name: String,
        redirect_uri: Url,
        people: Vec<String>,
    },
    /// Somebody new at a cloud directory.
    Invite {
        name: String,
        username: String,
    },
    /// The tables of an old portal.
    Legacy {
        name: String,
        database: LegacyKind,
        people: u32,
    },
    /// Statements at an old portal, with every right.
    Execute {
        name: String,
        sql: String,
    },
    /// More people at an old portal, counted as there.
    Enrol {
        name: String,
        from: u32,
        to: u32,
    },
    /// Any of them.
    Stop {
        name: String,
    },
    /// A slapd only.
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
    /// Wrong passwords at a slapd until the account is locked.
    LockOut {
        name: String,
        username: String,
    },
    /// One attribute of one entry of a slapd, named below its base, gets these values; none = it goes.
    Set {
        name: String,
        entry: String,
        attribute: String,
        values: Vec<String>,
    },
    /// The values that one attribute of one entry has.
    Values {
        name: String,
        entry: String,
        attribute: String,
    },
    /// Somebody new at a slapd.
    Hire {
        name: String,
        username: String,
        given: String,
        family: String,
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
    clouds: HashMap<String, Cloud>,
    portals: HashMap<String, LegacySql>,
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
                let (write_dn, write_password) = slapd.writer();
                let answer = json!({
                    "url": slapd.ldaps_url, "ca_pem": slapd.ca_pem, "base_dn": slapd.base_dn, "domain": slapd.domain,
                    "bind_dn": slapd.reader_dn, "bind_password": slapd.reader_password,
                    "write_dn": write_dn, "write_password": write_password,
                });
                self.directories.insert(name, slapd);
                Ok(answer)
            }
            Wish::Cloud { name, redirect_uri, people } => self.cloud(name, redirect_uri, people).await,
            Wish::Invite { name, username } => {
                self.clouds.get(&name).context("no such cloud directory")?.add_user(&username).await;
                Ok(json!({}))
            }
            Wish::Legacy { name, database, people } => {
                let portal = LegacySql::start(database, people).await;
                let answer = json!({
                    "settings": serde_json::to_value(portal.settings())?, "ca_pem": portal.ca_pem,
                    "bind_password": portal.secret,
                });
                self.portals.insert(name, portal);
                Ok(answer)
            }
            Wish::Execute { name, sql } => {
                self.portal(&name)?.execute(&sql).await;
                Ok(json!({}))
            }
            Wish::Enrol { name, from, to } => {
                self.portal(&name)?.add(from..to).await;
                Ok(json!({}))
            }
            Wish::Application { issuer, client_id, client_secret, port } => {
                let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let settings = SampleApplicationSettings { issuer, client_id, client_secret, listen };
                let application = SampleApplication::start(settings).await?;
                let answer = json!({ "url": application.url() });
                self.applications.push(application);
                Ok(answer)
            }
            other => self.change(other),
        }
    }

    /// What is done at once.
    fn change(&mut self, wish: Wish) -> anyhow::Result<Value> {
        match wish {
            Wish::Stop { name } => self.stop(&name)?,
            Wish::Start { name } => self.directory(&name)?.start_again(),
            Wish::Disable { name, username } => self.directory(&name)?.disable(&username),
            Wish::Enable { name, username } => self.directory(&name)?.enable(&username),
            Wish::LockOut { name, username } => self.directory(&name)?.lock_out(&username),
            Wish::Set { name, entry, attribute, values } => {
                let slapd = self.directory(&name)?;
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                slapd.set(&format!("{entry},{}", slapd.base_dn), &attribute, &values);
            }
            Wish::Values { name, entry, attribute } => {
                let slapd = self.directory(&name)?;
                let values = slapd.values(&format!("{entry},{}", slapd.base_dn), &attribute);
                return Ok(json!({ "values": values }));
            }
            Wish::Hire { name, username, given, family } => {
                self.directory(&name)?.add_person(&username, &given, &family);
            }
            Wish::Certificate => {
                let authority = Authority::new("browser tests");
                let certificate = authority.local();
                return Ok(json!({
                    "certificate": certificate.certificate_pem, "key": certificate.key_pem, "ca_pem": authority.ca_pem(),
                }));
            }
            Wish::Slapd { .. }
            | Wish::Cloud { .. }
            | Wish::Invite { .. }
            | Wish::Legacy { .. }
            | Wish::Execute { .. }
            | Wish::Enrol { .. }
            | Wish::Application { .. } => anyhow::bail!("this takes time"),
        }
        Ok(json!({}))
    }

    async fn cloud(&mut self, name: String, redirect_uri: Url, people: Vec<String>) -> anyhow::Result<Value> {
        let cloud = Cloud::start(CloudSetup { redirect_uris: vec![redirect_uri], short_id_tokens: false }).await;
        for person in people {
            cloud.add_user(&person).await;
        }
        let settings = json!({ "issuer": cloud.issuer(), "client_id": Cloud::CLIENT, "graph": cloud.graph() });
        let answer = json!({
            "settings": settings, "ca_pem": cloud.ca_pem(), "bind_password": Cloud::SECRET, "password": Cloud::PASSWORD,
        });
        self.clouds.insert(name, cloud);
        Ok(answer)
    }

    fn stop(&mut self, name: &str) -> anyhow::Result<()> {
        if let Some(cloud) = self.clouds.get_mut(name) {
            cloud.stop();
        } else if let Some(portal) = self.portals.get(name) {
            portal.stop_server();
        } else {
            self.directory(name)?.stop();
        }
        Ok(())
    }

    fn directory(&mut self, name: &str) -> anyhow::Result<&mut Slapd> {
        self.directories.get_mut(name).with_context(|| format!("no directory {name}"))
    }

    fn portal(&self, name: &str) -> anyhow::Result<&LegacySql> {
        self.portals.get(name).with_context(|| format!("no portal {name}"))
    }
}
