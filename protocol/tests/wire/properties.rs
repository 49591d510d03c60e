//! What holds for every message and for all bytes.

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{Extensions, FrameReader, Message};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{generators, samples};

/// Everything that can be taken from these chunks: the messages, and whether an error ended it.
fn read(chunks: impl IntoIterator<Item = Bytes>) -> (Vec<Message>, bool) {
    let (mut reader, mut messages) = (FrameReader::default(), Vec::new());
    for chunk in chunks {
        reader.push(chunk);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => messages.extend(Message::decode(&frame).ok()),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

fn encode(messages: &[Message]) -> Bytes {
    let mut out = BytesMut::new();
    for message in messages {
        message.encode(&mut out);
    }
    out.freeze()
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in generators::message()) {
        let (messages, failed) = read([encode(std::slice::from_ref(&message))]);
        prop_assert!(!failed);
        prop_assert_eq!(messages, vec![message]);
    }

    #[test]
    fn where_a_stream_is_cut_makes_no_difference(
        messages in vec(generators::message(), 1..6),
        cuts in vec(1_usize..300, 0..40),
    ) {
        let whole = encode(&messages);
        let mut rest = whole.clone();
        let mut chunks = Vec::new();
        for cut in cuts {
            chunks.push(rest.split_to(cut.min(rest.len())));
        }
        chunks.push(rest);
        prop_assert_eq!(read(chunks), (messages, false));
    }

    #[test]
    fn no_bytes_panic(chunks in vec(vec(any::<u8>(), 0..600), 0..5)) {
        read(chunks.into_iter().map(Bytes::from));
    }

    #[test]
    fn no_frame_of_random_fields_panics(
        kind in 0_u8..0x30, flags in any::<u8>(), fixed in vec(any::<u8>(), 0..200), extensions in vec(any::<u8>(), 0..64),
    ) {
        let length = u16::try_from(6 + fixed.len() + extensions.len()).unwrap();
        let fixed_bytes = u16::try_from(fixed.len()).unwrap();
        let mut frame = Vec::new();
        frame.extend(length.to_le_bytes());
        frame.extend([kind, flags]);
        frame.extend(fixed_bytes.to_le_bytes());
        frame.extend(fixed);
        frame.extend(extensions);
        read([Bytes::from(frame)]);
    }

    /// One changed byte either makes the frame unreadable or makes another message, which is written as it was read.
    #[test]
    fn a_changed_byte_is_refused_or_is_another_message(
        message in generators::message(), at in any::<prop::sample::Index>(), change in 1_u8..=255,
    ) {
        let mut bytes = encode(&[message]).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let (messages, _) = read([Bytes::from(bytes)]);
        for message in messages {
            let again = encode(std::slice::from_ref(&message));
            prop_assert_eq!(read([again]).0, vec![message]);
        }
    }

    #[test]
    fn no_extension_area_panics(area in vec(any::<u8>(), 0..2_200)) {
        if let Ok(extensions) = Extensions::from_wire(&area) {
            let bytes: usize = extensions.iter().map(|e| 4 + e.value.len()).sum();
            prop_assert_eq!(bytes, area.len());
        }
    }
}

#[test]
fn frames_are_found_wherever_two_chunks_meet() {
    let messages: Vec<Message> = samples::all().into_iter().map(|(_, message)| message).collect();
    let whole = encode(&messages);
    for at in 0..=whole.len() {
        let chunks = [whole.slice(..at), whole.slice(at..)];
        assert_eq!(read(chunks), (messages.clone(), false), "cut after {at} bytes");
    }
}

#[test]
fn a_stream_of_single_bytes_is_read_like_one_chunk() {
    let messages: Vec<Message> = samples::all().into_iter().map(|(_, message)| message).collect();
    let whole = encode(&messages);
    let bytes = (0..whole.len()).map(|at| whole.slice(at..=at));
    assert_eq!(read(bytes), (messages, false));
}

/// Nobody has to take every frame before the next chunk comes.
#[test]
fn chunks_that_come_before_frames_are_taken_lose_nothing() {
    let messages: Vec<Message> = samples::all().into_iter().map(|(_, message)| message).collect();
    let whole = encode(&messages);
    let mut reader = FrameReader::default();
    let mut taken = Vec::new();
    for start in (0..whole.len()).step_by(100) {
        reader.push(whole.slice(start..(start + 100).min(whole.len())));
        if let Some(frame) = reader.next_frame().unwrap() {
            taken.push(Message::decode(&frame).unwrap());
        }
    }
    while let Some(frame) = reader.next_frame().unwrap() {
        taken.push(Message::decode(&frame).unwrap());
    }
    assert_eq!(taken, messages);
    assert_eq!(reader.pending_bytes(), 0);
}
