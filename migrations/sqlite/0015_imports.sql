-- Imports: runs, how far each got, and what became of each object.

create table import_run (
    id blob primary key,
    source_id blob not null references source (id),
    -- 'full', 'changes'
    scope text not null,
    -- 'running', 'interrupted' (goes on), 'completed', 'stopped', 'cancelled'
    state text not null,
    -- Nothing of it was kept but its results.
    dry_run boolean not null,
    -- As in the audit log.
    started_by text not null,
    -- The settings of the source it reads under: under others it does not go on.
    source_revision bigint not null,
    started_at text not null,
    updated_at text not null,
    ended_at text,
    -- Why it ended before it was done, in words.
    reason text,
    cancel_requested boolean not null,
    -- Numbers by kind of object: a value, never queried inside.
    counts text not null
);
create index import_run_by_source on import_run (source_id, started_at, id);

-- Where the reading of each kind of object is. Written in the transaction of what was read.
create table import_cursor (
    source_id blob not null references source (id),
    -- 'person', 'group', 'device'
    kind text not null,
    -- The run that is reading this kind; empty between runs.
    run_id blob,
    -- 'reading', 'absent', 'done'
    stage text not null,
    -- This run reads everything of this kind, rather than what changed.
    whole boolean not null,
    -- Records of this run that could not even be told apart: then nobody counts as absent.
    nameless boolean not null,
    -- Reading: where it goes on; empty = at the beginning. Absent: where the next run's changes begin.
    position blob,
    -- Where the next run's changes begin; empty = it reads everything.
    delta blob,
    -- The settings of the source the places were given under.
    source_revision bigint not null,
    primary key (source_id, kind)
);

create table import_result (
    run_id blob not null references import_run (id),
    number bigint not null,
    kind text not null,
    -- Empty for a record that shows none.
    immutable_id text not null,
    -- For people to read: a DN, a line number.
    locator text not null,
    outcome text not null,
    person_id blob,
    -- Why, in words; or the names of what changed. No values.
    detail text,
    primary key (run_id, number)
);
create index import_result_by_outcome on import_result (run_id, outcome, number);
create index import_result_by_person on import_result (person_id, run_id);

-- The import that saw the account last. A record that is there and cannot be read is seen, and not read.
alter table account add column seen_by blob;
-- Names and identifiers of an account that is gone were held during grace, and are free since then.
alter table account add column freed_at text;
