-- Entries that a run has read and decides about when it has read everything. Empty between runs.
create table import_set_aside (
    run_id uuid not null,
    immutable_id text collate "C" not null,
    -- 'disabled': an account that was active is read as disabled. 'link': it would be linked to somebody.
    reason text collate "C" not null,
    -- As it was read: a value, never queried inside.
    entry text collate "C" not null,
    primary key (run_id, immutable_id)
);
