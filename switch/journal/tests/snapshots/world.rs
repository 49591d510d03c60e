//! A core and its journal over storage that forgets, with payments, reservations, captures, releases, reversals and
//! deliveries at random, and a snapshotter beside them. What the ledger was after each fact is noted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::effect::{Delivery, Effect};
use holdfast_core::input::From;
use holdfast_core::ledger::Digest;
use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::view::{LiveSession, SessionId};
use holdfast_core::{Core, Input, Output, Settings as CoreSettings, View};
use holdfast_journal::{
    Batch, ForgetfulStorage, JournalId, Log, News, OpenError, RecordWriter, SegmentNumber, Settings,
    SnapshotError, SnapshotSettings, SnapshotStep, Snapshotter, SteppedJournal, recover_core,
};
use holdfast_protocol::*;

pub(crate) const START: u64 = 1_795_305_600_000;
const OPERATORS: [u16; 2] = [1, 2];
const DESTINATIONS: [u16; 2] = [11, 12];

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let at = self.below(u64::try_from(of.len()).unwrap());
        of.get(usize::try_from(at).unwrap()).cloned()
    }
}

/// A short window, so that ids are forgotten while a test runs.
pub(crate) fn core_settings() -> CoreSettings {
    CoreSettings {
        window_max_ms: 3_000,
        skew_max_ms: 1_000,
        budget_max_ms: 2_000,
        expected_rate_per_s: 10,
        ..CoreSettings::default()
    }
}

/// Small segments, so that a run crosses many.
pub(crate) fn settings() -> Settings {
    Settings {
        segment_bytes: 40 << 10,
        frame_bytes_max: 8 << 10,
        batch_bytes_max: 8 << 10,
        ..Settings::small()
    }
}

fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).unwrap()
}

fn from(n: u16) -> From {
    From { participant: number(n), instance: Instance(1), session: SessionId(u64::from(n)) }
}

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn configuration() -> Input {
    let record = |n: u16, originates: bool| ParticipantRecord {
        number: number(n),
        name: format!("participant-{n}"),
        originates,
        receives: !originates,
        caps: vec![(euro(), Total::from_minor(1 << 60))],
        limits: vec![(SecurityLevel::Three, Limits::default())],
    };
    let operators = OPERATORS.map(|n| record(n, true));
    let participants = operators.into_iter().chain(DESTINATIONS.map(|n| record(n, false))).collect();
    let route = |n: u16| Route {
        mps: MpsId::from_text(&format!("acq-{n}")).unwrap(),
        merchants: MerchantPattern::Default,
        destination: number(n),
        pay_debtor: Debtor::Originator,
        reserve_debtor: if n == 11 { Debtor::Destination } else { Debtor::Originator },
    };
    Input::Configure(participants, DESTINATIONS.map(route).into())
}

fn view() -> View {
    let link = |n: u16| LiveSession {
        session: SessionId(u64::from(n)),
        instance: Instance(1),
        receives: true,
        shared_deduplication: false,
        draining: false,
        window: u32::MAX,
    };
    View { links: DESTINATIONS.map(|n| (number(n), vec![link(n)])).into(), ..View::default() }
}

/// What outlives the switch: the storage, the parties' memory, and what the ledger was after each fact.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) storage: ForgetfulStorage,
    pub(crate) random: Random,
    pub(crate) now: UnixMillis,
    pub(crate) digests: BTreeMap<u64, Digest>,
    /// Facts that were durable at some time.
    pub(crate) durable: u64,
    authorizes: Vec<(u16, Authorize)>,
    forwards: Vec<Authorize>,
    deliveries: Vec<Delivery>,
    made: u64,
}

