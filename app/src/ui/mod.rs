//! The small set of parts that every page is made of, over semantic HTML.

mod icon;

pub use icon::{Icon, Mark};
