//! The batch interface against a peer that speaks real QUIC.

#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test stops at what it did not expect")]

mod played_switch;

use holdfast_participant::{Link, LinkError, PushError, Received, RequestIds, Roles};
use holdfast_protocol::{
    Amount, Answer, ApprovalCode, Authorize, Channel, Currency, DecidedBy, Drain, Echo, Epoch, Extensions,
    InstrumentReference, Kind, Message, MessageType, Notice, Outcome, ParticipantNumber, Partition, Reason,
    RequestId, SecurityLevel, Sequence, SignOff, State, UnixMillis, Window, lane_of,
};
use played_switch::{PlayedLink, PlayedSwitch, SWITCH_TIME, wait_until, welcome};

fn pay(id: RequestId) -> Authorize {
    Authorize {
        id,
        originator: None,
        kind: Kind::Pay,
        payment_id: "shop-1@acq1".parse().unwrap(),
        instrument: InstrumentReference::NONE,
        amount: Amount::from_minor(50_00).unwrap(),
        currency: Currency::from_code("EUR").unwrap(),
        security_level: SecurityLevel::Two,
        channel: Channel::PacketData,
        expires: id.created().plus(30_000),
        hold_until: UnixMillis::new(0).unwrap(),
        budget_ms: 5_000,
        partial_allowed: false,
        captures_many: false,
        repeat: false,
        attempt: 1,
        settlement_date: None,
        extensions: Extensions::NONE,
    }
}

fn approved(id: RequestId) -> Message {
    Message::Answer(Answer {
        id,
        originator: None,
        outcome: Outcome::Approved,
        state: State::Captured,
        reason: Reason::None,
        decided_by: DecidedBy::Destination,
        amount: Amount::from_minor(50_00).unwrap(),
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(1),
        sequence: Sequence(1),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    })
}

async fn linked(lanes: u8) -> (PlayedSwitch, PlayedLink, Link) {
    let switch = PlayedSwitch::start();
    let mut config = switch.config(Roles::Both);
    config.lanes = lanes;
    let dialled = Link::dial(&config, switch.address());
    let (played, link) = tokio::join!(switch.accept_and_welcome(), dialled);
    (switch, played, link.unwrap())
}

async fn take_one(link: &mut Link, what: &str) -> Result<Vec<Received>, LinkError> {
    let mut received = Vec::new();
    wait_until(what, link.take(&mut received)).await.map(|_| received)
}

#[tokio::test]
async fn a_batch_goes_out_on_its_lanes_and_its_answers_come_back() {
    let (_switch, mut played, mut link) = linked(4).await;
    assert_eq!((link.lanes(), link.window(), link.draining()), (4, 1_000, false));
    let mut ids = RequestIds::new().unwrap();
    let now = link.switch_time();
    assert!((SWITCH_TIME..SWITCH_TIME + 5_000).contains(&now.get()), "{now:?}");
    let mut expected: Vec<RequestId> = (0..1_000).map(|_| ids.next(now)).collect();
    for id in &expected {
        assert_eq!(link.push(&pay(*id).into()), Ok(lane_of(*id, 4)));
    }
    link.flush().unwrap();
    let answering = async {
        for (number, lane) in (0_u8..).zip(&mut played.lanes) {
            for _ in 0..250 {
                let Message::Authorize(request) = lane.receive().await else {
                    panic!("only payments were sent")
                };
                assert_eq!(lane_of(request.id, 4), number);
                lane.send(&[approved(request.id)]).await;
            }
        }
    };
    let taking = async {
        let mut received = Vec::new();
        while received.len() < 1_000 {
            link.take(&mut received).await.unwrap();
        }
        received
    };
    let ((), received) = wait_until("all are answered", async { tokio::join!(answering, taking) }).await;
    let mut answered = Vec::new();
    for Received { lane, message } in received {
        let Message::Answer(answer) = message else { panic!("only answers were sent") };
        assert_eq!(lane, lane_of(answer.id, 4));
        answered.push(answer.id);
    }
    answered.sort_unstable();
    expected.sort_unstable();
    assert_eq!(answered, expected);
}

#[tokio::test]
async fn echoes_are_answered_without_the_embedder() {
    let (_switch, mut played, mut link) = linked(1).await;
    let echo = Echo { correlation: 77, time: UnixMillis::new(SWITCH_TIME).unwrap(), reply: false };
    played.control.send(&[echo.into()]).await;
    let mut received = Vec::new();
    let taking = async { while link.take(&mut received).await.is_ok_and(|count| count == 0) {} };
    tokio::select! {
        () = taking => panic!("an echo is no message for the embedder"),
        reply = played.control.receive() => {
            let Message::Echo(reply) = reply else { panic!("an echo is answered by an echo") };
            assert!(reply.reply && reply.correlation == 77);
        }
    }
}

