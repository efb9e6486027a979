//! Which addresses the hub may connect to. Sources are registered in the browser, so their URLs must not become a way
//! to reach what only the hub's machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Public addresses, and the networks that the server's own configuration allows besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNet>);

/// Why a host was not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// The name stands for nothing.
    #[error("the host name {0:?} does not resolve: {1}")]
    Unresolved(String, String),
    /// One of its addresses is neither public nor allowed.
    #[error("{host:?} has the address {address}, which is neither public nor in an allowed network")]
    NotAllowed { host: String, address: IpAddr },
}

impl AllowedNetworks {
    /// Public addresses and these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether the hub may connect to this address. An IPv4 address written as IPv6 counts as the IPv4 address it is.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|network| network.contains(&address))
    }

    /// Resolves a host and checks every address: one that is not allowed refuses them all, because the next
    /// resolution may return any of them. The caller connects to what is returned and never resolves again.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, AddressRefused> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let found: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::net::lookup_host((bare, port))
                .await
                .map_err(|error| AddressRefused::Unresolved(host.to_owned(), error.to_string()))?
                .collect(),
        };
        if found.is_empty() {
            return Err(AddressRefused::Unresolved(host.to_owned(), "no address".to_owned()));
        }
        for address in &found {
            if !self.permits(address.ip()) {
                return Err(AddressRefused::NotAllowed { host: host.to_owned(), address: address.ip() });
            }
        }
        Ok(found)
    }
}

/// Globally reachable unicast, by the IANA special-purpose address registries (RFC 6890). In doubt it is not.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0                                       // "this network"
        || a == 10 || (a == 172 && (16..32).contains(&b)) || (a == 192 && b == 168) // RFC 1918
        || (a == 100 && (64..128).contains(&b))                // carrier-grade NAT, RFC 6598
        || a == 127                                            // loopback
        || (a == 169 && b == 254)                              // link-local, also cloud metadata
        || (a == 192 && b == 0 && (c == 0 || c == 2))          // protocol assignments, documentation
        || (a == 192 && b == 88 && c == 99)                    // 6to4 relays
        || (a == 198 && (b == 18 || b == 19))                  // benchmarking
        || (a == 198 && b == 51 && c == 100) || (a == 203 && b == 0 && c == 113) // documentation
        || a >= 224; // multicast, reserved, broadcast
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is handed out as global unicast; in it, the tunnels that carry an IPv4 address and what is set
    // aside for documentation and protocols are left out.
    let global = (0x2000..0x4000).contains(&a);
    let special = match a {
        // Teredo, benchmarking, ORCHID (2001::/23) and documentation.
        0x2001 => b < 0x0200 || b == 0x0db8,
        // 6to4.
        0x2002 => true,
        // Documentation, RFC 9637.
        0x3fff => b < 0x1000,
        _ => false,
    };
    global && !special
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    /// Ways to write an address that only the hub's own machine or network can reach.
    const REFUSED: &[&str] = &[
        "ldap://127.0.0.1",
        "ldap://127.0.0.1:636",
        "ldap://127.1",
        "ldap://0x7f.1",
        "ldap://2130706433",
        "ldap://0177.0.0.1",
        "ldap://0x7f000001",
        "ldap://127.0.0.2",
        "ldap://localhost",
        "ldap://LOCALHOST",
        "ldap://0.0.0.0",
        "ldap://0",
        "ldap://0.1.2.3",
        "ldap://10.0.0.1",
        "ldap://10.255.255.255",
        "ldap://172.16.0.1",
        "ldap://172.31.255.255",
        "ldap://192.168.0.1",
        "ldap://192.168.1.1:389",
        "ldap://169.254.169.254",
        "ldap://169.254.0.1",
        "ldap://100.64.0.1",
        "ldap://100.127.255.255",
        "ldap://192.0.0.1",
        "ldap://192.0.2.1",
        "ldap://198.18.0.1",
        "ldap://198.19.255.255",
        "ldap://198.51.100.1",
        "ldap://203.0.113.1",
        "ldap://224.0.0.1",
        "ldap://239.255.255.250",
        "ldap://240.0.0.1",
        "ldap://255.255.255.255",
        "ldap://192.88.99.1",
        "ldap://[::1]",
        "ldap://[::]",
        "ldap://[0:0:0:0:0:0:0:1]",
        "ldap://[::ffff:127.0.0.1]",
        "ldap://[::ffff:7f00:1]",
        "ldap://[::ffff:10.0.0.1]",
        "ldap://[::ffff:169.254.169.254]",
        "ldap://[::127.0.0.1]",
        "ldap://[64:ff9b::127.0.0.1]",
        "ldap://[64:ff9b::a00:1]",
        "ldap://[64:ff9b:1::1]",
        "ldap://[fe80::1]",
        "ldap://[febf::1]",
        "ldap://[fec0::1]",
        "ldap://[fc00::1]",
        "ldap://[fd00::1]",
        "ldap://[fdff::1]",
        "ldap://[ff02::1]",
        "ldap://[ff0e::1]",
        "ldap://[2001::1]",
        "ldap://[2001:db8::1]",
        "ldap://[2001:10::1]",
        "ldap://[2002:7f00:1::]",
        "ldap://[2002:a00:1::1]",
        "ldap://[3fff::1]",
        "ldap://[100::1]",
        "ldap://[5f00::1]",
        "ldap://[4000::1]",
        "ldap://[::ffff:0:127.0.0.1]",
    ];

    #[tokio::test]
    async fn no_address_of_the_hubs_own_network_is_connected_to() {
        let networks = AllowedNetworks::default();
        assert!(REFUSED.len() >= 60);
        for text in REFUSED {
            let url = Url::parse(text).unwrap();
            let refused = networks.resolve(url.host_str().unwrap(), 389).await;
            assert!(refused.is_err(), "{text} was resolved to {refused:?}");
        }
    }

    #[tokio::test]
    async fn public_addresses_and_allowed_networks_are_connected_to() {
        let networks = AllowedNetworks::new(["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
        for host in ["8.8.8.8", "[2606:4700::1111]", "10.1.2.3", "[fd00:1::5]", "[::ffff:10.1.2.3]", "[::ffff:8.8.8.8]"]
        {
            assert!(networks.resolve(host, 636).await.is_ok(), "{host}");
        }
        for host in ["10.2.0.1", "[fd00:2::5]", "[::ffff:10.2.0.1]", "127.0.0.1"] {
            assert!(networks.resolve(host, 636).await.is_err(), "{host}");
        }
    }
}
