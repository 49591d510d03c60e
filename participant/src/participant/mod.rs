//! A participant that stays signed on: one task that dials, reconnects and serves, and the fronts to it.
//!
//! The task is owned by [`Participant`]; dropping that ends it at once, [`Participant::close`] ends it in good order.

mod engine;
mod operator;
mod serving;
mod slot;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::backoff::Backoff;
use crate::destination::{BookSettings, Decision, DedupStore, Delivery, Handler, StoreError};
use crate::link::{LinkConfig, LinkError};
use crate::operator::inquiries::Inquiries;
use crate::operator::{CallSettings, Calls};
use engine::{Command, Engine, LinkView};
use serving::Serving;
use slot::LinkSlot;

pub use operator::Operator;
pub use slot::NoLink;

/// Commands that wait for the task before a caller has to wait.
const COMMANDS_MAX: usize = 1_024;

/// Everything about a participant.
#[derive(Clone, Debug)]
pub struct ParticipantConfig {
    /// About its links.
    pub link: LinkConfig,
    /// The addresses of the switch, tried in turn.
    pub switches: Vec<SocketAddr>,
    /// How long the first sign-on may take, with all its attempts, before it is given up with
    /// [`ParticipantError::NotSignedOn`]; [`Duration::MAX`]: it is never given up. Later links are never given up.
    pub sign_on_within: Duration,
    /// The pause after a first failure to dial.
    pub pause_first: Duration,
    /// The longest pause between two dials.
    pub pause_longest: Duration,
    /// About its calls.
    pub calls: CallSettings,
    /// About its book, where it is a destination.
    pub book: BookSettings,
}

impl ParticipantConfig {
    /// The defaults for links and switches.
    pub fn new(link: LinkConfig, switches: Vec<SocketAddr>) -> Self {
        Self {
            link,
            switches,
            sign_on_within: Duration::from_secs(30),
            pause_first: Duration::from_millis(100),
            pause_longest: Duration::from_secs(10),
            calls: CallSettings::default(),
            book: BookSettings::default(),
        }
    }
}

/// Why a participant cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ParticipantError {
    /// Dialling again cannot help before somebody changes the configuration.
    #[error(transparent)]
    Link(LinkError),
    /// The first sign-on did not succeed within [`ParticipantConfig::sign_on_within`].
    #[error("not signed on within {within_ms} ms: {}", why_not(.last.as_deref()))]
    NotSignedOn {
        /// How long it was tried.
        within_ms: u64,
        /// How the last attempt ended; none where none has ended.
        last: Option<Arc<NoLink>>,
    },
    /// The deduplication store failed: nothing may be answered any more.
    #[error("deduplication store: {0}")]
    Store(#[from] StoreError),
    /// The deduplication store panicked.
    #[error("the deduplication store panicked")]
    StorePanicked,
    /// The handler panicked: nobody knows what it did. What it was doing the switch reverses or delivers again.
    #[error("the handler panicked")]
    HandlerPanicked,
    /// The operating system gives no randomness for request ids.
    #[error("randomness for request ids: {0}")]
    Randomness(std::io::Error),
    /// The participant's task was ended from outside.
    #[error("the participant's task has ended")]
    Ended,
}

fn why_not(last: Option<&NoLink>) -> String {
    last.map_or_else(|| "the first attempt has not ended".to_owned(), NoLink::to_string)
}

/// Owns the task of a participant.
#[derive(Debug)]
pub struct Participant {
    task: JoinHandle<Result<(), ParticipantError>>,
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<LinkView>,
}

/// An originator has no handler.
enum NoHandler {}

impl Handler for NoHandler {
    async fn decide(&self, _: &holdfast_protocol::Authorize) -> Decision {
        match *self {}
    }

    async fn deliver(&self, _: Delivery) {
        match *self {}
    }
}

