//! A stream of frames, payments and control alike: what a hostile peer sends.

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{FrameReader, Message};

/// Reads a stream, cut in two where its first byte says. Promised: nothing panics; where it is cut changes nothing; and
/// what was understood means the same after it was written again.
pub(super) fn frames(input: &[u8]) {
    let Some((cut, stream)) = input.split_first() else { return };
    let cut = usize::from(*cut).min(stream.len());
    let whole = read(&[stream]);
    assert_eq!(whole, read(&[&stream[..cut], &stream[cut..]]), "chunks do not matter");
    for message in whole.iter().flatten() {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        assert_eq!(read(&[&bytes]), [Some(message.clone())], "what was understood is written as understood");
    }
}

/// The messages of a stream; `None` for a frame that was refused, at which reading may end.
fn read(chunks: &[&[u8]]) -> Vec<Option<Message>> {
    let mut reader = FrameReader::default();
    let mut messages = Vec::new();
    for chunk in chunks {
        reader.push(Bytes::copy_from_slice(chunk));
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => messages.push(Message::decode(&frame).ok()),
                Ok(None) => break,
                Err(_) => {
                    messages.push(None);
                    return messages;
                }
            }
        }
    }
    messages
}
