//! Why the answer is no: one closed list, numbered for ever.
//!
//! A number never changes its meaning and is never used again. Ranges tell who may say what: 0 nobody, 100 to 199 the
//! destination declines, 200 to 299 the switch declines (recorded and final, rule 3), 300 to 399 the switch refuses
//! (nothing recorded, nothing said about other copies, rule 5), 400 to 499 a link ends.

use std::fmt;

/// Which treatment a reason gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonClass {
    /// There is no reason: the answer is yes.
    None,
    /// The destination declined; recorded and final.
    DestinationDeclined,
    /// The switch declined; recorded and final.
    SwitchDeclined,
    /// Refused: nothing recorded, nothing said about other copies of the request.
    Refused,
    /// The link ends.
    Link,
}

macro_rules! reasons {
    ($($number:literal $name:ident $text:literal;)*) => {
        /// A numbered reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reason {
            $(#[doc = $text] $name = $number,)*
        }

        impl Reason {
            /// Every reason, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// `None` for a number that stands for no reason.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The name as it stands in this list.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// One sentence for people.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    0 None "There is no reason: the answer is yes.";

    100 DoNotHonour "The issuer does not honour the request and says no more.";
    101 InsufficientFunds "The instrument does not hold the amount.";
    102 InstrumentUnknown "The destination does not know the instrument.";
    103 InstrumentExpired "The instrument has expired.";
    104 InstrumentNotPermitted "The instrument may not be used for this.";
    105 InstrumentAmountLimit "The amount exceeds a limit of the instrument.";
    106 InstrumentFrequencyLimit "The instrument was used too often.";
    107 InvalidTransaction "The destination does not offer this transaction.";
    108 PayeeRefused "The payee does not take this payment.";
    109 ClientNotAuthenticated "The client was not authenticated.";
    110 SuspectedFraud "The destination suspects fraud.";
    111 DestinationFailed "The destination could not carry it out for technical reasons.";

    200 MpsUnknown "No route names the payment system of the payment ID.";
    201 MerchantUnknown "The payment system has no route for the merchant and no default.";
    202 DestinationNotConnected "The destination is not signed on.";
    203 DestinationTimedOut "The destination did not answer in time; it is being sent a reversal.";
    204 DestinationNotAccepting "The destination is suspended or being drained.";
    205 NetDebitCapExceeded "The hold would take its debtor's exposure over the net debit cap.";
    206 AmountLimitExceeded "The amount exceeds the originator's limit for one transaction at this security level.";
    207 DailyAmountLimitExceeded "The originator's amount for the business date would exceed its limit.";
    208 DailyCountLimitExceeded "The originator's count for the business date would exceed its limit.";
    209 CurrencyNotAgreed "A participant of the transaction has not agreed to the currency.";
    210 SecurityLevelNotAgreed "The originator has no limits for this security level.";
    211 DestinationIsOriginator "The payment ID leads back to its sender.";
    212 ReversedBeforeArrival "A reversal arrived before the request.";
    213 BudgetTooShort "The remaining time does not reach the destination.";
    214 ApprovalAboveAmount "The destination approved more than was asked; it is being sent a reversal.";
    215 PartialNotAllowed "The destination approved a part, which the request does not allow; it is being sent a reversal.";
    216 ReversedByOriginator "The originator reversed it before the destination answered.";
    217 DestinationRefused "The destination refused the request as malformed, unknown or out of its window.";

    230 OriginalUnknown "There is no such original of this participant.";
    231 OriginalPending "The original is not decided yet.";
    232 OriginalDeclined "The original was declined.";
    233 HoldExpired "The hold had expired.";
    234 HoldReleased "The hold was released.";
    235 HoldCaptured "The hold was captured finally.";
    236 OriginalReversed "The original was reversed.";
    237 CaptureAboveHold "The capture exceeds what is still held.";
    238 CapturesManyNotAllowed "The reservation allows one capture only; it must be final.";
    239 NotCapturable "Only a reservation can be captured; a payment cannot be released.";
    240 CurrencyDiffers "The currency is not that of the original.";
    241 ReversalOfReversal "A reversal is never reversed.";
    242 TooManyDeliveries "The transaction has reached its limit of messages to the destination.";
    243 RefundAboveCaptured "The refund exceeds what was captured and neither reversed nor refunded, pending refunds included.";
    244 NotRefundable "A verification or a refund cannot be refunded.";
    245 NothingCaptured "Nothing of the reservation has been captured, so there is nothing to refund.";

    300 Busy "Overloaded: try again after the time given.";
    301 Malformed "A field holds what its type does not allow.";
    302 NotSignedOn "The link is not signed on for this.";
    303 IdTooOld "The id was made longer ago than the window.";
    304 IdFromTheFuture "The id was made later than the switch's time and skew allow.";
    305 ExpiresTooFar "The request expires later than its id's creation and the window.";
    306 Expired "The request expired before it arrived.";
    307 HoldUntilOutOfRange "The hold ends before the request expires or later than the longest hold.";
    308 Suspended "The participant is suspended.";
    309 Draining "The participant is being drained: no new work.";
    310 OriginalUnavailable "The original left memory and cannot be looked up now: repeat later.";
    311 WindowExceeded "More requests are unanswered than the window allows.";
    312 RoleNotAgreed "The participant may not send this message.";
    313 ExtensionUnknown "A critical extension is not known.";
    314 AmountZero "The amount is zero.";
    315 AmountTooLarge "The amount has more than twelve digits.";
    316 CurrencyUnknown "ISO 4217 knows no such currency.";
    317 MessageReserved "The message type is reserved for a later version.";
    318 JournalFull "The journal has no room: nothing is accepted but what finishes open work.";
    319 InquiryBudgetSpent "The participant's inquiries exceed its budget.";
    320 PaymentIdMalformed "The payment ID is not text of the allowed characters.";
    321 DuplicateInBatch "Two messages in one batch have the same id and other content.";
    322 DeliveryQueueFull "Too much is undelivered to the destination.";
    323 ShuttingDown "The switch is going down: no new work.";
    324 ReversalWaiting "A reversal of the original waits for its pending refunds: no further refund now.";

    330 IdReusedOtherMessage "The id was used for another kind of message.";
    331 IdReusedOtherAmount "The id was used with another amount.";
    332 IdReusedOtherCurrency "The id was used with another currency.";
    333 IdReusedOtherPaymentId "The id was used with another payment ID.";
    334 IdReusedOtherInstrument "The id was used with another instrument reference.";
    335 IdReusedOtherKind "The id was used with another kind.";
    336 IdReusedOtherSecurity "The id was used with another security level or channel.";
    337 IdReusedOtherTimes "The id was used with another expiry or end of hold.";
    338 IdReusedOtherOptions "The id was used with other options.";
    339 IdReusedOtherExtensions "The id was used with other extensions.";
    340 IdReusedOtherOriginal "The id was used for another original.";
    341 IdReusedOtherContent "The id was used with other content.";

    400 SignedOff "The participant signed off.";
    401 VersionUnsupported "No common version of the protocol.";
    402 IdentityUnknown "The certificate names no configured participant.";
    403 RoleNotConfigured "The participant is not configured for the role.";
    404 Replaced "A newer sign-on of the same instance replaced the link.";
    405 FrameMalformed "A frame could not be read.";
    406 ProtocolViolation "A message came where the protocol does not allow it.";
    407 NotReading "The peer does not read what it is sent.";
    408 Flooding "The peer sends far beyond its window, or contradicts its answers beyond what may be open.";
    409 TooManyLinks "The participant has too many links.";
    410 EchoUnanswered "An echo was not answered in time.";
    411 SwitchStopping "The switch is stopping.";
    412 SignOnTimedOut "The link did not sign on in time.";
    413 Removed "The participant was removed from the configuration.";
    414 WindowTooSmall "The link takes fewer forwards unanswered than the switch has partitions.";
}

impl Reason {
    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Which treatment it gets.
    pub const fn class(self) -> ReasonClass {
        match self.number() {
            0 => ReasonClass::None,
            1..200 => ReasonClass::DestinationDeclined,
            200..300 => ReasonClass::SwitchDeclined,
            300..400 => ReasonClass::Refused,
            _ => ReasonClass::Link,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}