impl Course {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            storage: ForgetfulStorage::new(),
            random: Random(seed),
            now: UnixMillis::new(START).unwrap(),
            digests: BTreeMap::from([(0, Core::new(core_settings()).digest())]),
            durable: 0,
            authorizes: Vec::new(),
            forwards: Vec::new(),
            deliveries: Vec::new(),
            made: 0,
        }
    }

    fn id(&mut self) -> RequestId {
        self.made += 1;
        RequestId::new(self.now, u128::from(self.made))
    }

    fn extensions(&mut self) -> Extensions {
        if self.random.below(8) == 0 {
            Extensions::from_wire(&[1, 0, 1, 0, 7]).unwrap()
        } else {
            Extensions::NONE
        }
    }

    fn authorize(&mut self) -> Input {
        let (who, to) = (self.random.pick(&OPERATORS).unwrap(), self.random.pick(&DESTINATIONS).unwrap());
        let kind = self.random.pick(&[Kind::Pay, Kind::Pay, Kind::Reserve, Kind::Reserve]).unwrap();
        let payee =
            if self.random.below(20) == 0 { "shop@nowhere".to_owned() } else { format!("shop@acq-{to}") };
        let request = Authorize {
            id: self.id(),
            originator: None,
            kind,
            payment_id: payee.parse().unwrap(),
            instrument: InstrumentReference::new(b"account-4711").unwrap(),
            amount: Amount::from_minor(1_000 + self.random.below(9_000)).unwrap(),
            currency: euro(),
            security_level: SecurityLevel::Three,
            channel: Channel::PacketData,
            expires: self.now.plus(2_500),
            hold_until: if kind == Kind::Pay { UnixMillis::default() } else { self.now.plus(20_000) },
            budget_ms: 2_000,
            partial_allowed: true,
            captures_many: kind == Kind::Reserve,
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: self.extensions(),
        };
        self.authorizes.push((who, request.clone()));
        Input::Authorize(from(who), request)
    }

    fn answer(&mut self) -> Option<Input> {
        if self.forwards.is_empty() {
            return None;
        }
        let at = usize::try_from(self.random.below(u64::try_from(self.forwards.len()).unwrap())).unwrap();
        // Some are answered twice, some late, some never.
        let forward =
            if self.random.below(5) == 0 { self.forwards[at].clone() } else { self.forwards.remove(at) };
        let to = if forward.payment_id.mps.as_str() == "acq-11" { 11 } else { 12 };
        let approved = self.random.below(5) > 0;
        let (outcome, reason) = if approved {
            (Outcome::Approved, Reason::None)
        } else {
            (Outcome::Declined, Reason::DoNotHonour)
        };
        let answer = Answer {
            id: forward.id,
            originator: forward.originator,
            outcome,
            state: State::None,
            reason,
            decided_by: DecidedBy::Destination,
            amount: if approved { forward.amount } else { Amount::ZERO },
            approval_code: ApprovalCode::NONE,
            settlement_date: None,
            partition: Partition(0),
            epoch: Epoch(0),
            sequence: Sequence(0),
            retry_after_ms: 0,
            extensions: self.extensions(),
        };
        Some(Input::Answer(from(to), answer))
    }

    fn follow_up(&mut self) -> Option<Input> {
        let (who, original) = self.random.pick(&self.authorizes)?;
        let (id, expires) = (self.id(), self.now.plus(2_500));
        let extensions = self.extensions();
        let unknown = self.random.below(12) == 0;
        Some(match self.random.below(6) {
            0..3 => Input::Capture(
                from(who),
                Capture {
                    id,
                    original: original.id,
                    originator: None,
                    amount: Amount::from_minor(400).unwrap(),
                    currency: euro(),
                    last: self.random.below(2) == 0,
                    expires,
                    delivery: None,
                    settlement_date: None,
                    repeat: false,
                    attempt: 1,
                    extensions,
                },
            ),
            3 => Input::Release(
                from(who),
                Release {
                    id,
                    original: original.id,
                    originator: None,
                    expires,
                    expired: false,
                    delivery: None,
                    repeat: false,
                    attempt: 1,
                    extensions,
                },
            ),
            _ => Input::Reverse(
                from(who),
                Reverse {
                    id,
                    original: if unknown {
                        RequestId::new(self.now, u128::from(id.get() as u64) << 20)
                    } else {
                        original.id
                    },
                    originator: None,
                    payment_id: original.payment_id,
                    reason: 0,
                    expires,
                    delivery: None,
                    settlement_date: None,
                    repeat: false,
                    attempt: 1,
                    extensions,
                },
            ),
        })
    }

    fn acknowledge(&mut self) -> Option<Input> {
        let delivery = self.deliveries.pop()?;
        let (originator, to) = match &delivery {
            Delivery::Capture(m) => (m.originator, None),
            Delivery::Release(m) => (m.originator, None),
            Delivery::Reverse(m) => (m.originator, Some(m.payment_id)),
        };
        let original = delivery.original();
        let known = self.authorizes.iter().find(|(_, m)| m.id == original).map(|(_, m)| m.payment_id);
        let to = if known.or(to)?.mps.as_str() == "acq-11" { 11 } else { 12 };
        let originator = originator?;
        Some(Input::Acknowledge(from(to), Acknowledge { original, originator, delivery: delivery.number() }))
    }

    fn input(&mut self) -> Input {
        let next = match self.random.below(12) {
            0..5 => Some(self.authorize()),
            5..8 => self.answer(),
            8..10 => self.follow_up(),
            _ => self.acknowledge(),
        };
        next.unwrap_or(Input::Tick)
    }
}

/// A switch without links: a core, its journal, a snapshotter.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) course: Course,
    pub(crate) core: Core,
    pub(crate) journal: SteppedJournal<ForgetfulStorage>,
    pub(crate) snapshotter: Snapshotter<ForgetfulStorage>,
    /// Snapshots that recovery found unusable, and the one it loaded.
    pub(crate) unusable: Vec<SegmentNumber>,
    pub(crate) loaded: Option<SegmentNumber>,
    clock: Duration,
    records: RecordWriter,
}

pub(crate) const EVERY_OTHER: SnapshotSettings =
    SnapshotSettings { segments_between: 2, times_its_size: 0, retention: None };

