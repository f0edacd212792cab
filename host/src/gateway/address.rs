//! Where a client comes from: the TCP connection's own end, or what trusted proxies say of it. It
//! must not know what is made of that.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

/// The header in which proxies note whom they speak for, each behind the one before.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The addresses that share the first `prefix` bits with this one.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    fn contains(&self, address: IpAddr) -> bool {
        let (of, other, width) = match (self.address, address) {
            (IpAddr::V4(of), IpAddr::V4(other)) => {
                (u128::from(of.to_bits()), u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(of), IpAddr::V6(other)) => (of.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let rest = width - u32::from(self.prefix).min(width);
        // A shift by the whole width leaves nothing to differ.
        (of ^ other).checked_shr(rest).unwrap_or(0) == 0
    }
}

/// What counts as one address where rates and bounds hold for each: an IPv4 address, or the 64 bits
/// that an IPv6 host has for itself. Clients of whom no address is known count as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Source(Option<IpAddr>);

impl Source {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => {
                let host = u128::from(u64::MAX);
                Ipv6Addr::from_bits(address.to_bits() & !host).into()
            }
            address => address,
        }))
    }
}

/// Proxies whose word counts on whom they speak for.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Those in these ranges; without any, nobody is believed.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    pub(super) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whom a request comes from: the last one in the chain of proxies who is not trusted, since
    /// what stands before them in the header is only their own word. Nothing if a trusted proxy
    /// wrote something that is no address.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return Some(client);
        }
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        for value in values {
            for entry in value.to_str().ok()?.rsplit(',') {
                client = parse(entry.trim())?;
                if !self.trust(client) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }
}

/// An address with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let address = address.or_else(|| text.parse().ok().map(|it: SocketAddr| it.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str, trusted: &[(&str, u8)], forwarded: &[&'static str]) -> Option<String> {
        let trusted = trusted
            .iter()
            .map(|(address, prefix)| Network::new(address.parse().unwrap(), *prefix));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let proxies = TrustedProxies::new(trusted.collect());
        let client = proxies.client(peer.parse().unwrap(), &headers);
        client.map(|client| client.to_string())
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        let said = &["1.2.3.4"];
        assert_eq!(client("10.0.0.9", &[], said).unwrap(), "10.0.0.9");
        let others = &[("10.0.1.0", 24)];
        assert_eq!(client("10.0.0.9", others, said).unwrap(), "10.0.0.9");
        assert_eq!(client("::ffff:9.9.9.9", &[], said).unwrap(), "9.9.9.9");
    }

    #[test]
    fn the_last_untrusted_one_in_the_chain_is_the_client() {
        let trusted = &[("10.0.0.0", 8), ("fd00::", 16)];
        let of = |forwarded| client("10.0.0.9", trusted, forwarded);
        // What a client writes into the header itself stands before its own address.
        assert_eq!(of(&["6.6.6.6, 1.2.3.4, 10.1.1.1"]).unwrap(), "1.2.3.4");
        assert_eq!(of(&["6.6.6.6", "1.2.3.4", "10.1.1.1"]).unwrap(), "1.2.3.4");
        assert_eq!(of(&["1.2.3.4:5000,[fd00::1]:80"]).unwrap(), "1.2.3.4");
        assert_eq!(of(&["[2001:db8::1]"]).unwrap(), "2001:db8::1");
        assert_eq!(of(&["10.2.2.2"]).unwrap(), "10.2.2.2");
        assert_eq!(of(&[]).unwrap(), "10.0.0.9");
    }

    #[test]
    fn what_is_no_address_leaves_the_client_unknown() {
        for said in ["unknown", "1.2.3.4, ", "1.2.3", "_hidden"] {
            assert_eq!(
                client("10.0.0.9", &[("10.0.0.0", 8)], &[said]),
                None,
                "{said}"
            );
        }
    }

    #[test]
    fn networks_hold_what_shares_their_prefix() {
        let holds = |network: &str, prefix, address: &str| {
            Network::new(network.parse().unwrap(), prefix).contains(address.parse().unwrap())
        };
        assert!(holds("10.1.0.0", 16, "10.1.255.255"));
        assert!(!holds("10.1.0.0", 16, "10.2.0.0"));
        assert!(holds("10.1.1.1", 32, "10.1.1.1") && !holds("10.1.1.1", 32, "10.1.1.0"));
        assert!(holds("0.0.0.0", 0, "255.1.1.1") && !holds("0.0.0.0", 0, "::1"));
        assert!(holds("::", 0, "fd00::1") && holds("fd00::", 8, "fdff::1"));
        assert!(!holds("fd00::", 8, "fe00::1"));
    }

    #[test]
    fn a_source_is_an_address_or_the_network_of_a_host() {
        let source = |text: &str| Source::of(text.parse().ok());
        assert_eq!(source("::ffff:9.9.9.9"), source("9.9.9.9"));
        assert_ne!(source("9.9.9.9"), source("9.9.9.8"));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:0:0:2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("nobody"), Source::default());
    }
}
