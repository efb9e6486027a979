-- Groups with their members, and devices.

alter table directory_group add column description text;
alter table directory_group add column locator text;
-- Of the entry and the settings it was read with. Empty = write it again, whatever it reads.
alter table directory_group add column digest blob;
alter table directory_group add column read_at text;
alter table directory_group add column seen_by blob;
-- First of the sightings without it; empty while it is there.
alter table directory_group add column missing_since text;
-- Twice not there: it puts nobody in itself any more. Its members are kept, for its return.
alter table directory_group add column gone_at text;
-- Members changed, here or in a group within, since the memberships of people were derived.
alter table directory_group add column unsettled boolean;
create index directory_group_unsettled on directory_group (source_id, unsettled, id);

-- Direct members as the group's source lists them: people and groups, by immutable id at that source. Whoever is not
-- known yet is listed all the same.
create table group_member (
    group_id blob not null references directory_group (id),
    member text not null,
    primary key (group_id, member)
);
create index group_member_by_member on group_member (member, group_id);

-- A computer, phone or tablet as one source sees it.
create table directory_device (
    id blob primary key,
    source_id blob not null references source (id),
    immutable_id text not null,
    -- Rows with the same value are one device at several sources: the same SID, else serial number and manufacturer.
    same_device blob not null,
    name text not null,
    -- Folded: the order of lists.
    sort_name text not null,
    locator text not null,
    sid text,
    serial_number text,
    -- Folded serial number and manufacturer, if they tell devices apart.
    serial_key text,
    manufacturer text,
    model text,
    operating_system text,
    operating_system_version text,
    enabled boolean not null,
    last_seen_at text,
    read_at text not null,
    digest blob,
    seen_by blob,
    missing_since text,
    gone_at text,
    unique (source_id, immutable_id)
);
create index directory_device_by_name on directory_device (sort_name, id);
create index directory_device_by_source on directory_device (source_id, sort_name, id);
create index directory_device_by_sid on directory_device (sid);
create index directory_device_by_serial on directory_device (serial_key);
create index directory_device_by_same on directory_device (same_device);

-- Its owners as its source names them, by immutable id there.
create table device_owner (
    device_id blob not null references directory_device (id),
    owner text not null,
    primary key (device_id, owner)
);
create index device_owner_by_owner on device_owner (owner, device_id);
