//! Finding people and saying what is going on with one of them, in words that help desk can read out. Reads only.

mod browse;
mod history;
mod list;
mod own_attributes;
mod page;
mod sentence;
mod waiting;

use std::collections::HashMap;

pub use browse::{
    BrowseAsk, DeviceLine, DeviceList, DevicePage, GroupList, GroupPage, ListedGroup, MemberLine, OwnerLine,
    UNSEEN_DAYS, Which,
};
use directory::{Source, SourceId};
pub use history::ChangeLine;
pub use list::{PeopleAsk, PeopleList, PersonLine, query_words};
pub use page::{AccountLine, AttributeLine, AuthorityLine, CaseLine, GroupLine, PersonPage, WaitingLine};
pub use waiting::{WaitingAsk, WaitingEntry, WaitingList, what_to_do};

use crate::{Hub, HubError};

/// The registered sources by id, for their labels.
struct Labels(HashMap<SourceId, Source>);

impl Labels {
    async fn read(hub: &Hub) -> Result<Self, HubError> {
        let sources = hub.sources_now().await?;
        Ok(Self(sources.iter().map(|live| (live.source.id, live.source.clone())).collect()))
    }

    fn source(&self, id: SourceId) -> Option<&Source> {
        self.0.get(&id)
    }

    /// What people read. A source is never deleted, so the second arm is only for a view that is a second old.
    fn label(&self, id: SourceId) -> String {
        self.source(id).map_or_else(|| "a directory added just now".to_owned(), |source| source.label.clone())
    }

    /// Its name in addresses.
    fn name(&self, id: SourceId) -> String {
        self.source(id).map(|source| source.name.clone()).unwrap_or_default()
    }
}
