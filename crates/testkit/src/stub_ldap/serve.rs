//! One connection of a stub.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use ldap3_proto::{
    LdapCodec,
    control::LdapControl,
    proto::{
        LdapBindCred, LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult,
        LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchResultReference,
    },
};
use tokio::{
    io::{self, AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};
use tokio_util::codec::Framed;

use super::{BindAnswer, SearchAnswer, Shared, StartTlsAnswer, StubBind, StubEntry, StubSearch, lock, matching};

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream that remembers what it reads.
struct Recorded {
    inner: Box<dyn Stream>,
    shared: Arc<Shared>,
    plain: bool,
}

impl AsyncRead for Recorded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let fresh = &buf.filled()[before..];
        if !fresh.is_empty() {
            let mut seen = lock(&self.shared.seen);
            seen.received.extend_from_slice(fresh);
            if self.plain {
                seen.received_plain.extend_from_slice(fresh);
            }
        }
        polled
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

type Wire = Framed<Recorded, LdapCodec>;

/// What became of one request.
enum Next {
    Go,
    End,
    UpgradeToTls,
}

struct Session {
    shared: Arc<Shared>,
    connection: usize,
    bound_as: String,
}

pub(super) async fn connection(shared: Arc<Shared>, stream: TcpStream, tls: bool) {
    let number = {
        let mut seen = lock(&shared.seen);
        seen.connections += 1;
        seen.open += 1;
        seen.connections
    };
    let mut session = Session { shared: shared.clone(), connection: number, bound_as: String::new() };
    let _ended = session.run(stream, tls).await;
    lock(&shared.seen).open -= 1;
}

impl Session {
    async fn run(&mut self, stream: TcpStream, tls: bool) -> io::Result<()> {
        let mut wire = if tls { self.upgrade(stream).await? } else { self.wire(stream, true) };
        while let Some(Ok(message)) = wire.next().await {
            match self.answer(&mut wire, message).await? {
                Next::Go => {}
                Next::End => break,
                Next::UpgradeToTls => {
                    let recorded = wire.into_inner();
                    let acceptor = self.shared.acceptor();
                    let inner = acceptor.accept(recorded.inner).await?;
                    wire = self.wire(inner, false);
                }
            }
        }
        Ok(())
    }

    fn wire(&self, stream: impl Stream + 'static, plain: bool) -> Wire {
        let recorded = Recorded { inner: Box::new(stream), shared: self.shared.clone(), plain };
        Framed::new(recorded, LdapCodec::new(Some(1024 * 1024), None))
    }

    async fn upgrade(&self, stream: TcpStream) -> io::Result<Wire> {
        let acceptor = self.shared.acceptor();
        Ok(self.wire(acceptor.accept(stream).await?, false))
    }

    async fn answer(&mut self, wire: &mut Wire, message: LdapMsg) -> io::Result<Next> {
        let LdapMsg { msgid, op, ctrl } = message;
        match op {
            LdapOp::BindRequest(request) => {
                let LdapBindCred::Simple(password) = request.cred else { return Ok(Next::End) };
                let arrived = StubBind {
                    dn: request.dn.clone(),
                    password: password.clone(),
                    connection: self.connection,
                    controls: ctrl.iter().map(oid).collect(),
                };
                lock(&self.shared.seen).note_bind(arrived);
                let answer = self.shared.bind_answer(&request.dn, &password);
                self.bound_as = request.dn;
                bind(wire, msgid, answer).await
            }
            LdapOp::SearchRequest(request) => {
                lock(&self.shared.seen).searches.push(StubSearch {
                    base: request.base.clone(),
                    scope: request.scope.clone() as i64,
                    filter: request.filter.clone(),
                    attributes: request.attrs.clone(),
                    bound_as: self.bound_as.clone(),
                });
                let script = self.shared.script();
                search(wire, msgid, &script.entries, &request, &ctrl, script.search).await
            }
            LdapOp::ExtendedRequest(request) if request.name == START_TLS => {
                let answer = self.shared.script().start_tls;
                start_tls(wire, msgid, answer).await
            }
            LdapOp::UnbindRequest => Ok(Next::End),
            LdapOp::AbandonRequest(_) => Ok(Next::Go),
            _ => Ok(Next::End),
        }
    }
}

fn oid(control: &LdapControl) -> String {
    match control {
        LdapControl::SimplePagedResults { .. } => "1.2.840.113556.1.4.319".to_owned(),
        LdapControl::PasswordPolicyRequest { .. } => PASSWORD_POLICY.to_owned(),
        LdapControl::Unknown { oid, .. } => oid.clone(),
        other => format!("{other:?}"),
    }
}

async fn bind(wire: &mut Wire, msgid: i32, answer: BindAnswer) -> io::Result<Next> {
    let mut answer = answer;
    while let BindAnswer::After(wait, then) = answer {
        tokio::time::sleep(wait).await;
        answer = *then;
    }
    let (res, ctrl) = match answer {
        BindAnswer::Success => (result(0, String::new(), Vec::new()), Vec::new()),
        BindAnswer::Code(code, message) => (result(code, message, Vec::new()), Vec::new()),
        BindAnswer::PasswordPolicy(code, value) => (
            result(code, String::new(), Vec::new()),
            vec![LdapControl::Unknown { oid: PASSWORD_POLICY.to_owned(), criticality: false, value: Some(value) }],
        ),
        BindAnswer::Referral(url) => (result(10, String::new(), vec![url]), Vec::new()),
        BindAnswer::Silence => return silence().await,
        BindAnswer::Close => return Ok(Next::End),
        BindAnswer::Raw(bytes) => return raw(wire, &bytes).await,
        BindAnswer::Drip(every) => return drip(wire, every).await,
        BindAnswer::OtherId => {
            let op = bind_success();
            wire.send(LdapMsg { msgid: msgid + 7, op, ctrl: Vec::new() }).await?;
            return Ok(Next::Go);
        }
        BindAnswer::LikeASearch { entry } => {
            let op = if entry {
                LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: "cn=x".to_owned(), attributes: Vec::new() })
            } else {
                LdapOp::SearchResultDone(result(0, String::new(), Vec::new()))
            };
            wire.send(LdapMsg { msgid, op, ctrl: Vec::new() }).await?;
            return Ok(Next::Go);
        }
        BindAnswer::After(..) => return Ok(Next::End),
    };
    let op = LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None });
    wire.send(LdapMsg { msgid, op, ctrl }).await?;
    Ok(Next::Go)
}

