-- Entries that wait: also those that lack something, why in words, and which import saw them last.

alter table held_entry add column reason text;
alter table held_entry add column seen_by blob;
create index held_entry_by_source on held_entry (source_id, opened_at, immutable_id);
create index held_entry_by_kind on held_entry (kind, opened_at, source_id, immutable_id);
