//! What came of one attempt, as the browser, the database and the directory saw it.

use std::collections::BTreeMap;

use directory::PersonId;
use hub::sign_in::SignInTrace;
use reqwest::{Response, header::HeaderMap};
use storage::sessions::SessionRow;
use url::Url;

use super::house::{CALLBACK, House};
use crate::support::{location, pair, set_cookie};

/// What a sign-in to an application writes about somebody who is known, in a browser that was not (the last of them).
pub const SIGNED_IN: [(&str, i64); 4] = [("session", 1), ("client_grant", 1), ("audit_event", 1), ("device", 1)];

/// Which page a refused person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Generic,
    Outage,
    NotEnabledYet,
    NotAllowedNow,
    Disabled,
    PasswordExpired,
}

pub struct Outcome {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// Where the browser is sent.
    pub location: String,
    /// `isthmus=…` as the browser keeps it.
    pub cookie: Option<String>,
    /// `isthmus-device=…` as the browser keeps it.
    pub device: Option<String>,
    pub session: Option<SessionRow>,
    pub trace: SignInTrace,
    /// Passwords all stubs saw meanwhile.
    pub binds: usize,
    /// Rows more or fewer, by table; tables that did not change are left out.
    pub difference: BTreeMap<String, i64>,
}

impl Outcome {
    pub async fn read(house: &House, answer: Response, binds: usize, difference: BTreeMap<String, i64>) -> Self {
        let session = house.session_in(&answer).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let location = location(&answer).to_owned();
        let [cookie, device] = ["isthmus", "isthmus-device"].map(|name| set_cookie(&answer, name).map(|c| pair(&c)));
        let body = answer.text().await.unwrap();
        let trace = match &session {
            Some(session) => {
                house.hub().traces_of(&house.finder(), session.person_id.into(), 1).await.unwrap().remove(0)
            }
            None => {
                let code = code_on(&body).unwrap_or_else(|| panic!("{status} without a code: {body}"));
                house.hub().trace_by_code(&house.finder(), code).await.unwrap().unwrap()
            }
        };
        Self { status, headers, body, location, cookie, device, session, trace, binds, difference }
    }

    /// Signed in by this row, after this many binds, and sent back to the application with a code.
    #[track_caller]
    pub fn let_in_by(&self, row: &str, binds: usize) -> &Self {
        let session = self.session.as_ref().unwrap_or_else(|| panic!("refused: {:#?}", self.trace));
        assert_eq!((self.trace.row.as_str(), self.binds), (row, binds), "{:#?}", self.trace);
        assert!(self.trace.signed_in && session.ended_at.is_none());
        assert_eq!(self.difference.get("session"), Some(&1), "{:?}", self.difference);
        // Who was let in without their directory reads so first, and goes on by a button.
        let waits = ["D1c", "D15"].contains(&row);
        assert_eq!(self.body.contains("Your directory has not answered for a while."), waits);
        assert_eq!(self.status, if waits { 200 } else { 303 }, "{}", self.body);
        self
    }

    /// The code the application gets.
    #[track_caller]
    pub fn code(&self) -> String {
        assert!(self.location.starts_with(CALLBACK), "{}", self.location);
        let url = Url::parse(&self.location).unwrap();
        let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, value)| value.into_owned());
        code.unwrap_or_else(|| panic!("no code in {url}"))
    }

    /// What the form on the page belongs to.
    #[track_caller]
    pub fn transaction(&self) -> &str {
        let (_, rest) = self.body.split_once("name=\"transaction\" value=\"").unwrap();
        rest.split_once('"').unwrap().0
    }

    /// Refused by this row with this page, after this many binds.
    #[track_caller]
    pub fn refused_by(&self, row: &str, page: Page, binds: usize) -> &Self {
        assert!(self.session.is_none(), "signed in: {:#?}", self.trace);
        assert_eq!((self.trace.row.as_str(), self.page(), self.binds), (row, page, binds), "{:#?}", self.trace);
        assert!(!self.trace.signed_in && !self.trace.say.is_empty());
        assert_eq!((self.status, self.difference.get("session")), (200, None));
        assert_eq!((self.cookie.as_ref(), self.device.as_ref()), (None, None), "a refusal leaves nothing behind");
        self
    }

    /// Exactly these rows came and went, beside the trace.
    #[track_caller]
    pub fn wrote(&self, expected: &[(&str, i64)]) -> &Self {
        let mut difference = self.difference.clone();
        assert_eq!(difference.remove("sign_in_attempt"), Some(1), "one trace per attempt");
        let expected: BTreeMap<String, i64> = expected.iter().map(|(table, n)| ((*table).to_owned(), *n)).collect();
        assert_eq!(difference, expected, "{:#?}", self.trace);
        self
    }

    /// How many rows of a table this made.
    pub fn made(&self, table: &str) -> i64 {
        self.difference.get(table).copied().unwrap_or(0)
    }

    #[track_caller]
    pub fn person(&self) -> PersonId {
        self.session.as_ref().unwrap_or_else(|| panic!("refused: {:#?}", self.trace)).person_id.into()
    }

    #[track_caller]
    pub fn page(&self) -> Page {
        let pages = [
            (Page::Generic, "That name and password do not match."),
            (Page::Outage, "Your directory cannot be reached right now."),
            (Page::NotEnabledYet, "You are not enabled here yet"),
            (Page::NotAllowedNow, "Not at this time or place"),
            (Page::Disabled, "Your account is disabled"),
            (Page::PasswordExpired, "Your password has expired"),
        ];
        let mut shown = pages.into_iter().filter(|(_, words)| self.body.contains(words));
        let page = shown.next().unwrap_or_else(|| panic!("no refusal: {}", self.body)).0;
        assert!(shown.next().is_none(), "{}", self.body);
        page
    }

    pub fn says_too_many(&self) -> bool {
        self.body.contains("Too many attempts")
    }

    pub fn says_locked(&self) -> bool {
        self.body.contains("Your account is locked")
    }
}

/// The code to read out to help desk.
pub fn code_on(body: &str) -> Option<&str> {
    Some(body.split_once("<span class=\"c\">")?.1.split_once('<')?.0)
}
