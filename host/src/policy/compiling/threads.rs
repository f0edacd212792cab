//! The threads that components are compiled on: a few of their own, which give way to all others
//! while anybody is served.
//!
//! Left alone, wasmtime would compile on rayon's global threads, one for each processor and of the
//! same priority as those that serve clients: a language's runtime of 18 MB would hold them up for
//! seconds.

use std::num::NonZero;
use std::sync::LazyLock;

use super::Pace;
use crate::limits::{POLICY_COMPILE_PRIORITY, POLICY_COMPILE_THREADS};
use crate::priority::give_way;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads for one pace; of either, the process has one set, so that the bound on them holds however
/// many servers and workbenches are in it.
type Threads = LazyLock<Option<ThreadPool>>;

static FULL: Threads = LazyLock::new(|| start(Pace::Full));
static GIVING_WAY: Threads = LazyLock::new(|| start(Pace::GiveWay));

fn threads(pace: Pace) -> Option<&'static ThreadPool> {
    match pace {
        Pace::Full => FULL.as_ref(),
        Pace::GiveWay => GIVING_WAY.as_ref(),
    }
}

/// Does something that uses rayon on the threads for this pace. The caller waits.
pub(super) fn on<T: Send>(pace: Pace, work: impl FnOnce() -> T + Send) -> T {
    match threads(pace) {
        Some(threads) => threads.install(work),
        None => work(),
    }
}

fn start(pace: Pace) -> Option<ThreadPool> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = ThreadPoolBuilder::new()
        .num_threads(processors.min(POLICY_COMPILE_THREADS))
        .thread_name(|_| "policy-compile".to_owned())
        .start_handler(move |_| {
            if pace == Pace::GiveWay {
                give_way(POLICY_COMPILE_PRIORITY);
            }
        })
        .build();
    match threads {
        Ok(threads) => Some(threads),
        Err(error) => {
            tracing::warn!(%error, "no threads to compile policies on; compiling in place");
            None
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The name of a thread for one pace, and how nice it is, as Linux has them.
    fn thread(pace: Pace) -> (String, String) {
        let threads = threads(pace).expect("there are threads");
        assert!(threads.current_num_threads() <= POLICY_COMPILE_THREADS);
        let stat = threads.install(|| std::fs::read_to_string("/proc/thread-self/stat"));
        let stat = stat.expect("Linux tells");
        // The name of a thread is in brackets and may hold anything; the rest is numbers.
        let (name, rest) = stat.rsplit_once(')').expect("a name");
        // Field 19 of the whole, as proc(5) counts; the rest begins with the third.
        let nice = rest.split_whitespace().nth(16).expect("a number");
        let (_, name) = name.split_once('(').expect("a name");
        (name.to_owned(), nice.to_owned())
    }

    #[test]
    fn its_threads_are_few_and_give_way_where_they_should() {
        let named = |nice: &str| ("policy-compile".to_owned(), nice.to_owned());
        assert_eq!(thread(Pace::GiveWay), named("10"));
        let own = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux tells");
        let (_, rest) = own.rsplit_once(')').expect("a name");
        let nice = rest.split_whitespace().nth(16).expect("a number");
        assert_eq!(thread(Pace::Full), named(nice));
    }
}
