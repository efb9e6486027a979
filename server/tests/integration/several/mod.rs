//! Three servers on one PostgreSQL, as real processes, behind a round-robin client: what one of them may lose by being
//! killed, stalled or left without its database, and what none of them may.

mod peers;
