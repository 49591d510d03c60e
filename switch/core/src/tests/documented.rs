//! The worked examples of `docs/PROTOCOL.md` are what the switch sends: their frames come in, and theirs go out.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_protocol::*;

use super::world::{number, participant, routes, settings};
use crate::registry::{Limits, Route};
use crate::view::{LiveSession, SessionId};
use crate::*;

/// The frames of the examples; a test of the protocol says that the document has the same.
const GOLDEN: &str = include_str!("../../../../protocol/tests/wire/golden-v1.txt");
/// The time of the examples.
const NOW: u64 = 1_795_338_000_000;

fn golden() -> BTreeMap<&'static str, Message> {
    let sections = GOLDEN.split("\n[").skip(1);
    let frame = |section: &'static str| {
        let (name, lines) = section.split_once("]\n").unwrap();
        let hex: String = lines.split_whitespace().collect();
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let mut reader = FrameReader::default();
        reader.push(bytes.collect::<Bytes>());
        (name, Message::decode(&reader.next_frame().unwrap().unwrap()).unwrap())
    };
    sections.map(frame).collect()
}

/// A switch with the operator and the acquirer of the examples, and all that it says.
struct Switch {
    core: Core,
    view: View,
    now: u64,
    said: Vec<Effect>,
}

fn from(name: &str) -> From {
    let participant = number(name);
    From { participant, instance: Instance(0), session: SessionId(u64::from(participant.get())) }
}

impl Switch {
    fn new() -> Self {
        let mut switch =
            Self { core: Core::new(settings()), view: View::default(), now: NOW, said: Vec::new() };
        switch.take(&Input::CutOver("2026-11-22".parse().unwrap()));
        let mut participants = ["A", "B"].map(participant).to_vec();
        participants[0].limits.push((SecurityLevel::Three, Limits::default()));
        let to_acquirer = routes().into_iter().find(|route| route.destination == number("B")).unwrap();
        let route = Route { mps: MpsId::from_text("acq-1").unwrap(), ..to_acquirer };
        switch.take(&Input::Configure(participants, vec![route]));
        for name in ["A", "B"] {
            let From { participant, instance, session } = from(name);
            let (receives, window) = (true, 1_000);
            let live = LiveSession {
                session,
                instance,
                receives,
                shared_deduplication: false,
                draining: false,
                window,
            };
            switch.view.links.insert(participant, vec![live]);
            switch.take(&Input::LinkUp(from(name)));
        }
        switch
    }

    fn take(&mut self, input: &Input) {
        let mut out = Output::default();
        self.core.step(UnixMillis::new(self.now).unwrap(), input, &self.view, &mut out);
        self.said.append(&mut out.effects);
    }

    fn until(&mut self, after_ms: u64) {
        let until = NOW + after_ms;
        while let Some(next) = self.core.next_deadline().map(UnixMillis::get).filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.take(&Input::Tick);
        }
        self.now = until;
    }

    #[track_caller]
    fn has_said(&self, message: &Message) {
        let said = self.said.iter().filter_map(|effect| {
            if let Effect::Forward { request, .. } = effect {
                // The outbox fills in the budget when it leaves.
                return Some(Authorize { budget_ms: 4_990, ..request.clone() }.into());
            }
            let Effect::Deliver { delivery, .. } = effect else { return None };
            Some(match delivery {
                effect::Delivery::Capture(m) => m.clone().into(),
                effect::Delivery::Release(m) => m.clone().into(),
                effect::Delivery::Reverse(m) => m.clone().into(),
            })
        });
        let said: Vec<Message> = said.collect();
        assert!(said.contains(message), "{message:?}\nis not among\n{said:#?}");
    }
}

#[test]
fn the_forward_and_the_reversal_of_the_examples_are_what_the_switch_sends() {
    let (golden, mut switch) = (golden(), Switch::new());
    let Message::Authorize(pay) = &golden["authorize-pay"] else { panic!("an authorize") };
    switch.take(&Input::Authorize(from("A"), pay.clone()));
    switch.has_said(&golden["authorize-pay-forward"]);
    // Nobody answers.
    switch.until(6_000);
    switch.has_said(&golden["reverse-delivery"]);
}

#[test]
fn the_capture_and_the_release_of_the_examples_are_what_the_switch_sends() {
    let (golden, mut switch) = (golden(), Switch::new());
    let Message::Authorize(reserve) = &golden["authorize-reserve"] else { panic!("an authorize") };
    switch.take(&Input::Authorize(from("A"), reserve.clone()));
    switch.has_said(&golden["authorize-reserve-forward"]);
    let Message::Answer(answer) = &golden["answer-of-destination"] else { panic!("an answer") };
    let approved = Answer { id: reserve.id, amount: reserve.amount, ..answer.clone() };
    switch.take(&Input::Answer(from("B"), approved));
    switch.until(1_000);
    let Message::Capture(capture) = &golden["capture"] else { panic!("a capture") };
    switch.take(&Input::Capture(from("A"), capture.clone()));
    switch.has_said(&golden["capture-delivery"]);
    let (originator, delivery) = (number("A"), DeliveryNumber(1));
    let acknowledge = Acknowledge { original: reserve.id, originator, delivery };
    switch.take(&Input::Acknowledge(from("B"), acknowledge));
    // The hold ends at its time, and the acquirer does not acknowledge: the example is the third attempt.
    switch.until(86_400_000 + 60_000);
    switch.has_said(&golden["release-delivery-expired"]);
}
