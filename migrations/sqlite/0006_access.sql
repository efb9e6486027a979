-- Who may work in the console, and how they set their first password.

create table role_assignment (
    person_id blob not null references person (id),
    role text not null,
    granted_by text not null,
    granted_at text not null,
    primary key (person_id, role)
);

-- A link that lets its holder set the password of one person, once. Only the digest of its token is kept.
create table set_up_link (
    digest blob primary key,
    person_id blob not null references person (id),
    -- Who made it: whoever holds the link may become this person.
    issued_by text not null,
    created_at text not null,
    expires_at text not null,
    -- Set when it was used or made void by a newer one.
    spent_at text
);
create index set_up_link_by_person on set_up_link (person_id);
