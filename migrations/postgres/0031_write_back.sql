-- Writing at a source: off by default, with an account of its own.

-- Who may write there, and what. A row stays when writing is taken away, with nothing in it: its revision tells servers
-- that something changed.
create table source_write_access (
    source_id uuid primary key references source (id),
    bind_dn text collate "C" not null,
    secret bytea not null,
    -- Keyed digest of the hosts and TLS settings it was entered for.
    secret_for bytea not null,
    unlock_at_source boolean not null,
    password_write_back boolean not null,
    revision bigint not null
);

-- Unlocks at a source, counted before they are sent.
create table source_unlock (
    id uuid primary key,
    person_id uuid not null references person (id),
    source_id uuid not null references source (id),
    at timestamptz not null,
    -- It is known to have been done.
    done boolean not null,
    -- When the person was told, at their next sign-in.
    told_at timestamptz
);
create index source_unlock_by_person on source_unlock (person_id, at);
create index source_unlock_by_time on source_unlock (at);

-- The right password, which must be changed first (row D11): what the page that asks for a new one hands back, once.
create table password_change (
    digest bytea primary key,
    source_id uuid not null,
    immutable_id text collate "C" not null,
    -- Keyed digest of the name that was typed.
    identifier bytea not null,
    -- Digest of what only this browser holds.
    browser bytea not null,
    expires_at timestamptz not null
);
create index password_change_by_expiry on password_change (expires_at);

-- Cannot be put off (row D11).
alter table password_offer add column required boolean not null default false;
