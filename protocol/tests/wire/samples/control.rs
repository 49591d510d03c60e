//! The messages of the control stream.

use holdfast_protocol::{
    Drain, Echo, Epoch, Instance, LaneOpen, Message, Notice, Partition, Reason, SignOff, SignOn, Welcome,
    Window,
};

use super::{at, operator};

pub(super) fn all() -> Vec<(&'static str, Message)> {
    let sign_on = SignOn {
        version_min: 1,
        version_max: 1,
        instance: Instance(1),
        originates: true,
        receives: false,
        shared_deduplication: false,
        lanes: 2,
        window: 4_096,
    };
    let echo = Echo { correlation: 5, time: at(0), reply: false };
    vec![
        ("sign-on-operator", sign_on.clone().into()),
        ("sign-on-acquirer", SignOn { originates: false, receives: true, ..sign_on }.into()),
        (
            "welcome",
            Welcome {
                version: 1,
                participant: operator(),
                partition: Partition(0),
                epoch: Epoch(7),
                time: at(0),
                window: 4_096,
                window_max_ms: 60_000,
                skew_max_ms: 5_000,
                budget_max_ms: 60_000,
                hold_max_ms: 2_592_000_000,
            }
            .into(),
        ),
        ("lane-open", LaneOpen { lane: 1 }.into()),
        ("echo", echo.into()),
        ("echo-reply", Echo { reply: true, ..echo }.into()),
        ("window", Window { window: 512 }.into()),
        ("notice", Notice { reason: Reason::Replaced }.into()),
        ("drain", Drain { within_ms: 30_000 }.into()),
        ("sign-off", SignOff.into()),
    ]
}
