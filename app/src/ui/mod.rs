//! The small set of parts that every page is made of, over semantic HTML.

mod ask;
mod field;
mod icon;
mod moment;
mod page;
mod plain_text;
mod send;
mod state;
mod table;

pub use ask::{Again, Asked, asked};
pub use field::{Check, Choice, Field, Lines, Picker};
pub use icon::{Icon, Mark};
pub use moment::{Moment, When};
pub use page::{Empty, Loaded, Notice, PageHead, Panel, Problem, Tone};
pub use plain_text::plain_text;
pub use send::{PostForm, Sending};
pub use state::{ModeBadge, StateGlyph, kind_word, mode_meaning, mode_word, state_word};
pub use table::{Pager, TableFrame};
