//! `isthmus demo`: three legacy directories, the hub and an application in one process, on loopback, in a folder that
//! vanishes.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use demo::{
    CloudClient, CloudDirectory, DemoPerson, Directory, OldPortal, SampleApplication, SampleApplicationSettings,
};
use hub::{Hub, apply::SiteSecrets, kernel::Actor};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use url::Url;

use super::apply::{FilesBeside, parse};
use crate::{
    cli::DemoArguments,
    config::{ServeSettings, StoreSettings},
    serve::{self, Running},
    wiring::seconds_now,
};

/// Everything that runs, and what to tell the person at the terminal.
pub struct Demo {
    pub hub: Running,
    pub directory: Directory,
    pub portal: OldPortal,
    pub cloud: CloudDirectory,
    pub application: SampleApplication,
    pub public_url: Url,
    pub administrator_password: SecretString,
    folder: TempDir,
}

/// `isthmus demo`: runs until SIGINT or SIGTERM.
pub async fn demo(arguments: DemoArguments) -> anyhow::Result<()> {
    let demo = Demo::start(arguments.listen).await?;
    println!("{}", demo.welcome());
    serve::wait_for_signal().await?;
    println!("\nStopping. Nothing of the demo stays behind.");
    demo.stop().await
}

impl Demo {
    /// Starts all of it; port 0 picks free ports.
    pub async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        ensure!(
            listen.ip().is_loopback(),
            "the demo listens on loopback addresses only, not on {listen}: its passwords are printed on the screen"
        );
        crate::install_crypto_provider();
        let folder = tempfile::Builder::new().prefix("isthmus-demo-").tempdir().context("a temporary folder")?;
        let directory = Directory::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let portal = OldPortal::write(&folder.path().join(SOURCE_FILES)).await?;
        let (listen, application_listen) = addresses(listen)?;
        let public_url = SampleApplication::url_of(listen)?;
        let hub = serve::start(settings(folder.path(), listen, &public_url)).await?;

        let (client_secret, cloud_secret) = (hub.hub.random.token(), hub.hub.random.token());
        let client = CloudClient {
            id: "isthmus".to_owned(),
            secret: cloud_secret.clone(),
            redirect_uri: hub.hub.redirect_uri(CLOUD),
        };
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
        let clock = Arc::new(|| seconds_now() as i64);
        let cloud = CloudDirectory::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), client, clock).await?;
        let secrets = [
            ("ca.crt", directory.ca_pem()),
            ("bind.secret", directory.bind_password()),
            ("cloud.secret", &cloud_secret),
            ("client.secret", &client_secret),
        ];
        for (name, content) in secrets {
            std::fs::write(folder.path().join(name), content).with_context(|| format!("writing {name}"))?;
        }
        let document = site_document(&directory, &portal, &cloud, application_listen)?;
        register(&hub.hub, folder.path(), &document).await?;
        let administrator_password = make_administrator(&hub.hub).await?;
        let application = SampleApplication::start(SampleApplicationSettings {
            issuer: public_url.clone(),
            client_id: CLIENT.to_owned(),
            client_secret,
            listen: application_listen,
        })
        .await?;
        Ok(Self { hub, directory, portal, cloud, application, public_url, administrator_password, folder })
    }

    /// What the terminal shows.
    fn welcome(&self) -> String {
        let mut text =
            String::from("\nIsthmus demo. Everything runs on this machine and is gone when you press Ctrl-C.\n\n");
        let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<20} {value}\n"));
        let logins = |people: &[DemoPerson], name: fn(&DemoPerson) -> &String| {
            people.iter().map(|person| format!("{}  with  {}", name(person), person.password)).collect::<Vec<_>>()
        };
        line("Sample application", self.application.url().as_str());
        let (portal, cloud) = (self.portal.people().len(), self.cloud.people().len());
        line("LDAP directory", &format!("{}  ({} people)", self.directory.url(), self.directory.people().len()));
        for login in logins(self.directory.logins_to_try(), |person| &person.username) {
            line("  sign in as", &login);
        }
        line("Old portal", &format!("a table in SQLite  ({portal} people, their passwords as MD5 and salted SHA-256)"));
        for login in logins(self.portal.logins_to_try(), |person| &person.username) {
            line("  sign in as", &login);
        }
        line("Cloud directory", &format!("{}  ({cloud} people)", self.cloud.issuer()));
        for login in logins(self.cloud.logins_to_try(), |person| &person.email) {
            line("  continue there as", &login);
        }
        line("Console", &format!("{}console", self.public_url));
        let password = self.administrator_password.expose_secret();
        line("  sign in as", &format!("{ADMINISTRATOR}  with  {password}"));
        text.push_str(
            "\nSign in to the sample application with a password of one of the directories: the person appears under People\n\
             in the console, and their password moves with them. Sign in once more: the directory is not asked again.\n\
             For the cloud directory choose \"Continue with Skyline cloud\": coming back, you may set a password here.\n",
        );
        text
    }

    /// Stops all of it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.application.stop().await;
        self.hub.stop().await?;
        self.directory.stop().await;
        self.cloud.stop().await;
        self.folder.close().context("removing the temporary folder")
    }
}

