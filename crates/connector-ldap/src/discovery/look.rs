//! Bounded reading: every search is limited in entries and time, and all of them together in time.

use std::time::Duration;

use connector::{FailureKind, Introduction};
use ldap3::{
    Scope,
    controls::{PagedResults, RawControl},
};
use tokio::time::Instant;

use crate::{
    connection::Connection,
    fault::Fault,
    paging::{PAGED_RESULTS, cookie},
    search::{Entry, Search, no_references},
    settings::Compiled,
};

/// No further question is asked after this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection with a deadline.
pub(super) struct Look<'a> {
    pub(super) compiled: &'a Compiled,
    pub(super) connection: &'a mut Connection,
    until: Instant,
    /// The directory offers pages: a first page is a bound that every one of them keeps to, a size limit is not.
    pages: bool,
}

/// What a search brought.
pub(super) struct Seen {
    pub(super) entries: Vec<Entry>,
    /// The directory, or our own limit, cut it short.
    pub(super) cut: bool,
    /// The directory said that this account may not see it, or that it is not there.
    pub(super) refused: Option<String>,
}

impl<'a> Look<'a> {
    pub(super) fn new(compiled: &'a Compiled, connection: &'a mut Connection) -> Self {
        Self { compiled, connection, until: Instant::now() + PATIENCE, pages: false }
    }

    /// What the directory said it can do.
    pub(super) fn heed(&mut self, introduction: &Introduction) {
        self.pages = introduction.controls.iter().any(|oid| oid == PAGED_RESULTS);
    }

    /// One search. A result code is no fault; a broken or dishonest answer is one, and ends the look.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        at_most: usize,
    ) -> Result<Seen, Fault> {
        let label = self.connection.endpoint.label.clone();
        if Instant::now() > self.until {
            return Err(
                Fault::unavailable(&label, "it answers too slowly to be looked at").means(FailureKind::Overloaded)
            );
        }
        let attributes: Vec<String> = attributes.iter().map(|&name| name.to_owned()).collect();
        let mut controls = vec![no_references(self.compiled)];
        if self.pages && at_most > 1 {
            let page = i32::try_from(at_most).unwrap_or(i32::MAX);
            controls.push(RawControl::from(PagedResults { size: page, cookie: Vec::new() }));
        }
        let search = Search { base, scope, filter, attributes: &attributes, at_most, controls, inside: None };
        let answer = self.connection.search(self.compiled, search).await?;
        let code = answer.result.rc;
        let text: String = answer.result.text.chars().filter(|c| !c.is_control()).take(200).collect();
        match code {
            0 => {
                let more =
                    cookie(&answer.result).ok_or_else(|| Fault::odd(&label, "the paging cookie cannot be read"))?;
                Ok(Seen { entries: answer.entries, cut: !more.is_empty(), refused: None })
            }
            3 | 4 | 11 => Ok(Seen { entries: answer.entries, cut: true, refused: None }),
            51 | 52 => Err(Fault::unavailable(&label, format!("the directory is overloaded (result code {code})"))
                .means(FailureKind::Overloaded)),
            10 => Err(Fault::odd(&label, "the directory refers to another server, which is never followed")
                .means(FailureKind::Referred)),
            _ => Ok(Seen {
                entries: answer.entries,
                cut: false,
                refused: Some(format!("result code {code} {text}").trim().to_owned()),
            }),
        }
    }

    /// One entry by its name; empty if it is not there or may not be read.
    pub(super) async fn entry(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Entry>, Fault> {
        Ok(self.search(dn, Scope::Base, "(objectClass=*)", attributes, 1).await?.entries.into_iter().next())
    }
}
