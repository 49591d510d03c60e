//! Where a switch is, as a person writes it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// The addresses behind `HOST:PORT` or `IP:PORT`, those of IPv4 first: a name such as `localhost` often stands for both
/// families while the switch listens on one, and an address where nobody listens costs a dial its whole patience.
///
/// Asks the name service, and waits for it.
///
/// # Errors
/// Where the text is no address, or the name is not known; the error names it.
pub fn resolve(text: &str) -> io::Result<Vec<SocketAddr>> {
    let wrong =
        |kind, why: &str| io::Error::new(kind, format!("{text:?}: {why}; expected HOST:PORT or IP:PORT"));
    let found = text.to_socket_addrs().map_err(|error| wrong(error.kind(), &error.to_string()))?;
    let mut addresses: Vec<_> = found.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if addresses.is_empty() {
        return Err(wrong(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_addresses_and_ipv4_comes_first() {
        assert_eq!(resolve("127.0.0.1:7070").unwrap(), ["127.0.0.1:7070".parse().unwrap()]);
        assert_eq!(resolve("[::1]:7070").unwrap(), ["[::1]:7070".parse().unwrap()]);
        let local = resolve("localhost:7070").unwrap();
        assert!(
            local.iter().all(|address| address.ip().is_loopback() && address.port() == 7070),
            "{local:?}"
        );
        assert!(local.is_sorted_by_key(SocketAddr::is_ipv6), "{local:?}");
    }

    #[test]
    fn what_is_no_address_is_named() {
        for wrong in ["localhost", "127.0.0.1", "127.0.0.1:port", ""] {
            let error = resolve(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains("HOST:PORT"), "{error}");
        }
    }
}
