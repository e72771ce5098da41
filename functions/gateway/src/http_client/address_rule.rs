use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses an HTTP integration may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressRule {
    /// Any. For the local stack, whose backends are on the same machine.
    Any,
    /// Public ones, and those of these networks. On Lambda the loopback
    /// interface leads to the Runtime API, and link-local addresses to
    /// credentials.
    PublicAnd(Vec<IpNet>),
}

impl AddressRule {
    pub(crate) fn permits(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::PublicAnd(networks) => {
                let address = address.to_canonical();
                is_public(address) || networks.iter().any(|network| network.contains(&address))
            }
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether an address is of the public internet (IANA IPv4 Special-Purpose
/// Address Registry).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special
}

/// The same of IPv6: within the one range of global unicast addresses, and no
/// way to an IPv4 address that is not public.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and other protocols' (2001::/23), and documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(rule: &AddressRule, address: &str) -> bool {
        rule.permits(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        let rule = AddressRule::PublicAnd(Vec::new());
        for address in ["8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "2606:4700::1111"] {
            assert!(permits(&rule, address), "{address}");
        }
        assert!(permits(&rule, "64:ff9b::8.8.8.8") && permits(&rule, "::ffff:8.8.8.8"));
    }

    #[test]
    fn loopback_private_link_local_and_metadata_addresses_are_not() {
        let rule = AddressRule::PublicAnd(Vec::new());
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits(&rule, address), "{address}");
        }
    }

    #[test]
    fn a_network_that_is_named_is_reached_and_no_other() {
        let rule = AddressRule::PublicAnd(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        assert!(permits(&rule, "10.1.2.3") && permits(&rule, "::ffff:10.1.2.3") && permits(&rule, "fd12::1"));
        assert!(!permits(&rule, "10.2.0.1") && !permits(&rule, "127.0.0.1"));
        assert!(permits(&AddressRule::Any, "127.0.0.1"));
    }
}
