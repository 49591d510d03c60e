//! Bad input and bad peers, over real links: a numbered reason or a closed link, a line in the log, a counter, and
//! everybody else unharmed.

mod contents;
mod dials;
mod frames;
mod identities;
mod loads;
mod overload;
