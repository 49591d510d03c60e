//! The live links as the driver sees them: where to write, and how many answers of each lane it has decided.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use holdfast_core::From;
use holdfast_core::view::SessionId;
use holdfast_protocol::{LANES_MAX, Message, Partition, RequestId, SignOn, UnixMillis, lane_of};

use crate::session::Outbound;

/// Bytes of effects of one lane, encoded but not handed over yet.
const STAGING_BYTES: usize = 64 << 10;

#[derive(Debug)]
struct Lane {
    staged: BytesMut,
    /// Decided and durable, and not told yet.
    decided: u64,
}

/// One live link.
#[derive(Debug)]
pub struct Live {
    /// Whose.
    pub from: From,
    /// What it said at sign-on.
    pub sign_on: SignOn,
    /// Where it dialled from.
    pub address: SocketAddr,
    /// When it signed on.
    pub since: UnixMillis,
    lanes: Vec<Lane>,
    /// Where its bytes go.
    pub outbound: Arc<Outbound>,
    answered: u32,
    touched: bool,
}

impl Live {
    /// A link that has just signed on.
    pub fn new(
        from: From,
        sign_on: &SignOn,
        address: SocketAddr,
        since: UnixMillis,
        outbound: Arc<Outbound>,
    ) -> Self {
        let lanes = (0..sign_on.lanes.clamp(1, LANES_MAX))
            .map(|_| Lane { staged: BytesMut::with_capacity(STAGING_BYTES), decided: 0 })
            .collect();
        let sign_on = sign_on.clone();
        Self { from, sign_on, address, since, lanes, outbound, answered: 0, touched: false }
    }
}

/// All live links. A session id holds its place in the table in the low 16 bits, so finding one is an index.
#[derive(Debug, Default)]
pub struct Sessions {
    places: Vec<Option<Live>>,
    touched: Vec<u16>,
}

/// The place of a session in the table.
const fn place_of(session: SessionId) -> usize {
    (session.0 & 0xffff) as usize
}

impl Sessions {
    /// Adds a link that signed on.
    pub fn add(&mut self, live: Live) {
        let place = place_of(live.from.session);
        if self.places.len() <= place {
            self.places.resize_with(place + 1, || None);
        }
        assert!(self.places[place].replace(live).is_none(), "a place is free before it is given again");
    }

    /// Removes a link; `None` where it is not there.
    pub fn remove(&mut self, session: SessionId) -> Option<Live> {
        let slot = self.places.get_mut(place_of(session))?;
        if slot.as_ref().is_some_and(|live| live.from.session == session) { slot.take() } else { None }
    }

    /// The link, while it lives.
    pub fn get(&self, session: SessionId) -> Option<&Live> {
        self.places.get(place_of(session))?.as_ref().filter(|live| live.from.session == session)
    }

    /// The link, while it lives.
    pub fn get_mut(&mut self, session: SessionId) -> Option<&mut Live> {
        self.places.get_mut(place_of(session))?.as_mut().filter(|live| live.from.session == session)
    }

    /// Whether no link lives.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All live links.
    pub fn iter(&self) -> impl Iterator<Item = &Live> {
        self.places.iter().flatten()
    }

    /// Encodes a message about a transaction for a link; `false` where the link is gone.
    pub fn stage(&mut self, to: SessionId, original: RequestId, message: &Message) -> bool {
        let lanes = match self.get_mut(to) {
            Some(live) => u8::try_from(live.lanes.len()).expect("at most four lanes"),
            None => return false,
        };
        self.stage_on(to, lane_of(original, lanes), message)
    }

    /// Encodes a message for one lane of a link.
    pub fn stage_on(&mut self, to: SessionId, lane: u8, message: &Message) -> bool {
        let Some(live) = self.places.get_mut(place_of(to)).and_then(Option::as_mut) else { return false };
        let Some(lane) = live.lanes.get_mut(usize::from(lane)).filter(|_| live.from.session == to) else {
            return false;
        };
        message.encode(&mut lane.staged);
        live.answered += u32::from(matches!(message, Message::Answer(_)));
        self.touch(to);
        true
    }

    /// One request of this link will be answered over another.
    pub fn superseded(&mut self, session: SessionId) {
        if let Some(live) = self.get(session) {
            live.outbound.answered(1);
        }
    }

    /// So many answers more of one lane are decided and durable.
    pub fn decided(&mut self, from: SessionId, lane: u8, answers: u64) {
        let Some(live) = self.get_mut(from) else { return };
        let Some(lane) = live.lanes.get_mut(usize::from(lane)) else { return };
        lane.decided += answers;
        self.touch(from);
    }

    fn touch(&mut self, session: SessionId) {
        let place = place_of(session);
        let Some(live) = self.places.get_mut(place).and_then(Option::as_mut) else { return };
        if !live.touched {
            live.touched = true;
            self.touched.push(u16::try_from(place).expect("a place has 16 bits"));
        }
    }

    /// Hands everything staged to the links, and tells which answers are decided in this partition; `full` is called for those
    /// with more than `bytes_max` queued.
    pub fn flush(&mut self, partition: Partition, bytes_max: usize, mut full: impl FnMut(&Live)) {
        for place in self.touched.drain(..) {
            let Some(live) = self.places.get_mut(usize::from(place)).and_then(Option::as_mut) else {
                continue;
            };
            live.touched = false;
            live.outbound.answered(std::mem::take(&mut live.answered));
            let mut queued = 0;
            for (number, lane) in (0..).zip(&mut live.lanes) {
                let decided = std::mem::take(&mut lane.decided);
                if decided > 0 {
                    queued = live.outbound.answers_decided(number, partition, decided, &mut lane.staged);
                } else if !lane.staged.is_empty() {
                    queued = live.outbound.push(usize::from(number) + 1, lane.staged.split().freeze());
                }
            }
            if queued > bytes_max {
                full(live);
            }
        }
    }
}