#[tokio::test]
async fn window_drain_and_notices_wake_the_embedder() {
    let (_switch, mut played, mut link) = linked(1).await;
    assert!(take_one(&mut link, "the welcome is seen").await.unwrap().is_empty());
    let told = [
        Window { window: 5 }.into(),
        Drain { within_ms: 0 }.into(),
        Notice { reason: Reason::Draining }.into(),
    ];
    played.control.send(&told).await;
    assert!(take_one(&mut link, "the notice comes").await.unwrap().is_empty());
    assert_eq!((link.window(), link.draining()), (5, true));
    assert_eq!(link.take_notices().collect::<Vec<_>>(), [Reason::Draining]);
}

#[tokio::test]
async fn nonsense_on_a_lane_ends_the_link_after_what_came_before_it() {
    let (_switch, mut played, mut link) = linked(1).await;
    let id = RequestIds::from_seed(1).next(link.switch_time());
    let mut bytes = bytes::BytesMut::new();
    approved(id).encode(&mut bytes);
    bytes.extend_from_slice(&[0xff; 64]);
    played.lanes[0].send_bytes(bytes.freeze()).await;
    let mut received = Vec::new();
    let error = loop {
        match wait_until("the link ends", link.take(&mut received)).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(received.len(), 1, "the answer before the nonsense is good");
    assert!(matches!(error, LinkError::Nonsense { .. }), "{error}");
    assert_eq!(played.closed_with().await, u64::from(Reason::FrameMalformed.number()));
    let again = take_one(&mut link, "the link stays ended").await;
    assert!(matches!(again, Err(LinkError::Nonsense { .. })));
}

#[tokio::test]
async fn a_forward_that_names_no_originator_ends_the_link() {
    let (_switch, mut played, mut link) = linked(1).await;
    let id = RequestIds::from_seed(1).next(link.switch_time());
    played.lanes[0].send(&[pay(id).into()]).await;
    let error = loop {
        match take_one(&mut link, "the link ends").await {
            Ok(received) => assert!(received.is_empty()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LinkError::Violation { message: MessageType::Authorize, .. }), "{error}");
    assert_eq!(played.closed_with().await, u64::from(Reason::ProtocolViolation.number()));
}

#[tokio::test]
async fn a_link_that_the_switch_ends_says_the_switch_s_reason() {
    let (_switch, mut played, mut link) = linked(1).await;
    played.control.send(&[Notice { reason: Reason::Replaced }.into()]).await;
    let error = loop {
        if let Err(error) = take_one(&mut link, "the link ends").await {
            break error;
        }
    };
    assert!(matches!(error, LinkError::Ended(Reason::Replaced)) && error.is_final(), "{error}");

    let (switch, _played, mut link) = linked(1).await;
    switch.close();
    let error = loop {
        if let Err(error) = take_one(&mut link, "the link ends").await {
            break error;
        }
    };
    assert!(matches!(error, LinkError::Ended(Reason::SwitchStopping)) && !error.is_final(), "{error}");
}

#[tokio::test]
async fn the_reason_of_a_close_wins_over_the_ends_of_its_streams() {
    let (_switch, mut played, mut link) = linked(2).await;
    let taking = async {
        loop {
            if let Err(error) = take_one(&mut link, "the link ends").await {
                break error;
            }
        }
    };
    let number = u32::from(Reason::Replaced.number());
    let (error, ()) = tokio::join!(taking, played.end_streams_then_close(number));
    assert!(matches!(error, LinkError::Ended(Reason::Replaced)), "{error}");
}

#[tokio::test]
async fn a_lane_that_ends_alone_ends_the_link() {
    let (_switch, mut played, mut link) = linked(1).await;
    played.lanes[0].send.finish().unwrap();
    let error = loop {
        if let Err(error) = take_one(&mut link, "the link ends").await {
            break error;
        }
    };
    assert!(matches!(error, LinkError::StreamClosed(_)), "{error}");
    assert_eq!(played.closed_with().await, u64::from(Reason::ProtocolViolation.number()));
}

#[tokio::test]
async fn a_switch_that_does_not_read_fills_the_buffer_and_nothing_else() {
    let switch = PlayedSwitch::start();
    let mut config = switch.config(Roles::Originator);
    config.outgoing_bytes_max = 256 << 10;
    let (played, link) = tokio::join!(switch.accept_and_welcome(), Link::dial(&config, switch.address()));
    let (mut played, mut link) = (played, link.unwrap());
    let mut ids = RequestIds::from_seed(1);
    let mut pushed = 0_u32;
    let mut stuck = false;
    let full = loop {
        match link.push(&pay(ids.next(link.switch_time())).into()) {
            Ok(_) => (pushed, stuck) = (pushed + 1, false),
            Err(error) if stuck => break error,
            // QUIC takes what its windows allow; the rest stays in the buffer.
            Err(_) => stuck = !link.flush().unwrap(),
        }
        assert!(pushed < 1_000_000, "flow control holds the sender back");
    };
    assert_eq!(full, PushError::Full(0));
    let mut received = Vec::new();
    let reading = async {
        for _ in 0..pushed {
            played.lanes[0].receive().await;
        }
    };
    let driving = async {
        loop {
            if let Err(error) = link.take(&mut received).await {
                break error;
            }
        }
    };
    wait_until("everything pushed arrives once the switch reads", async {
        tokio::select! { () = reading => {}, error = driving => panic!("the link ended: {error}") }
    })
    .await;
}

#[tokio::test]
async fn a_participant_s_certificate_does_not_pass_for_a_switch() {
    let switch = PlayedSwitch::start_as("operator-1");
    let config = switch.config(Roles::Originator);
    let accepting = async { switch.accept().await.connection.closed().await };
    tokio::select! {
        _ = accepting => panic!("the participant signs on to nobody but a switch"),
        link = wait_until("the dial ends", Link::dial(&config, switch.address())) => {
            let error = link.unwrap_err();
            assert!(matches!(error, LinkError::NotASwitch(_)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_switch_of_another_authority_is_not_dialled() {
    let (switch, stranger) = (PlayedSwitch::start(), PlayedSwitch::start());
    let config = stranger.config(Roles::Originator);
    let dialled = Link::dial(&config, switch.address());
    let (link, ()) =
        wait_until("the dial ends", async { tokio::join!(dialled, switch.accept_nobody()) }).await;
    let error = link.unwrap_err();
    assert!(matches!(error, LinkError::Lost(_)), "{error}");
    assert!(error.to_string().contains("the switch's certificate is not accepted here"), "{error}");
}

#[tokio::test]
async fn a_sign_off_leaves_after_what_was_pushed() {
    let (_switch, mut played, mut link) = linked(1).await;
    link.push(&pay(RequestIds::from_seed(1).next(link.switch_time())).into()).unwrap();
    let playing = async {
        assert!(matches!(played.lanes[0].receive().await, Message::Authorize(_)));
        assert_eq!(played.control.receive().await, Message::SignOff(SignOff));
        played.connection.close(400_u32.into(), b"");
    };
    let within = std::time::Duration::from_secs(5);
    wait_until("the link is signed off", async { tokio::join!(playing, link.sign_off(within)) }).await;
}

#[tokio::test]
async fn an_abandoned_link_says_no_goodbye() {
    let switch = PlayedSwitch::start();
    let mut config = switch.config(Roles::Both);
    config.quic.idle_timeout_ms = 600;
    let dialled = Link::dial(&config, switch.address());
    let (played, link) = tokio::join!(switch.accept_and_welcome(), dialled);
    link.unwrap().abandon().unwrap();
    let ended = wait_until("the switch finds the link silent", played.connection.closed()).await;
    assert_eq!(ended, quinn::ConnectionError::TimedOut);
}

#[test]
fn the_halves_work_on_two_threads() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_switch, mut played, link) = linked(2).await;
        let (mut sender, mut receiver) = link.split();
        let now = sender.switch_time();
        let ids: Vec<_> = (0..10).map(|n| RequestIds::from_seed(n).next(now)).collect();
        let count = ids.len();
        let receiving = tokio::spawn(async move {
            let mut received = Vec::new();
            while received.len() < count {
                receiver.take(&mut received).await.unwrap();
            }
            received.len()
        });
        for id in &ids {
            sender.push(&pay(*id).into()).unwrap();
        }
        sender.flush().await.unwrap();
        for id in &ids {
            let lane = usize::from(lane_of(*id, 2));
            played.lanes[lane].receive().await;
            played.lanes[lane].send(&[approved(*id)]).await;
        }
        assert_eq!(wait_until("all are answered", receiving).await.unwrap(), count);
    });
}

#[tokio::test]
async fn a_participant_sends_only_what_is_a_participant_s() {
    let (_switch, _played, mut link) = linked(1).await;
    assert_eq!(link.push(&welcome().into()), Err(PushError::NotForALane(MessageType::Welcome)));
    assert_eq!(link.welcome().participant, ParticipantNumber::new(1).unwrap());
}
