//! Every message there is, and its number.

use bytes::BytesMut;

use crate::answer::{Acknowledge, Answer, Complete, DecidedThrough, Status};
use crate::codec::DecodeError;
use crate::codec::frame::Frame;
use crate::control::{Drain, Echo, LaneOpen, Notice, SignOff, SignOn, Welcome, Window};
use crate::ids::RequestId;
use crate::reason::Reason;
use crate::request::{Authorize, Capture, Inquiry, Refund, Release, Reverse};

macro_rules! messages {
    ($($number:literal $name:ident $text:literal;)* reserved $($reserved:literal $reserved_name:literal;)*) => {
        /// The type of a message: the third byte of its frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum MessageType {
            $(#[doc = $text] $name = $number,)*
        }

        impl MessageType {
            /// Every type of version 1.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
            /// Numbers kept for later versions, with what they are kept for.
            pub const RESERVED: &[(u8, &str)] = &[$(($reserved, $reserved_name),)*];

            /// `None` for a number that version 1 does not use.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The number on the wire.
            pub const fn number(self) -> u8 {
                self as u8
            }
        }

        /// One message.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Message {
            $(#[doc = $text] $name($name),)*
        }

        impl Message {
            /// Its type.
            pub const fn message_type(&self) -> MessageType {
                match self {
                    $(Self::$name(_) => MessageType::$name,)*
                }
            }
        }

        $(
            impl From<$name> for Message {
                fn from(message: $name) -> Self {
                    Self::$name(message)
                }
            }
        )*
    };
}

messages! {
    0x01 SignOn "The first frame of a link.";
    0x02 Welcome "The answer to a sign-on.";
    0x03 Echo "Are you there?";
    0x04 Window "How many may be unanswered.";
    0x05 Notice "Something to know.";
    0x06 Drain "No new work.";
    0x07 SignOff "Nothing in flight, closing.";
    0x09 LaneOpen "The first frame of a lane.";
    0x10 Authorize "Asks for a payment, a reservation or a verification.";
    0x11 Answer "Answers an authorize, capture, release, reversal or refund.";
    0x12 Capture "Takes from a hold.";
    0x13 Release "Gives back a hold.";
    0x14 Reverse "Undoes a transaction.";
    0x15 Acknowledge "A delivery was recorded.";
    0x16 Inquiry "Asks what became of a request.";
    0x17 Status "Answers an inquiry.";
    0x18 DecidedThrough "Answers heard and durable.";
    0x19 Complete "Nothing more will come for a transaction.";
    0x21 Refund "Gives captured money back.";
    reserved
    0x20 "increment of a hold";
    0x22 "offer of a merchant";
    0x23 "answer to an offer";
    0x24 "advice of stand-in";
    0x25 "signed receipt";
    0x26 "reconciliation";
}

impl Message {
    /// Appends the message's frame to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::SignOn(m) => m.encode(out),
            Self::Welcome(m) => m.encode(out),
            Self::Echo(m) => m.encode(out),
            Self::Window(m) => m.encode(out),
            Self::Notice(m) => m.encode(out),
            Self::Drain(m) => m.encode(out),
            Self::SignOff(m) => m.encode(out),
            Self::LaneOpen(m) => m.encode(out),
            Self::Authorize(m) => m.encode(out),
            Self::Answer(m) => m.encode(out),
            Self::Capture(m) => m.encode(out),
            Self::Release(m) => m.encode(out),
            Self::Reverse(m) => m.encode(out),
            Self::Acknowledge(m) => m.encode(out),
            Self::Inquiry(m) => m.encode(out),
            Self::Status(m) => m.encode(out),
            Self::DecidedThrough(m) => m.encode(out),
            Self::Complete(m) => m.encode(out),
            Self::Refund(m) => m.encode(out),
        }
    }

    /// Reads a frame's message.
    ///
    /// # Errors
    /// [`Reason::MessageReserved`] for a type kept for a later version, [`Reason::FrameMalformed`] for one that nobody
    /// knows; otherwise the reason and the field that is wrong. With the id where the frame is a request that is long
    /// enough to name it.
    pub fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let Some(kind) = MessageType::from_number(frame.kind) else {
            if !MessageType::RESERVED.iter().any(|(number, _)| *number == frame.kind) {
                return Err(DecodeError::new(Reason::FrameMalformed, "message type"));
            }
            // Every message of a later version begins with its id, too.
            let id = frame.fixed().first_chunk().map(|id| RequestId::from_bytes(*id));
            return Err(DecodeError { id, ..DecodeError::new(Reason::MessageReserved, "message type") });
        };
        match kind {
            MessageType::SignOn => SignOn::decode(frame).map(Self::SignOn),
            MessageType::Welcome => Welcome::decode(frame).map(Self::Welcome),
            MessageType::Echo => Echo::decode(frame).map(Self::Echo),
            MessageType::Window => Window::decode(frame).map(Self::Window),
            MessageType::Notice => Notice::decode(frame).map(Self::Notice),
            MessageType::Drain => Drain::decode(frame).map(Self::Drain),
            MessageType::SignOff => SignOff::decode(frame).map(Self::SignOff),
            MessageType::LaneOpen => LaneOpen::decode(frame).map(Self::LaneOpen),
            MessageType::Authorize => Authorize::decode(frame).map(Self::Authorize),
            MessageType::Answer => Answer::decode(frame).map(Self::Answer),
            MessageType::Capture => Capture::decode(frame).map(Self::Capture),
            MessageType::Release => Release::decode(frame).map(Self::Release),
            MessageType::Reverse => Reverse::decode(frame).map(Self::Reverse),
            MessageType::Acknowledge => Acknowledge::decode(frame).map(Self::Acknowledge),
            MessageType::Inquiry => Inquiry::decode(frame).map(Self::Inquiry),
            MessageType::Status => Status::decode(frame).map(Self::Status),
            MessageType::DecidedThrough => DecidedThrough::decode(frame).map(Self::DecidedThrough),
            MessageType::Complete => Complete::decode(frame).map(Self::Complete),
            MessageType::Refund => Refund::decode(frame).map(Self::Refund),
        }
    }
}
