//! An operator: asks, remembers what it was told, repeats what is unanswered under the same id, and asks again for what
//! it knows, which must not have changed (I2, I6). Its books survive everything; its links do not.

mod hearing;
mod making;
mod mutating;
mod refunding;
mod returning;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use holdfast_protocol::{
    Answer, Epoch, Inquiry, Message, ParticipantNumber, Reason, RequestId, TransactionKey, UnixMillis,
    lane_of,
};

use super::faults::Fault;
use super::network::{LANES, WireId};
use super::plan::Party;
use super::random::Random;
use super::scene::{Dialler, Scene};

/// An unanswered request is repeated after so long.
const REPEAT_MS: u64 = 1_200;
/// Requests that are asked again at once, at most.
const REPEATS_MAX: usize = 24;

/// What an operator keeps of a request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) message: Message,
    /// The transaction it is about: of a refund, itself.
    pub(crate) original: RequestId,
    /// The oldest transaction that the switch may have to look up for it.
    pub(crate) oldest: RequestId,
    /// The answer with its state left out, which may change.
    pub(crate) told: Option<Answer>,
    /// It will not be asked again, and nothing is recorded.
    pub(crate) over: Option<Reason>,
    /// The switch remembers nothing of it any more, and nobody was told.
    pub(crate) lost: bool,
    /// The refusal that it was made for.
    expected: Option<Reason>,
    /// The fields in which another content was sent under its id.
    mutated: BTreeSet<Reason>,
    /// A copy is unanswered since then.
    asked: Option<UnixMillis>,
    not_before: UnixMillis,
    unavailable: u8,
    /// The epoch it was first asked in, and the switch's time then.
    pub(crate) asked_in: Option<(Epoch, UnixMillis)>,
    /// It was refused as expired under this epoch.
    expired_in: Option<Epoch>,
    /// Copies that may be refused although another was answered.
    older_copies: u8,
    copies: u8,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) number: ParticipantNumber,
    pub(crate) dialler: Dialler,
    pub(crate) requests: BTreeMap<RequestId, Request>,
    /// Those that are to be asked until there is an answer.
    waiting: BTreeSet<RequestId>,
    /// The authorizes, oldest first.
    transactions: Vec<RequestId>,
    /// Originals that are held back so that their reversal comes first.
    held_back: Vec<(UnixMillis, RequestId)>,
    /// Those that are asked about again each time they have left memory, and when they last were.
    same: VecDeque<(RequestId, UnixMillis)>,
    random: Random,
    made: u64,
    /// The switch's time less the true time, as the last welcome said.
    ahead_ms: i64,
    pub(crate) frozen_until: UnixMillis,
    /// The newest fact that it was told of.
    pub(crate) heard_of: holdfast_protocol::Sequence,
}

impl Operator {
    pub(crate) fn new(party: Party, seed: u64) -> Self {
        Self {
            number: party.number,
            dialler: Dialler::new(party, false),
            requests: BTreeMap::new(),
            waiting: BTreeSet::new(),
            transactions: Vec::new(),
            held_back: Vec::new(),
            same: VecDeque::new(),
            random: Random::new(seed, 100 + u64::from(party.number.get())),
            made: 0,
            ahead_ms: 0,
            frozen_until: UnixMillis::default(),
            heard_of: holdfast_protocol::Sequence(0),
        }
    }

    pub(crate) fn key(&self, original: RequestId) -> TransactionKey {
        TransactionKey { originator: self.number, id: original }
    }

