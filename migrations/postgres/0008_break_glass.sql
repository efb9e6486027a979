-- The administrator for the day on which nothing else works: a password of the hub and a code printed on the host.

create table break_glass (
    person_id uuid primary key references person (id),
    marked_by text collate "C" not null,
    marked_at timestamptz not null,
    -- Keyed digest of the newest code; empty once it was used.
    code_digest bytea,
    code_expires_at timestamptz,
    -- Since that code was printed.
    wrong_codes bigint not null,
    last_used_at timestamptz
);

-- The right password was typed; the code is being asked for.
create table break_glass_step (
    digest bytea primary key,
    person_id uuid not null references person (id),
    expires_at timestamptz not null
);
create index break_glass_step_by_expiry on break_glass_step (expires_at);
