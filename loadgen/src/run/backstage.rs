//! What goes on beside a run: it sees who plays, and may cut somebody off.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use tokio::sync::watch;

use super::RunError;
use crate::admin::JournalCounters;
use crate::operator::Tally;
use crate::player::Act;
use crate::stage::Stage;

/// What it is handed once everybody has signed on.
#[derive(Clone, Debug)]
pub struct Backstage {
    /// What all share.
    pub stage: Rc<Stage>,
    /// Names of the operators, in their order, with what they count.
    pub operators: Vec<(String, Rc<RefCell<Tally>>)>,
    /// Says by name whether a participant is cut off from the switch.
    pub cables: Rc<Vec<(String, watch::Sender<bool>)>>,
    /// Where the run is.
    pub act: watch::Receiver<Act>,
    /// The journal's counters as each process of the switch that was ended had them last.
    pub ended: Rc<RefCell<Vec<JournalCounters>>>,
}

/// Begins it. An error ends the run; the time for the drain begins when it has ended.
pub type Beside = Box<dyn FnOnce(Backstage) -> Pin<Box<dyn Future<Output = Result<(), RunError>>>>>;
