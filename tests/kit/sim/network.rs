//! The network: wires between participants and the switch. On each stream order is kept, between streams there is none; a
//! cut loses what is on its way. The switch's end of a wire is the real session code, fed with real frames.
//!
//! Absent on purpose: packets. What a lossy network does to QUIC arrives here as delay or as the end of a wire.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use holdfast::driver::Event;
use holdfast::session::control::{Control, EchoTimes, Wish};
use holdfast::session::inbound::Agreed;
use holdfast::session::outbound::CONTROL;
use holdfast::session::spread::{Part, spread};
use holdfast::session::{Inbound, Outbound, Received};
use holdfast_core::From;
use holdfast_protocol::{
    Echo, FrameReader, Instance, LaneOpen, Message, ParticipantNumber, Reason, SignOn, UnixMillis, Welcome,
};

use super::door::Door;
use super::pipe::Pipe;
use super::random::Random;
use super::violation::{Verdict, Violation, ensure};

/// Payment lanes of each wire.
pub(crate) const LANES: u8 = 3;
const STREAMS: usize = 1 + LANES as usize;
/// Bytes on their way to a participant before the switch can write no more to it: QUIC's flow control.
const FLOW_BYTES: usize = 8 << 10;
/// As in the shipped configuration.
pub(crate) const ECHO: EchoTimes =
    EchoTimes { interval: std::time::Duration::from_secs(1), patience: std::time::Duration::from_secs(3) };

/// Which wire, counted from the start of the run.
pub(crate) type WireId = u64;

/// The switch's end of a wire that signed on.
#[derive(Debug)]
struct SwitchEnd {
    from: From,
    control: Control,
    lanes: Vec<Inbound>,
    outbound: Arc<Outbound>,
}

/// Who dials, and as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) number: ParticipantNumber,
    pub(crate) instance: u16,
    pub(crate) receives: bool,
    pub(crate) shared: bool,
    pub(crate) window: u32,
}

#[derive(Debug)]
struct Wire {
    caller: Caller,
    up: [Pipe; STREAMS],
    down: [Pipe; STREAMS],
    readers: [FrameReader; STREAMS],
    end: Option<SwitchEnd>,
    welcome: Option<Welcome>,
    inbox: VecDeque<(u8, Message)>,
    /// The participant has its end.
    here: bool,
    /// Nothing passes any more.
    cut: bool,
    ends_here: Option<UnixMillis>,
    ends_there: Option<UnixMillis>,
    frozen_until: UnixMillis,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Network {
    wires: BTreeMap<WireId, Wire>,
    made: WireId,
    random: Random,
    /// Everything is slow until then.
    slow_until: UnixMillis,
    /// Why the switch ended wires.
    pub(crate) ended: BTreeMap<Reason, u64>,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        let random = Random::new(seed, 2);
        let slow_until = UnixMillis::default();
        Self { wires: BTreeMap::new(), made: 0, random, slow_until, ended: BTreeMap::new() }
    }

    fn arrival(&mut self, now: UnixMillis) -> UnixMillis {
        let usual = self.random.below(25);
        now.plus(if now < self.slow_until { usual + self.random.below(900) } else { usual })
    }

    /// Messages take up to a second until then.
    pub(crate) fn slow_until(&mut self, until: UnixMillis) {
        self.slow_until = until;
    }

    // The participant's end.

    pub(crate) fn dial(&mut self, caller: Caller, now: UnixMillis) -> WireId {
        self.made += 1;
        let sign_on = SignOn {
            version_min: 1,
            version_max: 1,
            instance: Instance(caller.instance),
            originates: !caller.receives,
            receives: caller.receives,
            shared_deduplication: caller.shared,
            lanes: LANES,
            window: caller.window,
        };
        let wire = Wire {
            caller,
            up: Default::default(),
            down: Default::default(),
            readers: Default::default(),
            end: None,
            welcome: None,
            inbox: VecDeque::new(),
            here: true,
            cut: false,
            ends_here: None,
            ends_there: None,
            frozen_until: now,
        };
        self.wires.insert(self.made, wire);
        self.send(self.made, CONTROL, &[sign_on.into()], now);
        self.made
    }

    /// Whether payments may flow.
    pub(crate) fn ready(&self, id: WireId) -> bool {
        self.wires.get(&id).is_some_and(|wire| wire.here && wire.welcome.is_some())
    }

    /// Whether the participant still has it.
    pub(crate) fn here(&self, id: WireId) -> bool {
        self.wires.get(&id).is_some_and(|wire| wire.here)
    }

    /// The switch's time at the welcome, once.
    pub(crate) fn take_welcome(&mut self, id: WireId) -> Option<Welcome> {
        self.wires.get_mut(&id)?.welcome.clone()
    }

