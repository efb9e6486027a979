//! Who is at the other end. Only proxies in the configured networks may say so; what they say must parse, because an
//! address that is guessed would be an address that the throttle does not know (CVE-2024-47070).

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use ipnet::IpNet;

use super::AppState;

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the browser or application, IPv4-mapped IPv6 written as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().copied().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Finds the client's address and keeps it with the request, or refuses the request.
pub async fn establish(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    state.site.proxies.see(&state.hub, peer.ip(), request.headers());
    match client_address(peer.ip(), request.headers(), &state.site.trusted_proxies) {
        Ok(address) => {
            request.extensions_mut().insert(ClientAddress(address));
            next.run(request).await
        }
        Err(Unparsable) => {
            tracing::warn!(peer = %peer.ip(), "refused a request: a trusted proxy named a client address that cannot be read");
            (StatusCode::BAD_REQUEST, "The proxy in front of this server named a client address that cannot be read.\n")
                .into_response()
        }
    }
}

/// What a trusted proxy said about the client is not an address.
#[derive(Debug, PartialEq, Eq)]
struct Unparsable;

/// Walks the chain of proxies from the nearest to the first that is not trusted: that one is the client.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Result<IpAddr, Unparsable> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return Ok(peer);
    }
    let walk = |chain: Option<Vec<Result<IpAddr, Unparsable>>>| -> Result<Option<IpAddr>, Unparsable> {
        let Some(chain) = chain else { return Ok(None) };
        let mut client = peer;
        for hop in chain.into_iter().rev() {
            client = hop?;
            if !is_trusted(client) {
                break;
            }
        }
        Ok(Some(client))
    };
    match (walk(forwarded(headers)?)?, walk(x_forwarded_for(headers)?)?) {
        (None, None) => Ok(peer),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        // A proxy writes one of the two; the other may be the client's own invention.
        (Some(one), Some(other)) if one == other => Ok(one),
        (Some(_), Some(_)) => Err(Unparsable),
    }
}

type Chain = Option<Vec<Result<IpAddr, Unparsable>>>;

/// The values of a header that may be repeated, in order, split at commas outside quotes.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Vec<String>>, Unparsable> {
    let mut found = None;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| Unparsable)?;
        found.get_or_insert_with(Vec::new).extend(text.split(',').map(|part| part.trim().to_owned()));
    }
    Ok(found)
}

fn x_forwarded_for(headers: &HeaderMap) -> Result<Chain, Unparsable> {
    Ok(elements(headers, &X_FORWARDED_FOR)?.map(|list| list.iter().map(|text| address(text)).collect()))
}

/// RFC 7239, section 4. Identifiers that hide the client (`unknown`, `_gazonk`) do not parse: nobody to throttle.
fn forwarded(headers: &HeaderMap) -> Result<Chain, Unparsable> {
    let Some(list) = elements(headers, &header::FORWARDED)? else { return Ok(None) };
    let hop = |element: &String| {
        let mut named = element.split(';').filter_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            key.eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"').to_owned())
        });
        match (named.next(), named.next()) {
            (Some(value), None) => address(&value),
            _ => Err(Unparsable),
        }
    };
    Ok(Some(list.iter().map(hop).collect()))
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Result<IpAddr, Unparsable> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .map(|address| address.to_canonical())
        .map_err(|_| Unparsable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, headers: &[(&str, &str)]) -> Result<String, Unparsable> {
        let trusted = ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        client_address(peer.parse().unwrap(), &map, &trusted).map(|a| a.to_string())
    }

    #[test]
    fn nobody_but_a_trusted_proxy_names_the_client() {
        assert_eq!(seen("198.51.100.7", &[("x-forwarded-for", "1.2.3.4")]).unwrap(), "198.51.100.7");
        assert_eq!(seen("198.51.100.7", &[("x-forwarded-for", "a")]).unwrap(), "198.51.100.7");
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4")]).unwrap(), "1.2.3.4");
        assert_eq!(seen("127.0.0.1", &[]).unwrap(), "127.0.0.1");
        assert_eq!(seen("::ffff:127.0.0.1", &[("x-forwarded-for", "1.2.3.4")]).unwrap(), "1.2.3.4");
    }

    #[test]
    fn what_the_client_put_in_front_of_the_chain_is_ignored() {
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9")]).unwrap(), "1.2.3.4");
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "junk, 1.2.3.4")]).unwrap(), "1.2.3.4");
        assert_eq!(
            seen("127.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")]).unwrap(),
            "1.2.3.4"
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for value in ["a", "", "1.2.3.4, ", "1.2.3", "unknown", "1.2.3.4:x", "1.2.3.4 5.6.7.8"] {
            assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", value)]), Err(Unparsable), "{value}");
        }
        for value in ["for=unknown", "by=1.2.3.4", "for=_hidden", "for=1.2.3.4;for=5.6.7.8", "for=\"[::1\""] {
            assert_eq!(seen("127.0.0.1", &[("forwarded", value)]), Err(Unparsable), "{value}");
        }
    }

    #[test]
    fn the_standard_header_is_read_too_but_the_two_must_agree() {
        assert_eq!(seen("127.0.0.1", &[("forwarded", "for=1.2.3.4;proto=https")]).unwrap(), "1.2.3.4");
        assert_eq!(seen("127.0.0.1", &[("forwarded", "For=\"[2001:db8::1]:4711\"")]).unwrap(), "2001:db8::1");
        let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(seen("127.0.0.1", &both), Err(Unparsable));
    }
}
