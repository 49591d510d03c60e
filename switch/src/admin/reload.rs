//! Taking over a changed configuration and new certificates while running (SIGHUP).
//!
//! Invariant: all or nothing. A file with a fault, a key that does not go with its certificate, or a change the core
//! refuses leaves everything as it runs.

use std::time::Duration;

use holdfast_link::{Credentials, TlsError};
use tokio::sync::oneshot;

use super::command::{Command, CommandError, CommandSender};
use crate::config::{Config, ConfigError, Reload};

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificates or keys cannot be used.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// The driver did not take it.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The driver takes no commands.
    #[error("the driver takes no commands now")]
    DriverAway,
    /// The driver did not answer; it may still take over.
    #[error("the driver did not answer in time")]
    DriverSlow,
}

/// Reads the file of `running` and its certificates again and hands both to the driver. Returns what runs now, and what
/// changed.
///
/// # Errors
///
/// Where something is wrong; then nothing was taken over, except that a driver that did not answer may yet do so.
pub async fn reload(
    running: Config,
    commands: &CommandSender,
    timeout: Duration,
) -> Result<Reload, ReloadError> {
    let reload = running.reload()?;
    let credentials = Box::new(credentials(&reload.config)?);
    let (reply, answer) = oneshot::channel();
    let command = Command::Reload { config: Box::new(reload.config.clone()), credentials, reply };
    commands.try_send(command).map_err(|_| ReloadError::DriverAway)?;
    match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(done)) => done?,
        Ok(Err(_)) => return Err(ReloadError::DriverAway),
        Err(_) => return Err(ReloadError::DriverSlow),
    }
    Ok(reload)
}

/// The certificates that a configuration names, checked to go together.
///
/// # Errors
///
/// Where a file cannot be read, or the key does not go with the certificate.
pub fn credentials(config: &Config) -> Result<Credentials, TlsError> {
    let tls = &config.tls;
    let credentials = Credentials::load(&tls.ca, &tls.certificate, &tls.key)?;
    // Built once and thrown away: a mismatch must show here, not at the next handshake.
    credentials.server(std::sync::Arc::new(|_| true))?;
    Ok(credentials)
}
