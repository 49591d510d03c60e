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
    time_of(ClockId::ProcessCPUTime)
}

/// What the thread that plays was doing so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadTime {
    /// It had a processor.
    pub ran: Duration,
    /// It could have run and had none; zero where the kernel does not say.
    pub waited: Duration,
}

/// That of this thread.
pub fn thread_time() -> ThreadTime {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    ThreadTime { ran: time_of(ClockId::ThreadCPUTime), waited: waited_of(&text) }
}

/// That of any thread of this process, by the number that the kernel gave it; zeros once it is gone.
pub fn time_of_thread(number: i32) -> ThreadTime {
    let text = fs::read_to_string(format!("/proc/self/task/{number}/schedstat")).unwrap_or_default();
    let ran = text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0);
    ThreadTime { ran: Duration::from_nanos(ran), waited: waited_of(&text) }
}

/// The number that the kernel gave this thread.
pub fn this_thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The second number of a schedstat: nanoseconds on a run queue.
fn waited_of(schedstat: &str) -> Duration {
    let nanos = schedstat.split_whitespace().nth(1).and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// What the processors of the machine did, in ticks since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// In all.
    pub all: u64,
    /// Taken by the host for other machines.
    pub stolen: u64,
}

impl Ticks {
    /// Now; zeros where the kernel does not say.
    pub fn now() -> Self {
        fs::read_to_string("/proc/stat").map_or_else(|_| Self::default(), |text| Self::of(&text))
    }

    fn of(stat: &str) -> Self {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        // User, nice, system, idle, iowait, irq, softirq, steal; what guests took is part of user already.
        let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|text| text.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share that was stolen since `earlier`.
    pub fn stolen_share(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        if all == 0 { 0.0 } else { self.stolen.saturating_sub(earlier.stolen) as f64 / all as f64 }
    }
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

    /// The same for whoever looks on.
    pub fn shared(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.longest_us)
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
    fn waiting_and_stolen_time_are_read_from_the_kernels_words() {
        assert_eq!(waited_of("41270 368185 3\n"), Duration::from_nanos(368_185));
        assert_eq!(waited_of(""), Duration::ZERO);
        let earlier = Ticks::of("cpu  100 0 100 700 0 0 0 100 9 9\ncpu0 1 1\n");
        assert_eq!(earlier, Ticks { all: 1_000, stolen: 100 });
        assert!((Ticks { all: 1_200, stolen: 150 }.stolen_share(earlier) - 0.25).abs() < 1e-12);
        assert!(earlier.stolen_share(earlier).abs() < f64::EPSILON);
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
        assert!(time_of_thread(this_thread()).ran > Duration::ZERO);
        assert_eq!(time_of_thread(i32::MAX), ThreadTime::default());
    }

    #[test]
    fn this_machine_has_a_name_and_cores() {
        let host = Host::this();
        assert!(host.cores > 0);
        assert!(!host.kernel.is_empty());
    }
}
