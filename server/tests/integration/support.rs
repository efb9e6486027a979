//! A started server, and browsers to speak to it with.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use directory::{PersonId, Role, SessionId, SourceId};
use hub::{
    HubError,
    access::NewHolder,
    kernel::{Actor, SystemRandom},
    session::{self, NewSession, ProvenBy, Reach},
};
use reqwest::{Method, RequestBuilder, Response, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use server::{
    config::{ServeSettings, StoreSettings},
    serve::{self, Running},
};
use storage::Database;
use tempfile::TempDir;
use testkit::TestDatabase;
use url::Url;

pub const PASSWORD: &str = "correct horse battery 9";

/// A server in this process, with a folder that vanishes.
pub struct TestServer {
    pub running: Running,
    pub settings: ServeSettings,
    pub base: String,
    pub origin: String,
    /// Made once: reading the system's certificate authorities takes longer than a request.
    client: reqwest::Client,
    _folder: TempDir,
    _database: Option<TestDatabase>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_as(None).await
    }

    /// A server on a fresh PostgreSQL database.
    pub async fn start_on_postgres() -> Self {
        let database = testkit::postgres().await;
        let schema = Database::open(&database.url()).await.unwrap();
        schema.upgrade().await.unwrap();
        schema.close().await;
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Self::settings(&folder.path().join("data"));
        settings.store.database = Some(database.url());
        Self { _database: Some(database), ..Self::start_with(settings, folder).await }
    }

    /// A server that browsers reach as `public_url`, through a proxy that ends TLS.
    pub async fn start_behind_proxy(public_url: &str) -> Self {
        Self::start_as(Some(public_url)).await
    }

    async fn start_as(public_url: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Self::settings(&folder.path().join("data"));
        if let Some(url) = public_url {
            settings.public_url = Url::parse(url).unwrap();
        }
        Self::start_with(settings, folder).await
    }

    /// What a server in this folder is started with.
    pub fn settings(data: &Path) -> ServeSettings {
        let listen = free_address();
        ServeSettings {
            store: StoreSettings { data: data.to_owned(), database: None, sealing_key: None },
            listen,
            public_url: Url::parse(&format!("http://{listen}")).unwrap(),
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            source_files: None,
            trusted_proxies: Vec::new(),
            tls: None,
            metrics: None,
            audit_checkpoints: None,
        }
    }

    /// A server with these settings; the folder vanishes with it.
    pub async fn start_with(settings: ServeSettings, folder: TempDir) -> Self {
        let running = serve::start(settings.clone()).await.unwrap();
        let origin = settings.public_url.origin().ascii_serialization();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // A connection that is kept would keep the server from stopping.
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        let base = format!("http://{}", running.address);
        Self { base, running, settings, origin, client, _folder: folder, _database: None }
    }

    /// An administrator who set a password by the one-time link, as people do.
    pub async fn administrator(&self, username: &str) -> PersonId {
        let invitation = self.running.hub.create_administrator(username, None, false).await.unwrap();
        let link = Url::parse(invitation.link.expose_secret()).unwrap();
        let token = link.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
        self.running.hub.set_up_password(&SecretString::from(token), &SecretString::from(PASSWORD)).await.unwrap()
    }

    /// Somebody with this role, invited by this administrator's session.
    pub async fn holder(&self, administrator: SessionId, username: &str, role: Role) -> PersonId {
        let hub = &self.running.hub;
        let administrator = hub.permit(Some(administrator)).await.unwrap();
        let new = NewHolder { username: username.into(), display_name: username.into(), email: None };
        let invitation = hub.invite_console_person(&administrator, new, role).await.unwrap();
        let link = Url::parse(invitation.link.expose_secret()).unwrap();
        let token = link.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
        hub.set_up_password(&SecretString::from(token), &SecretString::from(PASSWORD)).await.unwrap();
        invitation.person
    }

    /// Opens a session as the broker would, without the sign-in page.
    pub async fn session(&self, person: PersonId, proven_by: ProvenBy) -> SessionId {
        let hub = &self.running.hub;
        let reach = match proven_by {
            ProvenBy::Hub => Reach::Everywhere,
            ProvenBy::Source(source) => Reach::ClientsOf(source),
        };
        let opened: Result<session::Session, HubError> = storage::write!(hub.database, |tx| {
            let new = NewSession { person, proven_by, amr: vec!["pwd".into()], offline: false, reach };
            session::open(tx, &*hub.clock, &SystemRandom, &hub.policy, new).await
        });
        opened.unwrap().id
    }

    /// A source to prove passwords at; nobody dials it.
    pub async fn source(&self) -> SourceId {
        let folder = tempfile::tempdir().unwrap();
        let site = write_site(folder.path(), SITE);
        let document = toml::from_str(&std::fs::read_to_string(&site).unwrap()).unwrap();
        let secrets = hub::apply::SiteSecrets::resolve(&document, &Canned).unwrap();
        self.running.hub.apply(Actor::CommandLine, &document, &secrets, false).await.unwrap();
        self.running.hub.sources_now().await.unwrap()[0].source.id
    }

    /// The cookie of a browser that holds this session.
    pub async fn cookie(&self, session: SessionId) -> String {
        let id = tower_sessions::session::Id::default().to_string();
        let expires = self.running.hub.clock.now() + chrono::TimeDelta::days(1);
        assert!(self.running.hub.create_browser_session(&id, json!({ "session": session }), expires).await.unwrap());
        let name = if self.origin.starts_with("https") { "__Host-isthmus" } else { "isthmus" };
        format!("{name}={id}")
    }

    /// A request as a page of ours would send it. Redirects are not followed and cookies not kept: tests look.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).header(header::ORIGIN, &self.origin)
    }

    pub async fn get(&self, path: &str, cookie: Option<&str>) -> Response {
        let mut request = self.request(Method::GET, path);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request.send().await.unwrap()
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)], cookie: Option<&str>) -> Response {
        let mut request = self.request(Method::POST, path).form(form);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request.send().await.unwrap()
    }

    pub async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

