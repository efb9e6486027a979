//! What a page says when something did not happen.

use leptos::prelude::*;

use super::{HOSTILE, keep};
use crate::{problem::ApiError, ui::Problem};

#[test]
fn problems() {
    for (name, error) in [
        ("problem-signed-out", ApiError::SignedOut),
        ("problem-denied", ApiError::Denied),
        ("problem-not-found", ApiError::NotFound("This person".into())),
        ("problem-invalid", ApiError::Invalid { field: "urls".into(), message: HOSTILE.into() }),
        ("problem-refused", ApiError::Refused("Enter the bind password again.".into())),
        ("problem-failed", ApiError::Failed("The server is busy.".into())),
    ] {
        keep(name, || view! { <Problem error /> }.into_any());
    }
}
