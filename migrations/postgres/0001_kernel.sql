-- What every area needs: settings, the audit log, changes that wait for a second person, leases of background work.

create table setting (
    name text collate "C" primary key,
    value jsonb not null,
    revision bigint not null
);

create table audit_event (
    id uuid primary key,
    at timestamptz not null,
    -- Who: 'person:<id>', 'command-line', 'system'.
    actor text collate "C" not null,
    -- What: 'source.registered', 'person.captured'. Never personal data.
    action text collate "C" not null,
    person_id uuid,
    source_id uuid,
    client_id text collate "C",
    details jsonb not null,
    request_id text collate "C"
);
create index audit_event_by_time on audit_event (at, id);
create index audit_event_by_person on audit_event (person_id, at);

create table proposal (
    id uuid primary key,
    kind text collate "C" not null,
    summary text collate "C" not null,
    payload jsonb not null,
    proposed_by text collate "C" not null,
    proposed_at timestamptz not null,
    decided_by text collate "C",
    decided_at timestamptz,
    -- 'approved', 'refused', 'withdrawn'
    decision text collate "C",
    -- Why, in the words of whoever decided.
    reason text collate "C"
);

create table lease (
    name text collate "C" primary key,
    owner text collate "C" not null,
    epoch bigint not null,
    expires_at timestamptz not null
);
