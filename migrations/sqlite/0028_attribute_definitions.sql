-- Attributes that the installation defines for itself. Every version that was ever in force; the highest is.

create table attribute_definitions (
    version bigint primary key,
    -- All of them: a value, never queried inside.
    definitions text not null,
    -- As in the audit log.
    changed_by text not null,
    changed_at text not null
);
