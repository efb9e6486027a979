-- What every area needs: settings, the audit log, changes that wait for a second person, leases of background work.

create table setting (
    name text primary key,
    value text not null,
    revision bigint not null
);

create table audit_event (
    id blob primary key,
    at text not null,
    -- Who: 'person:<id>', 'command-line', 'system'.
    actor text not null,
    -- What: 'source.registered', 'person.captured'. Never personal data.
    action text not null,
    person_id blob,
    source_id blob,
    client_id text,
    details text not null,
    request_id text
);
create index audit_event_by_time on audit_event (at, id);
create index audit_event_by_person on audit_event (person_id, at);

create table proposal (
    id blob primary key,
    kind text not null,
    summary text not null,
    payload text not null,
    proposed_by text not null,
    proposed_at text not null,
    decided_by text,
    decided_at text,
    -- 'approved', 'refused', 'withdrawn'
    decision text,
    -- Why, in the words of whoever decided.
    reason text
);

create table lease (
    name text primary key,
    owner text not null,
    epoch bigint not null,
    expires_at text not null
);
