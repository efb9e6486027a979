-- What a browser's cookie points at: little more than the id of the person's session. The cookie's value is kept as
-- SHA-256 only, so that a copy of this table opens nothing.

create table browser_session (
    digest bytea primary key,
    data jsonb not null,
    expires_at timestamptz not null
);
create index browser_session_by_expiry on browser_session (expires_at);
