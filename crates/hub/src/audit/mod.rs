//! The audit log as a chain: sealed, signed at its end, verified, read and exported. Writing an event is the kernel's
//! business and knows nothing of this.

mod chain;
mod checkpoint;
mod finding;
mod list;
mod sealer;
mod state;
mod verify;

pub use chain::{Hash, hash};
pub use checkpoint::{Checkpoint, CheckpointFile, PublicKey};
pub use finding::Finding;
pub use list::{AuditAsk, AuditExport, AuditLine, AuditList};
pub use sealer::Sealer;
pub(crate) use state::AuditMemory;
pub use state::ChainState;
pub use verify::{FileLine, Verification, verify};
