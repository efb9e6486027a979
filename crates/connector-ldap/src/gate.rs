//! Everything a directory sends passes this gate before any LDAP code sees it. The library behind it trusts lengths,
//! recurses as deep as a message nests and stops the thread on a message of the wrong shape; a hostile directory could
//! use each of these. What passes is bounded in size, depth and amount, and has the shape of an LDAP message.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use lber::{
    common::TagClass,
    structure::{PL, StructureTag},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UnixStream,
    task::AbortHandle,
};

/// The largest message: a whole entry with everything we ask for is far smaller.
const MESSAGE_LIMIT: usize = 4 * 1024 * 1024;
/// The most bytes one operation may return.
pub(crate) const OPERATION_LIMIT: usize = 48 * 1024 * 1024;
/// The most elements one operation may return: the smallest take two bytes on the wire and thirty times that decoded.
pub(crate) const ELEMENT_LIMIT: usize = 500_000;
/// LDAP nests six deep (RFC 4511).
const DEPTH_LIMIT: usize = 12;
/// The largest answer to StartTLS.
const PLAIN_LIMIT: usize = 16 * 1024;

/// Why the gate closed, for the message of whatever failed because of it.
#[derive(Clone, Default)]
pub(crate) struct Closed(Arc<Mutex<Option<String>>>);

impl Closed {
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, reason: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }
}

/// How many more bytes and elements the current operation may return.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<(AtomicUsize, AtomicUsize)>);

impl Allowance {
    fn new() -> Self {
        Self(Arc::new((AtomicUsize::new(OPERATION_LIMIT), AtomicUsize::new(ELEMENT_LIMIT))))
    }

    /// A new operation begins.
    pub(crate) fn renew(&self) {
        self.0.0.store(OPERATION_LIMIT, Ordering::Release);
        self.0.1.store(ELEMENT_LIMIT, Ordering::Release);
    }

    fn take(&self, bytes: usize) -> bool {
        self.0.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_ok()
    }

    fn take_elements(&self, elements: usize) -> bool {
        self.0.1.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(elements)).is_ok()
    }

    fn elements_left(&self) -> usize {
        self.0.1.load(Ordering::Acquire)
    }
}

/// What was asked last, by message id. A connection carries one operation at a time, so nothing else is an answer: not
/// a result under another id, and not a search's under a bind's, which the library would take for the bind's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    id: u32,
    operation: Operation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Bind,
    Search,
    Modify,
    Extended,
}

impl Asked {
    /// Reads it off the beginning of a request (RFC 4511 4.1.1); empty for requests that have no answer.
    fn of(request: &[u8]) -> Option<Self> {
        let (0x30, outer, _) = header(request).ok()?? else { return None };
        let rest = request.get(outer..)?;
        let (0x02, inner, length) = header(rest).ok()?? else { return None };
        let id = number(rest.get(inner..inner + length)?);
        let operation = match rest.get(inner + length)? {
            0x60 => Operation::Bind,
            0x63 => Operation::Search,
            0x66 => Operation::Modify,
            0x77 => Operation::Extended,
            _ => return None,
        };
        Some(Self { id, operation })
    }

    fn is_answered_by(self, message: &StructureTag) -> bool {
        let PL::C(parts) = &message.payload else { return false };
        let [id, operation, ..] = parts.as_slice() else { return false };
        let PL::P(digits) = &id.payload else { return false };
        let fits = match self.operation {
            Operation::Bind => operation.id == 1,
            Operation::Search => matches!(operation.id, 4 | 5 | 19 | 25),
            Operation::Modify => operation.id == 7,
            Operation::Extended => operation.id == 24,
        };
        fits && number(digits) == self.id
    }
}

/// Of at most four digits, as [`has_shape`] has seen to for answers.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, &digit| sum << 8 | u32::from(digit))
}

/// The inner end of a gate, and what belongs to it.
pub(crate) struct Gate {
    pub(crate) inner: std::os::unix::net::UnixStream,
    pub(crate) closed: Closed,
    pub(crate) allowance: Allowance,
    pub(crate) task: AbortHandle,
}