async fn search(
    wire: &mut Wire,
    msgid: i32,
    entries: &[StubEntry],
    request: &LdapSearchRequest,
    controls: &[LdapControl],
    answer: SearchAnswer,
) -> io::Result<Next> {
    let mut answer = in_time(request, answer).await;
    let page = controls.iter().find_map(|control| match control {
        LdapControl::SimplePagedResults { size, cookie } => Some((usize::try_from(*size).unwrap_or(0), cookie.clone())),
        _ => None,
    });
    let mut cookie = Vec::new();
    let mut msgid = msgid;
    if matches!(answer, SearchAnswer::OtherId) {
        msgid += 7;
        answer = SearchAnswer::Match;
    }
    let done = match answer {
        SearchAnswer::Match | SearchAnswer::Reference(_) => {
            let mut hits = matching::found(entries, request);
            if let Some((size, at)) = page.clone().filter(|(size, _)| *size > 0) {
                let from = std::str::from_utf8(&at).ok().and_then(|at| at.parse().ok()).unwrap_or(0_usize);
                let rest = hits.split_off(from.min(hits.len()));
                cookie = if rest.len() > size { (from + size).to_string().into_bytes() } else { Vec::new() };
                hits = rest.into_iter().take(size).collect();
            }
            let limit = usize::try_from(request.sizelimit).unwrap_or(0);
            let exceeded = limit > 0 && hits.len() > limit;
            hits.truncate(if exceeded { limit } else { usize::MAX });
            send_entries(wire, msgid, hits).await?;
            if let SearchAnswer::Reference(url) = answer {
                let op = LdapOp::SearchResultReference(LdapSearchResultReference { uris: vec![url] });
                wire.send(LdapMsg { msgid, op, ctrl: Vec::new() }).await?;
            }
            result(if exceeded { 4 } else { 0 }, String::new(), Vec::new())
        }
        SearchAnswer::Entries(entries) => {
            send_entries(wire, msgid, entries).await?;
            result(0, String::new(), Vec::new())
        }
        SearchAnswer::EndlessPaging(entries) => {
            send_entries(wire, msgid, entries).await?;
            cookie = b"again".to_vec();
            result(0, String::new(), Vec::new())
        }
        SearchAnswer::EndlessPeople(entry) => {
            let number = page.as_ref().and_then(|(_, at)| std::str::from_utf8(at).ok()?.parse().ok()).unwrap_or(0_u32);
            let mut entry = entry;
            entry.dn = format!("uid=p{number},{}", request.base);
            entry.attributes.retain(|(name, _)| !name.eq_ignore_ascii_case("entryUUID"));
            entry.push("entryUUID", format!("{number:08x}-0000-4000-8000-000000000000").into_bytes());
            send_entries(wire, msgid, vec![entry]).await?;
            cookie = (number + 1).to_string().into_bytes();
            result(0, String::new(), Vec::new())
        }
        SearchAnswer::Referral(url) => result(10, String::new(), vec![url]),
        SearchAnswer::Code(code, message) => result(code, message, Vec::new()),
        other => return without_an_end(wire, msgid, other).await,
    };
    let ctrl = page.map(|_| LdapControl::SimplePagedResults { size: 0, cookie }).into_iter().collect();
    wire.send(LdapMsg { msgid, op: LdapOp::SearchResultDone(done), ctrl }).await?;
    Ok(Next::Go)
}