impl World {
    /// Starts on the storage of a course, and checks that the ledger is what it was after the last fact that is there.
    pub(crate) fn start(
        mut course: Course,
        snapshots: SnapshotSettings,
    ) -> Result<Self, (Course, OpenError)> {
        let (mut unusable, mut loaded) = (Vec::new(), None);
        let recovered = recover_core(
            Arc::new(course.storage.clone()),
            settings(),
            JournalId([7; 16]),
            course.now,
            &mut || Core::new(core_settings()),
            &mut |news| match news {
                News::SnapshotUnusable(at, _) => unusable.push(at),
                News::SnapshotLoaded(at, _) => loaded = Some(at),
                News::Applied(..) => {}
            },
        );
        let (mut core, recovered) = match recovered {
            Ok(recovered) => recovered,
            Err(error) => return Err((course, error)),
        };
        assert!(core.sequence().0 >= course.durable, "I1: what was durable is there");
        let was = course.digests.get(&core.sequence().0);
        assert_eq!(Some(&core.digest()), was, "I7: the ledger after {:?} is what it was", core.sequence());
        holdfast_core::invariant::recount(&core).unwrap();
        // What was decided and is not there was told to nobody: it never happened.
        course.digests.split_off(&(core.sequence().0 + 1));
        course.durable = core.sequence().0;
        core.resume(recovered.last_time().max(course.now), recovered.epoch(), Partition(0));
        let snapshotter = Snapshotter::new(
            recovered.storage(),
            recovered.journal(),
            core_settings(),
            snapshots,
            recovered.snapshot(),
        );
        let journal = SteppedJournal::start(recovered);
        let (clock, records) = (Duration::ZERO, RecordWriter::default());
        let mut world = Self { course, core, journal, snapshotter, unusable, loaded, clock, records };
        let date = BusinessDate::from_utc(UnixMillis::new(START).unwrap());
        let begin = [Input::CutOver(date), configuration()];
        let up = OPERATORS.into_iter().chain(DESTINATIONS).map(|n| Input::LinkUp(from(n)));
        let fresh = world.core.sequence().0 == 0;
        // A step that the storage refuses shows in what becomes durable.
        world.hand_in(begin.into_iter().filter(|_| fresh).chain(up).collect());
        Ok(world)
    }

    /// Decides, and hands the facts to the journal; false where the journal is over.
    fn hand_in(&mut self, inputs: Vec<Input>) -> bool {
        let (mut out, view, first) = (Output::default(), view(), self.core.sequence());
        for input in inputs {
            self.core.step(self.course.now, &input, &view, &mut out);
        }
        // The facts of one batch are durable together or not at all.
        self.course.digests.insert(self.core.sequence().0, self.core.digest());
        for effect in out.effects.drain(..) {
            match effect {
                Effect::Forward { request, .. } => self.course.forwards.push(request),
                Effect::Deliver { delivery, .. } => self.course.deliveries.push(delivery),
                _ => {}
            }
        }
        if !out.facts.is_empty() {
            let mut bytes = self.journal.take_buffer();
            for fact in &out.facts {
                self.records.write(fact, &mut bytes);
            }
            let count = u32::try_from(out.facts.len()).unwrap();
            let batch = Batch { bytes, first: first.next(), count, time: self.course.now };
            if self.journal.append(self.journal.epoch(), first, batch).is_err() {
                return false;
            }
        }
        self.clock += Duration::from_millis(self.course.random.below(8));
        let stepped = self.journal.step(self.clock).is_ok();
        self.course.durable = self.course.durable.max(self.journal.durable().0);
        stepped
    }

    /// Some time and some inputs; false where the journal is over.
    pub(crate) fn turn(&mut self) -> bool {
        let pause = if self.course.random.below(10) == 0 { 1_500 } else { 60 };
        self.course.now = self.course.now.plus(self.course.random.below(pause));
        let count = self.course.random.below(6) + 1;
        let mut inputs: Vec<Input> = (0..count).map(|_| self.course.input()).collect();
        inputs.push(Input::Tick);
        self.hand_in(inputs)
    }

    /// One step of the snapshotter.
    pub(crate) fn snapshot_step(&mut self) -> Result<SnapshotStep, SnapshotError> {
        let (sealed, now) = (self.journal.sealed(), self.course.now);
        self.snapshotter.step(sealed, now)
    }

    /// So many turns, each with a step of the snapshotter; how many snapshots were made. Ends early where the storage
    /// fails.
    pub(crate) fn run(&mut self, turns: u64) -> u64 {
        let mut made = 0;
        for _ in 0..turns {
            if !self.turn() {
                break;
            }
            made += u64::from(matches!(self.snapshot_step(), Ok(SnapshotStep::Made { .. })));
        }
        made
    }
}

/// The ledger that the whole journal makes, without any snapshot, and its last fact.
pub(crate) fn whole(storage: &ForgetfulStorage) -> Core {
    let mut core = Core::new(core_settings());
    let read =
        holdfast_journal::read_storage(storage, &mut |facts| Ok(holdfast_journal::fold(&mut core, &facts)?));
    read.unwrap().unwrap();
    core
}
