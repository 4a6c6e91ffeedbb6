//! Whose a request is: the peer's, or behind trusted proxies the client's that they name; and what
//! counts as one address.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The networks of proxies whose word on a client's address is taken.
pub(super) struct Proxies(pub(super) Vec<IpNet>);

impl Proxies {
    /// Whether this is one of theirs.
    pub(super) fn are_trusted(&self, ip: &IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(ip))
    }

    /// The peer, or behind trusted proxies the right-most address they do not vouch for.
    pub(super) fn client_of(&self, request: &HttpRequest) -> Option<IpAddr> {
        // A listener on [::] shows IPv4 peers as mapped ones, which no IPv4 network contains.
        let peer = request.peer_addr()?.ip().to_canonical();
        if !self.are_trusted(&peer) {
            return Some(peer);
        }
        let forwarded = request.headers().get_all("x-forwarded-for");
        let listed: Vec<&str> = forwarded
            .filter_map(|value| value.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        let claimed = listed
            .iter()
            .rev()
            .map_while(|text| text.trim().parse::<IpAddr>().ok());
        let mut last = peer;
        for ip in claimed {
            last = ip.to_canonical();
            if !self.are_trusted(&last) {
                break;
            }
        }
        Some(last)
    }
}

/// What is counted as one address.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    const HOST: u128 = u64::MAX as u128;
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !HOST).into(),
    }
}

#[cfg(test)]
impl Proxies {
    /// These networks.
    pub(super) fn of(networks: &[&str]) -> Self {
        let parsed = networks.iter().map(|net| net.parse().expect("a net"));
        Self(parsed.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use actix_web::test::TestRequest;

    use super::*;

    fn address(proxies: &Proxies, peer: &str, forwarded: &str) -> String {
        let peer: SocketAddr = format!("{peer}:1").parse().expect("an address");
        let request = TestRequest::default()
            .peer_addr(peer)
            .insert_header(("x-forwarded-for", forwarded))
            .to_http_request();
        proxies.client_of(&request).expect("a peer").to_string()
    }

    #[test]
    fn a_forwarded_address_is_believed_from_trusted_proxies_only() {
        assert_eq!(
            address(&Proxies::of(&[]), "10.0.0.1", "1.2.3.4"),
            "10.0.0.1"
        );
        let trusting = Proxies::of(&["10.0.0.0/8"]);
        assert_eq!(address(&trusting, "10.0.0.1", "1.2.3.4"), "1.2.3.4");
        assert_eq!(
            address(&trusting, "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2"),
            "1.2.3.4"
        );
        assert_eq!(address(&trusting, "9.9.9.9", "1.2.3.4"), "9.9.9.9");
        assert_eq!(address(&trusting, "10.0.0.1", "nonsense"), "10.0.0.1");
    }

    #[test]
    fn an_ipv4_peer_of_an_ipv6_listener_is_the_ipv4_address_it_is() {
        let trusting = Proxies::of(&["10.0.0.0/8"]);
        assert_eq!(
            address(&trusting, "[::ffff:10.0.0.1]", "::ffff:1.2.3.4"),
            "1.2.3.4"
        );
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let counted = |text: &str| network_of(text.parse().expect("an address")).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("1.2.3.4"), "1.2.3.4");
    }
}