/// After the waiting, what this request gets.
async fn in_time(request: &LdapSearchRequest, answer: SearchAnswer) -> SearchAnswer {
    let mut answer = answer;
    loop {
        answer = match answer {
            SearchAnswer::After(wait, then) => {
                tokio::time::sleep(wait).await;
                *then
            }
            SearchAnswer::SlowFor(attribute, then) => {
                // As it is written in the decoded filter: a name in quotes.
                let named = format!("{:?}", request.filter).contains(&format!("{attribute:?}"));
                if named { *then } else { SearchAnswer::Match }
            }
            SearchAnswer::ButRoot(_) if request.base.is_empty() => SearchAnswer::Match,
            SearchAnswer::ButRoot(then) => *then,
            other => return other,
        };
    }
}

/// Answers that are not a search's, or never end.
async fn without_an_end(wire: &mut Wire, msgid: i32, answer: SearchAnswer) -> io::Result<Next> {
    match answer {
        SearchAnswer::LikeABind => {
            wire.send(LdapMsg { msgid, op: bind_success(), ctrl: Vec::new() }).await?;
            Ok(Next::Go)
        }
        SearchAnswer::Drip(every) => drip(wire, every).await,
        SearchAnswer::Flood(first, again) => {
            raw(wire, &first).await?;
            loop {
                raw(wire, &again).await?;
            }
        }
        SearchAnswer::EndlessEntries(entry) => loop {
            send_entries(wire, msgid, vec![entry.clone(); 64]).await?;
        },
        SearchAnswer::Silence => silence().await,
        SearchAnswer::Raw(bytes) => raw(wire, &bytes).await,
        _ => Ok(Next::End),
    }
}

