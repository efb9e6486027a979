//! Tables of people in PostgreSQL, MySQL, MariaDB and SQLite, read and never written.
//!
//! The account there needs the right to read and no other: sessions are set to read only before anything is asked.
//! Values are always bound; names of tables and columns are quoted by SeaQuery; a query of the administrator's own
//! stands in parentheses as a table. The password that somebody types never goes to a database: the stored one is handed
//! to the hub ([`connector::Connector::stored_password`]), which compares the two. Where only the old application knows
//! how (scheme `call-out`), [`connector::Connector::verify`] asks that application.

mod call_out;
mod connector;
mod cursor;
mod dialect;
mod fault;
mod introspect;
mod link;
mod passage;
mod people;
mod pool;
mod probe;
mod reader;
mod relation;
mod settings;
mod things;
mod value;

pub use connector::SqlConnector;
