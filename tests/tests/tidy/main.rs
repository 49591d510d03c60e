//! The rules of the house that a program can check: who may know whom, how long a file may get, and words that have no
//! place in the tree.

mod crates;
mod documents;
mod scripts;
mod source;
mod tree;
