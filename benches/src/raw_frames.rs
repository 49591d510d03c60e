//! Frames of the wire that are passed on without being read: only their length and the id at their beginning.
//!
//! What a relay and a generator of load for it need at the least. Absent on purpose: decoding, and any check beyond
//! that of the length.

use bytes::{Bytes, BytesMut};
use holdfast_protocol::Message;
use holdfast_protocol::frame::{FRAME_BYTES_MAX, HEADER_BYTES};

/// Bytes of an id.
const ID_BYTES: usize = 16;
/// Where requests and answers have their id.
const ID_END: usize = HEADER_BYTES + ID_BYTES;
/// What is reserved at once, so that most chunks fit without a new allocation.
const BUFFER_BYTES: usize = 256 << 10;

/// The id of a request or an answer, as it stands in its frame.
pub type Id = [u8; ID_BYTES];

/// The bytes of a stream, cut into whole frames.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: BytesMut,
}

impl Frames {
    /// Adds what came next.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < chunk.len() {
            self.bytes.reserve(BUFFER_BYTES.max(chunk.len()));
        }
        self.bytes.extend_from_slice(chunk);
    }

    /// All whole frames, one behind the other as they came.
    pub fn take_whole(&mut self) -> Bytes {
        let whole = self.walk(|_| ());
        self.bytes.split_to(whole).freeze()
    }

    /// Hands the id of each whole frame that has one to `each`, and forgets the frame. The opening of a lane has none.
    pub fn take_each(&mut self, mut each: impl FnMut(Id)) {
        let whole = self.walk(|frame| {
            if let Some(id) = id_of(frame) {
                each(id);
            }
        });
        if whole == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.split_to(whole).clear();
        }
    }

    /// Shows each whole frame; how many bytes they have together.
    fn walk(&self, mut each: impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        while let Some(length) = self.bytes[at..].first_chunk::<2>() {
            let length = usize::from(u16::from_le_bytes(*length));
            assert!((HEADER_BYTES..=FRAME_BYTES_MAX).contains(&length), "no frame has {length} bytes");
            let Some(frame) = self.bytes.get(at..at + length) else { break };
            each(frame);
            at += length;
        }
        at
    }
}

fn id_of(frame: &[u8]) -> Option<Id> {
    frame.get(HEADER_BYTES..ID_END)?.try_into().ok()
}

/// A frame that is written again and again with another id.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: BytesMut,
}

impl Template {
    /// The frame of a request or an answer.
    pub fn new(message: &Message) -> Self {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        assert!(bytes.len() >= ID_END, "only what has an id can have another");
        Self { bytes }
    }

    /// Appends it with this id.
    pub fn write(&mut self, id: Id, out: &mut BytesMut) {
        self.bytes[HEADER_BYTES..ID_END].copy_from_slice(&id);
        if out.capacity() - out.len() < self.bytes.len() {
            out.reserve(BUFFER_BYTES);
        }
        out.extend_from_slice(&self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{FrameReader, LaneOpen, RequestId};

    use super::*;
    use crate::traffic::{Pays, START, approval};

    #[test]
    fn a_template_writes_the_message_with_another_id() {
        let mut pays = Pays::default();
        let (first, second) = (pays.next(START).1, pays.next(START).1);
        for (mut other, was) in
            [(Message::from(first.clone()), second.id), (approval(&first).into(), second.id)]
        {
            let mut out = BytesMut::new();
            Template::new(&other).write(was.to_bytes(), &mut out);
            match &mut other {
                Message::Authorize(request) => request.id = was,
                Message::Answer(answer) => answer.id = was,
                _ => panic!("only these two were made"),
            }
            let mut reader = FrameReader::default();
            reader.push(out.freeze());
            let frame = reader.next_frame().expect("it is a frame").expect("it is whole");
            assert_eq!(Message::decode(&frame), Ok(other));
        }
    }

    #[test]
    fn frames_come_whole_however_the_stream_is_cut() {
        let mut template = Template::new(&Pays::default().next(START).1.into());
        let ids: Vec<RequestId> = (0..50).map(|n| RequestId::new(START, n)).collect();
        let mut stream = BytesMut::new();
        for id in &ids {
            template.write(id.to_bytes(), &mut stream);
        }
        for cut in [1, 7, 129, 130, 131, 1_000] {
            let (mut passed, mut heard) = (Vec::new(), Vec::new());
            let (mut relay, mut end) = (Frames::default(), Frames::default());
            for chunk in stream.chunks(cut) {
                relay.push(chunk);
                let whole = relay.take_whole();
                passed.extend_from_slice(&whole);
                end.push(&whole);
                end.take_each(|id| heard.push(RequestId::from_bytes(id)));
            }
            assert_eq!((&passed[..], &heard), (&stream[..], &ids), "cut into {cut}");
        }
    }

    #[test]
    fn what_has_no_id_is_not_heard() {
        let mut frames = Frames::default();
        let mut open = BytesMut::new();
        Message::from(LaneOpen { lane: 0 }).encode(&mut open);
        frames.push(&open);
        frames.take_each(|_| panic!("the opening of a lane has no id"));
    }
}
