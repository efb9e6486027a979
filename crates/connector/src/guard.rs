//! Breaker and bulkhead around a connector (one per source), so that a slow or dead directory costs others nothing.

/// Whether the source is being asked at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    /// One probe is under way.
    HalfOpen,
}

/// A connector behind a breaker and a bulkhead.
pub struct Guarded<C> {
    #[expect(dead_code, reason = "the owner of this module fills it")]
    inner: C,
}
