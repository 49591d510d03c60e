//! What can be done to a switch or to somebody's link.

use std::fmt;
use std::time::Duration;

use crate::cli::parse_duration;

/// The one process that is started: the switch.
pub const SWITCH: &str = "switch";

/// One kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to the switch, and it is started again.
    Kill,
    /// SIGSTOP to the switch, and SIGCONT after so long.
    Freeze(Duration),
    /// SIGTERM to the switch, and it is started again once it has ended.
    Restart,
    /// A participant's link goes dead for so long, without a goodbye.
    Cut(String, Duration),
}

impl Fault {
    /// Whether the process of the switch ends with it, and another is started.
    pub const fn ends_the_process(&self) -> bool {
        match self {
            Self::Kill | Self::Restart => true,
            Self::Freeze(_) | Self::Cut(..) => false,
        }
    }

    /// Whether it strikes the process of the switch.
    pub const fn strikes_the_switch(&self) -> bool {
        match self {
            Self::Kill | Self::Freeze(_) | Self::Restart => true,
            Self::Cut(..) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => write!(f, "kill {SWITCH}"),
            Self::Freeze(pause) => write!(f, "freeze {SWITCH}:{}s", pause.as_secs_f64()),
            Self::Restart => write!(f, "restart {SWITCH}"),
            Self::Cut(name, pause) => write!(f, "cut {name}:{}s", pause.as_secs_f64()),
        }
    }
}

/// A name and a time above zero.
fn parse(text: &str) -> Result<(&str, Duration), String> {
    let (name, time) = text.rsplit_once(':').ok_or("expected NAME:TIME, as in switch:1s")?;
    let time = parse_duration(time)?;
    if time.is_zero() { Err("the time must be above zero".to_owned()) } else { Ok((name, time)) }
}

/// `switch:TIME`.
pub(crate) fn parse_freeze(text: &str) -> Result<Fault, String> {
    match parse(text)? {
        (SWITCH, pause) => Ok(Fault::Freeze(pause)),
        (other, _) => Err(format!("only the switch can be frozen, and {other:?} is no switch")),
    }
}

/// `NAME:TIME`; who takes part is not known here.
pub(crate) fn parse_cut(text: &str) -> Result<Fault, String> {
    match parse(text)? {
        (SWITCH, _) => Err("an operator or acquirer is cut off; the switch is frozen or killed".to_owned()),
        (name, pause) => Ok(Fault::Cut(name.to_owned(), pause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_shown() {
        assert_eq!(parse_freeze("switch:1.5s").unwrap().to_string(), "freeze switch:1.5s");
        assert_eq!(parse_cut("operator-1:200ms").unwrap().to_string(), "cut operator-1:0.2s");
        for wrong in ["switch", "switch:0s", "switch:x", "operator-1:1s"] {
            assert!(parse_freeze(wrong).is_err(), "{wrong}");
        }
        for wrong in ["switch:1s", "operator-1", "operator-1:0"] {
            assert!(parse_cut(wrong).is_err(), "{wrong}");
        }
    }
}
