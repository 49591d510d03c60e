//! What was accepted keeps its latency, however much is refused beside it (rule 24).

use std::collections::HashMap;
use std::time::Duration;

use holdfast_protocol::{Message, Outcome, Reason, RequestId};
use holdfast_tests::fixture::Fixture;
use holdfast_tests::metronome::Metronome;
use holdfast_tests::parties::PATIENT;
use holdfast_tests::peer::{Peer, wait_for};
use holdfast_tests::requests::pay;

/// The destination answers so many at each beat, and gets no more at once.
const BEAT: Duration = Duration::from_millis(250);
const AT_ONCE: usize = 16;
/// Offered: as much as the destination can do in so many beats.
const OVERLOAD: usize = 40;
/// What may be accepted waits for the next beat; on its way there and back the machine may be busy with refusals.
const BEATS_MAX: u64 = 8;

#[tokio::test]
async fn accepted_work_keeps_its_latency_under_overload() {
    let fixture = Fixture::start(&format!(
        "{PATIENT}\nwindow = 100000\n[requests]\npending_for_destination_max = {AT_ONCE}\n"
    ));
    let (mut operator, mut acquirer) =
        (Peer::operator(&fixture, "operator-1").await, Peer::destination(&fixture, "acquirer-1").await);
    let mut metronome = Metronome::new(BEAT, AT_ONCE);
    let mut sent: HashMap<RequestId, u64> = HashMap::new();
    let (mut refused, mut latencies) = (0, Vec::new());
    // Batch after batch, each more than the destination takes between two beats.
    for _ in 0..OVERLOAD / 4 {
        let requests: Vec<_> = (0..4 * AT_ONCE).map(|_| pay("shop@acq-1", 1)).collect();
        sent.extend(requests.iter().map(|request| (request.id, metronome.beats)));
        let messages: Vec<Message> = requests.into_iter().map(Message::from).collect();
        operator.send(&messages).await;
        let beat = metronome.beats;
        while metronome.beats == beat {
            turn(&mut metronome, &mut operator, &mut acquirer, &mut sent, &mut refused, &mut latencies).await;
        }
    }
    wait_for("the last answers", async {
        while !sent.is_empty() {
            turn(&mut metronome, &mut operator, &mut acquirer, &mut sent, &mut refused, &mut latencies).await;
        }
    })
    .await;
    assert!(latencies.len() >= AT_ONCE && refused > latencies.len(), "{} and {refused}", latencies.len());
    let longest = latencies.iter().max().unwrap();
    assert!(*longest <= BEATS_MAX, "an accepted payment took {longest} beats; all: {latencies:?}");
    fixture.shows_refusals("operator-1", Reason::Busy, refused as u64).await;
}

/// One step of the destination or one answer to the operator, whichever comes first.
async fn turn(
    metronome: &mut Metronome,
    operator: &mut Peer,
    acquirer: &mut Peer,
    sent: &mut HashMap<RequestId, u64>,
    refused: &mut usize,
    latencies: &mut Vec<u64>,
) {
    let beats = metronome.beats;
    tokio::select! {
        () = metronome.step(acquirer) => {}
        message = operator.next_whenever() => {
            let Some(Message::Answer(answer)) = message else { panic!("no answer: {message:?}") };
            let since = sent.remove(&answer.id).expect("each request is answered once");
            match (answer.outcome, answer.reason) {
                (Outcome::Refused, Reason::Busy) => *refused += 1,
                (Outcome::Approved, _) => latencies.push(beats - since),
                other => panic!("{other:?}"),
            }
        }
    }
}
