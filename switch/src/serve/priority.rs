//! Real-time priority for the threads that a payment passes through, where the configuration asks for it: then nothing else
//! takes a core from them, the kernel's own threads included.
//!
//! What works beside them (snapshots, archive, administration) never has it, not even where the process was started with it
//! (`chrt`, a unit): a turn of `SCHED_RR` lasts a tenth of a second, and so long payments would wait for a snapshot.

use std::panic::resume_unwind;
use std::thread;

use thread_priority::{
    Error, NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue,
    ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
    thread_schedule_policy,
};
use tracing::warn;

/// The threads of the kernel that serve interrupts have the next.
pub(crate) const PRIORITY_MAX: u8 = 49;

/// This thread, and all that it starts from now on; zero leaves it as it is.
///
/// # Errors
/// The process may not.
pub(super) fn raise(priority: u8) -> Result<(), Error> {
    if priority == 0 {
        return Ok(());
    }
    let value = ThreadPriorityValue::try_from(priority.min(PRIORITY_MAX)).expect("that is below the highest");
    let round_robin = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), round_robin)
}

/// Does what starts threads that are to have this priority, and says whether they could get it. A thread begins with the
/// priority of the one that starts it; this one keeps its own, because it will start others.
pub(super) fn raised<T: Send>(priority: u8, start: impl FnOnce() -> T + Send) -> (T, Result<(), Error>) {
    if priority == 0 {
        return (start(), Ok(()));
    }
    thread::scope(|scope| {
        let starter = scope.spawn(|| {
            let result = raise(priority);
            (start(), result)
        });
        starter.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// This thread works beside payments: it gives back the real-time priority that the process may have been started with.
pub(crate) fn give_back() {
    let given_back = thread_schedule_policy().and_then(|policy| match policy {
        ThreadSchedulePolicy::Realtime(_) => {
            let usual = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
            set_thread_priority_and_policy(
                thread_native_id(),
                ThreadPriority::Os(ThreadPriorityOsValue::default()),
                usual,
            )
        }
        ThreadSchedulePolicy::Normal(_) => Ok(()),
    });
    if let Err(error) = given_back {
        warn!(%error, "a thread beside the payments keeps its real-time priority");
    }
}
