-- Counters, budget places, device cookies and traces of sign-in. Nothing here says who somebody is, and no row here
-- is needed to let anybody in: all of it may be emptied.

-- A wrong password the source may already count. Taken before the bind, so that no number of parallel tries can get
-- past the limit.
create table budget_place (
    id blob primary key,
    source_id blob not null,
    immutable_id text not null,
    taken_at text not null,
    -- When the bind ended without proving the password; empty while it is under way, or for ever if nobody waited.
    kept_at text,
    -- Taken by a browser with a device cookie of the person.
    known_device boolean not null
);
create index budget_place_by_account on budget_place (source_id, immutable_id);

-- Refusals of the last minutes; digests are keyed.
create table refusal (
    id blob primary key,
    at text not null,
    identifier blob not null,
    network blob not null,
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
    person_id blob not null,
    device blob not null,
    failures bigint not null,
    paused_until text,
    primary key (person_id, device)
);

-- A browser that somebody signed in with; only the digest of its cookie is kept.
create table device (
    digest blob primary key,
    person_id blob not null,
    created_at text not null,
    last_used_at text not null
);
create index device_by_person on device (person_id);

create table sign_in_attempt (
    id blob primary key,
    -- What a refused person reads out.
    code text not null unique,
    at text not null,
    client_id text,
    source_id blob,
    person_id blob,
    -- Keyed digest of what was typed: people type passwords there.
    identifier blob not null,
    endpoint text,
    adapter_result text,
    -- The row of the decision table.
    decision text not null,
    signed_in boolean not null,
    steps text not null,
    say text not null,
    took_ms bigint not null,
    request_id text not null
);
create index sign_in_attempt_by_person on sign_in_attempt (person_id, at);
create index sign_in_attempt_by_source on sign_in_attempt (source_id, decision, at);
create index sign_in_attempt_by_time on sign_in_attempt (at);
