//! Why there is no link: said while dialling, and in the outcome of a call.

use std::time::Duration;

use holdfast_participant::{CallOutcome, LinkError, Participant, ParticipantConfig, ParticipantError, Roles};
use holdfast_protocol::Reason;

use crate::played_switch::{PlayedSwitch, wait_until};
use crate::{WITHIN, config, signed_on, terms};

/// What a participant says that may take 400 ms for its first sign-on, while the switch does its part again and again.
async fn why_it_did_not_sign_on(config: ParticipantConfig, switch: impl AsyncFn()) -> ParticipantError {
    let config = ParticipantConfig { sign_on_within: Duration::from_millis(400), ..config };
    let playing = async {
        loop {
            switch().await;
        }
    };
    tokio::select! {
        () = playing => unreachable!("it never ends"),
        started = wait_until("the sign-on is given up", Participant::originator(config)) => started.unwrap_err(),
    }
}

#[tokio::test]
async fn a_participant_that_cannot_sign_on_says_why() {
    let switch = PlayedSwitch::start();
    let mut nobody = config(&switch, Roles::Originator);
    nobody.switches = vec!["127.0.0.1:1".parse().unwrap()];
    nobody.link.sign_on_timeout = Duration::from_millis(50);
    let error = why_it_did_not_sign_on(nobody, std::future::pending).await;
    assert!(matches!(&error, ParticipantError::NotSignedOn { within_ms: 400, last: Some(_) }), "{error}");
    let text = error.to_string();
    assert!(text.contains("127.0.0.1:1") && text.contains("nobody answers"), "{text}");

    let stranger = PlayedSwitch::start();
    let mut other_authority = config(&stranger, Roles::Originator);
    other_authority.switches = vec![switch.address()];
    let error = why_it_did_not_sign_on(other_authority, async || switch.accept_nobody().await).await;
    assert!(error.to_string().contains("ca.pem"), "{error}");

    let particular = PlayedSwitch::start_admitting("switch", false);
    let not_configured = config(&particular, Roles::Originator);
    let error = why_it_did_not_sign_on(not_configured, async || particular.accept_nobody().await).await;
    assert!(error.to_string().contains("does not accept this participant's certificate"), "{error}");
}

#[tokio::test]
async fn a_participant_in_a_role_that_is_not_its_own_gives_up_at_once() {
    let switch = PlayedSwitch::start();
    // The end of the task and the end of what it tells about its link are seen in either order.
    for _ in 0..16 {
        let refusing = async {
            let mut played = switch.accept().await;
            played.end_streams_then_close(u32::from(Reason::RoleNotConfigured.number())).await;
        };
        let starting = Participant::originator(config(&switch, Roles::Originator));
        let (started, ()) =
            wait_until("the participant gives up", async { tokio::join!(starting, refusing) }).await;
        let error = started.unwrap_err();
        let expected = matches!(error, ParticipantError::Link(LinkError::Ended(Reason::RoleNotConfigured)));
        assert!(expected, "{error}");
    }
}

#[tokio::test]
async fn a_call_that_ends_without_a_link_says_why_there_was_none() {
    let switch = PlayedSwitch::start();
    let (played, participant, operator) = signed_on(&switch).await;
    assert!(operator.no_link().is_none() && participant.no_link().is_none());
    played.connection.close(u32::from(Reason::SwitchStopping.number()).into(), b"");
    let link_is_down = async {
        while operator.is_linked() {
            tokio::task::yield_now().await;
        }
    };
    wait_until("the link is down", link_is_down).await;
    let short = Duration::from_millis(200);
    let ended = operator.pay(operator.new_call(WITHIN), terms(), short).await;
    let CallOutcome::NotDone(not_done) = &ended else { panic!("{ended:?}") };
    let text = not_done.to_string();
    assert!(text.contains("no link to the switch") && text.contains("127.0.0.1:"), "{text}");
    let no_link = participant.no_link().unwrap();
    assert_eq!(no_link.address, Some(switch.address()));
}
