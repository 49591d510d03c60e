//! The addresses on which a switch listens: whether it can have them, what to say where it cannot, and what it got.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, UdpSocket};

use holdfast_journal::{Access, FileStorage, OpenError};
use holdfast_link::{Endpoint, take_address};
use holdfast_protocol::Partition;
use rustix::io::Errno;
use tracing::warn;

use super::ServeError;
use crate::admin::{AdminError, who_has_it};
use crate::config::Config;

/// Whether participants can dial, once everything is recovered. All addresses are held at once, as they will be: two of the same
/// configuration can be in each other's way. Then they are given back: what came to them meanwhile would be answered minutes too late.
pub(super) fn are_free(listen: &[SocketAddr]) -> Result<(), ServeError> {
    let take = |address: &SocketAddr| {
        take_address(*address).map_err(|source| ServeError::Listen { address: *address, source })
    };
    listen.iter().map(take).collect::<Result<Vec<UdpSocket>, _>>().map(drop)
}

/// What to do where an address cannot be listened on; nothing where nobody knows.
pub(super) fn what_to_do(source: &Error) -> &'static str {
    if Errno::from_io_error(source) == Some(Errno::AFNOSUPPORT) {
        return "; this machine has no IPv6: take the address out of `listen`";
    }
    match source.kind() {
        ErrorKind::AddrNotAvailable => {
            "; `ip address` says which addresses this machine has: let the configuration name one of them"
        }
        _ => who_has_it(source),
    }
}

/// A second start of the same switch meets the taken address first; the journal tells whether it is one.
pub(super) fn no_admin(config: &Config, error: AdminError) -> ServeError {
    let journal = &config.journal.of_partition(Partition(0));
    let taken = matches!(&error, AdminError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse);
    let in_use = || matches!(FileStorage::open(journal, Access::Read), Err(OpenError::Locked { .. }));
    if taken && in_use() {
        return ServeError::RunsAlready { journal: journal.clone(), admin: config.admin };
    }
    error.into()
}

/// Says so where the kernel granted less than was asked for.
pub(super) fn compare_buffer(config: &Config, endpoint: &Endpoint) {
    let asked = config.transport.socket_buffer_bytes;
    // Linux grants twice what it was asked for, to hold its own overhead too.
    if (endpoint.receive_buffer_bytes as u64) < asked.saturating_mul(2) {
        warn!(
            asked_bytes = asked,
            granted_bytes = endpoint.receive_buffer_bytes,
            "the receive buffer is smaller than asked for: raise net.core.rmem_max, or bursts are lost"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_each_other_s_way_are_found_before_anything_is_written() {
        let port = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let both = [[0, 0, 0, 0], [127, 0, 0, 1]].map(|ip| SocketAddr::from((ip, port)));
        are_free(&both[..1]).unwrap();
        are_free(&both[1..]).unwrap();
        let error = are_free(&both).unwrap_err().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("`ss -lntup`"), "{error}");
    }

    #[test]
    fn an_address_that_the_machine_does_not_have_says_what_to_do() {
        // From a range for documents: nobody has it.
        let error = are_free(&[([192, 0, 2, 1], 0).into()]).unwrap_err().to_string();
        assert!(error.contains("192.0.2.1:0") && error.contains("`ip address`"), "{error}");
        let no_ipv6 = what_to_do(&Error::from(Errno::AFNOSUPPORT));
        assert!(no_ipv6.contains("out of `listen`"), "{no_ipv6}");
    }
}
