//! What those who run a switch do with it, and what the participants see of it.