/// `set-cookie` of a name: the whole line.
pub fn set_cookie(response: &Response, name: &str) -> Option<String> {
    let lines = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.map(str::to_owned).find(|line| line.starts_with(&format!("{name}=")))
}

/// `name=value` of a `set-cookie` line, as a browser sends it back.
pub fn pair(line: &str) -> String {
    line.split(';').next().unwrap().to_owned()
}

pub fn location(response: &Response) -> &str {
    response.headers().get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The command as people type it, in a folder of its own and without anything of this environment that speaks to it.
pub fn isthmus(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isthmus"));
    command.args(arguments).current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

pub const SITE: &str = r#"
[[source]]
name = "corp-ldap"
kind = "ldap"
urls = ["ldaps://127.0.0.1:6360"]
bind_dn = "cn=reader,ou=services,dc=example,dc=test"
bind_password = { file = "bind.secret" }
base_dn = "dc=example,dc=test"
domains = ["example.test"]
mode = "active"
just_in_time = true
lockout_threshold = 5
lockout_window = "15m"

[[client]]
id = "portal"
secret = { env = "PORTAL_SECRET" }
redirect_uris = ["http://localhost:9000/callback"]
post_logout_redirect_uris = ["http://localhost:9000/"]
original_source = "corp-ldap"
"#;

pub const PORTAL_SECRET: &str = "kS3dPzqm2nVbX8wYc5tR7uJh4fLg6aEe";

/// Writes the document and the file it names.
pub fn write_site(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("site.toml");
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.join("bind.secret"), "a reader's password\n").unwrap();
    file
}

struct Canned;

impl hub::apply::Resolver for Canned {
    fn secret_file(&self, _path: &Path) -> Result<SecretString, String> {
        Ok("a reader's password".into())
    }
    fn secret_variable(&self, _name: &str) -> Result<SecretString, String> {
        Ok(PORTAL_SECRET.into())
    }
    fn certificate_file(&self, _path: &Path) -> Result<String, String> {
        Err("not needed here".into())
    }
}
