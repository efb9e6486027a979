-- Sessions, and what the OpenID provider keeps. Tokens and codes are stored as digests only.

-- A browser holds the id of a row here inside its own, separate browser session, so that one statement ends
-- everything a person has open.
create table session (
    id uuid primary key,
    person_id uuid not null,
    -- Where the password was proven; empty = by a credential the hub owns.
    proven_at_source_id uuid,
    -- Authentication methods (RFC 8176), a list.
    amr jsonb not null,
    auth_time timestamptz not null,
    -- Opened while the source was down.
    offline boolean not null,
    -- Opens only clients whose original source this is; empty = every client.
    reach_source_id uuid,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    end_reason text collate "C"
);
create index session_by_person on session (person_id);
create index session_by_expiry on session (expires_at);

-- A validated request on its way through the sign-in page.
create table authorization_request (
    id uuid primary key,
    client_id text collate "C" not null,
    request jsonb not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    -- Answered: it cannot be resumed again.
    finished_at timestamptz
);
create index authorization_request_by_expiry on authorization_request (expires_at);

-- What one authorization gave a client: the family of its code and tokens. (`grant` is a reserved word.)
create table client_grant (
    id uuid primary key,
    client_id text collate "C" not null,
    person_id uuid not null,
    session_id uuid not null,
    -- Space-separated, as in the token response.
    scope text collate "C" not null,
    -- offline_access was granted: the refresh token outlives the session.
    offline_access boolean not null,
    -- As in the session, which may be forgotten before the grant is.
    proven_at_source_id uuid,
    reach_source_id uuid,
    amr jsonb not null,
    auth_time timestamptz not null,
    created_at timestamptz not null,
    -- Absolute: no refresh carries it further (RFC 9700, section 2.2.2).
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_reason text collate "C"
);
create index client_grant_by_person on client_grant (person_id);
create index client_grant_by_session on client_grant (session_id);
create index client_grant_by_expiry on client_grant (expires_at);

create table authorization_code (
    digest bytea primary key,
    grant_id uuid not null references client_grant (id) on delete cascade,
    redirect_uri text collate "C" not null,
    nonce text collate "C",
    -- S256 challenge (RFC 7636); empty only for a confidential client that may go without.
    code_challenge text collate "C",
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index authorization_code_by_grant on authorization_code (grant_id);

create table refresh_token (
    digest bytea primary key,
    grant_id uuid not null references client_grant (id) on delete cascade,
    created_at timestamptz not null,
    -- Rotated: a second use is theft or a race, and ends the family.
    used_at timestamptz
);
create index refresh_token_by_grant on refresh_token (grant_id);

create table consent (
    person_id uuid not null,
    client_id text collate "C" not null,
    scope text collate "C" not null,
    given_at timestamptz not null,
    primary key (person_id, client_id)
);

create table signing_key (
    -- The `kid`: thumbprint of the public key (RFC 7638).
    id text collate "C" primary key,
    algorithm text collate "C" not null,
    -- The public half, as published.
    public_key jsonb not null,
    -- The private half, PKCS #8 in base64, sealed; emptied once the key no longer signs.
    sealed_private_key bytea not null,
    -- Published since.
    created_at timestamptz not null,
    -- Of the keys of an algorithm whose time has come, the one with the latest signs.
    signs_from timestamptz not null,
    -- Published until then, when the last token it signed has expired; empty while no other key is to follow.
    leaves_at timestamptz
);
