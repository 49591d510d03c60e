//! After a restart: nothing that anybody was told is missing or otherwise.

use holdfast_protocol::{ParticipantNumber, Sequence};

use super::checks::{i1, i3, i5, i6};
use super::operator::Operator;
use super::violation::Verdict;
use super::world::World;

impl World {
    /// See the module.
    pub(crate) fn check_told(&mut self) -> Verdict {
        self.time();
        let (high, cores, plan) = (self.time_high, self.cores(), self.plan());
        let core_of = |originator: ParticipantNumber| cores[usize::from(originator.home(plan.partitions).0)];
        for core in &cores {
            let home = |o: &&Operator| o.number.home(plan.partitions) == core.partition();
            let operators = self.operators.iter().filter(home).map(|o| o.heard_of);
            let destinations =
                self.destinations.iter().filter_map(|d| d.heard_of.get(&core.partition()).copied());
            // What was decided after the recovery, like the configuration, only adds to it.
            i1::recovered(operators.chain(destinations).max().unwrap_or(Sequence(0)), core.sequence())?;
        }
        for operator in &self.operators {
            for (id, request) in &operator.requests {
                i6::holds(core_of(operator.number), operator.number, *id, request, &plan, high)?;
            }
        }
        for destination in &self.destinations {
            for (key, entry) in &destination.entries {
                let forgotten = key.id.created() <= plan.remembered_from(high);
                i5::still(core_of(key.originator), destination.number, *key, entry, forgotten)?;
            }
        }
        cores.into_iter().try_for_each(i3::check)
    }
}
