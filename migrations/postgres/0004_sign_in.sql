-- Counters, budget places, device cookies and traces of sign-in. Nothing here says who somebody is, and no row here
-- is needed to let anybody in: all of it may be emptied.

-- A wrong password the source may already count. Taken before the bind, so that no number of parallel tries can get
-- past the limit.
create table budget_place (
    id uuid primary key,
    source_id uuid not null,
    immutable_id text collate "C" not null,
    taken_at timestamptz not null,
    -- When the bind ended without proving the password; empty while it is under way, or for ever if nobody waited.
    kept_at timestamptz,
    -- Taken by a browser with a device cookie of the person.
    known_device boolean not null
);
create index budget_place_by_account on budget_place (source_id, immutable_id);

-- Refusals of the last minutes; digests are keyed.
create table refusal (
    id uuid primary key,
    at timestamptz not null,
    identifier bytea not null,
    network bytea not null,
    -- Counts for the throttle.
    counted boolean not null,
    -- Was the generic page: counts for "Too many attempts".
    generic boolean not null
);
create index refusal_by_identifier on refusal (identifier, at);
create index refusal_by_network on refusal (network, at);
create index refusal_by_time on refusal (at);

-- Consecutive failures (row D2c). `device` is empty for all browsers without a device cookie of the person.
create table failure_count (
    person_id uuid not null,
    device bytea not null,
    failures bigint not null,
    paused_until timestamptz,
    primary key (person_id, device)
);

-- A browser that somebody signed in with; only the digest of its cookie is kept.
create table device (
    digest bytea primary key,
    person_id uuid not null,
    created_at timestamptz not null,
    last_used_at timestamptz not null
);
create index device_by_person on device (person_id);

create table sign_in_attempt (
    id uuid primary key,
    -- What a refused person reads out.
    code text collate "C" not null unique,
    at timestamptz not null,
    client_id text collate "C",
    source_id uuid,
    person_id uuid,
    -- Keyed digest of what was typed: people type passwords there.
    identifier bytea not null,
    endpoint text collate "C",
    adapter_result text collate "C",
    -- The row of the decision table.
    decision text collate "C" not null,
    signed_in boolean not null,
    steps jsonb not null,
    say text collate "C" not null,
    took_ms bigint not null,
    request_id text collate "C" not null
);
create index sign_in_attempt_by_person on sign_in_attempt (person_id, at);
create index sign_in_attempt_by_source on sign_in_attempt (source_id, decision, at);
create index sign_in_attempt_by_time on sign_in_attempt (at);
