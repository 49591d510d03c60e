//! What those who run a switch do with it, and what the participants see of it.

mod addresses;
mod archive;
mod days;
mod drivers;
mod lives;
mod load;
mod memory;
mod participants;
mod priority;
mod programs;
mod reloads;
mod snapshots;
mod threads;
mod watching;

use holdfast_tests::fixture::Fixture;
use holdfast_tests::processes::{http_get, http_post};

/// Gives an order over the admin interface, which carries it out.
fn order(fixture: &Fixture, path: &str) -> String {
    let (code, body) = http_post(fixture.switch().admin, path).expect("the admin interface answers");
    assert_eq!(code, 200, "{path}: {body}");
    body
}

/// Gives an order that is not carried out, and returns why.
fn refused_order(fixture: &Fixture, path: &str, expected: u16) -> String {
    let (code, body) = http_post(fixture.switch().admin, path).expect("the admin interface answers");
    assert_eq!(code, expected, "{path}: {body}");
    body
}

/// What the admin interface says.
fn page(fixture: &Fixture, path: &str) -> String {
    let (code, body) = http_get(fixture.switch().admin, path).expect("the admin interface answers");
    assert_eq!(code, 200, "{path}: {body}");
    body
}
