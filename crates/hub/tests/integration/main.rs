//! The hub against both databases, with a directory that answers as told.

mod access;
mod apply;
mod clients;
mod denials;
mod sources;
mod support;
