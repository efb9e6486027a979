-- Where a value came from, what it was before, and what else is said.

-- On what occasion the value was written: 'sign-in', 'reading', 'import' with its run, 'hub'. Empty = before this was
-- kept.
alter table attribute add column occasion text collate "C";
alter table attribute add column run_id uuid;

-- What a value was before, and why it changed. A first value is no change: where it came from stands beside it.
create table attribute_change (
    person_id uuid not null references person (id),
    name text collate "C" not null,
    -- From 1, for each attribute of each person; the last hundred are kept.
    number bigint not null,
    changed_at timestamptz not null,
    -- 'said', 'no-longer-said', 'preferred', 'fell-back', 'claimed', 'retired'
    reason text collate "C" not null,
    occasion text collate "C",
    run_id uuid,
    former_value text collate "C" not null,
    -- Empty = the hub.
    former_source_id uuid,
    former_account_id uuid,
    -- Empty = the person has no such attribute any more.
    value text collate "C",
    source_id uuid,
    account_id uuid,
    primary key (person_id, name, number)
);

-- What accounts say of an attribute that another account of the person owns. Nobody who has one account is in here.
create table attribute_offer (
    person_id uuid not null references person (id),
    name text collate "C" not null,
    account_id uuid not null references account (id),
    value text collate "C" not null,
    primary key (person_id, name, account_id)
);

-- Entries of people with several accounts are written again when they are next read, so that what each says is here.
update account set digest = null where digest is not null and person_id in (
    select person_id from account group by person_id having count(*) > 1
);
