//! Entries in the LDAP Data Interchange Format (RFC 2849).
//!
//! Written here, because what there is for Rust reads a whole file at once, while this must stop after a page and go on
//! from any entry. Lists of changes are refused, and so are values at a URL: a file must not make the hub open another.

use std::{collections::HashMap, fs::File};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Bad, Fields, RECORD_LIMIT, Record, Step,
    lines::{Line, Lines},
};
use crate::snapshot::Place;

pub(crate) struct Ldif {
    lines: Lines,
    buffer: Vec<u8>,
}

/// An entry on its way.
#[derive(Default)]
struct Entry {
    dn: Option<String>,
    attributes: HashMap<String, Vec<Vec<u8>>>,
    size: u64,
}

impl Ldif {
    pub(super) fn open(file: File, place: Place) -> Result<Self, String> {
        Ok(Self { lines: Lines::open(file, place)?, buffer: Vec::new() })
    }

    pub(super) fn place(&self) -> Option<Place> {
        (!self.lines.ended).then_some(self.lines.place)
    }

    pub(super) fn next(&mut self) -> Step {
        loop {
            let Place { offset, line } = self.lines.place;
            let mut entry = Entry::default();
            let mut bad = None;
            let mut lines = 0;
            let ended = loop {
                match self.unfolded()? {
                    Line::End => break true,
                    Line::Whole if self.buffer.is_empty() => break false,
                    Line::Whole if self.buffer.first() == Some(&b'#') => {}
                    Line::Whole => {
                        lines += 1;
                        if bad.is_none() {
                            bad = entry.take(&self.buffer).err();
                        }
                    }
                    Line::TooLong => {
                        lines += 1;
                        bad = bad.or_else(|| Some("a value is longer than a megabyte".to_owned()));
                    }
                }
            };
            if lines > 0 && !entry.is_frame()? {
                let entry = match (bad, entry.dn) {
                    (Some(why), _) => Err(Bad { line, why }),
                    (None, None) => Err(Bad { line, why: "an entry begins with dn:".to_owned() }),
                    (None, Some(dn)) => {
                        Ok(Record { offset, line, fields: Fields::Entry { dn, attributes: entry.attributes } })
                    }
                };
                return Ok(Some(entry));
            }
            if ended {
                return Ok(None);
            }
        }
    }

    /// One line with those that continue it, which begin with a space (note 2).
    fn unfolded(&mut self) -> Result<Line, String> {
        let mut whole = Vec::new();
        let mut line = self.lines.next(&mut whole)?;
        let mut part = Vec::new();
        while line != Line::End && !whole.is_empty() && self.lines.next_begins_with(b' ')? {
            let more = self.lines.next(&mut part)?;
            if more == Line::TooLong || whole.len() as u64 > RECORD_LIMIT {
                line = Line::TooLong;
            } else {
                whole.extend_from_slice(part.get(1..).unwrap_or_default());
            }
        }
        self.buffer = whole;
        Ok(line)
    }
}

impl Entry {
    /// One line: `name: text`, `name:: base64`, or `name:< url`.
    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("a line is neither an attribute nor a comment")?;
        let (name, rest) = line.split_at(colon);
        let name = std::str::from_utf8(name).map_err(|_| "the name of an attribute is not ASCII")?;
        // Underscores are in no RFC, and in many directories.
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ';' | '.' | '_');
        if name.is_empty() || !name.chars().all(fits) {
            return Err("a line is neither an attribute nor a comment".to_owned());
        }
        let name = name.to_ascii_lowercase();
        let value = match rest.get(1) {
            Some(b':') => {
                STANDARD.decode(rest[2..].trim_ascii()).map_err(|_| format!("the value of {name} is not base64"))?
            }
            Some(b'<') => return Err(format!("the value of {name} is at a URL, which is not opened")),
            _ => rest[1..].trim_ascii_start().to_vec(),
        };
        self.size += value.len() as u64;
        if self.size > RECORD_LIMIT {
            return Err("the entry is longer than a megabyte".to_owned());
        }
        match name.as_str() {
            "dn" if self.dn.is_some() => return Err("two entries without a blank line between them".to_owned()),
            "dn" => self.dn = Some(String::from_utf8(value).map_err(|_| "the dn is not UTF-8")?),
            "changetype" => return Err("this is a change, and not an entry".to_owned()),
            _ => self.attributes.entry(name).or_default().push(value),
        }
        Ok(())
    }

    /// What stands before and after the entries: the version, and the result that ldapsearch writes at its end. One
    /// that says the search was cut short ends the read, because then this is no list of everybody.
    fn is_frame(&self) -> Result<bool, String> {
        if self.dn.is_some() {
            return Ok(false);
        }
        let result = self.attributes.get("result").and_then(|values| values.first());
        if result.is_some_and(|code| !code.starts_with(b"0")) {
            return Err("the file itself says that it is not complete: the search that wrote it ended early".to_owned());
        }
        let known = |name: &String| matches!(name.as_str(), "version" | "search" | "result" | "control");
        Ok(!self.attributes.is_empty() && self.attributes.keys().all(known))
    }
}
