//! Tests of the book.

mod promises;
mod script;
