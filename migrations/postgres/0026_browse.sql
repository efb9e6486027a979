-- Lists of groups and devices, in pages: by name, by source, those that are gone, and devices nobody saw for long. Each
-- is counted and walked along an index of its own, without a look at the rows.

-- Folded: the order of lists. Written with the name.
alter table directory_group add column sort_name text collate "C";
-- The rest of the folding is done when groups are next read.
update directory_group set sort_name = lower(name), digest = null;
create index directory_group_there on directory_group (sort_name, id) where gone_at is null;
create index directory_group_there_by_source on directory_group (source_id, sort_name, id) where gone_at is null;
create index directory_group_gone on directory_group (sort_name, id) where gone_at is not null;

drop index directory_device_by_name;
drop index directory_device_by_source;
create index directory_device_there on directory_device (sort_name, id) where gone_at is null;
create index directory_device_there_by_source on directory_device (source_id, sort_name, id) where gone_at is null;
create index directory_device_gone on directory_device (sort_name, id) where gone_at is not null;
create index directory_device_by_sighting on directory_device (last_seen_at, id) where gone_at is null;

-- Whom an entry that waits may be, so that their pages can say so. Filled when it is next read.
create table held_candidate (
    person_id uuid not null references person (id),
    source_id uuid not null,
    immutable_id text collate "C" not null,
    primary key (person_id, source_id, immutable_id)
);
create index held_candidate_by_entry on held_candidate (source_id, immutable_id);
