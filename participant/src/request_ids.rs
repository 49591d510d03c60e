//! Ids for new requests: UUID version 7 in switch time.

use std::io;

use holdfast_protocol::{RequestId, UnixMillis};

/// Makes request ids that no other maker of the same participant makes.
///
/// After the 48 bits of time stand version and variant, 42 bits drawn at random once for each maker, and a counter of
/// 32 bits; so two makers collide with a probability of 2⁻⁴² and one maker never does below four billion ids a
/// millisecond. The counter stands in the low bits, so that consecutive ids spread over the lanes.
#[derive(Clone, Debug)]
pub struct RequestIds {
    drawn: u128,
    counter: u32,
}

const VERSION_7: u128 = 7 << 76;
const VARIANT: u128 = 2 << 62;

impl RequestIds {
    /// A maker with randomness of the operating system.
    ///
    /// # Errors
    /// Where the operating system has none to give.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self::from_seed(u64::from_le_bytes(bytes)))
    }

    /// A maker whose ids are a function of the seed, of which 42 bits count. For tests and for load that can be
    /// repeated; two makers of one participant must have different seeds.
    pub const fn from_seed(seed: u64) -> Self {
        let seed = seed as u128;
        let high = (seed & 0xfff) << 64;
        let low = ((seed >> 12) & 0x3fff_ffff) << 32;
        Self { drawn: VERSION_7 | high | VARIANT | low, counter: 0 }
    }

    /// The next id, made at `now` in switch time.
    pub const fn next(&mut self, now: UnixMillis) -> RequestId {
        let id = RequestId::new(now, self.drawn | self.counter as u128);
        self.counter = self.counter.wrapping_add(1);
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use holdfast_protocol::lane_of;

    use super::*;

    #[test]
    fn ids_have_the_form_of_uuid_version_7() {
        let now = UnixMillis::new(0x0123_4567_89ab).unwrap();
        let id = RequestIds::from_seed(u64::MAX).next(now);
        assert_eq!(id.to_string(), "01234567-89ab-7fff-bfff-ffff00000000");
        assert_eq!(id.created(), now);
    }

    #[test]
    fn ids_of_one_millisecond_differ_and_use_every_lane() {
        let now = UnixMillis::new(1).unwrap();
        let mut ids = RequestIds::new().unwrap();
        let made: HashSet<_> = (0..1_000).map(|_| ids.next(now)).collect();
        assert_eq!(made.len(), 1_000);
        let lanes: HashSet<_> = made.iter().map(|id| lane_of(*id, 4)).collect();
        assert_eq!(lanes.len(), 4);
    }
}
