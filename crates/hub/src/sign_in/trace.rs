//! The story of an attempt, told while it happens and kept under its code.

use directory::{PersonId, SourceId};
use storage::{
    StorageError,
    trace::{TraceRow, Traces},
};
use tokio::time::Instant;

use super::{
    SignInTrace, Tone, TraceStep,
    decision::{Decision, Page, Row},
};
use crate::{Hub, HubError, kernel::capability::FindPeople};

/// Steps as they happen. Never holds a password, nor what was typed by somebody the hub does not know.
#[derive(Debug)]
pub(super) struct Recorder {
    began: Instant,
    pub(super) steps: Vec<TraceStep>,
}

impl Recorder {
    pub(super) const fn new(began: Instant) -> Self {
        Self { began, steps: Vec::new() }
    }

    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.began.elapsed()
    }

    pub(super) fn milliseconds(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn ok(&mut self, title: &str, text: impl Into<String>, note: Option<String>) {
        self.step(title, text.into(), note, Tone::Ok);
    }

    pub(super) fn bad(&mut self, title: &str, text: impl Into<String>, note: Option<String>) {
        self.step(title, text.into(), note, Tone::Bad);
    }

    /// The last step. Not kept, because the transaction that writes it may run again.
    pub(super) fn end(&self, decision: &Decision) -> TraceStep {
        let row = match decision.like {
            Some(like) => format!("Decision {}, as {like}", decision.row),
            None => format!("Decision {}", decision.row),
        };
        let text = if decision.lets_in() { "A session was opened." } else { "No session." };
        TraceStep { ms: self.milliseconds(), title: row, text: text.to_owned(), note: None, tone: Tone::End }
    }

    fn step(&mut self, title: &str, text: String, note: Option<String>, tone: Tone) {
        self.steps.push(TraceStep { ms: self.milliseconds(), title: title.to_owned(), text, note, tone });
    }
}

/// What help desk tells the caller.
pub(super) fn say(decision: &Decision, source: Option<&str>) -> String {
    let directory = source.unwrap_or("the directory");
    let row = decision.like.unwrap_or(decision.row);
    match row {
        _ if decision.lets_in() => "You are signed in.".to_owned(),
        _ if decision.page == Page::Outage => {
            format!("{directory} gave an answer we do not understand. We look at it.")
        }
        _ if decision.page == Page::ChangeThere => {
            format!("Your password in {directory} must be changed. Do it on the page you see, then you are signed in.")
        }
        _ if decision.page == Page::PasswordExpired => {
            format!("Your password in {directory} is too old. Change it there, then sign in here.")
        }
        Row::D2 | Row::D5 | Row::D15b => {
            "That was not the right password. You set it here: check it, or ask for a new one.".to_owned()
        }
        Row::D2b => "You sign in with a passkey here, not with a password.".to_owned(),
        Row::D2c => {
            "There were very many wrong passwords. Wait, or use a browser you signed in with before.".to_owned()
        }
        Row::D7 | Row::D24 => format!("That was not the password {directory} knows. It is the one you use there."),
        Row::D8 => format!("{directory} no longer shows your account. Ask its administrators."),
        Row::D9 | Row::D25 => format!("Your account is disabled in {directory} or here. Ask your manager."),
        Row::D10 => format!("Your account is locked in {directory}. It opens by itself, or they can open it."),
        Row::D11 if decision.page == Page::SetPassword => {
            format!("Your password in {directory} is too old. Set one here on the page you see.")
        }
        Row::D11 => format!("Your password in {directory} is too old. Change it there, then sign in here."),
        Row::D11b => "You may not sign in at this time or from this place.".to_owned(),
        Row::D12 => format!("{directory} asks for a second factor: choose \"Continue with\" on the sign-in page."),
        Row::D6t => format!("You sign in at {directory}, not here: choose \"Continue with\" on the sign-in page."),
        Row::D6s => "You moved here: sign in with the password you set here, not by way of your directory.".to_owned(),
        Row::D6r => "You are known. Set a password on the page you see, or put it off, to go on.".to_owned(),
        Row::Redirect => {
            format!("The answer that came from {directory} does not hold. Start again from the beginning.")
        }
        Row::D13 => format!("Several entries in {directory} bear that name. Its administrators must tell them apart."),
        Row::D13b => "There is no password to check you with. You need a new one.".to_owned(),
        Row::D1c | Row::D14 | Row::D16 | Row::D22 => {
            format!("{directory} cannot be reached right now. Nothing is wrong with your account. Try again later.")
        }
        Row::D17 => format!("{directory} refuses us. Our administrators are told."),
        Row::D20 | Row::D20b => {
            "We do not know that name, or the password does not fit it. Ask which name and directory were typed."
                .to_owned()
        }
        Row::D21 | Row::D23 => "Your password is right, but your account is not enabled here yet.".to_owned(),
        Row::D22b | Row::D27 => format!("{directory} is no longer asked for passwords. You need a new one here."),
        Row::PasswordForm => "Nothing was typed as a password, or something no directory can take.".to_owned(),
        Row::Throttled => "There were too many tries in a short time. Wait a minute.".to_owned(),
        Row::Budget => format!(
            "There were so many wrong passwords that another could lock the account in {directory}. Wait, or use a \
             browser you signed in with before."
        ),
        Row::D28 => "You need a code besides the password: it is printed on the server of the hub.".to_owned(),
        Row::D26 => "Your record was merged with another. Use the name of that one.".to_owned(),
        Row::D4 | Row::D1 | Row::D1b | Row::D6 | Row::D15 | Row::D18 | Row::D18b | Row::D19 | Row::D23b => {
            "This way to sign in is not available yet.".to_owned()
        }
    }
}

impl Hub {
    /// The trace of a code that a caller reads out, in any case and with any blanks.
    pub async fn trace_by_code(&self, _: &FindPeople, code: &str) -> Result<Option<SignInTrace>, HubError> {
        let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_uppercase();
        let Some((first, second)) = code.split_at_checked(3) else { return Ok(None) };
        let found = Traces(&mut self.database.reader()).by_code(&format!("{first}-{second}")).await?;
        found.map(trace_of).transpose()
    }

    /// The latest attempts that led to this person, the newest first.
    pub async fn traces_of(&self, _: &FindPeople, person: PersonId, limit: u32) -> Result<Vec<SignInTrace>, HubError> {
        let rows = Traces(&mut self.database.reader()).of_person(person, limit.min(200)).await?;
        rows.into_iter().map(trace_of).collect()
    }
}

fn trace_of(row: TraceRow) -> Result<SignInTrace, HubError> {
    let steps = serde_json::from_value(row.steps).map_err(|e| StorageError::Inconsistent {
        table: "sign_in_attempt",
        column: "steps",
        reason: e.to_string(),
    })?;
    Ok(SignInTrace {
        code: row.code,
        at: row.at,
        client: row.client_id.map(Into::into),
        person: row.person_id.map(PersonId::from),
        source: row.source_id.map(SourceId::from),
        endpoint: row.endpoint,
        steps,
        adapter_result: row.adapter_result,
        row: row.decision,
        signed_in: row.signed_in,
        say: row.say,
        took_ms: row.took_ms,
    })
}
