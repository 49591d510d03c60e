//! The machine under the generator: what it is, how much of it the generator takes, and where it got in the way.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// What the machine is.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Model of the processor.
    pub cpu: String,
    /// Processors that the process may use.
    pub cores: usize,
    /// Version of the kernel.
    pub kernel: String,
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let unknown = || "unknown".to_owned();
        Self {
            cpu: model.map_or_else(unknown, |(_, model)| model.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
        }
    }
}

/// Processor time of this process so far.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Datagrams that the kernel dropped because a socket's buffer was full, over all sockets of the network namespace since
/// it began; zero where the kernel does not say.
pub fn udp_drops() -> u64 {
    fs::read_to_string("/proc/self/net/snmp").map_or(0, |text| udp_drops_of(&text))
}

fn udp_drops_of(text: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let value = |name: &str| {
        let place = names.split(' ').position(|n| n == name)?;
        values.split(' ').nth(place)?.parse::<u64>().ok()
    };
    value("RcvbufErrors").unwrap_or(0) + value("SndbufErrors").unwrap_or(0)
}

/// A thread that sleeps for a millisecond again and again and notes the longest oversleep: what the machine does to a
/// thread that asks for little.
#[derive(Debug)]
pub struct HiccupMeter {
    longest_us: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// How long the meter sleeps.
const NAP: Duration = Duration::from_millis(1);

impl HiccupMeter {
    /// Begins to measure.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn begin() -> std::io::Result<Self> {
        let longest_us = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (longest, stopped) = (Arc::clone(&longest_us), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("hiccup".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let before = Instant::now();
                std::thread::sleep(NAP);
                let over = before.elapsed().saturating_sub(NAP).as_micros();
                longest.fetch_max(u64::try_from(over).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        })?;
        Ok(Self { longest_us, stop, thread })
    }

    /// Forgets what was measured so far: the warm-up is over.
    pub fn reset(&self) {
        self.longest_us.store(0, Ordering::Relaxed);
    }

    /// The longest oversleep so far, in microseconds.
    pub fn longest_us(&self) -> u64 {
        self.longest_us.load(Ordering::Relaxed)
    }

    /// Ends the thread.
    pub fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            tracing::warn!("the thread that measures hiccups panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_read_from_the_counters_of_udp() {
        let text = "Ip: a b\nIp: 1 2\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
                    Udp: 100 1 9 90 7 2\n";
        assert_eq!(udp_drops_of(text), 9);
        assert_eq!(udp_drops_of(""), 0);
    }

    #[test]
    fn work_costs_processor_time() {
        let before = cpu_time();
        let mut value = 1_u64;
        while cpu_time() == before {
            value = crate::random::mix(value);
        }
        assert_ne!(value, 0);
        assert!(cpu_time() > before);
    }

    #[test]
    fn this_machine_has_a_name_and_cores() {
        let host = Host::this();
        assert!(host.cores > 0);
        assert!(!host.kernel.is_empty());
    }
}
