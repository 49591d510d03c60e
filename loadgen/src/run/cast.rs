//! Everybody who plays: links dialled, operators and destinations made, histories begun.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use holdfast_participant::{Credentials, Link, LinkConfig, LinkSettings, Roles};
use holdfast_protocol::{Channel, Instance, ParticipantNumber, SecurityLevel, UnixMillis, Welcome};
use tokio::sync::watch;

use super::{Plan, RunError, Side, nanos};
use crate::destination::known::Known;
use crate::destination::memory::Memory;
use crate::destination::{self, Destination};
use crate::history::HistoryWriter;
use crate::history::record::Role;
use crate::operation_id::IdSpace;
use crate::operator::{self, Loop, Operator};
use crate::player::{Act, Player};
use crate::stage::{Faults, Operators, OwnTimes, Rules, Stage};
use crate::traffic::payees::{Payees, fill};

/// The instance that every player signs on as.
const INSTANCE: Instance = Instance(1);
/// Forwards that a destination takes unanswered: it answers at once, so the switch may send what it has.
const FORWARDS_MAX: u32 = 1_000_000;

/// A player and the link it begins with.
pub(super) struct Entrance {
    pub(super) player: Player,
    pub(super) link: Link,
}

/// Who plays, and what they count.
pub(super) struct Cast {
    pub(super) stage: Rc<Stage>,
    /// The switch's time when the run began.
    pub(super) begun: UnixMillis,
    pub(super) players: Vec<Entrance>,
    /// Names of the operators, in their order, with what they count.
    pub(super) operators: Vec<(String, Rc<RefCell<operator::Tally>>)>,
    /// Who can be cut off from the switch, by name.
    pub(super) cables: Rc<Vec<(String, watch::Sender<bool>)>>,
    /// Names of the destinations, in the order of the payees, with what they count.
    pub(super) destinations: Vec<(String, Rc<RefCell<destination::Tally>>)>,
}

impl Cast {
    /// Lets the destinations forget what nobody can repeat any more.
    pub(super) fn forget(&self) {
        let stage = &self.stage;
        // Holds and reversals follow their request within a minute, unless they were recorded later.
        let before = self.begun.plus(stage.ns() / 1_000_000).minus(stage.remembered_ms + 60_000);
        stage.memory.borrow_mut().forget(before);
        if let Some(known) = &stage.known {
            known.borrow_mut().forget(before);
        }
    }
}

/// Whether everybody who is played has a certificate: it is said before anybody is asked anything.
pub(super) fn check_certificates(plan: &Plan) -> Result<(), RunError> {
    let a = &plan.arguments.load;
    let acquirers = (1..=a.traffic.acquirers).map(|n| (fill(&a.place.acquirer_name, n), None));
    let operators = (1..=a.traffic.operators).map(|n| (fill(&a.place.operator_name, n), Some(n - 1)));
    (0_u16..)
        .zip(acquirers.chain(operators))
        .filter(|(index, (_, operator))| is_played(plan, *index, *operator))
        .try_for_each(|(_, (name, operator))| link_config(plan, &name, operator.is_some()).map(|_| ()))
}

/// Dials for everybody and puts them on stage. Zero of the run's time is when this returns.
pub(super) async fn gather(
    plan: &Plan,
    act: &watch::Receiver<Act>,
    mut writer: Option<&mut HistoryWriter>,
) -> Result<Cast, RunError> {
    let a = &plan.arguments.load;
    let acquirers = (1..=a.traffic.acquirers).map(|n| (fill(&a.place.acquirer_name, n), None));
    let operators = (1..=a.traffic.operators).map(|n| (fill(&a.place.operator_name, n), Some(n - 1)));
    let mut links = Vec::new();
    let everybody = (0_u16..).zip(acquirers.chain(operators));
    for (index, (name, operator)) in
        everybody.filter(|(index, (_, operator))| is_played(plan, *index, *operator))
    {
        let config = link_config(plan, &name, operator.is_some())?;
        let link = Link::dial(&config, a.place.switch).await.map_err(|source| RunError::SignOn {
            name: name.clone(),
            address: a.place.switch,
            source: Box::new(source),
        })?;
        links.push((index, name, operator, config, link));
    }
    let (.., first) = links.first().expect("the plan has somebody to play");
    let stage = Rc::new(stage(plan, first.welcome())?);
    let mut cast = Cast {
        stage: Rc::clone(&stage),
        begun: first.switch_time(),
        players: vec![],
        operators: vec![],
        cables: Rc::default(),
        destinations: vec![],
    };
    let mut cables = Vec::new();
    for (index, name, operator, config, link) in links {
        let number = link.welcome().participant;
        let now = link.switch_time();
        let mut destination = Destination::new(Rc::clone(&stage), index);
        destination.signed_on(history(&mut writer, Role::Destination, number, now, &name));
        cast.destinations.push((name.clone(), destination.tally()));
        let operator = operator.map(|index| {
            stage.operators.set(number, index);
            let mut operator = cast_operator(plan, &stage, index);
            operator.signed_on(number, history(&mut writer, Role::Operator, number, now, &name));
            cast.operators.push((name.clone(), operator.tally()));
            (index, operator)
        });
        let (cable, cut) = watch::channel(false);
        cables.push((name.clone(), cable));
        let player = Player {
            stage: Rc::clone(&stage),
            name,
            address: a.place.switch,
            config,
            operator,
            destination,
            act: act.clone(),
            cut,
            overflow: VecDeque::new(),
            clock: (now, Instant::now()),
            handed_over: Instant::now(),
        };
        cast.players.push(Entrance { player, link });
    }
    cast.cables = Rc::new(cables);
    Ok(cast)
}

