//! What a switch says and counts: its log and its metrics. One way to look at both, for every test.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_protocol::Reason;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

use crate::fixture::Fixture;
use crate::peer::wait_until;
use crate::processes::http_get;

/// The log of one switch in this process, whatever other switches log.
#[derive(Clone, Debug, Default)]
pub struct SwitchLog(Arc<Mutex<Vec<u8>>>);

impl SwitchLog {
    /// Where a switch logs that is started under it.
    pub fn dispatch(&self) -> Dispatch {
        let lines = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO);
        Dispatch::new(lines.with_writer(self.clone()).finish())
    }

    /// All of it.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("a log is text")
    }

    /// How many lines hold all these words.
    pub fn lines_with(&self, words: &[&str]) -> usize {
        self.text().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }
}

impl<'a> MakeWriter<'a> for SwitchLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for SwitchLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sum of all samples of a page of metrics whose line begins so; zero where there is none.
pub fn sum_of(metrics: &str, begins: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with(begins));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

impl Fixture {
    /// The page of metrics.
    pub fn metrics(&self) -> String {
        let (code, page) = http_get(self.switch().admin, "/metrics").expect("the admin interface answers");
        assert_eq!(code, 200, "{page}");
        assert!(page.ends_with("# EOF\n"), "{page}");
        page
    }

    /// The sum of all samples whose line begins so.
    pub fn metric(&self, begins: &str) -> f64 {
        sum_of(&self.metrics(), begins)
    }

    /// Waits until a counter stands at or above a number and a line of the log holds all words.
    pub async fn shows(&self, words: &[&str], counter: &str, at_least: u64) {
        wait_until(&format!("a line with {words:?}"), async || self.log().lines_with(words) > 0).await;
        wait_until(&format!("{counter} to reach {at_least}"), async || {
            self.metric(counter) >= at_least as f64
        })
        .await;
    }

    /// A link of a participant was ended for a reason: so the log says and so it is counted.
    pub async fn shows_end(&self, participant: &str, reason: Reason) {
        let counter = sample("holdfast_links_closed_total", participant, reason);
        self.shows(&["link ended", participant, &reason.to_string()], &counter, 1).await;
    }

    /// A link was refused after its handshake.
    pub async fn shows_refused_link(&self, participant: &str, reason: Reason, times: u64) {
        let counter = sample("holdfast_links_closed_total", participant, reason);
        self.shows(&["link refused", participant, &reason.to_string()], &counter, times).await;
    }

    /// So many frames of a participant were refused before the core saw them.
    pub async fn shows_refused_frames(&self, participant: &str, reason: Reason, times: u64) {
        let counter = sample("holdfast_refused_frames_total", participant, reason);
        self.shows(&["requests refused", participant, &reason.to_string()], &counter, times).await;
        assert_eq!(self.metric(&counter), times as f64, "{counter}");
    }

    /// So many requests of a participant were refused by the core.
    pub async fn shows_refusals(&self, participant: &str, reason: Reason, times: u64) {
        let counter = sample("holdfast_outcomes_total", participant, reason);
        self.shows(&["requests refused", participant, &reason.to_string()], &counter, times).await;
        assert_eq!(self.metric(&counter), times as f64, "{counter}");
    }

    /// So many requests of a participant were declined by the switch.
    pub async fn shows_declines(&self, participant: &str, reason: Reason, times: u64) {
        let counter = sample("holdfast_outcomes_total", participant, reason);
        self.shows(&["requests declined", participant, &reason.to_string()], &counter, times).await;
        assert_eq!(self.metric(&counter), times as f64, "{counter}");
    }

    /// A participant sent so much that did not fit.
    pub async fn shows_oddity(&self, participant: &str, what: &str, counter: &str, times: u64) {
        self.shows(&["does not fit", participant, what], counter, times).await;
        assert_eq!(self.metric(counter), times as f64, "{counter}");
    }

    /// A handshake failed: certificates, or it was never finished.
    pub async fn shows_failed_handshake(&self, words: &str) {
        self.shows(&[words], "holdfast_handshakes_failed_total", 1).await;
    }
}

/// How the sample of a participant and a reason begins.
fn sample(family: &str, participant: &str, reason: Reason) -> String {
    format!("{family}{{participant=\"{participant}\",reason=\"{}\"", reason.name())
}