const CLIENT: &str = "sample-application";
const ADMINISTRATOR: &str = "admin";
/// The cloud directory's name among the sources.
const CLOUD: &str = "skyline";
/// The folder with the old portal's table.
const SOURCE_FILES: &str = "sources";

fn settings(folder: &Path, listen: SocketAddr, public_url: &Url) -> ServeSettings {
    ServeSettings {
        store: StoreSettings { data: folder.join("data"), database: None, sealing_key: None },
        listen,
        public_url: public_url.clone(),
        // The directories of the demo are on this machine, which is nowhere else allowed by itself.
        allow_networks: vec![ipnet::IpNet::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST))],
        source_files: Some(folder.join(SOURCE_FILES)),
        trusted_proxies: Vec::new(),
        tls: None,
        metrics: None,
        audit_checkpoints: None,
    }
}

/// The hub's address and the application's: the next port, or two free ones.
fn addresses(listen: SocketAddr) -> anyhow::Result<(SocketAddr, SocketAddr)> {
    if listen.port() != 0 {
        let next = listen.port().checked_add(1).context("--listen: choose a port below 65535")?;
        return Ok((listen, SocketAddr::new(listen.ip(), next)));
    }
    let free = || TcpListener::bind(listen).context("a free port");
    let (one, other) = (free()?, free()?);
    Ok((one.local_addr()?, other.local_addr()?))
}

/// Directories and application the way an administrator would describe them.
fn site_document(
    directory: &Directory,
    portal: &OldPortal,
    cloud: &CloudDirectory,
    application: SocketAddr,
) -> anyhow::Result<String> {
    Ok(format!(
        r#"
        [[source]]
        name = "corp-ldap"
        label = "Corporate LDAP"
        kind = "ldap"
        urls = ["{url}"]
        ca_file = "ca.crt"
        bind_dn = "{bind_dn}"
        bind_password = {{ file = "bind.secret" }}
        base_dn = "{base_dn}"
        domains = ["{domain}"]
        mode = "capture"
        just_in_time = true
        lockout_threshold = 0

        [[source]]
        name = "{CLOUD}"
        label = "Skyline cloud"
        kind = "openid"
        secret = {{ file = "cloud.secret" }}
        domains = ["{cloud_domain}"]
        mode = "capture"
        just_in_time = true
        # On loopback there is nobody between.
        allow_plain = true
        openid = {{ issuer = "{issuer}", client_id = "isthmus" }}

        [[client]]
        id = "{CLIENT}"
        name = "Sample application"
        secret = {{ file = "client.secret" }}
        redirect_uris = ["{redirect}"]
        post_logout_redirect_uris = ["{home}"]
        original_source = ["corp-ldap", "marina-portal", "{CLOUD}"]

        [[source]]
        name = "marina-portal"
        label = "Marina portal"
        kind = "sql"
        domains = ["{portal_domain}"]
        mode = "capture"
        just_in_time = true
        [source.sql]
        {portal_settings}
        "#,
        url = directory.url(),
        bind_dn = directory.bind_dn(),
        base_dn = directory.base_dn(),
        domain = directory.domain(),
        cloud_domain = cloud.domain(),
        issuer = cloud.issuer(),
        redirect = SampleApplication::redirect_uri_of(application)?,
        home = SampleApplication::url_of(application)?,
        portal_domain = portal.domain(),
        portal_settings = OldPortal::settings(),
    ))
}

async fn register(hub: &Hub, folder: &Path, document: &str) -> anyhow::Result<()> {
    let file = folder.join("site.toml");
    std::fs::write(&file, document).context("writing site.toml")?;
    let document = parse(&file, document)?;
    let secrets = SiteSecrets::resolve(&document, &FilesBeside { folder: folder.to_owned() })?;
    hub.apply(Actor::CommandLine, &document, &secrets, false).await.context("registering the demo's directories")?;
    Ok(())
}

/// An administrator with a password to type, made through the same one-time link as any other.
async fn make_administrator(hub: &Hub) -> anyhow::Result<SecretString> {
    let invitation = hub.create_administrator(ADMINISTRATOR, None, false).await?;
    let link = Url::parse(invitation.link.expose_secret()).context("the set-up link")?;
    let token = link.query_pairs().find(|(name, _)| name == "token").context("the set-up link has no token")?;
    let password = SecretString::from(format!("{}-{}", hub.random.readable_code(), hub.random.readable_code()));
    hub.set_up_password(&SecretString::from(token.1.into_owned()), &password).await?;
    Ok(password)
}
