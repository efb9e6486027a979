//! Lines of a file, never longer than we are ready for, and where each begins.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom},
};

use super::RECORD_LIMIT;
use crate::snapshot::Place;

pub(super) struct Lines {
    reader: BufReader<File>,
    /// Where the next line begins.
    pub(super) place: Place,
    pub(super) ended: bool,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// In the buffer, without its end.
    Whole,
    /// Skipped.
    TooLong,
    End,
}

impl Lines {
    pub(super) fn open(mut file: File, place: Place) -> Result<Self, String> {
        file.seek(SeekFrom::Start(place.offset)).map_err(|error| error.to_string())?;
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut place = place;
        if place.offset == 0 && reader.fill_buf().map_err(|error| error.to_string())?.starts_with(b"\xef\xbb\xbf") {
            // The byte order mark that some programs write in front of UTF-8.
            reader.consume(3);
            place.offset = 3;
        }
        Ok(Self { reader, place, ended: false })
    }

    pub(super) fn next(&mut self, into: &mut Vec<u8>) -> Result<Line, String> {
        into.clear();
        let read = (&mut self.reader).take(RECORD_LIMIT + 1).read_until(b'\n', into).map_err(|e| e.to_string())?;
        self.place.offset += read as u64;
        if read == 0 {
            self.ended = true;
            return Ok(Line::End);
        }
        self.place.line += u64::from(self.place.line > 0);
        if into.ends_with(b"\n") {
            into.pop();
            if into.ends_with(b"\r") {
                into.pop();
            }
            return Ok(Line::Whole);
        }
        if into.len() as u64 <= RECORD_LIMIT {
            return Ok(Line::Whole);
        }
        into.clear();
        self.skip()?;
        Ok(Line::TooLong)
    }

    /// Whether the next line begins with this byte.
    pub(super) fn next_begins_with(&mut self, byte: u8) -> Result<bool, String> {
        Ok(self.reader.fill_buf().map_err(|error| error.to_string())?.first() == Some(&byte))
    }

    fn skip(&mut self) -> Result<(), String> {
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| error.to_string())?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            if used == 0 {
                return Ok(());
            }
            self.reader.consume(used);
            self.place.offset += used as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}