    /// Writes messages to a stream as one chunk, or as two with a frame torn between them.
    pub(crate) fn send(&mut self, id: WireId, stream: usize, messages: &[Message], now: UnixMillis) {
        let mut bytes = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        let mut bytes = bytes.freeze();
        let (first, second) = (self.arrival(now), self.arrival(now));
        // A sign-on comes whole.
        let torn = stream != CONTROL && self.random.percent(10);
        let torn = torn.then(|| self.random.below(bytes.len() as u64) as usize);
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.here && !wire.cut) else { return };
        if let Some(at) = torn.filter(|at| *at > 0) {
            wire.up[stream].push(first, bytes.split_to(at));
        }
        wire.up[stream].push(second, bytes);
    }

    /// What has arrived on the payment lanes.
    pub(crate) fn take(&mut self, id: WireId) -> Vec<(u8, Message)> {
        self.wires.get_mut(&id).map(|wire| wire.inbox.drain(..).collect()).unwrap_or_default()
    }

    /// The participant reads and answers nothing until then.
    pub(crate) fn freeze(&mut self, id: WireId, until: UnixMillis) {
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.frozen_until = until;
        }
    }

    // What the network does.

    /// Cuts a wire. A cut that the switch does not notice is found by its echo.
    pub(crate) fn cut(&mut self, id: WireId, noticed: bool, now: UnixMillis) {
        let (here, there) = (self.random.below(300), self.random.below(200));
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.cut = true;
        wire.up.iter_mut().chain(&mut wire.down).for_each(Pipe::lose);
        wire.ends_here = Some(now.plus(here));
        wire.ends_there = noticed.then(|| now.plus(there));
    }

    /// The participant's process is gone, with all its wires.
    pub(crate) fn participant_gone(&mut self, id: WireId, now: UnixMillis) {
        self.cut(id, true, now);
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.here = false;
        }
    }

    /// The switch's process is gone. What left it may still arrive.
    pub(crate) fn switch_gone(&mut self, now: UnixMillis) {
        for wire in self.wires.values_mut() {
            wire.end = None;
            wire.cut = true;
            wire.up.iter_mut().for_each(Pipe::lose);
            wire.ends_here = Some(now.plus(self.random.below(400)));
        }
    }

    /// What has arrived at the switch, through its sessions to its driver.
    pub(crate) fn deliver_up(&mut self, now: UnixMillis, door: &mut Door<'_>) -> Verdict {
        let ids: Vec<WireId> = self.wires.keys().copied().collect();
        for id in ids {
            let Some(wire) = self.wires.get_mut(&id) else { continue };
            let mut end = None;
            if wire.ends_there.is_some_and(|at| at <= now) {
                end = Some(Reason::SignedOff);
            }
            while let Some(chunk) = wire.up[CONTROL].pop(now) {
                if let Err(reason) = wire.control(chunk, door) {
                    end = Some(reason);
                }
            }
            for lane in 0..LANES {
                while let Some(chunk) = wire.up[1 + usize::from(lane)].pop(now) {
                    if let Some(reason) = wire.lane(lane, chunk, door)? {
                        end = Some(reason);
                    }
                }
            }
            if let Some(switch_end) = wire.end.as_mut() {
                if let Err(reason) = switch_end.control.tick(door.at, door.time) {
                    end = Some(reason);
                }
                if !switch_end.control.out.is_empty() {
                    switch_end.outbound.push(CONTROL, switch_end.control.out.split().freeze());
                }
                end = end.or(switch_end.outbound.closing());
            }
            if let Some(reason) = end {
                self.end(id, reason, now, door);
            }
        }
        self.wires.retain(|_, wire| wire.here || wire.end.is_some());
        Ok(())
    }

    fn end(&mut self, id: WireId, reason: Reason, now: UnixMillis, door: &mut Door<'_>) {
        let notices = now.plus(self.random.below(200));
        let Some(wire) = self.wires.get_mut(&id) else { return };
        if let Some(end) = wire.end.take() {
            *self.ended.entry(reason).or_default() += 1;
            door.tell_all(&Event::Down { from: end.from });
        }
        wire.cut = true;
        wire.ends_here.get_or_insert(notices);
        wire.up.iter_mut().for_each(Pipe::lose);
    }

    /// What the switch has let go is on its way from now on.
    pub(crate) fn collect(&mut self, now: UnixMillis) {
        let ids: Vec<WireId> = self.wires.keys().copied().collect();
        let mut chunks = Vec::new();
        for id in ids {
            for stream in 0..STREAMS {
                let at = self.arrival(now);
                let Some(wire) = self.wires.get_mut(&id) else { continue };
                let Some(end) = wire.end.as_ref() else { continue };
                if wire.down[stream].bytes >= FLOW_BYTES {
                    continue;
                }
                end.outbound.take(stream, &mut chunks);
                for chunk in chunks.drain(..) {
                    end.outbound.written(chunk.len());
                    // What is written to a wire that was cut is lost with it.
                    if !wire.cut {
                        wire.down[stream].push(at, chunk);
                    }
                }
            }
        }
    }

    /// What has arrived at the participants. Echoes are answered here.
    pub(crate) fn deliver_down(&mut self, now: UnixMillis) -> Verdict {
        let mut replies = Vec::new();
        for (id, wire) in &mut self.wires {
            if wire.here && wire.frozen_until <= now {
                for stream in 0..STREAMS {
                    while let Some(chunk) = wire.down[stream].pop(now) {
                        wire.read(stream, chunk, |echo| replies.push((*id, echo)))?;
                    }
                }
            }
            if wire.ends_here.is_some_and(|at| at <= now) {
                wire.here = false;
            }
        }
        for (id, correlation) in replies {
            let opened = correlation == 0;
            if opened {
                for lane in 0..LANES {
                    self.send(id, 1 + usize::from(lane), &[LaneOpen { lane }.into()], now);
                }
            } else {
                self.send(id, CONTROL, &[Echo { correlation, time: now, reply: true }.into()], now);
            }
        }
        Ok(())
    }
}

