-- What is registered: the directories people come from and the applications they sign in to. Nothing is ever
-- deleted here: a source retires, an application is switched off.

create table source (
    id uuid primary key,
    name text collate "C" not null unique,
    label text collate "C" not null,
    kind text collate "C" not null,
    mode text collate "C" not null,
    -- Connector, lockout and provisioning settings: a value, never queried inside.
    settings jsonb not null,
    -- The bind secret, sealed; and a keyed digest of the hosts and TLS settings it was entered for.
    secret bytea not null,
    secret_for bytea not null,
    -- Raised by every change; the sum over all rows tells a running server that something changed.
    revision bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- An e-mail domain belongs to one source.
create table source_domain (
    domain text collate "C" primary key,
    source_id uuid not null references source (id)
);
create index source_domain_by_source on source_domain (source_id);

create table client (
    id text collate "C" primary key,
    name text collate "C" not null,
    authentication text collate "C" not null,
    -- Keyed digest of the secret; empty for a public client.
    secret_digest bytea,
    settings jsonb not null,
    revision bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- The directories a client's people came from, in order.
create table client_source (
    client_id text collate "C" not null references client (id),
    position bigint not null,
    source_id uuid not null references source (id),
    primary key (client_id, position)
);

-- The groups a client's tokens may name. One that is known is held by its immutable id, so that it stays published
-- when its source renames it, and another that takes its name is not. One that nobody has met yet is held by its name
-- (immutable_id empty) until it is.
create table client_group (
    client_id text collate "C" not null references client (id),
    source_id uuid not null references source (id),
    name text collate "C" not null,
    immutable_id text collate "C" not null,
    primary key (client_id, source_id, name, immutable_id)
);
