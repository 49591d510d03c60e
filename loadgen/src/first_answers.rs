//! When an operator heard an outcome again after a fault: how long it was unserved.
//!
//! Costs one comparison an outcome while nothing is awaited.

/// See the module.
#[derive(Clone, Debug)]
pub struct FirstAnswers {
    /// The earliest of what is awaited; the end of time where nothing is.
    earliest_ns: u64,
    /// Which fault, and from when on an outcome counts.
    awaited: Vec<(usize, u64)>,
    /// Which fault, and when the first outcome was heard.
    heard: Vec<(usize, u64)>,
}

impl Default for FirstAnswers {
    fn default() -> Self {
        Self { earliest_ns: u64::MAX, awaited: Vec::new(), heard: Vec::new() }
    }
}

impl FirstAnswers {
    /// Waits for the first outcome at `from_ns` or later, for this fault.
    pub fn expect(&mut self, fault: usize, from_ns: u64) {
        self.awaited.push((fault, from_ns));
        self.earliest_ns = self.earliest_ns.min(from_ns);
    }

    /// An outcome was heard.
    #[inline]
    pub fn note(&mut self, at_ns: u64) {
        if at_ns >= self.earliest_ns {
            self.fulfil(at_ns);
        }
    }

    #[cold]
    fn fulfil(&mut self, at_ns: u64) {
        let heard = &mut self.heard;
        self.awaited.retain(|(fault, from_ns)| {
            let is_due = *from_ns <= at_ns;
            if is_due {
                heard.push((*fault, at_ns));
            }
            !is_due
        });
        self.earliest_ns = self.awaited.iter().map(|(_, from_ns)| *from_ns).min().unwrap_or(u64::MAX);
    }

    /// When the first outcome after this fault was heard, in nanoseconds since the run began; `None` where none was.
    pub fn after(&self, fault: usize) -> Option<u64> {
        self.heard.iter().find(|(heard, _)| *heard == fault).map(|(_, at_ns)| *at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_gets_the_first_outcome_from_its_moment_on() {
        let mut answers = FirstAnswers::default();
        answers.note(5);
        answers.expect(0, 10);
        answers.expect(1, 30);
        answers.note(9);
        assert_eq!(answers.after(0), None, "what came before counts for nothing");
        answers.note(12);
        answers.note(13);
        assert_eq!((answers.after(0), answers.after(1)), (Some(12), None));
        answers.note(30);
        assert_eq!((answers.after(0), answers.after(1), answers.after(2)), (Some(12), Some(30), None));
    }

    #[test]
    fn one_outcome_ends_the_wait_for_several_faults() {
        let mut answers = FirstAnswers::default();
        answers.expect(0, 10);
        answers.expect(1, 20);
        answers.note(25);
        assert_eq!((answers.after(0), answers.after(1)), (Some(25), Some(25)));
    }
}
