//! Bad input and bad peers, over real links: a numbered reason or a closed link, and everybody else unharmed.

mod contents;
mod frames;
mod identities;
mod loads;
