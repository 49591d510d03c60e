//! The threads of links: each has a runtime of its own, and an endpoint for every address; the system spreads the links over
//! them.
//!
//! Invariant: nobody is heard before every socket is bound and every thread is there, and the sockets of all threads stay until
//! the last link of any has ended; for the system chooses among them by their number (see [`holdfast_link::endpoint`]).
//!
//! Invariant: a switch that can no longer hear participants on one of its threads stops, and says so; it does not go on with the
//! links of the others. (A panic ends the whole process, on whatever thread: `panic = "abort"`.)

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use holdfast_link::{Credentials, Endpoint, bind_restarting_server, gather};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tracing::{Dispatch, dispatcher, error, info};

use super::{ServeError, Stop, ports, settings};
use crate::config::{Config, TransportConfig};
use crate::transport::{Shared, accept};

/// A thread of links that is awake for more of its time gathers.
const BUSY_PERCENT: u32 = 66;

/// See the module.
#[derive(Debug)]
pub(super) struct Links {
    threads: Vec<LinkThread>,
    shared: Arc<Shared>,
    stop: Stop,
}

/// What runs on one of them.
#[derive(Debug)]
struct LinkThread {
    runtime: Runtime,
    endpoints: Vec<Endpoint>,
}

impl Links {
    /// Runtimes, without sockets yet.
    pub(super) fn prepare(
        config: &TransportConfig,
        shared: Arc<Shared>,
        stop: Stop,
    ) -> Result<Self, ServeError> {
        let thread = |_| Ok(LinkThread { runtime: runtime(config)?, endpoints: Vec::new() });
        let threads = (0..shared.limits.threads).map(thread).collect::<Result<_, ServeError>>()?;
        Ok(Self { threads, shared, stop })
    }

    /// Takes the addresses; nobody is heard before [`Self::run`]. Returns them, with the ports that were given for port 0.
    pub(super) fn listen(
        &mut self,
        config: &Config,
        credentials: &Credentials,
    ) -> Result<Vec<SocketAddr>, ServeError> {
        let directory = Arc::clone(&self.shared.directory);
        let tls = credentials.server(Arc::new(move |identity| directory.admits(identity)))?;
        let (quic, secret) = (settings::links(&config.transport), credentials.reset_secret());
        let runtimes: Vec<_> = self.threads.iter().map(|thread| thread.runtime.handle().clone()).collect();
        let mut addresses = Vec::new();
        for address in &config.listen {
            let endpoints = bind_restarting_server(*address, &quic, &tls, &secret, &runtimes)
                .map_err(|source| ServeError::Listen { address: *address, source })?;
            for (thread, endpoint) in self.threads.iter_mut().zip(endpoints) {
                thread.endpoints.push(endpoint);
            }
        }
        for endpoint in &self.threads[0].endpoints {
            let (address, threads) = (endpoint.quinn.local_addr()?, self.threads.len());
            let receive_buffer_bytes = endpoint.receive_buffer_bytes;
            info!(%address, receive_buffer_bytes, threads, "listening");
            ports::compare_buffer(config, endpoint);
            addresses.push(address);
        }
        Ok(addresses)
    }

    /// Those of all threads.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        self.threads.iter().flat_map(|thread| thread.endpoints.clone()).collect()
    }

    /// Hears participants on all threads, of which this is the first, while `main` runs on it; then, its endpoints closed, until
    /// the last link has ended. Besides what `main` gave it returns how the links ended.
    pub(super) fn run<T>(
        self,
        main: impl Future<Output = Result<T, ServeError>>,
    ) -> Result<Ended<T>, ServeError> {
        // The sockets of a thread outlive it.
        let endpoints = self.endpoints();
        let Self { threads, shared, stop } = self;
        let mut threads = threads.into_iter().enumerate();
        let (number, first) = threads.next().expect("there is one thread at least");
        let others = start(threads, &shared, &stop)?;
        let result = first.runtime.block_on(async {
            let accepting = first.accept(number, &shared, &stop);
            let result = main.await?;
            Ok((result, first.end(accepting).await))
        });
        if result.is_err() {
            // Nobody else closes them now, and it is no fault of theirs.
            stop.ask();
            endpoints.iter().for_each(|endpoint| endpoint.quinn.close(0_u32.into(), b""));
        }
        let others = others.into_iter().map(join).fold(Ok(()), Result::and);
        result.map(|(result, first)| (result, first.and(others)))
    }
}

/// What was done meanwhile, and how the links ended.
type Ended<T> = (T, Result<(), ServeError>);

type Running = JoinHandle<Result<(), ServeError>>;

/// All of them or none.
fn start(
    threads: impl Iterator<Item = (usize, LinkThread)>,
    shared: &Arc<Shared>,
    stop: &Stop,
) -> Result<Vec<Running>, ServeError> {
    let (mut running, mut begins) = (Vec::new(), Vec::new());
    let started = threads.into_iter().try_for_each(|(number, thread)| {
        let (begin, told) = channel();
        running.push(thread.start(number, Arc::clone(shared), stop.clone(), told)?);
        begins.push(begin);
        Ok::<_, ServeError>(())
    });
    let begun = started
        .and_then(|()| begins.iter().try_for_each(|begin| begin.send(())).map_err(|_| ServeError::Thread));
    // Whoever was not told to begin hears now that he never will.
    drop(begins);
    match begun {
        Ok(()) => Ok(running),
        Err(error) => running.into_iter().map(join).fold(Ok(()), Result::and).and(Err(error)),
    }
}

fn join(thread: Running) -> Result<(), ServeError> {
    thread.join().unwrap_or(Err(ServeError::Thread))
}

