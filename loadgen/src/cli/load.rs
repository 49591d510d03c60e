//! Who is played, with what traffic, against which switch: what every command takes that makes load of its own.

use clap::{Args, FromArgMatches};

use super::place::PlaceArguments;
use super::traffic::TrafficArguments;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct LoadArguments {
    /// Where to.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// What.
    #[command(flatten)]
    pub traffic: TrafficArguments,
}

impl LoadArguments {
    /// Payments to acquirers and nothing else, without the admin address; whoever uses it says where the switch is.
    pub(super) fn of_payments() -> Self {
        let line = "load --switch 127.0.0.1:1 --certs . --no-admin --mix pay:1";
        let matches = Self::augment_args(clap::Command::new("load")).get_matches_from(line.split(' '));
        Self::from_arg_matches(&matches).expect("the line names what has no default")
    }
}
