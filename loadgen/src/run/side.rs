//! One side alone: an operator or an acquirer in a process of its own, with everybody else elsewhere.

use toml::Table;

use super::{Plan, RunError, Source, perform_kept};
use crate::cli::{AcquirerArguments, OperatorArguments, Rate, RunArguments};
use crate::report::Report;
use crate::traffic::payees::fill;

/// What one side alone cannot say.
pub(crate) const NOT_COMPARED: &str = "one side alone: what operators and destinations booked was not compared, nor the switch's \
                                       positions; `loadgen check` does that where the histories of all sides lie in one directory";

/// Who is played, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// An operator, which other operators may pay.
    Operator(u32),
    /// An acquirer.
    Acquirer(u32),
}

/// As many numbers a template is tried with.
const NUMBERS_MAX: u32 = 64;

/// Which number makes this name from the template.
fn numbered(template: &str, name: &str, count: u32, option: &str) -> Result<u32, RunError> {
    (1..=count).find(|number| fill(template, *number) == name).map(|number| number - 1).ok_or_else(|| {
        RunError::Usage(format!("--name {name:?} is none of {count} names that {option} {template:?} makes"))
    })
}

impl Plan {
    /// The run of one operator alone.
    ///
    /// # Errors
    /// [`RunError::Usage`] where the arguments contradict each other, or no operator has this name.
    pub fn operator(arguments: OperatorArguments) -> Result<Self, RunError> {
        let OperatorArguments { name, run } = arguments;
        let traffic = &run.load.traffic;
        let index = numbered(&run.load.place.operator_name, &name, traffic.operators, "--operator-name")?;
        let mut plan = Self::new(run)?;
        if let (Source::Drawn(settings), Rate::PerSecond(rate)) = (&mut plan.source, plan.arguments.rate) {
            // The rate of `loadgen run` is that of all operators together.
            settings.rate_per_s = Some(rate);
        }
        (plan.alone, plan.command) = (Some(Side::Operator(index)), "operator");
        Ok(plan)
    }

    /// An acquirer alone, as a run in which nothing is sent.
    ///
    /// # Errors
    /// [`RunError::Usage`] where no acquirer has this name.
    pub fn acquirer(arguments: &AcquirerArguments) -> Result<Self, RunError> {
        let template = &arguments.place.acquirer_name;
        let index = numbered(template, &arguments.name, NUMBERS_MAX, "--acquirer-name")?;
        let mut run = RunArguments::answering(arguments);
        run.load.traffic.acquirers = index + 1;
        run.load.traffic.operators = NUMBERS_MAX;
        let mut plan = Self::new(run)?;
        (plan.alone, plan.command) = (Some(Side::Acquirer(index)), "acquirer");
        Ok(plan)
    }

    /// The share of the planned arrivals that this process sends.
    pub(crate) fn share_played(&self) -> f64 {
        match self.alone {
            None => 1.0,
            Some(Side::Operator(_)) => 1.0 / f64::from(self.arguments.load.traffic.operators),
            Some(Side::Acquirer(_)) => 0.0,
        }
    }
}

/// Makes the run of one operator alone and says what it brought; the run directory keeps the resolved options.
///
/// # Errors
/// Where the run could not begin. What breaks off later is part of the report.
pub fn operator(arguments: OperatorArguments, options: Table) -> Result<Report, RunError> {
    perform_kept(Plan::operator(arguments)?, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_template() {
        assert_eq!(numbered("operator-{}", "operator-2", 3, "--operator-name").unwrap(), 1);
        for (template, name) in [("operator-{}", "operator-4"), ("bank-{}", "operator-1")] {
            assert!(matches!(numbered(template, name, 3, "--operator-name"), Err(RunError::Usage(_))));
        }
    }
}
