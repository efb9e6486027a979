-- The keys that seal secrets. The keys themselves are never here: they are in a file or in the environment.

-- Secrets of the installation itself, sealed: the key of its keyed digests.
create table sealed_secret (
    name text collate "C" primary key,
    sealed bytea not null
);

-- Which sealing keys each running server holds: a new one seals only when all of them can open what it sealed.
create table key_holder (
    server text collate "C" primary key,
    -- The name of its host, for people to read.
    host text collate "C" not null,
    -- Ids of the keys, separated by blanks; the first one seals.
    held text collate "C" not null,
    seen_at timestamptz not null
);

-- For the list of a person's sessions: what the browser calls itself, in a few words; and where from, only if the
-- policy wants it kept.
alter table session add column browser text collate "C";
alter table session add column address text collate "C";
