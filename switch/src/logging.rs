//! Log lines, as text or JSON, to standard error.
//!
//! What is logged: starts and ends, links coming and going, refusals of whole links, changes by the operator of the
//! switch, alarms. Never a line for a payment, and never a key or an instrument in clear (its type masks itself).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line, for machines.
    Json,
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is no filter.
    #[error("expected a log filter such as info or holdfast=debug,warn; found {text:?}: {source}")]
    Filter {
        /// As given.
        text: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else was first.
    #[error("logging: {0}")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// Begins logging for the whole process; once.
///
/// # Errors
///
/// Where `filter` is no filter, or logging has begun before.
pub fn begin(filter: &str, format: LogFormat) -> Result<(), LoggingError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = EnvFilter::try_new(filter)
        .map_err(|source| LoggingError::Filter { text: filter.to_owned(), source })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