/// Puts a gate in front of a connected (and, where configured, encrypted) stream.
pub(crate) fn gate<S>(outer: S) -> io::Result<Gate>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (inner, ours) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = UnixStream::from_std(ours)?;
    let closed = Closed::default();
    let allowance = Allowance::new();
    let (why, left) = (closed.clone(), allowance.clone());
    let task = tokio::spawn(async move {
        let (outer_read, outer_write) = tokio::io::split(outer);
        let (inner_read, inner_write) = ours.into_split();
        let asked = Mutex::new(None);
        let ended = tokio::select! {
            ended = outbound(inner_read, outer_write, &asked) => ended,
            ended = inbound(outer_read, inner_write, &left, &asked) => ended,
        };
        if let Err(error) = ended {
            why.set(error.to_string());
        }
    });
    Ok(Gate { inner, closed, allowance, task: task.abort_handle() })
}

async fn outbound(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    asked: &Mutex<Option<Asked>>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    // Of the request under way, still to come: only what begins a request says what it is.
    let mut rest = 0;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let mut at = rest;
        while let Some(request) = buffer[..read].get(at..).filter(|request| !request.is_empty()) {
            // The library hands over whole requests, and the first kilobytes of longer ones together.
            let (_, header, content) =
                header(request)?.ok_or_else(|| io::Error::other("a request came without its beginning"))?;
            if let Some(next) = Asked::of(request) {
                *asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
            }
            at += header + content;
        }
        rest = at - read;
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
        // A bind carries a password.
        buffer[..read].fill(0);
    }
}

async fn inbound(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    allowance: &Allowance,
    asked: &Mutex<Option<Asked>>,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let mut whole = 0;
        while let Some(length) = message_length(&buffer[whole..], MESSAGE_LIMIT)? {
            let Some(message) = buffer.get(whole..whole + length) else { break };
            let elements = check_nesting(message, allowance.elements_left())?;
            let answer = decode(message)?;
            let asked = *asked.lock().unwrap_or_else(PoisonError::into_inner);
            if !asked.is_some_and(|asked| asked.is_answered_by(&answer)) {
                return Err(hostile("it answers what nobody asked"));
            }
            if !allowance.take_elements(elements) {
                return Err(hostile(TOO_MUCH));
            }
            whole += length;
        }
        if !allowance.take(whole) {
            return Err(hostile(TOO_MUCH));
        }
        to.write_all(&buffer[..whole]).await?;
        buffer.drain(..whole);
        if from.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
    }
}

/// Reads the one message that may arrive before TLS. Anything behind it would be an answer injected by somebody in
/// the middle, to be believed once TLS is up: the connection is refused.
pub(crate) async fn only_message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<StructureTag> {
    let mut buffer = Vec::new();
    loop {
        if let Some(length) = message_length(&buffer, PLAIN_LIMIT)?
            && buffer.len() >= length
        {
            if buffer.len() > length {
                return Err(hostile("it sent more in plain text behind its answer to StartTLS"));
            }
            return check(&buffer);
        }
        if from.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
    }
}

const TOO_MUCH: &str = "it sent more than one answer may hold";

fn hostile(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server's answer is not acceptable: {what}"))
}

/// The length of the message at the start of `bytes`, header included; empty while the header is not there yet.
fn message_length(bytes: &[u8], limit: usize) -> io::Result<Option<usize>> {
    match bytes.first() {
        None => return Ok(None),
        Some(0x30) => {}
        Some(_) => return Err(hostile("it does not begin like an LDAP message")),
    }
    match header(bytes)? {
        None => Ok(None),
        Some((_, header, content)) if header + content <= limit => Ok(Some(header + content)),
        Some(_) => Err(hostile("a message is too large")),
    }
}

/// Tag byte, length of the header and length of the content. LDAP uses definite lengths and low tag numbers only
/// (RFC 4511 5.1).
fn header(bytes: &[u8]) -> io::Result<Option<(u8, usize, usize)>> {
    let (Some(&tag), Some(&first)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(hostile("it uses a tag that LDAP does not have"));
    }
    if first < 0x80 {
        return Ok(Some((tag, 2, usize::from(first))));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Err(hostile("it uses a form of length that LDAP does not have"));
    }
    let Some(digits) = bytes.get(2..2 + count) else { return Ok(None) };
    let length = digits.iter().fold(0_usize, |sum, &digit| sum << 8 | usize::from(digit));
    Ok(Some((tag, 2 + count, length)))
}

/// Checks a whole message and returns it decoded.
fn check(message: &[u8]) -> io::Result<StructureTag> {
    check_nesting(message, ELEMENT_LIMIT)?;
    decode(message)
}

/// Decodes a message whose nesting was checked.
fn decode(message: &[u8]) -> io::Result<StructureTag> {
    let Ok((rest, tag)) = lber::parse::parse_tag(message) else { return Err(hostile("it cannot be decoded")) };
    if !rest.is_empty() || !has_shape(&tag) {
        return Err(hostile("it does not have the shape of an LDAP message"));
    }
    Ok(tag)
}

