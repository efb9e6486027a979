-- What kind of stored password each account was seen to have, where a source shows them to the hub: coverage before
-- passwords are taken over, and who needs a new one. Never the value.

create table stored_password (
    account_id uuid primary key references account (id),
    source_id uuid not null references source (id),
    -- `directory::StoredScheme`.
    scheme text collate "C" not null,
    read_at timestamptz not null
);
create index stored_password_by_scheme on stored_password (source_id, scheme);
