//! Pages of a read, each asked for again if the source is away for a moment, with the lease kept meanwhile.

use std::{sync::Arc, time::Duration};

use connector::{Connector, Next, ReadCursor, ReadFrom, ReadPage, Trouble, TroubleKind};
use directory::ObjectKind;
use storage::lease::Lease;
use tokio_util::sync::CancellationToken;

use crate::{Hub, HubError};

/// Waits before a page is asked for again.
const AGAIN: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];
/// While a page takes long, the lease is prolonged this often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Why there is no page.
pub(super) enum NoPage {
    Trouble(Trouble),
    /// The process is being stopped.
    Stopped,
}

/// What was read together, to be written together.
pub(super) struct Gathered {
    /// Pages as if they were one.
    pub(super) page: Result<ReadPage, NoPage>,
    /// What came instead of one more page like them.
    pub(super) then: Option<Result<ReadPage, NoPage>>,
}

/// Asks for pages, one after the other, as long as the next one fits within `most` objects.
pub(super) async fn pages(
    hub: &Hub,
    lease: &Lease,
    connector: &Arc<dyn Connector>,
    (kind, from, most): (ObjectKind, ReadFrom, usize),
    stop: &CancellationToken,
) -> Result<Gathered, HubError> {
    let mut gathered = match page(hub, lease, connector, (kind, from), stop).await? {
        Ok(page) => page,
        Err(no_page) => return Ok(Gathered { page: Err(no_page), then: None }),
    };
    let mut last = gathered.changes.len();
    while let Next::More(ReadCursor(place)) = &gathered.next {
        // An empty page may lead to itself: whoever reads one by one notices.
        if last == 0 || gathered.changes.len() + last > most {
            break;
        }
        let from = ReadFrom::Cursor(ReadCursor(place.clone()));
        match page(hub, lease, connector, (kind, from), stop).await? {
            Ok(more) if !matches!(more.next, Next::StartOver { .. }) => {
                last = more.changes.len();
                gathered.changes.extend(more.changes);
                gathered.rejected.extend(more.rejected);
                gathered.next = more.next;
            }
            other => return Ok(Gathered { page: Ok(gathered), then: Some(other) }),
        }
    }
    Ok(Gathered { page: Ok(gathered), then: None })
}

/// Asks for one page.
async fn page(
    hub: &Hub,
    lease: &Lease,
    connector: &Arc<dyn Connector>,
    (kind, from): (ObjectKind, ReadFrom),
    stop: &CancellationToken,
) -> Result<Result<ReadPage, NoPage>, HubError> {
    let mut waits = AGAIN.iter();
    loop {
        let trouble = match once(hub, lease, connector, (kind, from.clone()), stop).await? {
            Ok(page) => return Ok(Ok(page)),
            Err(NoPage::Trouble(trouble)) => trouble,
            Err(NoPage::Stopped) => return Ok(Err(NoPage::Stopped)),
        };
        let again = match trouble.kind {
            TroubleKind::Unavailable | TroubleKind::Busy => waits.next(),
            TroubleKind::Misconfigured | TroubleKind::Odd | TroubleKind::BreakerOpen => None,
        };
        let Some(wait) = again else { return Ok(Err(NoPage::Trouble(trouble))) };
        if stop.run_until_cancelled(tokio::time::sleep(*wait)).await.is_none() {
            return Ok(Err(NoPage::Stopped));
        }
    }
}

async fn once(
    hub: &Hub,
    lease: &Lease,
    connector: &Arc<dyn Connector>,
    (kind, from): (ObjectKind, ReadFrom),
    stop: &CancellationToken,
) -> Result<Result<ReadPage, NoPage>, HubError> {
    let Some(reading) = connector.reading() else {
        return Ok(Err(NoPage::Trouble(Trouble {
            kind: TroubleKind::Misconfigured,
            endpoint: String::new(),
            reason: "sources of this kind hand nobody over".to_owned(),
        })));
    };
    let mut asked = reading.read(kind, from);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Err(NoPage::Stopped)),
            answer = &mut asked => return Ok(answer.map_err(NoPage::Trouble)),
            () = tokio::time::sleep(HEARTBEAT) => {
                // Begins by proving that the lease holds, and prolongs it.
                hub.under(lease).begin().await?.commit().await?;
            }
        }
    }
}
