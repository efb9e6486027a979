-- People, and what sources say of them. `hub::mirror` is the only writer.

create table person (
    id uuid primary key,
    -- The `sub` applications see: random, not this row's id.
    subject text collate "C" not null unique,
    display_name text collate "C" not null,
    -- Folded display name: the order of lists.
    sort_name text collate "C" not null,
    activated boolean not null,
    -- Who checks the password: 'source', 'hub', 'none'; with the source if it is one.
    credential_authority text collate "C" not null,
    credential_source_id uuid references source (id),
    -- What the standing authority said last: 'active', 'disabled', 'expired', 'missing'; empty source = the hub.
    standing text collate "C" not null,
    standing_source_id uuid references source (id),
    standing_read_at timestamptz,
    -- 'none', 'native', 'legacy', 'passkey-only'
    verifier_kind text collate "C" not null,
    -- The reason, if an administrator disabled the person here.
    disabled_by_hub text collate "C",
    merged_into uuid references person (id),
    -- An account of theirs is privileged at its source, or is an administrator's or a service's.
    privileged_account boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- The U-table of the semantics, section 1, as `directory::Person::state` has it; a test compares the two.
    state text collate "C" generated always as (
        case
            when merged_into is not null then 'merged'
            when disabled_by_hub is not null then 'disabled-by-hub'
            when standing <> 'active' and standing_source_id is null then 'disabled-by-hub'
            when standing <> 'active' then 'disabled-by-source'
            when not activated then 'staged'
            when credential_authority = 'hub' and verifier_kind = 'legacy' then 'verifier-imported'
            when credential_authority = 'hub' then 'migrated'
            when credential_authority = 'source' and verifier_kind = 'native' then 'shadow'
            else 'mirrored'
        end
    ) stored
);
create index person_by_name on person (sort_name, id);
create index person_by_state on person (state, sort_name, id);
create index person_by_standing_source on person (standing_source_id, id);

-- What the hub can verify a person's password with. At most one: credentials are never united.
create table verifier (
    person_id uuid primary key references person (id),
    phc text collate "C" not null,
    -- 'captured', 'imported', 'hub'
    origin text collate "C" not null,
    -- Captured or imported from there; empty if set at the hub.
    source_id uuid,
    -- The source's password-set time when it was captured (row D1b compares it).
    password_set_at timestamptz,
    made_at timestamptz not null,
    -- When the password was last proven at its authority (row D15 asks for it).
    last_ok_at timestamptz not null
);

create table account (
    id uuid primary key,
    source_id uuid not null references source (id),
    immutable_id text collate "C" not null,
    person_id uuid not null references person (id),
    -- 'primary', 'admin', 'service', 'other'
    kind text collate "C" not null,
    -- The DN, for people to read; never a key.
    locator text collate "C" not null,
    username text collate "C",
    -- 'active', 'disabled', 'expired', 'missing'
    status text collate "C" not null,
    password_set_at timestamptz,
    read_at timestamptz not null,
    missing_since timestamptz,
    -- Row D10: locked at the source until then, as last seen.
    locked_until timestamptz,
    privileged boolean not null,
    -- Of the entry and the settings it was mapped with: an entry that reads the same need not be written again.
    -- Empty = write it again, whatever it reads.
    digest bytea,
    unique (source_id, immutable_id)
);
create index account_by_person on account (person_id);
create index account_by_source on account (source_id, person_id);

-- Names people type, each in the namespace of its source or of the hub.
create table alias (
    -- A source's id, or 'hub'.
    namespace text collate "C" not null,
    folded text collate "C" not null,
    person_id uuid not null references person (id),
    -- Empty in the hub's namespace.
    account_id uuid references account (id),
    primary key (namespace, folded)
);
create index alias_by_name on alias (folded);
create index alias_by_person on alias (person_id);
create index alias_by_account on alias (account_id);

create table attribute (
    person_id uuid not null references person (id),
    name text collate "C" not null,
    value text collate "C" not null,
    -- Only of attributes that identify: e-mail address, employee number.
    folded text collate "C",
    -- Who owns the value; empty = the hub.
    authority_source_id uuid,
    -- The account it was read from; empty = entered at the hub.
    origin_account_id uuid references account (id),
    -- The person can write it at the source: never an alias, a match key or a recovery address.
    self_written boolean not null,
    -- An e-mail address of a domain its source owns, and not self-written.
    verified boolean not null,
    updated_at timestamptz not null,
    primary key (person_id, name)
);
create index attribute_by_value on attribute (name, folded);

-- Who holds an e-mail address or employee number. Held ones are never written to anybody else.
create table identifier_claim (
    -- 'email', 'employee_number'
    kind text collate "C" not null,
    folded text collate "C" not null,
    person_id uuid not null references person (id),
    primary key (kind, folded)
);
create index identifier_claim_by_person on identifier_claim (person_id);

-- A group of a source, or of the hub; never merged with another by name.
create table directory_group (
    id uuid primary key,
    -- Empty = the hub's own.
    source_id uuid,
    immutable_id text collate "C" not null,
    name text collate "C" not null,
    unique (source_id, immutable_id)
);
create index directory_group_by_name on directory_group (name, id);

create table membership (
    group_id uuid not null references directory_group (id),
    person_id uuid not null references person (id),
    -- Who said so: an account's id, or 'hub'. A refresh removes only memberships of its own origin.
    origin text collate "C" not null,
    primary key (group_id, person_id, origin)
);
create index membership_by_person on membership (person_id, origin);

-- Questions that a person must decide. A case never adds a right.
create table review_case (
    id uuid primary key,
    -- The outcome of matching: 'collision'.
    kind text collate "C" not null,
    -- Whom it is about, and who holds what they would hold.
    person_id uuid not null references person (id),
    holder_id uuid not null references person (id),
    source_id uuid not null,
    -- 'alias', 'email', 'employee_number', with its folded value.
    identifier text collate "C" not null,
    folded text collate "C" not null,
    -- Born of row D19: until it is closed, sessions reach only the clients of `source_id`.
    restricts_reach boolean not null,
    opened_at timestamptz not null,
    closed_at timestamptz,
    -- 'outdated': the value came free by itself. Reviewers' decisions come with their page.
    decision text collate "C",
    unique (person_id, kind, identifier, folded, holder_id)
);
create index review_case_open on review_case (closed_at, opened_at);
create index review_case_by_holder on review_case (holder_id, closed_at);

-- Words that a person is found by, folded and without diacritics. Searched by prefix.
create table search_token (
    token text collate "C" not null,
    person_id uuid not null references person (id),
    primary key (token, person_id)
);
create index search_token_by_person on search_token (person_id, token);
