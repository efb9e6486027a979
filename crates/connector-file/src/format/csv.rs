//! Comma-separated values (RFC 4180), by the csv crate; only the bound on what one record may take is ours.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    rc::Rc,
};

use ::csv::{ByteRecord, Position, Reader, ReaderBuilder};

use super::{Bad, Fields, RECORD_LIMIT, Record, Step};
use crate::snapshot::Place;

pub(crate) struct Csv {
    reader: Reader<Limited>,
    left: Rc<Cell<u64>>,
    header: Rc<HashMap<String, usize>>,
    width: usize,
    /// Lines are counted from here, or not.
    counts: bool,
    ended: bool,
}

/// Stops a record that never ends: a quote that is opened and not closed would swallow the rest of the file.
struct Limited {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let read = self.file.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

impl Seek for Limited {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Csv {
    pub(super) fn open(mut file: File, delimiter: u8, columns: &[&str], place: Place) -> Result<Self, String> {
        file.rewind().map_err(|error| error.to_string())?;
        let left = Rc::new(Cell::new(RECORD_LIMIT));
        let limited = Limited { file, left: Rc::clone(&left) };
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(64 * 1024)
            .from_reader(limited);
        let mut first = ByteRecord::new();
        if !reader.read_byte_record(&mut first).map_err(|error| too_long(&error, 1))? {
            return Err("the file is empty: its first line names the columns".to_owned());
        }
        let mut header = HashMap::new();
        for (at, name) in first.iter().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| "the names of the columns are not UTF-8".to_owned())?;
            if !name.trim().is_empty() && header.insert(name.trim().to_owned(), at).is_some() {
                return Err(format!("two columns are called {:?}", name.trim()));
            }
        }
        if let Some(missing) = columns.iter().find(|name| !header.contains_key(**name)) {
            return Err(format!(
                "its first line names no column {missing:?}; it names {} of them: check the name and the delimiter",
                header.len()
            ));
        }
        if place.offset > 0 {
            let mut position = Position::new();
            position.set_byte(place.offset).set_line(place.line.max(1));
            reader.seek_raw(SeekFrom::Start(place.offset), position).map_err(|error| error.to_string())?;
        }
        let counts = place.line > 0;
        Ok(Self { reader, left, header: Rc::new(header), width: first.len(), counts, ended: false })
    }

    pub(super) fn next(&mut self) -> Step {
        self.left.set(RECORD_LIMIT);
        let mut row = ByteRecord::new();
        let before = self.reader.position().line();
        if !self.reader.read_byte_record(&mut row).map_err(|error| too_long(&error, before))? {
            self.ended = true;
            return Ok(None);
        }
        let (offset, line) = row.position().map_or((0, before), |position| (position.byte(), position.line()));
        let line = if self.counts { line } else { 0 };
        if row.len() != self.width {
            let why = format!("{} columns instead of {}: perhaps a quote is missing", row.len(), self.width);
            return Ok(Some(Err(Bad { line, why })));
        }
        Ok(Some(Ok(Record { offset, line, fields: Fields::Row { header: Rc::clone(&self.header), row } })))
    }

    pub(super) fn place(&self) -> Option<Place> {
        let position = self.reader.position();
        (!self.ended).then(|| Place { offset: position.byte(), line: position.line() })
    }
}

fn too_long(error: &::csv::Error, line: u64) -> String {
    match error.kind() {
        ::csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => format!(
            "the record after line {line} is longer than a megabyte: perhaps a quote is opened there and never closed"
        ),
        _ => format!("line {line}: {error}"),
    }
}
