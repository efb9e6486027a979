//! What a source's entry becomes at the hub: mapping expressions and typed attributes. Pure.
//!
//! An [`Expression`] is CEL (the Common Expression Language) without its loops. That is the limit that matters: with no
//! loop, no variable of its own and no function that multiplies text, an evaluation costs at most the length of the
//! expression times the size of the entry, whoever wrote it. [`limits`](Expression::compile) on length and nesting do the rest.
//!
//! A [`Mapping`] computes every attribute by itself: one expression that fails holds back its own attribute, says why in
//! words, and stops nothing else.

mod attribute;
mod authority;
mod expression;
mod mapping;

pub use attribute::{AttributeDefinition, AttributeType, Misfit, NAME_LENGTH, TypedValue};
pub use authority::Claimant;
pub use expression::{Expression, ExpressionFault, Input, LONGEST_EXPRESSION, LONGEST_RESULT, Outcome};
pub use mapping::{Mapped, Mapping, MappingFault, Problem, Rule};
