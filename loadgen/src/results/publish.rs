//! What a command found, handed over: on standard output as text or as JSON, and a JSON file in the directory that was named.
//!
//! Promise: what was measured is said first. A disk that is full, or a directory that is gone, costs the files and not the figures.

use std::io::Write;

use serde::Serialize;

use crate::cli::{Format, OutputArguments};
use crate::run::RunError;

/// See the module.
///
/// # Errors
/// Where the file cannot be written, or nobody hears.
pub fn publish(to: &OutputArguments, file: &str, found: &impl Serialize, text: &str) -> Result<(), RunError> {
    let said = say(to, found, text);
    if let Some(output) = &to.output {
        let json = serde_json::to_string_pretty(found).expect("what a command found is plain data");
        let file = output.join(file);
        std::fs::write(&file, format!("{json}\n")).map_err(RunError::io(file.display().to_string()))?;
    }
    said
}

/// Says what was found, as it was asked for.
///
/// # Errors
/// Where nobody hears.
pub fn say(to: &OutputArguments, found: &impl Serialize, text: &str) -> Result<(), RunError> {
    match to.format {
        Format::Text => tell(text),
        Format::Json => {
            let json = serde_json::to_string_pretty(found).expect("what a command found is plain data");
            tell(&format!("{json}\n"))
        }
    }
    .map_err(RunError::Output)
}

/// Writes to standard output. Where whoever reads it is gone (`| head`) that is an error and no panic.
///
/// # Errors
/// Where nobody hears.
pub fn tell(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}
