//! What a run is made for, where a command makes several of them, or does something beside it: a line of the screen that changes
//! while the run goes on.

use std::cell::RefCell;
use std::rc::Rc;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Errand(Rc<RefCell<String>>);

impl Errand {
    /// From now on this stands there.
    pub fn say(&self, line: String) {
        *self.0.borrow_mut() = line;
    }

    /// What stands there.
    pub fn line(&self) -> String {
        self.0.borrow().clone()
    }
}