/// Every length ends inside its parent, nothing nests too deep, and there are not too many elements, whose number is
/// returned. Iterative, so that depth costs no stack.
fn check_nesting(message: &[u8], most: usize) -> io::Result<usize> {
    let mut ends = vec![message.len()];
    let mut at = 0;
    let mut elements = 0;
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        let Some((tag, header, content)) = header(&message[at..end])? else {
            return Err(hostile("an element is cut off"));
        };
        if content > end - at - header {
            return Err(hostile("an element is longer than what holds it"));
        }
        at += header;
        elements += 1;
        if elements > most {
            return Err(hostile(TOO_MUCH));
        }
        if tag & 0x20 == 0 {
            at += content;
        } else if ends.len() == DEPTH_LIMIT {
            return Err(hostile("it nests too deep"));
        } else {
            ends.push(at + content);
        }
    }
    Ok(elements)
}

fn has_shape(message: &StructureTag) -> bool {
    let PL::C(parts) = &message.payload else { return false };
    let (id, operation, controls) = match parts.as_slice() {
        [id, operation] => (id, operation, None),
        [id, operation, controls] => (id, operation, Some(controls)),
        _ => return false,
    };
    // Message id 0 is the notice of disconnection (RFC 4511 4.4.1): as good as the end of the connection.
    let id = is(id, TagClass::Universal, 2)
        && matches!(&id.payload, PL::P(digits) if (1..=4).contains(&digits.len()) && digits.iter().any(|&digit| digit != 0));
    let operation_shape = operation.class == TagClass::Application
        && match operation.id {
            1 | 5 | 7 | 24 => is_result(operation),
            4 | 19 => matches!(operation.payload, PL::C(_)),
            25 => is_intermediate(operation),
            _ => false,
        };
    id && operation_shape && controls.is_none_or(are_controls)
}

/// LDAPResult (RFC 4511 4.1.9) and what may follow it.
fn is_result(operation: &StructureTag) -> bool {
    let PL::C(parts) = &operation.payload else { return false };
    let [code, matched, text, more @ ..] = parts.as_slice() else { return false };
    is(code, TagClass::Universal, 10)
        && matches!(&code.payload, PL::P(digits) if (1..=4).contains(&digits.len()))
        && is_text(matched)
        && is_text(text)
        && more.iter().all(|part| match (part.id, &part.payload) {
            (3, PL::C(urls)) => urls.iter().all(is_text),
            (7 | 11, PL::P(_)) => true,
            (10, PL::P(_)) => is_text(part),
            _ => false,
        })
}

/// IntermediateResponse (RFC 4511 4.13), which content synchronisation uses (RFC 4533 2.5).
fn is_intermediate(operation: &StructureTag) -> bool {
    let PL::C(parts) = &operation.payload else { return false };
    parts.len() <= 2
        && parts.iter().all(|part| part.class == TagClass::Context && part.id <= 1 && matches!(part.payload, PL::P(_)))
}

/// Decodes a value inside a message (of a control, of an intermediate response), with the same care; empty if it is not
/// exactly one element.
pub(crate) fn inner(value: &[u8]) -> Option<StructureTag> {
    check_nesting(value, ELEMENT_LIMIT).ok()?;
    let Ok(([], tag)) = lber::parse::parse_tag(value) else { return None };
    Some(tag)
}

fn are_controls(controls: &StructureTag) -> bool {
    let PL::C(list) = &controls.payload else { return false };
    is(controls, TagClass::Context, 0)
        && list.len() <= 16
        && list.iter().all(|control| {
            let PL::C(parts) = &control.payload else { return false };
            let critical = |part: &StructureTag| {
                is(part, TagClass::Universal, 1) && matches!(&part.payload, PL::P(value) if value.len() == 1)
            };
            let value = |part: &StructureTag| is(part, TagClass::Universal, 4) && matches!(part.payload, PL::P(_));
            match parts.as_slice() {
                [oid] => is_text(oid),
                [oid, next] => is_text(oid) && (critical(next) || value(next)),
                [oid, first, second] => is_text(oid) && critical(first) && value(second),
                _ => false,
            }
        })
}

fn is(tag: &StructureTag, class: TagClass, id: u64) -> bool {
    tag.class == class && tag.id == id
}

fn is_text(tag: &StructureTag) -> bool {
    matches!(&tag.payload, PL::P(bytes) if std::str::from_utf8(bytes).is_ok())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
