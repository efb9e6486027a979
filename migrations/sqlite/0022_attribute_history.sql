-- Where a value came from, what it was before, and what else is said.

-- On what occasion the value was written: 'sign-in', 'reading', 'import' with its run, 'hub'. Empty = before this was
-- kept.
alter table attribute add column occasion text;
alter table attribute add column run_id blob;

-- What a value was before, and why it changed. A first value is no change: where it came from stands beside it.
create table attribute_change (
    person_id blob not null references person (id),
    name text not null,
    -- From 1, for each attribute of each person; the last hundred are kept.
    number bigint not null,
    changed_at text not null,
    -- 'said', 'no-longer-said', 'preferred', 'fell-back', 'claimed', 'retired'
    reason text not null,
    occasion text,
    run_id blob,
    former_value text not null,
    -- Empty = the hub.
    former_source_id blob,
    former_account_id blob,
    -- Empty = the person has no such attribute any more.
    value text,
    source_id blob,
    account_id blob,
    primary key (person_id, name, number)
);

-- What accounts say of an attribute that another account of the person owns. Nobody who has one account is in here.
create table attribute_offer (
    person_id blob not null references person (id),
    name text not null,
    account_id blob not null references account (id),
    value text not null,
    primary key (person_id, name, account_id)
);

-- Entries of people with several accounts are written again when they are next read, so that what each says is here.
update account set digest = null where digest is not null and person_id in (
    select person_id from account group by person_id having count(*) > 1
);