async fn send_entries(wire: &mut Wire, msgid: i32, entries: Vec<StubEntry>) -> io::Result<()> {
    for entry in entries {
        let attributes =
            entry.attributes.into_iter().map(|(atype, vals)| LdapPartialAttribute { atype, vals }).collect();
        let op = LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: entry.dn, attributes });
        wire.send(LdapMsg { msgid, op, ctrl: Vec::new() }).await?;
    }
    Ok(())
}

async fn start_tls(wire: &mut Wire, msgid: i32, answer: StartTlsAnswer) -> io::Result<Next> {
    let accepted = |code| LdapMsg {
        msgid,
        op: LdapOp::ExtendedResponse(LdapExtendedResponse {
            res: result(code, String::new(), Vec::new()),
            name: Some(START_TLS.to_owned()),
            value: None,
        }),
        ctrl: Vec::new(),
    };
    match answer {
        StartTlsAnswer::Accept => {
            wire.send(accepted(0)).await?;
            Ok(Next::UpgradeToTls)
        }
        StartTlsAnswer::Refuse(code) => {
            wire.send(accepted(code)).await?;
            Ok(Next::Go)
        }
        StartTlsAnswer::JunkBefore(bytes) => {
            wire.get_mut().write_all(&bytes).await?;
            wire.send(accepted(0)).await?;
            Ok(Next::UpgradeToTls)
        }
        StartTlsAnswer::JunkBehind(bytes) => {
            // One write, so that both arrive together.
            let mut together = tokio_util::bytes::BytesMut::new();
            tokio_util::codec::Encoder::encode(&mut LdapCodec::default(), accepted(0), &mut together)?;
            together.extend_from_slice(&bytes);
            raw(wire, &together).await?;
            Ok(Next::UpgradeToTls)
        }
        StartTlsAnswer::NoTls => {
            wire.send(accepted(0)).await?;
            raw(wire, b"this is not TLS at all").await
        }
        StartTlsAnswer::Silence => silence().await,
    }
}

async fn raw(wire: &mut Wire, bytes: &[u8]) -> io::Result<Next> {
    wire.get_mut().write_all(bytes).await?;
    wire.get_mut().flush().await?;
    Ok(Next::Go)
}

fn bind_success() -> LdapOp {
    LdapOp::BindResponse(LdapBindResponse { res: result(0, String::new(), Vec::new()), saslcreds: None })
}

/// The beginning of a message of a megabyte, then its content a byte at a time.
async fn drip(wire: &mut Wire, every: Duration) -> io::Result<Next> {
    raw(wire, &[0x30, 0x83, 0x10, 0, 0]).await?;
    loop {
        raw(wire, &[4]).await?;
        tokio::time::sleep(every).await;
    }
}

/// Far longer than any test waits.
async fn silence() -> io::Result<Next> {
    tokio::time::sleep(Duration::from_hours(1)).await;
    Ok(Next::End)
}

fn result(code: i32, message: String, referral: Vec<String>) -> LdapResult {
    LdapResult { code: result_code(code), matcheddn: String::new(), message, referral }
}

fn result_code(code: i32) -> LdapResultCode {
    match code {
        0 => LdapResultCode::Success,
        1 => LdapResultCode::OperationsError,
        2 => LdapResultCode::ProtocolError,
        3 => LdapResultCode::TimeLimitExceeded,
        4 => LdapResultCode::SizeLimitExceeded,
        8 => LdapResultCode::StrongerAuthRequired,
        10 => LdapResultCode::Referral,
        11 => LdapResultCode::AdminLimitExceeded,
        13 => LdapResultCode::ConfidentialityRequired,
        19 => LdapResultCode::ConstraintViolation,
        32 => LdapResultCode::NoSuchObject,
        48 => LdapResultCode::InappropriateAuthentication,
        49 => LdapResultCode::InvalidCredentials,
        50 => LdapResultCode::InsufficentAccessRights,
        51 => LdapResultCode::Busy,
        52 => LdapResultCode::Unavailable,
        53 => LdapResultCode::UnwillingToPerform,
        _ => LdapResultCode::Other,
    }
}
