-- Signing in by redirect: browsers on their way to a provider, and the offer to set a password here.

create table redirect_sign_in (
    -- Digest of what comes back; used once.
    state bytea primary key,
    source_id uuid not null,
    -- Digest of what only this browser holds.
    browser bytea not null,
    -- For which application's request, or for which page of ours.
    authorization_id uuid,
    client_id text collate "C",
    return_to text,
    -- Keyed digest of the name that was typed before: who comes back may be somebody else.
    typed bytea,
    expires_at timestamptz not null
);
create index redirect_sign_in_by_expiry on redirect_sign_in (expires_at);

-- Somebody came back proven, and may set a password here before they go on (row D6r).
create table password_offer (
    digest bytea primary key,
    person_id uuid not null references person (id),
    source_id uuid not null,
    client_id text collate "C",
    -- Authentication methods of the proof, as a JSON list.
    methods text collate "C" not null,
    expires_at timestamptz not null
);
create index password_offer_by_expiry on password_offer (expires_at);

-- How often they did not.
create table password_offer_skip (
    person_id uuid primary key references person (id),
    skipped bigint not null
);
