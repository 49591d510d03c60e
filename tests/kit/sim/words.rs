//! What one side wrote is what the other read: the forward is the request, and each delivery is the one that was asked for,
//! with its amount and its date, or the switch's own under the original's id.

use holdfast_protocol::{Authorize, Message, Outcome, RequestId};

use super::destination::{Entry, Task};
use super::operator::Operator;
use super::violation::{Verdict, ensure};

pub(crate) fn agree(operator: &Operator, original: RequestId, m: &Authorize, entry: &Entry) -> Verdict {
    if let Some(forward) = &entry.forward {
        let told = operator.requests.get(&original).and_then(|request| request.told.as_ref());
        let date = told.map_or(forward.settlement_date, |told| told.settlement_date);
        ensure!(
            "protocol",
            forward.settlement_date == date,
            "{original} was dated {forward:?}, told was {told:?}"
        );
        let in_budget = forward.budget_ms <= m.budget_ms;
        ensure!(
            "protocol",
            in_budget,
            "{original} has more time left than it came with: {forward:?} of {m:?}"
        );
        let as_asked = Authorize {
            originator: forward.originator,
            settlement_date: forward.settlement_date,
            budget_ms: forward.budget_ms,
            repeat: forward.repeat,
            attempt: forward.attempt,
            ..m.clone()
        };
        ensure!("protocol", *forward == as_asked, "{m:?} was forwarded as {forward:?}");
    }
    entry.tasks().try_for_each(|task| delivered(operator, original, task))
}

fn delivered(operator: &Operator, original: RequestId, task: Task) -> Verdict {
    let (id, own) = match task {
        Task::Capture { id, .. } => (id, false),
        Task::Release { id, expired } => {
            ensure!("protocol", expired == (id == original), "{original}: {task:?}");
            (id, expired)
        }
        Task::Reverse { id } => (id, id == original),
    };
    if own {
        return Ok(());
    }
    let Some(request) = operator.requests.get(&id) else {
        ensure!("protocol", false, "{original}: nobody asked for {task:?}");
        return Ok(());
    };
    ensure!(
        "protocol",
        request.original == original,
        "{original}: {task:?} was asked for {}",
        request.original
    );
    let Some(told) = &request.told else { return Ok(()) };
    let approved = told.outcome == Outcome::Approved;
    ensure!("protocol", approved, "{original}: {task:?} was delivered, its operator was told {told:?}");
    if let (Task::Capture { amount, date, .. }, Message::Capture(_)) = (task, &request.message) {
        let same = amount == told.amount && date == told.settlement_date;
        ensure!("protocol", same, "{original}: {task:?} was delivered, its operator was told {told:?}");
    }
    Ok(())
}
