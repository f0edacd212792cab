//! Threads that give way to those that serve clients. It must not know what they do.

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

/// Gives the calling thread a lower priority than threads have by default, of 99. Only Linux gives
/// each thread one of its own; elsewhere the whole process would give way.
pub(crate) fn give_way(priority: u8) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let lowered = ThreadPriorityValue::try_from(priority)
        .map_err(|error| error.to_string())
        .and_then(|priority| {
            set_current_thread_priority(ThreadPriority::Crossplatform(priority))
                .map_err(|error| format!("{error:?}"))
        });
    if let Err(error) = lowered {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        tracing::warn!(name, error, "a thread keeps its priority");
    }
}
