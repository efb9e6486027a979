//! The peers themselves: what the other crates' tests take for granted.

mod peers;
