-- Who is the same person: rules, the values they look people up by, and what reviewers decided.

-- Every version that was ever in force; the highest is.
create table match_rules (
    version bigint primary key,
    -- A value, never queried inside.
    rules text not null,
    -- As in the audit log; the second is who agreed, where it took two.
    changed_by text not null,
    approved_by text,
    changed_at text not null
);

-- What every entry that was read says of itself, linked or not: people are found by it, and "unique" is judged by it.
-- No reference to `account`, because entries without one are in here too.
create table match_key (
    source_id blob not null,
    immutable_id text not null,
    -- 'username', 'email', 'employee_number', 'anchor.guid', 'anchor.sid'
    attribute text not null,
    -- The coarsest folding: what is equal under any rule is equal here.
    folded text not null,
    value text not null,
    primary key (source_id, immutable_id, attribute)
);
create index match_key_by_value on match_key (attribute, folded);

-- Directories whose every entry was read at least once since this was kept.
create table match_population (
    source_id blob primary key,
    read_at text not null
);

-- What a reviewer decided about an entry and a person. It beats every rule.
create table match_verdict (
    source_id blob not null,
    immutable_id text not null,
    person_id blob not null references person (id),
    same boolean not null,
    decided_by text not null,
    decided_at text not null,
    reason text,
    primary key (source_id, immutable_id, person_id)
);
create index match_verdict_by_person on match_verdict (person_id);

-- Entries of imports that wait for a reviewer: nobody was made of them.
create table held_entry (
    source_id blob not null references source (id),
    immutable_id text not null,
    -- The outcome of matching: 'link', 'review', 'ambiguous', 'taken'.
    kind text not null,
    -- For people to read.
    display_name text not null,
    locator text not null,
    -- The candidates, with rules, scores and doubts: a value, never queried inside.
    found text not null,
    opened_at text not null,
    seen_at text not null,
    primary key (source_id, immutable_id)
);
create index held_entry_by_age on held_entry (opened_at, source_id, immutable_id);

-- Entries are written again when they are next read, so that their values are found here.
update account set digest = null where digest is not null;
