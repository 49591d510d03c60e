//! How a switch that was started again tells participants that their links are gone: stateless resets (RFC 9000, 10.3).
//!
//! A killed switch says nothing, and whoever was linked to it would wait for its silence to be long enough. A switch that
//! hears a packet of a link it does not know may answer with a token that only the switch of that link can know. Tokens
//! and connection ids follow from a secret that outlives the process, so that the next one knows them: links end as soon as
//! it is back.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionIdGenerator, EndpointConfig};
use quinn_proto::HashedConnectionIdGenerator;

/// What tokens and connection ids follow from: 32 bytes that nobody else knows. Debug output shows none of them.
#[derive(Clone)]
pub struct ResetSecret([u8; 32]);

impl fmt::Debug for ResetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetSecret")
    }
}

impl ResetSecret {
    /// Follows from a private key, and says nothing about it.
    pub(crate) fn from_private_key(key: &[u8]) -> Self {
        Self(blake3::derive_key("holdfast 2026-11-22 stateless resets", key))
    }

    /// That of one address and one of the threads that have it: with one secret for several, who saw a packet to one could
    /// ask another for the token that ends its link (RFC 9000, 21.11). Of threads he could choose by the port he sends from.
    /// A participant's packets come to the same thread as before when as many as before have the address.
    fn of(&self, address: SocketAddr, thread: usize) -> Self {
        let place = if thread == 0 { address.to_string() } else { format!("{address} {thread}") };
        Self(*blake3::keyed_hash(&self.0, place.as_bytes()).as_bytes())
    }

    /// Tokens and connection ids of the endpoint that this thread, counted from zero, has at this address follow from it.
    pub(crate) fn configure(&self, endpoint: &mut EndpointConfig, address: SocketAddr, thread: usize) {
        let secret = self.of(address, thread);
        let ids = blake3::derive_key("holdfast 2026-11-22 connection ids", &secret.0);
        let [a, b, c, d, e, f, g, h, ..] = ids;
        let key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        endpoint.reset_key(Arc::new(secret));
        endpoint.cid_generator(move || -> Box<dyn ConnectionIdGenerator> {
            Box::new(HashedConnectionIdGenerator::from_key(key))
        });
    }
}

impl HmacKey for ResetSecret {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let signature = blake3::keyed_hash(&self.0, data);
        let length = signature_out.len().min(blake3::OUT_LEN);
        signature_out[..length].copy_from_slice(&signature.as_bytes()[..length]);
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // The comparison of two hashes takes the same time whatever they are.
        let signature: [u8; blake3::OUT_LEN] = signature.try_into().map_err(|_| CryptoError)?;
        if blake3::keyed_hash(&self.0, data) == signature { Ok(()) } else { Err(CryptoError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_follows_from_the_key_and_nobody_else_s_passes() {
        let sign = |key: &[u8]| {
            let mut signature = [0; blake3::OUT_LEN];
            ResetSecret::from_private_key(key).sign(b"a connection", &mut signature);
            signature
        };
        let secret = ResetSecret::from_private_key(b"one");
        assert!(secret.verify(b"a connection", &sign(b"one")).is_ok());
        assert!(secret.verify(b"a connection", &sign(b"two")).is_err());
        assert!(secret.verify(b"another", &sign(b"one")).is_err());
        assert!(secret.verify(b"a connection", b"short").is_err());
    }

    #[test]
    fn an_address_or_a_thread_gives_no_token_of_another() {
        let secret = ResetSecret::from_private_key(b"one");
        let endpoints = [(7_070, 0), (7_071, 0), (7_070, 1), (7_070, 2)];
        let secrets = endpoints.map(|(port, thread)| secret.of(([127, 0, 0, 1], port).into(), thread));
        for (here, one) in secrets.iter().enumerate() {
            let mut signature = [0; blake3::OUT_LEN];
            one.sign(b"a connection", &mut signature);
            for (there, other) in secrets.iter().enumerate() {
                assert_eq!(
                    other.verify(b"a connection", &signature).is_ok(),
                    here == there,
                    "{here} {there}"
                );
            }
        }
    }
}
