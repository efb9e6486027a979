-- What servers that share this database must know of each other.

-- Unlocked in the hub then: wrong passwords that any server remembers from before are asked about again.
alter table account add column unlocked_at timestamptz;

-- What a form answered a browser without scripts, until the next page shows it: at whichever server that is.
create table kept_answer (
    session_id uuid not null,
    -- Which page it is for.
    place text collate "C" not null,
    -- Sealed: it may be a new secret.
    sealed_text bytea not null,
    expires_at timestamptz not null,
    primary key (session_id, place)
);
create index kept_answer_by_expiry on kept_answer (expires_at);