impl LinkThread {
    /// Starts it; it begins when told.
    fn start(
        self,
        number: usize,
        shared: Arc<Shared>,
        stop: Stop,
        told: Receiver<()>,
    ) -> std::io::Result<Running> {
        let log = dispatcher::get_default(Dispatch::clone);
        let run = move || {
            if told.recv().is_err() {
                return Ok(());
            }
            dispatcher::with_default(&log, || {
                let accepting = self.accept(number, &shared, &stop);
                self.runtime.block_on(self.end(accepting))
            })
        };
        std::thread::Builder::new().name(format!("links-{}", number + 1)).spawn(run)
    }

    /// Accepts links on all its addresses.
    fn accept(&self, number: usize, shared: &Arc<Shared>, stop: &Stop) -> Accepting {
        let mut accepting = JoinSet::new();
        for endpoint in &self.endpoints {
            let (endpoint, shared, stop) = (endpoint.quinn.clone(), Arc::clone(shared), stop.clone());
            let task = async move {
                accept(endpoint, shared, number).await;
                if stop.is_asked() {
                    return Ok(());
                }
                error!(
                    thread = number + 1,
                    "an endpoint has failed: participants are not heard there, so the switch stops"
                );
                stop.ask();
                Err(ServeError::Endpoint)
            };
            accepting.spawn_on(task, self.runtime.handle());
        }
        accepting
    }

    /// Waits until its last link has ended and its peers know.
    async fn end(&self, mut accepting: Accepting) -> Result<(), ServeError> {
        let mut result = Ok(());
        while let Some(ended) = accepting.join_next().await {
            result = result.and(ended.unwrap_or(Err(ServeError::Thread)));
        }
        for endpoint in &self.endpoints {
            endpoint.quinn.wait_idle().await;
        }
        result
    }
}

/// One task for each endpoint of a thread.
type Accepting = JoinSet<Result<(), ServeError>>;

fn runtime(config: &TransportConfig) -> std::io::Result<Runtime> {
    let mut runtime = Builder::new_current_thread();
    gather(&mut runtime, Duration::from_micros(config.gather_us), BUSY_PERCENT);
    runtime.enable_all().build()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use crossbeam::channel::bounded;
    use holdfast_protocol::{Epoch, Partition};
    use tokio::sync::Notify;

    use super::*;
    use crate::clock::Clock;
    use crate::session::Directory;
    use crate::telemetry::Telemetry;
    use crate::transport::{ToDriver, Wake};

    const THREADS: u16 = 3;
    const CONFIGURATION: &str = r#"
listen = ["127.0.0.1:0"]
transport = { io_threads = 3 }
tls = { certificate = "switch.pem", key = "switch.key", ca = "ca.pem" }
participants = [{ name = "acquirer-1", number = 1, roles = ["receives"], caps = { EUR = "0" } }]
"#;

    /// Threads that listen, what asks for their end, and what hears of it.
    fn listening(directory: &Path) -> (Links, Stop, Arc<Notify>) {
        let config = Config::parse(CONFIGURATION, &directory.join("holdfast.toml")).unwrap();
        crate::certs::issue(directory, &config, false).unwrap();
        let credentials = crate::admin::credentials(&config).unwrap();
        let woken = Arc::new(Notify::new());
        let wake = Wake::Task(Arc::clone(&woken));
        let stop = Stop { asked: Arc::default(), wake: wake.clone() };
        let shared = Arc::new(Shared::new(
            Arc::new(Directory::default()),
            settings::limits(&config),
            Telemetry::default(),
            Arc::new(Mutex::new(Clock::start(Default::default()))),
            vec![ToDriver {
                events: bounded(1).0,
                wake,
                offer: settings::offer(&config, Partition(0), Epoch(1)),
            }],
        ));
        let mut links = Links::prepare(&config.transport, shared, stop.clone()).unwrap();
        let addresses = links.listen(&config, &credentials).unwrap();
        let endpoints = links.endpoints();
        assert_eq!((addresses.len(), endpoints.len()), (1, usize::from(THREADS)));
        assert!(endpoints.iter().all(|endpoint| endpoint.quinn.local_addr().unwrap() == addresses[0]));
        (links, stop, woken)
    }

    fn close(endpoint: &Endpoint) {
        endpoint.quinn.close(0_u32.into(), b"");
    }

    #[test]
    fn a_switch_that_one_thread_cannot_hear_stops_with_a_word() {
        for deaf in 0..usize::from(THREADS) {
            let directory = tempfile::tempdir().unwrap();
            let (links, stop, woken) = listening(directory.path());
            let endpoints = links.endpoints();
            let (done, ended) = links
                .run(async move {
                    // As when its socket fails: nobody has asked for it.
                    close(&endpoints[deaf]);
                    woken.notified().await;
                    assert!(stop.is_asked());
                    // The driver, asked to stop, closes them all.
                    endpoints.iter().for_each(close);
                    Ok(7)
                })
                .unwrap();
            assert_eq!(done, 7, "what was decided is still made durable");
            assert!(matches!(ended, Err(ServeError::Endpoint)), "thread {deaf}: {ended:?}");
        }
    }

    #[test]
    fn threads_end_with_the_switch_and_with_a_switch_that_fails() {
        let directory = tempfile::tempdir().unwrap();
        let (links, stop, _) = listening(directory.path());
        let endpoints = links.endpoints();
        let ended = links.run(async move {
            stop.ask();
            endpoints.iter().for_each(close);
            Ok(())
        });
        assert!(matches!(ended, Ok(((), Ok(())))), "{ended:?}");
        let directory = tempfile::tempdir().unwrap();
        let (links, ..) = listening(directory.path());
        let failed = links.run(async { Err::<(), _>(ServeError::Thread) });
        assert!(matches!(failed, Err(ServeError::Thread)), "{failed:?}");
    }
}
