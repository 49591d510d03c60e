//! A core and its journal over storage that forgets, with payments, reservations, captures, releases, reversals and
//! deliveries at random, and a snapshotter beside them. What the ledger was after each fact is noted.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::effect::Effect;
use holdfast_core::input::Recalled;
use holdfast_core::leaving::{Recents, Sorting};
use holdfast_core::registry::{Debtor, Limits, MerchantPattern, ParticipantRecord, Route};
use holdfast_core::view::{LiveSession, SessionId};
use holdfast_core::{Core, Input, Output, Settings as CoreSettings, View};
use holdfast_journal::{
    Archive, Batch, ForgetfulStorage, JournalId, Log, News, OpenError, RecordWriter, Recovering,
    SegmentNumber, Settings, SnapshotError, SnapshotFile, SnapshotSettings, SnapshotStep, SnapshotStorage,
    Snapshotter, SteppedJournal, recover_core,
};
use holdfast_protocol::*;

use crate::course::{Course, DESTINATIONS, OPERATORS, START, euro, from, number};

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

fn recall(effect: &Effect) -> Option<TransactionKey> {
    if let Effect::Recall(key) = effect { Some(*key) } else { None }
}

/// A switch without links: a core, its journal, a snapshotter.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) course: Course,
    pub(crate) core: Core,
    pub(crate) journal: SteppedJournal<ForgetfulStorage>,
    pub(crate) snapshotter: Snapshotter<ForgetfulStorage>,
    pub(crate) archive: Archive<ForgetfulStorage>,
    /// Snapshots that recovery found unusable, and the one it loaded.
    pub(crate) unusable: Vec<SegmentNumber>,
    pub(crate) loaded: Option<SegmentNumber>,
    clock: Duration,
    records: RecordWriter,
}

/// Each made of the one before it, as that is loaded.
pub(crate) const EVERY_OTHER: SnapshotSettings = SnapshotSettings {
    segments_between: 2,
    percent_of_its_size: 0,
    of_one_core: 1,
    retention: None,
    archive_retention: None,
};

impl World {
    /// Starts on the storage of a course, and checks that the ledger is what it was after the last fact that is there.
    pub(crate) fn start(
        mut course: Course,
        snapshots: SnapshotSettings,
    ) -> Result<Self, Box<(Course, OpenError)>> {
        let (mut unusable, mut loaded) = (Vec::new(), None);
        let (mut recents, mut since) = (Recents::new(usize::MAX), Sequence(0));
        let recovered = recover_core(
            Arc::new(course.storage.clone()),
            settings(),
            JournalId([7; 16]),
            course.now,
            Recovering {
                new_core: &mut || {
                    let mut core = Core::new(core_settings());
                    core.keep_leaving();
                    core
                },
                apply: &mut |core, fact| {
                    core.apply_recovered(fact);
                    recents.take(core);
                },
                news: &mut |news| match news {
                    News::SnapshotUnusable(at, _) => unusable.push(at),
                    News::SnapshotLoaded(at, sequence) => (loaded, since) = (Some(at), sequence),
                    News::Applied(..) => {}
                },
            },
        );
        let (mut core, recovered) = match recovered {
            Ok(recovered) => recovered,
            Err(error) => return Err(Box::new((course, error))),
        };
        assert!(core.sequence().0 >= course.durable, "I1: what was durable is there");
        let was = course.digests.get(&core.sequence().0);
        assert_eq!(Some(&core.digest()), was, "I7: the ledger after {:?} is what it was", core.sequence());
        holdfast_core::invariant::recount(&core).unwrap();
        // What was decided and is not there was told to nobody: it never happened.
        course.digests.split_off(&(core.sequence().0 + 1));
        course.durable = core.sequence().0;
        course.left.values_mut().for_each(|left| left.retain(|(by, _)| *by <= core.sequence().0));
        course.left.retain(|_, left| !left.is_empty());
        core.resume(recovered.last_time().max(course.now), recovered.epoch());
        let snapshotter = Snapshotter::new(
            recovered.storage(),
            recovered.journal(),
            core_settings(),
            snapshots,
            recovered.snapshot(),
        );
        let archive = Archive::open(recovered.storage(), recovered.journal(), recents, since).unwrap();
        let journal = SteppedJournal::start(recovered);
        let (clock, records) = (Duration::ZERO, RecordWriter::default());
        let mut world =
            Self { course, core, journal, snapshotter, archive, unusable, loaded, clock, records };
        let date = BusinessDate::from_utc(UnixMillis::new(START).unwrap());
        let begin = [Input::CutOver(date), configuration()];
        let up = OPERATORS.into_iter().chain(DESTINATIONS).map(|n| Input::LinkUp(from(n)));
        let fresh = world.core.sequence().0 == 0;
        // A step that the storage refuses shows in what becomes durable.
        world.hand_in(begin.into_iter().filter(|_| fresh).chain(up).collect());
        Ok(world)
    }

    pub(crate) fn must_start(course: Course, snapshots: SnapshotSettings) -> Self {
        Self::start(course, snapshots).map_err(|refused| refused.1).unwrap()
    }

    /// Why it does not start.
    pub(crate) fn must_not_start(course: Course, snapshots: SnapshotSettings) -> OpenError {
        let Err(refused) = Self::start(course, snapshots) else {
            panic!("facts that were durable are missing")
        };
        refused.1
    }

    /// Decides, and hands the facts to the journal; false where the journal is over.
    fn hand_in(&mut self, inputs: Vec<Input>) -> bool {
        let (mut out, view, first) = (Output::default(), view(), self.core.sequence());
        for input in inputs {
            self.core.step(self.course.now, &input, &view, &mut out);
            self.take_leaving();
        }
        let recalls: Vec<_> = out.effects.iter().filter_map(recall).collect();
        for key in recalls {
            let recalled = self.look_up(key);
            self.core.step(self.course.now, &Input::Recalled(key, recalled), &view, &mut out);
            self.take_leaving();
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
        let stepped = self.snapshotter.step(sealed, now);
        match &stepped {
            Ok(SnapshotStep::Indexed(of)) => self.archive.made(*of),
            Ok(SnapshotStep::IndexTrimmed(of)) => self.archive.gone(*of),
            Ok(_) | Err(_) => {}
        }
        stepped
    }

    fn take_leaving(&mut self) {
        let by = self.core.sequence();
        for leaving in self.core.take_leaving() {
            leaving.each(&mut Sorting::default(), |archived| {
                self.course.left.entry(archived.key()).or_default().push((by.0, archived));
            });
            self.archive.left(leaving, by).into_iter().for_each(|emptied| self.core.take_back(emptied));
        }
    }

    /// What the archive says of an id: never anything but what left last, or that it cannot be said.
    pub(crate) fn look_up(&mut self, key: TransactionKey) -> Recalled {
        let recalled = self.archive.look_up(key);
        let last = self.course.left.get(&key).and_then(|left| left.last());
        match recalled {
            Recalled::Found(found) => assert_eq!(Some(&found), last.map(|(_, archived)| archived)),
            Recalled::Absent => assert_eq!(last, None, "{key} is said to be absent"),
            Recalled::Unavailable => {}
        }
        recalled
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

/// All of a snapshot.
pub(crate) fn bytes_of(storage: &ForgetfulStorage, file: SnapshotFile) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.bytes).unwrap()];
    let read = storage.read_snapshot(file.at, 0, &mut bytes).unwrap();
    assert_eq!(read, bytes.len());
    bytes
}
