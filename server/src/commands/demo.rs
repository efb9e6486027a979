//! `isthmus demo`: a directory, the hub and an application in one process, on loopback, in a folder that vanishes.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
};

use anyhow::{Context as _, ensure};
use demo::{Directory, SampleApplication, SampleApplicationSettings};
use hub::{Hub, apply::SiteSecrets, kernel::Actor};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use url::Url;

use super::apply::{FilesBeside, parse};
use crate::{
    cli::DemoArguments,
    config::{ServeSettings, StoreSettings},
    serve::{self, Running},
};

/// Everything that runs, and what to tell the person at the terminal.
pub struct Demo {
    pub hub: Running,
    pub directory: Directory,
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
        let (listen, application_listen) = addresses(listen)?;
        let public_url = SampleApplication::url_of(listen)?;
        let hub = serve::start(settings(folder.path(), listen, &public_url)).await?;

        let client_secret = hub.hub.random.token();
        register(&hub.hub, folder.path(), &directory, application_listen, &client_secret).await?;
        let administrator_password = make_administrator(&hub.hub).await?;
        let application = SampleApplication::start(SampleApplicationSettings {
            issuer: public_url.clone(),
            client_id: CLIENT.to_owned(),
            client_secret,
            listen: application_listen,
        })
        .await?;
        Ok(Self { hub, directory, application, public_url, administrator_password, folder })
    }

    /// What the terminal shows.
    fn welcome(&self) -> String {
        let mut text =
            String::from("\nIsthmus demo. Everything runs on this machine and is gone when you press Ctrl-C.\n\n");
        let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<20} {value}\n"));
        line("Sample application", self.application.url().as_str());
        for person in self.directory.logins_to_try() {
            line("  sign in as", &format!("{}  with  {}", person.username, person.password));
        }
        line("Console", &format!("{}console", self.public_url));
        let password = self.administrator_password.expose_secret();
        line("  sign in as", &format!("{ADMINISTRATOR}  with  {password}"));
        line("LDAP directory", &format!("{}  ({} people)", self.directory.url(), self.directory.people().len()));
        text.push_str(
            "\nSign in to the sample application with a password of the LDAP directory: the person appears under People\n\
             in the console, and their password moves with them. Sign in once more: the directory is not asked again.\n",
        );
        text
    }

    /// Stops all of it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.application.stop().await;
        self.hub.stop().await?;
        self.directory.stop().await;
        self.folder.close().context("removing the temporary folder")
    }
}

const CLIENT: &str = "sample-application";
const ADMINISTRATOR: &str = "admin";

fn settings(folder: &Path, listen: SocketAddr, public_url: &Url) -> ServeSettings {
    ServeSettings {
        store: StoreSettings { data: folder.join("data"), database: None, sealing_key: None },
        listen,
        public_url: public_url.clone(),
        // The directory of the demo is on this machine, which is nowhere else allowed by itself.
        allow_networks: vec![ipnet::IpNet::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST))],
        source_files: None,
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

/// Registers directory and application the way an administrator would: by a site document.
async fn register(
    hub: &Hub,
    folder: &Path,
    directory: &Directory,
    application: SocketAddr,
    client_secret: &str,
) -> anyhow::Result<()> {
    for (name, content) in
        [("ca.crt", directory.ca_pem()), ("bind.secret", directory.bind_password()), ("client.secret", client_secret)]
    {
        std::fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    let file = folder.join("site.toml");
    let document = format!(
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

        [[client]]
        id = "{CLIENT}"
        name = "Sample application"
        secret = {{ file = "client.secret" }}
        redirect_uris = ["{redirect}"]
        post_logout_redirect_uris = ["{home}"]
        original_source = "corp-ldap"
        "#,
        url = directory.url(),
        bind_dn = directory.bind_dn(),
        base_dn = directory.base_dn(),
        domain = directory.domain(),
        redirect = SampleApplication::redirect_uri_of(application)?,
        home = SampleApplication::url_of(application)?,
    );
    std::fs::write(&file, &document).context("writing site.toml")?;
    let document = parse(&file, &document)?;
    let secrets = SiteSecrets::resolve(&document, &FilesBeside { folder: folder.to_owned() })?;
    hub.apply(Actor::CommandLine, &document, &secrets, false).await.context("registering the demo's directory")?;
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
