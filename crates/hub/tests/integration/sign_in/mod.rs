//! Signing in, row by row: the page, the difference in the database, and the number of binds the source saw.

mod budget;
mod door;
mod lookup;
mod refusals;
mod rows_delegated;
mod rows_hub;
mod rows_imported;
mod rows_matching;
mod rows_unknown;
mod scripted;
mod slow_groups;
mod unlock;
mod write_back;
