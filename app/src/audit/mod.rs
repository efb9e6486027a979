//! Audit: what happened, who did it, and whether the log is as it was written.

mod api;
#[cfg(feature = "ssr")]
mod read;
mod view;

pub use api::{AuditAsk, AuditLine, AuditList, ChainCard, ReadAuditLog};
pub use view::{AuditPage, audit_view};
