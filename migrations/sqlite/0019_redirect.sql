-- Signing in by redirect: browsers on their way to a provider, and the offer to set a password here.

create table redirect_sign_in (
    -- Digest of what comes back; used once.
    state blob primary key,
    source_id blob not null,
    -- Digest of what only this browser holds.
    browser blob not null,
    -- For which application's request, or for which page of ours.
    authorization_id blob,
    client_id text,
    return_to text,
    -- Keyed digest of the name that was typed before: who comes back may be somebody else.
    typed blob,
    expires_at text not null
);
create index redirect_sign_in_by_expiry on redirect_sign_in (expires_at);

-- Somebody came back proven, and may set a password here before they go on (row D6r).
create table password_offer (
    digest blob primary key,
    person_id blob not null references person (id),
    source_id blob not null,
    client_id text,
    -- Authentication methods of the proof, as a JSON list.
    methods text not null,
    expires_at text not null
);
create index password_offer_by_expiry on password_offer (expires_at);

-- How often they did not.
create table password_offer_skip (
    person_id blob primary key references person (id),
    skipped bigint not null
);