/// Whether this process plays it: an acquirer by its place among the payees, an operator by its place among the operators.
fn is_played(plan: &Plan, payee: u16, operator: Option<u32>) -> bool {
    match plan.alone {
        None => true,
        Some(Side::Operator(alone)) => operator == Some(alone),
        Some(Side::Acquirer(alone)) => operator.is_none() && u32::from(payee) == alone,
    }
}

fn history(
    writer: &mut Option<&mut HistoryWriter>,
    role: Role,
    number: ParticipantNumber,
    now: UnixMillis,
    name: &str,
) -> Option<crate::history::History> {
    writer.as_mut().map(|writer| writer.history(role, number, INSTANCE.0, now, name))
}

fn link_config(plan: &Plan, name: &str, originates: bool) -> Result<LinkConfig, RunError> {
    let a = &plan.arguments.load;
    let credentials = Credentials::from_directory(&a.place.certs, name)
        .map_err(|error| RunError::Certificate { name: name.to_owned(), reason: error.to_string() })?;
    let mut config = LinkConfig::new(credentials, if originates { Roles::Both } else { Roles::Destination });
    config.instance = INSTANCE;
    config.lanes = a.place.lanes;
    config.window = FORWARDS_MAX;
    config.quic = LinkSettings { mtu: a.place.mtu, ..LinkSettings::default() };
    if a.place.tolerate_restarts {
        // A killed switch says nothing: only silence tells, and it should tell soon.
        config.sign_on_timeout = Duration::from_secs(1);
        config.echo_interval = Duration::from_millis(250);
        config.echo_timeout = Duration::from_secs(2);
    }
    Ok(config)
}

fn stage(plan: &Plan, welcome: &Welcome) -> Result<Stage, RunError> {
    let a = &plan.arguments.load;
    let acquirers = (1..=a.traffic.acquirers).map(|n| (a.place.acquirer_mps.as_str(), n));
    let operators = (1..=a.traffic.operators).map(|n| (a.place.operator_mps.as_str(), n));
    let payees = Payees::new(acquirers.chain(operators), &a.place.merchant, a.traffic.merchants)?;
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let run = plan.seed ^ crate::random::mix(nanos(wall));
    Ok(Stage {
        origin: Instant::now(),
        rules: Rules {
            budget_ms: u32::try_from(a.place.budget.as_millis())
                .expect("the plan limits the budget to ten minutes"),
            // What expires later than the switch allows would be refused.
            expires_ms: u64::try_from(a.place.expires.as_millis())
                .unwrap_or(u64::MAX)
                .min(u64::from(welcome.window_max_ms)),
            currency: plan.currency,
            security_level: SecurityLevel::Three,
            channel: Channel::PacketData,
            measure_from_ns: nanos(plan.arguments.warmup),
            measure_until_ns: plan.end_ns(),
            tolerate_restarts: a.place.tolerate_restarts,
        },
        payees,
        spaces: (0..a.traffic.operators).map(|operator| IdSpace::new(run, operator)).collect(),
        operators: Operators::default(),
        remembered_ms: u64::from(welcome.window_max_ms)
            + u64::from(welcome.skew_max_ms)
            + plan.source.longest_ms(),
        memory: RefCell::new(Memory::new(a.traffic.operators)),
        own_times: OwnTimes::new(a.traffic.operators),
        faults: RefCell::new(Faults::default()),
        history_stalls: Cell::new(0),
        steering: Cell::default(),
        known: plan.alone.is_some().then(|| RefCell::new(Known::new(a.traffic.operators))),
    })
}

fn cast_operator(plan: &Plan, stage: &Rc<Stage>, index: u32) -> Operator {
    let pace = if plan.rate_of_operator().is_some() { Loop::Open } else { Loop::Closed };
    let load = &plan.arguments.load;
    let window = (load.place.window / load.traffic.operators).max(1);
    Operator::new(Rc::clone(stage), index, plan.source.arrivals(index, plan.end_ns()), pace, window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::run_arguments;

    #[test]
    fn who_has_no_certificate_is_named_before_anybody_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let line = format!("--switch 127.0.0.1:1 --certs {} --no-admin", directory.path().display());
        let plan = Plan::new(run_arguments(&line).unwrap()).unwrap();
        let said = check_certificates(&plan).unwrap_err().to_string();
        for words in ["certificate of acquirer-1", "ca.pem", "holdfast certs DIR", "--acquirers say"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
