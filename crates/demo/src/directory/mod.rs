//! An LDAP directory in the process: LDAPS with a certificate of its own, search, simple bind, paged results.

mod certificate;
mod matching;
mod names;
mod people;
mod session;
mod tree;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;
use url::Url;

pub(crate) use people::hire;
pub use people::{DemoPerson, Organisation};

use tree::Tree;

/// A running directory. Dropping it stops it.
pub struct Directory {
    address: SocketAddr,
    ca_pem: String,
    tree: Arc<Tree>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Directory {
    /// Starts the directory of the demo's organisation on a loopback address; port 0 picks a free one.
    pub async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        Self::start_for(Organisation::default(), listen).await
    }

    /// Starts a directory of another organisation: other people under another base, but a `jsmith` there too.
    pub async fn start_for(organisation: Organisation, listen: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(crate::loopback_only(listen)?)
            .await
            .with_context(|| format!("the demo directory cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let certificate = certificate::make()?;
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config));
        let tree = Arc::new(Tree::plant(&organisation));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(accept(listener, acceptor, Arc::clone(&tree), stop.clone(), tasks.clone()));
        tasks.close();
        Ok(Self { address, ca_pem: certificate.ca_pem, tree, stop, tasks })
    }

    /// Where it listens: `ldaps://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> Url {
        // A socket address is always a valid authority.
        #[expect(clippy::expect_used, reason = "see the line above")]
        Url::parse(&format!("ldaps://{}", self.address)).expect("a socket address in a URL")
    }

    /// The certificate authority that signed its certificate; made anew at every start.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    #[must_use]
    pub fn base_dn(&self) -> &str {
        &self.tree.organisation.base_dn
    }

    /// The mail domain of its people.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.tree.organisation.domain
    }

    /// The service account that may read everything.
    #[must_use]
    pub fn bind_dn(&self) -> &str {
        &self.tree.reader_dn
    }

    #[must_use]
    pub fn bind_password(&self) -> &str {
        tree::READER_PASSWORD
    }

    /// Everybody in it, with their passwords.
    #[must_use]
    pub fn people(&self) -> &[DemoPerson] {
        &self.tree.people
    }

    /// Two people to try: the first two of [`Directory::people`].
    #[must_use]
    pub fn logins_to_try(&self) -> &[DemoPerson] {
        &self.tree.people[..2]
    }

    /// Stops listening and ends every connection.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    tree: Arc<Tree>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => { debug!(%error, "demo directory: accept failed"); continue }
            },
        };
        let (acceptor, tree, stop) = (acceptor.clone(), Arc::clone(&tree), stop.clone());
        tasks.spawn(async move {
            let talk = async {
                let stream = acceptor.accept(stream).await?;
                session::serve(stream, &tree).await
            };
            tokio::select! {
                () = stop.cancelled() => {}
                ended = talk => if let Err(error) = ended { debug!(%error, "demo directory: connection ended") },
            }
        });
    }
}
