//! What a command found, handed over: a JSON file in the directory that was named, and on standard output the text or the
//! same JSON.

use serde::Serialize;

use crate::cli::{Format, OutputArguments};
use crate::run::RunError;

/// See the module.
///
/// # Errors
/// Where the file cannot be written.
pub fn publish(to: &OutputArguments, file: &str, found: &impl Serialize, text: &str) -> Result<(), RunError> {
    let json = serde_json::to_string_pretty(found).expect("what a command found is plain data");
    if let Some(output) = &to.output {
        let file = output.join(file);
        std::fs::write(&file, format!("{json}\n")).map_err(RunError::io(file.display().to_string()))?;
    }
    match to.format {
        Format::Text => print!("{text}"),
        Format::Json => println!("{json}"),
    }
    Ok(())
}
