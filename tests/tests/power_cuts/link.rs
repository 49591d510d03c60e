//! A link in memory: what the participant's side writes goes through the switch's sessions, and what the switch wrote
//! is decoded.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use crossbeam::channel::Sender;
use holdfast::driver::Event;
use holdfast::session::inbound::Agreed;
use holdfast::session::{Inbound, Member, Outbound, Received};
use holdfast_core::From;
use holdfast_core::view::SessionId;
use holdfast_protocol::{
    FrameReader, Instance, LaneOpen, Message, ParticipantNumber, RequestId, SignOn, lane_of,
};

/// Payment lanes of each link.
pub(crate) const LANES: u8 = 2;
/// More than a run ever has unanswered.
const WINDOW: u32 = 100_000;

/// The participant's end.
pub(crate) struct Link {
    from: From,
    outbound: Arc<Outbound>,
    lanes: Vec<Inbound>,
    frames: Vec<FrameReader>,
    events: Sender<Event>,
    at: Instant,
}

/// The lane of everything about a transaction.
pub(crate) fn lane(original: RequestId) -> u8 {
    lane_of(original, LANES)
}

impl Link {
    /// Signs on and opens the lanes.
    pub(crate) fn open(
        number: ParticipantNumber,
        receives: bool,
        session: SessionId,
        events: Sender<Event>,
        at: Instant,
    ) -> Self {
        let from = From { participant: number, instance: Instance(1), session };
        let outbound = Arc::new(Outbound::default());
        let sign_on = SignOn {
            version_min: 1,
            version_max: 1,
            instance: from.instance,
            originates: !receives,
            receives,
            shared_deduplication: false,
            lanes: LANES,
            window: WINDOW,
        };
        let address = ([127, 0, 0, 1], 1).into();
        events.send(Event::Up { from, sign_on, address, outbound: Arc::clone(&outbound) }).unwrap();
        let member = Arc::new(Member::new(number.to_string(), number, !receives, receives, WINDOW));
        let agreed = Agreed { originates: !receives, receives, window: WINDOW, retry_after_ms: 100 };
        let lane = |lane| Inbound::new(from, Arc::clone(&member), Arc::clone(&outbound), agreed, lane);
        let mut link = Self {
            from,
            lanes: (0..LANES).map(lane).collect(),
            frames: (0..LANES).map(|_| FrameReader::default()).collect(),
            outbound,
            events,
            at,
        };
        for lane in 0..LANES {
            link.send(lane, &[LaneOpen { lane }.into()]).unwrap();
        }
        link
    }

    /// Everything in one chunk, as one read of the switch.
    pub(crate) fn send(&mut self, lane: u8, messages: &[Message]) -> Result<(), String> {
        let mut bytes = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        let mut received = Received::default();
        self.lanes[usize::from(lane)]
            .receive(bytes.freeze(), self.at, &mut received)
            .map_err(|reason| format!("the session ends the link: {reason}"))?;
        let Received { first, work, answers, refusals, refused } = received;
        ensure!(refusals.is_empty(), "the session refuses {refused:?}");
        if !first.is_empty() || !work.is_empty() {
            let event = Event::Received { from: self.from, lane, at: self.at, first, answers, work };
            self.events.send(event).unwrap();
        }
        Ok(())
    }

    /// What the switch has let go since the last time, with the lane it came on.
    pub(crate) fn read(&mut self) -> Result<Vec<(u8, Message)>, String> {
        ensure!(self.outbound.closing().is_none(), "the switch closes a link: {:?}", self.outbound.closing());
        let (mut messages, mut chunks) = (Vec::new(), Vec::new());
        for lane in 0..LANES {
            self.outbound.take(usize::from(lane) + 1, &mut chunks);
            let frames = &mut self.frames[usize::from(lane)];
            for chunk in chunks.drain(..) {
                self.outbound.written(chunk.len());
                frames.push(chunk);
                while let Some(frame) = frames.next_frame().map_err(|e| e.to_string())? {
                    messages.push((lane, Message::decode(&frame).map_err(|e| e.to_string())?));
                }
            }
        }
        Ok(messages)
    }

    /// The network drops it; the switch notices.
    pub(crate) fn lost(self) {
        self.events.send(Event::Down { from: self.from }).unwrap();
    }
}