    /// Whether it knows what became of everything that can be known.
    pub(crate) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.held_back.is_empty()
    }

    /// What it still waits for.
    pub(crate) fn unsettled(&self) -> Option<&Request> {
        self.waiting.first().map(|id| &self.requests[id])
    }

    /// The switch's time as it reckons.
    fn stamp(&self, now: UnixMillis) -> UnixMillis {
        let ahead = self.ahead_ms.unsigned_abs();
        if self.ahead_ms < 0 { now.minus(ahead) } else { now.plus(ahead) }
    }

    /// Dials, makes up to `allowed` new requests, and repeats; returns how many are new.
    pub(crate) fn act(&mut self, scene: &mut Scene<'_>, allowed: u64) -> u64 {
        for (_, time) in self.dialler.keep(scene, &mut self.random) {
            self.ahead_ms = time.get() as i64 - scene.now.get() as i64;
            // What was asked over a lost wire is asked again.
            self.requests.values_mut().for_each(|request| request.asked = None);
        }
        if self.frozen_until > scene.now {
            return 0;
        }
        let ready = self.dialler.ready(scene.net);
        let Some((_, wire)) = self.random.pick(&ready).copied() else { return 0 };
        let mut ids = self.late(scene);
        let mut made = 0;
        if !scene.calm && allowed > 0 && self.random.percent(55) {
            let burst = if self.random.percent(2) { 14 } else { 1 + self.random.below(3) };
            for _ in 0..burst.min(allowed) {
                ids.extend(self.make(scene));
                made += 1;
            }
        }
        let due = |(at, _): &mut (UnixMillis, RequestId)| *at <= scene.now || scene.calm;
        ids.extend(self.held_back.extract_if(.., due).map(|(_, id)| id));
        self.ask(&ids, wire, scene);
        if !scene.calm {
            self.bother(&ready, scene);
        }
        made
    }

    /// What has been unanswered for long.
    fn late(&self, scene: &Scene<'_>) -> Vec<RequestId> {
        let late = |id: &&RequestId| {
            let request = &self.requests[*id];
            let unanswered = request.asked.is_none_or(|asked| scene.now.since(asked) >= REPEAT_MS);
            let held_back = self.held_back.iter().any(|(_, other)| other == *id);
            unanswered && request.not_before <= scene.now && !held_back
        };
        self.waiting.iter().filter(late).take(REPEATS_MAX).copied().collect()
    }

    /// Asks for the first time or again, each lane's as one batch.
    fn ask(&mut self, ids: &[RequestId], wire: WireId, scene: &mut Scene<'_>) {
        let mut lanes: Vec<Vec<Message>> = vec![Vec::new(); usize::from(LANES)];
        for id in ids {
            let request = self.requests.get_mut(id).expect("it was made");
            request.asked = Some(scene.now);
            request.asked_in.get_or_insert((scene.core_of(self.number).epoch(), scene.time));
            request.copies = request.copies.saturating_add(1);
            if request.copies > 1 {
                scene.faults.add(Fault::Repeated);
            }
            scene.trace.note(scene.now, || format!("{} asks {id} ({})", self.number, request.copies));
            let lane = usize::from(lane_of(request.original, LANES));
            lanes[lane].push(copy(&request.message, request.copies));
        }
        for (lane, messages) in lanes.iter().enumerate().filter(|(_, messages)| !messages.is_empty()) {
            scene.net.send(wire, 1 + lane, messages, scene.now);
        }
    }

    /// Now and then: asks again for what it knows, asks what became of something, sends another content under a known id.
    fn bother(&mut self, ready: &[(usize, WireId)], scene: &mut Scene<'_>) {
        let Some((_, wire)) = self.random.pick(ready).copied() else { return };
        if self.random.percent(8)
            && let Some(id) = self.recent(60)
        {
            self.ask(&[id], wire, scene);
        }
        if self.random.percent(6)
            && let Some(id) = self.recent(40)
        {
            let many = if self.random.percent(30) { 4 } else { 1 };
            for correlation in 0..many {
                let inquiry = Inquiry { id, originator: None, correlation };
                scene.net.send(wire, 1 + usize::from(lane_of(id, LANES)), &[inquiry.into()], scene.now);
            }
        }
        if self.random.percent(6)
            && let Some(id) = self.recent(40)
        {
            self.mutate(id, wire, scene);
        }
    }

    /// One of its newest requests that have an answer.
    fn recent(&mut self, among: u64) -> Option<RequestId> {
        let back = self.random.below(among) as usize;
        let (id, request) = self.requests.iter().rev().nth(back)?;
        request.told.is_some().then_some(*id)
    }
}

/// The request as it is sent for the `number`-th time.
fn copy(message: &Message, number: u8) -> Message {
    let mut copy = message.clone();
    let (repeat, attempt) = match &mut copy {
        Message::Authorize(m) => (&mut m.repeat, &mut m.attempt),
        Message::Capture(m) => (&mut m.repeat, &mut m.attempt),
        Message::Release(m) => (&mut m.repeat, &mut m.attempt),
        Message::Reverse(m) => (&mut m.repeat, &mut m.attempt),
        Message::Refund(m) => (&mut m.repeat, &mut m.attempt),
        other => panic!("an operator does not ask {other:?}"),
    };
    (*repeat, *attempt) = (number > 1, number.max(1));
    copy
}
