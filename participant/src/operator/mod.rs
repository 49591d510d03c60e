//! The operator's side: typed calls with one outcome each.

mod agreement;
mod calls;
pub(crate) mod inquiries;
mod outcome;
mod requests;

pub use agreement::Operation;
pub use calls::{CallSettings, Calls};
pub use outcome::{Approval, CallOutcome, Decline, InquiryOutcome, NotDone, Unknown};
pub use requests::{CallId, CallRequest, Terms};

#[cfg(test)]
mod tests;
