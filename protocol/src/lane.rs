//! Lanes: the long-lived streams that payments travel on.

use crate::ids::RequestId;

/// The most lanes a link may have.
pub const LANES_MAX: u8 = 4;

/// The lane, counted from zero, that everything about a transaction travels on: the low byte of the original's id
/// modulo the number of lanes. With no lanes, lane zero.
pub const fn lane_of(original: RequestId, lanes: u8) -> u8 {
    let [.., low] = original.to_bytes();
    match low.checked_rem(lanes) {
        Some(lane) => lane,
        None => 0,
    }
}