impl Participant {
    /// Signs on as an originator, and returns when it has; dials until then, each failure a warning in the log. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// Where dialling again cannot help, or nothing did within [`ParticipantConfig::sign_on_within`]; it says why.
    pub async fn originator(mut config: ParticipantConfig) -> Result<(Self, Operator), ParticipantError> {
        config.link.roles = crate::link::Roles::Originator;
        let participant = Self::start::<NoHandler>(config, None).await?;
        let operator = participant.operator()?;
        Ok((participant, operator))
    }

    /// Signs on as a destination, whose handler decides and whose store remembers; otherwise as [`Self::originator`].
    ///
    /// # Errors
    /// As [`Self::originator`], and where the store cannot be read.
    pub async fn destination(
        mut config: ParticipantConfig,
        handler: impl Handler,
        store: impl DedupStore,
    ) -> Result<Self, ParticipantError> {
        config.link.roles = crate::link::Roles::Destination;
        let serving = Serving::start(config.book.clone(), handler, Box::new(store)).await?;
        Self::start(config, Some(serving)).await
    }

    /// Signs on as both, on one link: an operator that also takes payments for its clients.
    ///
    /// # Errors
    /// As [`Self::destination`].
    pub async fn both(
        mut config: ParticipantConfig,
        handler: impl Handler,
        store: impl DedupStore,
    ) -> Result<(Self, Operator), ParticipantError> {
        config.link.roles = crate::link::Roles::Both;
        let serving = Serving::start(config.book.clone(), handler, Box::new(store)).await?;
        let participant = Self::start(config, Some(serving)).await?;
        let operator = participant.operator()?;
        Ok((participant, operator))
    }

    async fn start<H: Handler>(
        config: ParticipantConfig,
        serving: Option<Serving<H>>,
    ) -> Result<Self, ParticipantError> {
        let (commands, commanded) = mpsc::channel(COMMANDS_MAX);
        let (view, viewed) = watch::channel(LinkView::default());
        let within = config.sign_on_within;
        let backoff = Backoff::new(config.pause_first, config.pause_longest);
        let engine = Engine {
            slot: LinkSlot::new(config.link, config.switches, backoff),
            commands: commanded,
            view,
            calls: Calls::new(config.calls),
            callers: HashMap::new(),
            inquiries: Inquiries::default(),
            inquirers: HashMap::new(),
            serving,
            received: Vec::new(),
            closing: None,
            drain_sent: false,
        };
        let mut participant = Self { task: tokio::spawn(engine.run()), commands, view: viewed.clone() };
        let mut viewed = viewed;
        tokio::select! {
            ended = participant.ended() => Err(ended.err().unwrap_or(ParticipantError::Ended)),
            signed_on = viewed.wait_for(|view| view.linked) => match signed_on.map(|_| ()) {
                Ok(()) => Ok(participant),
                // The task has ended, and knows why.
                Err(_) => Err(participant.ended().await.err().unwrap_or(ParticipantError::Ended)),
            },
            () = tokio::time::sleep(within) => {
                let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                Err(ParticipantError::NotSignedOn { within_ms, last: participant.no_link() })
            }
        }
    }

    fn operator(&self) -> Result<Operator, ParticipantError> {
        Operator::new(self.commands.clone(), self.view.clone())
    }

    /// Whether a link stands now.
    pub fn is_linked(&self) -> bool {
        self.view.borrow().linked
    }

    /// Why there is no link now; none while there is one.
    pub fn no_link(&self) -> Option<Arc<NoLink>> {
        self.view.borrow().no_link.clone()
    }

    /// Waits until the participant has ended, which it does by itself only where it cannot go on.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn ended(&mut self) -> Result<(), ParticipantError> {
        match (&mut self.task).await {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(ParticipantError::Ended),
        }
    }

    /// Takes nothing new, lets what is in flight finish, signs off and ends, all within a time.
    ///
    /// # Errors
    /// Why it ended, where that was before.
    pub async fn close(mut self, within: Duration) -> Result<(), ParticipantError> {
        if self.commands.send(Command::Close(Instant::now() + within)).await.is_err() {
            tracing::debug!("the participant has ended already");
        }
        self.ended().await
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.task.abort();
    }
}
