-- Sessions, and what the OpenID provider keeps. Tokens and codes are stored as digests only.

-- A browser holds the id of a row here inside its own, separate browser session, so that one statement ends
-- everything a person has open.
create table session (
    id blob primary key,
    person_id blob not null,
    -- Where the password was proven; empty = by a credential the hub owns.
    proven_at_source_id blob,
    -- Authentication methods (RFC 8176), a list.
    amr text not null,
    auth_time text not null,
    -- Opened while the source was down.
    offline boolean not null,
    -- Opens only clients whose original source this is; empty = every client.
    reach_source_id blob,
    created_at text not null,
    last_used_at text not null,
    expires_at text not null,
    ended_at text,
    end_reason text
);
create index session_by_person on session (person_id);
create index session_by_expiry on session (expires_at);

-- A validated request on its way through the sign-in page.
create table authorization_request (
    id blob primary key,
    client_id text not null,
    request text not null,
    created_at text not null,
    expires_at text not null,
    -- Answered: it cannot be resumed again.
    finished_at text
);
create index authorization_request_by_expiry on authorization_request (expires_at);

-- What one authorization gave a client: the family of its code and tokens. (`grant` is a reserved word.)
create table client_grant (
    id blob primary key,
    client_id text not null,
    person_id blob not null,
    session_id blob not null,
    -- Space-separated, as in the token response.
    scope text not null,
    -- offline_access was granted: the refresh token outlives the session.
    offline_access boolean not null,
    -- As in the session, which may be forgotten before the grant is.
    proven_at_source_id blob,
    reach_source_id blob,
    amr text not null,
    auth_time text not null,
    created_at text not null,
    -- Absolute: no refresh carries it further (RFC 9700, section 2.2.2).
    expires_at text not null,
    revoked_at text,
    revoked_reason text
);
create index client_grant_by_person on client_grant (person_id);
create index client_grant_by_session on client_grant (session_id);
create index client_grant_by_expiry on client_grant (expires_at);

create table authorization_code (
    digest blob primary key,
    grant_id blob not null references client_grant (id) on delete cascade,
    redirect_uri text not null,
    nonce text,
    -- S256 challenge (RFC 7636); empty only for a confidential client that may go without.
    code_challenge text,
    created_at text not null,
    expires_at text not null,
    used_at text
);
create index authorization_code_by_grant on authorization_code (grant_id);

create table refresh_token (
    digest blob primary key,
    grant_id blob not null references client_grant (id) on delete cascade,
    created_at text not null,
    -- Rotated: a second use is theft or a race, and ends the family.
    used_at text
);
create index refresh_token_by_grant on refresh_token (grant_id);

create table consent (
    person_id blob not null,
    client_id text not null,
    scope text not null,
    given_at text not null,
    primary key (person_id, client_id)
);

create table signing_key (
    -- The `kid`: thumbprint of the public key (RFC 7638).
    id text primary key,
    algorithm text not null,
    -- The public half, as published.
    public_key text not null,
    -- The private half, PKCS #8 in base64, sealed; emptied once the key no longer signs.
    sealed_private_key blob not null,
    -- Published since.
    created_at text not null,
    -- Of the keys of an algorithm whose time has come, the one with the latest signs.
    signs_from text not null,
    -- Published until then, when the last token it signed has expired; empty while no other key is to follow.
    leaves_at text
);
