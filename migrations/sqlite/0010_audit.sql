-- The chain over the audit log. Whoever writes an event knows nothing of it: one sealer at a time gives each event its
-- number and a hash over all of it and the hash before, so that the end of the chain is nobody's hot row.

alter table audit_event add column sequence bigint;
alter table audit_event add column hash blob;
-- Partial, so that writing an event touches one small index more and not two large ones.
create unique index audit_event_by_sequence on audit_event (sequence) where sequence is not null;
create index audit_event_unsealed on audit_event (at, id) where sequence is null;
create index audit_event_by_action on audit_event (action, at, id);
create index audit_event_by_actor on audit_event (actor, at, id);

-- Where the chain ends. One row, and only the sealer touches it.
create table audit_head (
    name text primary key,
    sequence bigint not null,
    hash blob not null,
    -- Of the lease under which it was written: an older holder may not write after a newer one.
    epoch bigint not null,
    sealed_at text not null
);

-- The keys that sign checkpoints (Ed25519).
create table audit_key (
    -- The first half of the SHA-256 of the public key, in hex.
    id text primary key,
    public_key blob not null,
    -- The seed in base64, sealed.
    sealed_private_key blob not null,
    created_at text not null
);

-- Checkpoints that reached their file: the file is what counts, this is for people to look at.
create table audit_checkpoint (
    sequence bigint primary key,
    hash blob not null,
    at text not null,
    key_id text not null,
    signature blob not null
);

-- What the Overview counts, hour by hour, without touching the table.
drop index sign_in_attempt_by_time;
create index sign_in_attempt_by_time on sign_in_attempt (at, decision, signed_in);