impl Wire {
    /// A chunk of the control stream arrives at the switch.
    fn control(&mut self, chunk: Bytes, door: &mut Door<'_>) -> Result<(), Reason> {
        let mut wishes = Vec::new();
        match self.end.as_mut() {
            Some(end) => end.control.receive(chunk, door.time, &mut wishes)?,
            None => self.sign_on(chunk, door)?,
        }
        let Some(end) = self.end.as_ref() else { return Ok(()) };
        for wish in wishes {
            match wish {
                Wish::Drain => door.tell_all(&Event::Drain(end.from)),
                Wish::Window(window) => door.tell_all(&Event::Window(end.from, window)),
                Wish::SignOff => return Err(Reason::SignedOff),
            }
        }
        Ok(())
    }

    fn sign_on(&mut self, chunk: Bytes, door: &mut Door<'_>) -> Result<(), Reason> {
        let mut control = Control::new(ECHO, door.at);
        // It is written as one chunk.
        let sign_on = control.sign_on(chunk)?.ok_or(Reason::SignOnTimedOut)?;
        let member = door.member(self.caller.number).ok_or(Reason::IdentityUnknown)?;
        control.welcome(&sign_on, &member, door.offer(member.number), door.time)?;
        let session = door.admit();
        let from = From { participant: member.number, instance: sign_on.instance, session };
        let outbound = Arc::new(Outbound::default());
        let agreed = Agreed {
            originates: sign_on.originates,
            receives: sign_on.receives,
            window: door.offer(member.number).window,
            retry_after_ms: 100,
        };
        let lane = |lane| Inbound::new(from, Arc::clone(&member), Arc::clone(&outbound), agreed, lane);
        let lanes = (0..LANES).map(lane).collect();
        let address = ([127, 0, 0, 1], 1).into();
        door.tell_all(&Event::Up { from, sign_on, address, outbound: Arc::clone(&outbound) });
        self.end = Some(SwitchEnd { from, control, lanes, outbound });
        Ok(())
    }

    /// A chunk of a payment lane arrives at the switch; why the wire must end, if it must.
    fn lane(&mut self, lane: u8, chunk: Bytes, door: &mut Door<'_>) -> Verdict<Option<Reason>> {
        let Some(end) = self.end.as_mut() else { return Ok(None) };
        let mut received = Received::default();
        let result = end.lanes[usize::from(lane)].receive(chunk, door.at, &mut received);
        let refusals = std::mem::take(&mut received.refusals);
        if !refusals.is_empty() {
            end.outbound.push(1 + usize::from(lane), refusals.freeze());
        }
        for (partition, Part { first, answers, work }) in
            spread(received, door.partitions(), lane, &end.outbound)
        {
            door.tell(partition, Event::Received { from: end.from, lane, at: door.at, first, answers, work });
        }
        // Whoever takes part here writes frames that can be read, where they belong.
        let broken = result.err().filter(|reason| *reason != Reason::Flooding);
        ensure!("protocol", broken.is_none(), "the session ends a wire of {:?}: {broken:?}", self.caller);
        Ok(result.err())
    }

    /// A chunk arrives at the participant.
    fn read(&mut self, stream: usize, chunk: Bytes, mut reply: impl FnMut(u64)) -> Verdict {
        let malformed = |error: holdfast_protocol::DecodeError| {
            Violation::new("protocol", format!("the switch wrote what cannot be read: {error}"))
        };
        self.readers[stream].push(chunk);
        while let Some(frame) = self.readers[stream].next_frame().map_err(malformed)? {
            match Message::decode(&frame).map_err(malformed)? {
                Message::Welcome(welcome) => {
                    self.welcome = Some(welcome);
                    reply(0);
                }
                Message::Echo(echo) if !echo.reply => reply(echo.correlation),
                Message::Echo(_) | Message::Notice(_) | Message::Window(_) | Message::Drain(_) => {}
                message => {
                    ensure!("protocol", stream > 0, "on the control stream came {message:?}");
                    let lane = u8::try_from(stream - 1).expect("at most four lanes");
                    self.inbox.push_back((lane, message));
                }
            }
        }
        Ok(())
    }
}
