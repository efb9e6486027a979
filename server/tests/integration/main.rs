//! The server as browsers, applications and operators meet it: started on a free port, spoken to over HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod audit;
mod backup;
mod break_glass;
mod canary;
mod change_password;
mod command_line;
mod console_imports;
mod cookies;
mod doctor;
mod file_source;
mod headers;
mod https;
mod import;
mod keys;
mod monitoring;
mod openid;
mod origin;
mod roles;
mod rows;
mod rows_on_postgres_peers;
mod several;
mod shutdown;
mod sql_source;
mod statuses;
mod storage_trouble;
mod support;
mod telemetry;
mod wizard_peers;
