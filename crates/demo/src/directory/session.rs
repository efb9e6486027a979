//! One connection: messages in order, one at a time, with the identity its last bind gave it.

use futures::{SinkExt, StreamExt};
use ldap3_proto::{
    LdapCodec,
    control::LdapControl,
    proto::{
        LdapBindCred, LdapBindRequest, LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapPartialAttribute,
        LdapResult, LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope,
    },
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::Framed;

use super::{
    matching::{in_scope, matches},
    tree::{Entry, Tree, fold_dn},
};

/// RFC 4532.
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Answers until the client leaves.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, tree: &Tree) -> anyhow::Result<()> {
    let mut wire = Framed::new(stream, LdapCodec::default());
    let mut bound: Option<String> = None;
    while let Some(message) = wire.next().await {
        let LdapMsg { msgid, op, ctrl } = message?;
        let answers = match op {
            LdapOp::UnbindRequest => return Ok(()),
            LdapOp::AbandonRequest(_) => continue,
            LdapOp::BindRequest(request) => {
                let (result, identity) = bind(tree, &request);
                bound = identity;
                vec![(LdapOp::BindResponse(LdapBindResponse { res: result, saslcreds: None }), Vec::new())]
            }
            LdapOp::SearchRequest(request) => search(tree, bound.as_deref(), &request, &ctrl),
            LdapOp::ExtendedRequest(request) if request.name == WHO_AM_I => {
                let identity = bound.as_ref().map_or_else(String::new, |dn| format!("dn:{dn}"));
                vec![(extended(LdapResultCode::Success, "", Some(identity.into_bytes())), Vec::new())]
            }
            LdapOp::ExtendedRequest(_) => {
                let text = "this directory supports no such extended operation";
                vec![(extended(LdapResultCode::ProtocolError, text, None), Vec::new())]
            }
            // Every other request would change something or is unknown; a notice of disconnection is RFC 4511's way
            // to refuse what has no answer of its own.
            _ => return Ok(()),
        };
        for (op, ctrl) in answers {
            wire.feed(LdapMsg { msgid, op, ctrl }).await?;
        }
        wire.flush().await?;
    }
    Ok(())
}

/// A simple bind; the second half is who the connection is from now on (RFC 4513 section 4: a failed bind leaves it
/// anonymous).
fn bind(tree: &Tree, request: &LdapBindRequest) -> (LdapResult, Option<String>) {
    let LdapBindCred::Simple(password) = &request.cred else {
        return (result(LdapResultCode::AuthMethodNotSupported, "only simple binds"), None);
    };
    if request.dn.is_empty() && password.is_empty() {
        return (result(LdapResultCode::Success, ""), None);
    }
    // RFC 4513 section 5.1.2: a name without a password proves nothing and must not look like success.
    if password.is_empty() {
        return (result(LdapResultCode::UnwillingToPerform, "unauthenticated bind (DN with no password)"), None);
    }
    match tree.entry(&request.dn) {
        Some(entry) if entry.password.as_deref() == Some(password) => {
            (result(LdapResultCode::Success, ""), Some(entry.dn.clone()))
        }
        _ => (result(LdapResultCode::InvalidCredentials, ""), None),
    }
}

fn search(
    tree: &Tree,
    bound: Option<&str>,
    request: &LdapSearchRequest,
    controls: &[LdapControl],
) -> Vec<(LdapOp, Vec<LdapControl>)> {
    let base = fold_dn(&request.base);
    if base.is_empty() && request.scope == LdapSearchScope::Base {
        let found = matches(&request.filter, &tree.root).then(|| entry_of(&tree.root, request));
        return found.into_iter().map(|op| (op, Vec::new())).chain([done(LdapResultCode::Success, "")]).collect();
    }
    let Some(reader) = bound else {
        return vec![done(LdapResultCode::InsufficentAccessRights, "bind first")];
    };
    if tree.entry(&base).is_none() {
        return vec![done(LdapResultCode::NoSuchObject, "no such base")];
    }
    let may_read = |entry: &Entry| reader == tree.reader_dn || reader == entry.dn;
    let found: Vec<&Entry> = tree
        .entries()
        .iter()
        .filter(|entry| may_read(entry) && in_scope(entry, &base, &request.scope) && matches(&request.filter, entry))
        .collect();
    match controls.iter().find_map(page_asked) {
        None => {
            let limit = usize::try_from(request.sizelimit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
            let code = if found.len() > limit { LdapResultCode::SizeLimitExceeded } else { LdapResultCode::Success };
            let entries = found.into_iter().take(limit).map(|entry| (entry_of(entry, request), Vec::new()));
            entries.chain([done(code, "")]).collect()
        }
        Some((size, from)) => {
            let until = from.saturating_add(size).min(found.len());
            let page = found.get(from..until).unwrap_or_default();
            let more = size > 0 && until < found.len();
            let cookie = if more { until.to_string().into_bytes() } else { Vec::new() };
            let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
            let mut answers: Vec<_> = page.iter().map(|entry| (entry_of(entry, request), Vec::new())).collect();
            let (op, _) = done(LdapResultCode::Success, "");
            answers.push((op, vec![LdapControl::SimplePagedResults { size: total, cookie }]));
            answers
        }
    }
}

/// RFC 2696. The tree never changes, so the cookie is simply where to go on.
fn page_asked(control: &LdapControl) -> Option<(usize, usize)> {
    let LdapControl::SimplePagedResults { size, cookie } = control else { return None };
    let from = std::str::from_utf8(cookie).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    Some((usize::try_from(*size).unwrap_or(0), from))
}

fn entry_of(entry: &Entry, request: &LdapSearchRequest) -> LdapOp {
    let asked = |name: &str| request.attrs.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    let all_users = request.attrs.is_empty() || asked("*");
    let wanted = |name: &str| asked(name) || if Entry::is_operational(name) { asked("+") } else { all_users };
    let attributes = entry
        .attributes
        .iter()
        .filter(|(name, values)| !values.is_empty() && wanted(name))
        .map(|(name, values)| LdapPartialAttribute {
            atype: (*name).to_owned(),
            vals: if request.typesonly { Vec::new() } else { values.iter().map(|v| v.clone().into_bytes()).collect() },
        })
        .collect();
    LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: entry.dn.clone(), attributes })
}

fn done(code: LdapResultCode, text: &str) -> (LdapOp, Vec<LdapControl>) {
    (LdapOp::SearchResultDone(result(code, text)), Vec::new())
}

fn extended(code: LdapResultCode, text: &str, value: Option<Vec<u8>>) -> LdapOp {
    LdapOp::ExtendedResponse(LdapExtendedResponse { res: result(code, text), name: None, value })
}

fn result(code: LdapResultCode, text: &str) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: text.to_owned(), referral: Vec::new() }
}
