//! Tables of people in PostgreSQL, MySQL, MariaDB and SQLite, read and never written.
