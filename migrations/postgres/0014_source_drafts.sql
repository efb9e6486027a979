-- Directories that somebody is about to connect. A draft lives here and not in the browser, because it holds the
-- service account's password, which never goes back to one; and not in a server's memory, because the next step may
-- be answered by another server, or by this one after a restart.

create table source_draft (
    id uuid primary key,
    -- Nobody else goes on with it.
    person_id uuid not null,
    -- Everything entered and found so far, as one sealed value.
    sealed bytea not null,
    -- Raised by every step: a stale form is refused.
    revision bigint not null,
    updated_at timestamptz not null
);
create index source_draft_by_person on source_draft (person_id, updated_at);
create index source_draft_by_age on source_draft (updated_at);
