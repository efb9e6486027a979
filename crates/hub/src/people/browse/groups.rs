//! Groups: the list, and one with its members and who says so.

use chrono::{DateTime, Utc};
use directory::{GroupId, ImmutableId, PersonId, SourceId, fold};
use storage::browse::{Browse, BrowseFilter, GroupRow, MEMBERS, MemberRow, NearGroup, Presence};

use super::{BrowseAsk, Labels, Which, at_most, counted, cut, read_cursor};
use crate::{Hub, HubError, kernel::capability::FindPeople};

/// One page of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupList {
    pub groups: Vec<ListedGroup>,
    /// "1,204", or "10,000+".
    pub count: String,
    pub next: Option<String>,
}

/// One group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    pub id: GroupId,
    pub name: String,
    pub description: Option<String>,
    /// The label of its source, or Isthmus.
    pub source: String,
    /// People in it: "7", "1,000+".
    pub people: String,
    pub missing_since: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPage {
    pub line: ListedGroup,
    /// The source's name in addresses; empty for the hub's own.
    pub source_name: String,
    pub immutable_id: String,
    pub locator: Option<String>,
    /// Empty = it is known from the entries of its members alone.
    pub read_at: Option<DateTime<Utc>>,
    /// Direct members its source lists: "7", "20,000+".
    pub listed: String,
    /// More members are listed than were looked at for groups.
    pub many_listed: bool,
    pub within: Vec<(GroupId, String)>,
    pub around: Vec<(GroupId, String)>,
    /// Applications that are told of it: (id, name).
    pub apps: Vec<(String, String)>,
    pub members: Vec<MemberLine>,
    /// Where the next page of members starts.
    pub next: Option<PersonId>,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLine {
    pub person: PersonId,
    pub name: String,
    /// Who says so.
    pub origin: String,
}

/// Groups within and around that a page shows.
const NEAR: u32 = 100;
/// Direct members that are looked at for groups: `storage::browse` has the limit.
const LOOKED_AT: i64 = 20_000;
/// One person is in one group by so many origins at most, usually one or two: a page of members reads so many rows.
const ORIGINS: u32 = 4;

impl Hub {
    /// One page of groups in the order of their names.
    pub async fn groups_page(&self, _: &FindPeople, ask: &BrowseAsk) -> Result<GroupList, HubError> {
        let presence = match ask.which {
            Which::There => Presence::There,
            Which::Gone => Presence::Gone,
            Which::Unseen => {
                let message = "Directories do not say when a group was last seen.".to_owned();
                return Err(HubError::Invalid { field: "which", message });
            }
        };
        let filter = BrowseFilter { beginning: fold(&ask.text).as_str().to_owned(), source: ask.source, presence };
        let after = ask.after.as_deref().map(read_cursor).transpose()?;
        let size = ask.size.clamp(1, 200);
        let labels = Labels::read(self).await?;
        let mut reader = self.database.reader();
        let mut rows = Browse(&mut reader).groups(&filter, after.as_ref(), size).await?;
        let count = counted(Browse(&mut reader).count_groups(&filter).await?, rows.len());
        let next = cut(&mut rows, size, GroupRow::place);
        Ok(GroupList { groups: rows.into_iter().map(|row| line(row, &labels)).collect(), count, next })
    }

    /// One group with a page of its people; empty if there is no such group.
    pub async fn group_page(
        &self,
        _: &FindPeople,
        id: GroupId,
        after: Option<PersonId>,
        size: u32,
    ) -> Result<Option<GroupPage>, HubError> {
        let labels = Labels::read(self).await?;
        let mut reader = self.database.reader();
        let Some(row) = Browse(&mut reader).group(id).await? else { return Ok(None) };
        let after = after.unwrap_or_else(|| uuid::Uuid::nil().into());
        let size = size.clamp(1, 200);
        let rows = Browse(&mut reader).members(id, after, (size + 1) * ORIGINS).await?;
        let (members, next) = members(rows, size, row.source(), &labels);
        let listed = Browse(&mut reader).listed(id).await?;
        let immutable_id = ImmutableId(row.immutable_id.clone());
        let (mut within, mut around, mut apps) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(source) = row.source() {
            within = Browse(&mut reader).within(id, source, NEAR).await?;
            around = Browse(&mut reader).around(&immutable_id, source, NEAR).await?;
            apps = Browse(&mut reader).published_to(&immutable_id, source).await?;
        }
        let near = |groups: Vec<NearGroup>| groups.into_iter().map(|group| (group.id(), group.name)).collect();
        Ok(Some(GroupPage {
            source_name: row.source().map(|id| labels.name(id)).unwrap_or_default(),
            immutable_id: row.immutable_id.clone(),
            locator: row.locator.clone(),
            read_at: row.read_at,
            listed: at_most(listed, LOOKED_AT),
            many_listed: listed > LOOKED_AT,
            within: near(within),
            around: near(around),
            apps,
            members,
            next,
            line: line(row, &labels),
        }))
    }
}

fn line(row: GroupRow, labels: &Labels) -> ListedGroup {
    ListedGroup {
        id: row.id(),
        source: row.source().map_or_else(|| "Isthmus".to_owned(), |id| labels.label(id)),
        people: at_most(row.people, MEMBERS),
        name: row.name,
        description: row.description,
        missing_since: row.missing_since,
        gone_at: row.gone_at,
    }
}

/// Rows of one person made one line. A page ends between two people.
fn members(
    rows: Vec<MemberRow>,
    size: u32,
    source: Option<SourceId>,
    labels: &Labels,
) -> (Vec<MemberLine>, Option<PersonId>) {
    let mut lines: Vec<MemberLine> = Vec::new();
    for row in rows {
        let said = said_by(&row.origin, source, labels);
        match lines.last_mut().filter(|line| line.person == row.person()) {
            Some(line) => line.origin = format!("{}; {said}", line.origin),
            None => lines.push(MemberLine { person: row.person(), name: row.display_name, origin: said }),
        }
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = lines.len() > size;
    lines.truncate(size);
    let next = lines.last().filter(|_| more).map(|line| line.person);
    (lines, next)
}

/// A group's memberships come from its own source: by its list, groups within included, or by its members' entries.
pub(in crate::people) fn origin_text(origin: &str, source: Option<String>) -> String {
    let source = source.unwrap_or_else(|| "Isthmus".to_owned());
    match origin {
        "list" => format!("list of members at {source}"),
        "hub" => "Isthmus".to_owned(),
        _ => format!("the person’s own entry at {source}"),
    }
}

fn said_by(origin: &str, source: Option<SourceId>, labels: &Labels) -> String {
    origin_text(origin, source.map(|id| labels.label(id)))
}
