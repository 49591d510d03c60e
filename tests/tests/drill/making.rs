//! Kills of the switch in moments that are waited for: the process is made to stand still, and killed if it is the moment.

use std::fs;

use holdfast_tests::wait::wait_until;
use holdfast_tests::watch::Watch;

use crate::evidence::told_approved;
use crate::stage::{PROGRESS_WITHIN, Stage, number};

/// So often a moment may be missed.
const TRIES: usize = 50;

impl Stage<'_> {
    /// Kills the switch while it writes a file with such an end to its name, with a snapshot there already to start from.
    pub(crate) fn kill_in_the_making(&mut self, suffix: &str) {
        if suffix.contains("snapshot") {
            self.work_until("there is a snapshot", |stage| !stage.files(".snapshot").is_empty());
        }
        let watch = Watch::of(&self.home.journal());
        for _ in 0..TRIES {
            let made = watch.next(suffix, PROGRESS_WITHIN);
            self.switch.stand_still();
            if made.exists() {
                return self.switch.kill();
            }
            // It has got its name by now.
            self.switch.go_on();
        }
        panic!("{TRIES} files *{suffix} were finished before the switch stood still");
    }

    /// Starts the switch, and kills it when it has loaded a snapshot and not yet applied all that follows.
    pub(crate) fn kill_while_it_starts(&mut self) {
        for _ in 0..TRIES {
            let from = self.log().len();
            self.switch = self.home.start_unready();
            wait_until("a snapshot is loaded", PROGRESS_WITHIN, || {
                assert_eq!(self.switch.ended(), None, "{}", self.switch.log_tail());
                self.log()[from..].contains("snapshot loaded").then_some(())
            });
            self.switch.stand_still();
            let met = !self.log()[from..].contains("journal recovered");
            self.switch.kill();
            if met {
                return;
            }
        }
        panic!("{TRIES} starts were over before the switch stood still");
    }

    /// There is a snapshot, and late requests find what left memory since the last start of the switch.
    pub(crate) fn meet_the_archive(&mut self) {
        self.work_until("there is a snapshot", |stage| !stage.files(".snapshot").is_empty());
        self.work_until("an original is recalled", |stage| number(&stage.home, "recalled") > 0);
        self.work_until("who asks late is told of an approval", |stage| told_approved(stage.directory) > 0);
    }

    /// What the switch has logged over all its starts.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("switch.log")).unwrap()
    }

    /// Names of the files of the journal's directory with such an end.
    pub(crate) fn files(&self, suffix: &str) -> Vec<String> {
        let files = fs::read_dir(self.home.journal()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(suffix)).collect()
    }
}
