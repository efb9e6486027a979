//! One JSON object per line.

use std::fs::File;

use super::{
    Bad, Fields, Record, Step,
    lines::{Line, Lines},
};
use crate::snapshot::Place;

pub(crate) struct Json {
    lines: Lines,
    buffer: Vec<u8>,
}

impl Json {
    pub(super) fn open(file: File, place: Place) -> Result<Self, String> {
        Ok(Self { lines: Lines::open(file, place)?, buffer: Vec::new() })
    }

    pub(super) fn next(&mut self) -> Step {
        loop {
            let Place { offset, line } = self.lines.place;
            match self.lines.next(&mut self.buffer)? {
                Line::End => return Ok(None),
                Line::TooLong => {
                    return Ok(Some(Err(Bad { line, why: "this line is longer than a megabyte".to_owned() })));
                }
                Line::Whole if self.buffer.trim_ascii().is_empty() => {}
                // The parser's own words may repeat values.
                Line::Whole => {
                    let read = serde_json::from_slice(&self.buffer);
                    let read = read.map(|object| Record { offset, line, fields: Fields::Object(object) });
                    let why = |e: serde_json::Error| format!("not a JSON object (at column {})", e.column());
                    return Ok(Some(read.map_err(|error| Bad { line, why: why(error) })));
                }
            }
        }
    }

    pub(super) fn place(&self) -> Option<Place> {
        (!self.lines.ended).then_some(self.lines.place)
    }
}
