//! Reads ranges of addresses. It must not know who is in them.

use std::net::IpAddr;

use super::checker::Checker;

/// The proxies that are believed: single addresses and ranges in CIDR form.
pub(super) fn trusted_proxies(check: &mut Checker<'_>, texts: &[String]) -> Vec<(IpAddr, u8)> {
    let mut ranges = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match range(text) {
            Some(range) => ranges.push(range),
            None => check.problem(
                format!("listen.trusted_proxies[{index}]"),
                "expected an address or a range of them, such as \"10.0.0.7\", \"10.0.0.0/8\" or \
                 \"fd00::/8\"",
            ),
        }
    }
    ranges
}

fn range(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(width), |prefix| prefix.parse().ok())?;
    (prefix <= width).then_some((address, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ranges_are_read() {
        let read = |text| range(text).map(|(address, prefix)| format!("{address}/{prefix}"));
        assert_eq!(read("10.0.0.7").as_deref(), Some("10.0.0.7/32"));
        assert_eq!(read("10.0.0.0/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(read("::1").as_deref(), Some("::1/128"));
        assert_eq!(read("fd00::/8").as_deref(), Some("fd00::/8"));
        for wrong in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "proxy",
            "*",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
