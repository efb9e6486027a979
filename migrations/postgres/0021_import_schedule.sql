-- When imports begin by themselves. A source without a row is imported by hand.

create table import_schedule (
    source_id uuid primary key references source (id),
    -- Seconds from one beginning to the next; 0 = never by itself.
    every_seconds bigint not null,
    -- The same of readings of everything.
    full_every_seconds bigint not null,
    updated_at timestamptz not null
);
