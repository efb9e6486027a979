//! Imports that the console started: they go on in this process while nobody waits for them.

use std::sync::{Mutex, PoisonError};

use directory::{ImportRunId, SourceId};
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::ImportRequest;
use crate::{Hub, HubError, kernel::capability::ManageSources};

/// What this process is importing, and the word to stop it.
#[derive(Default)]
pub(crate) struct Started {
    tasks: TaskTracker,
    stop: CancellationToken,
}

type Asking = oneshot::Sender<Result<ImportRunId, HubError>>;

impl Hub {
    /// Starts an import, or goes on with the one that was interrupted, and answers as soon as it is on its way. It ends
    /// by itself, when somebody cancels it, or, to go on later, with [`Hub::stop_imports`].
    pub async fn start_import(
        &self,
        by: &ManageSources,
        source: SourceId,
        request: ImportRequest,
    ) -> Result<ImportRunId, HubError> {
        let (sender, began) = oneshot::channel();
        let (hub, actor) = (self.clone(), by.actor());
        self.state.imports.tasks.spawn(async move {
            let sender = Mutex::new(Some(sender));
            let began = |run: ImportRunId| {
                if let Some(sender) = taken(&sender) {
                    // Whoever asked may have gone; the import goes on.
                    drop(sender.send(Ok(run)));
                }
            };
            let stop = &hub.state.imports.stop;
            let done = hub.import_telling(source, request, actor, stop, (&|_| {}, &began)).await;
            let Err(error) = done else { return };
            match taken(&sender) {
                Some(sender) => drop(sender.send(Err(error))),
                None => tracing::error!(%source, %error, "an import broke off; the next one goes on where it was"),
            }
        });
        let stopped = || HubError::Refused("This server is stopping. Start the import again in a moment.".to_owned());
        began.await.map_err(|_| stopped())?
    }

    /// Interrupts what [`Hub::start_import`] began, behind the batch that is being written, and waits until it is so.
    pub async fn stop_imports(&self) {
        self.state.imports.stop.cancel();
        self.state.imports.tasks.close();
        self.state.imports.tasks.wait().await;
    }
}

fn taken(sender: &Mutex<Option<Asking>>) -> Option<Asking> {
    sender.lock().unwrap_or_else(PoisonError::into_inner).take()
}
