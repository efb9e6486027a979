//! What a source's entry becomes at the hub: mapping expressions, and whose value counts. Pure.
//!
//! An [`Expression`] is CEL (the Common Expression Language) without its loops. That is the limit that matters: with no
//! loop, no variable of its own and no function that multiplies text, an evaluation costs at most the length of the
//! expression times the size of the entry, whoever wrote it. [`limits`](Expression::compile) on length and nesting do the rest.
//!
//! The types of attributes are in `directory`; `hub::mirror` puts both together.

mod authority;
mod expression;

pub use authority::Claimant;
pub use expression::{Expression, ExpressionFault, Input, LONGEST_EXPRESSION, LONGEST_RESULT, Outcome};
