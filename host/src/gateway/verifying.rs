//! Where tokens are verified: on a few threads that give way to those that serve clients, an address
//! at a time in turn. It must not know what a token says or what follows from it.
//!
//! A signature takes up to milliseconds. On the threads of the runtime a few hundred clients with
//! wrong ones would keep everybody else waiting.

use std::collections::{HashMap, VecDeque};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::address::Source;
use super::identity::{Authenticator, Identity, TokenRefusal};
use crate::limits;
use crate::priority::give_way;

/// Why there is no identity.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The token does not prove one.
    Refused(TokenRefusal),
    /// Too much of the same address waits already.
    TooMany,
    /// Too much waits.
    Overloaded,
    /// The verification itself failed.
    Failed,
}

/// One token to be verified.
struct Job {
    token: String,
    /// Dropped unanswered if another one takes its place.
    answer: oneshot::Sender<Result<Identity, Unverified>>,
}

/// What waits, by the address it comes from.
#[derive(Default)]
struct Queue {
    lanes: HashMap<Source, VecDeque<Job>>,
    /// Addresses of which something waits, in the order in which they have their turn.
    turns: VecDeque<Source>,
    waiting: usize,
    closed: bool,
}

struct Shared {
    authenticator: Arc<dyn Authenticator>,
    queue: Mutex<Queue>,
    more: Condvar,
}

/// The place. Its threads end when it is dropped.
pub(super) struct Verifying(Arc<Shared>);

impl Verifying {
    pub(super) fn new(authenticator: Arc<dyn Authenticator>) -> Self {
        let shared = Arc::new(Shared {
            authenticator,
            queue: Mutex::default(),
            more: Condvar::new(),
        });
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 0..processors.min(limits::VERIFICATION_THREADS) {
            let shared = Arc::clone(&shared);
            let started = std::thread::Builder::new()
                .name("verification".to_owned())
                .spawn(move || shared.work());
            if let Err(error) = started {
                tracing::error!(%error, "a thread that verifies tokens could not be started");
            }
        }
        Self(shared)
    }

    /// Whether a token is worth a verification, as far as that shows without one.
    pub(super) fn screen(&self, token: &str) -> Result<(), TokenRefusal> {
        self.0.authenticator.screen(token)
    }

    /// Verifies a token that comes from `source`.
    pub(super) async fn verify(
        &self,
        source: Source,
        token: String,
    ) -> Result<Identity, Unverified> {
        let (answer, verified) = oneshot::channel();
        self.0.queue.lock().push(source, Job { token, answer })?;
        self.0.more.notify_one();
        verified.await.unwrap_or(Err(Unverified::Overloaded))
    }
}

impl Drop for Verifying {
    fn drop(&mut self) {
        self.0.queue.lock().closed = true;
        self.0.more.notify_all();
    }
}

impl Queue {
    fn push(&mut self, source: Source, job: Job) -> Result<(), Unverified> {
        let ahead = self.lanes.get(&source).map_or(0, VecDeque::len);
        if ahead >= limits::MAX_VERIFICATIONS_OF_ADDRESS {
            return Err(Unverified::TooMany);
        }
        if self.waiting >= limits::MAX_VERIFICATIONS && !self.make_room(ahead) {
            return Err(Unverified::Overloaded);
        }
        let lane = self.lanes.entry(source).or_default();
        if lane.is_empty() {
            self.turns.push_back(source);
        }
        lane.push_back(job);
        self.waiting += 1;
        Ok(())
    }

    /// Takes the last place from the address that has most, if it has more than the one that wants it.
    fn make_room(&mut self, ahead: usize) -> bool {
        let longest = self.lanes.values_mut().max_by_key(|lane| lane.len());
        let Some(longest) = longest.filter(|lane| lane.len() > ahead + 1) else {
            return false;
        };
        longest.pop_back();
        self.waiting -= 1;
        true
    }

    /// The next one of the address whose turn it is.
    fn pop(&mut self) -> Option<Job> {
        let source = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&source)?;
        let job = lane.pop_front();
        self.waiting -= usize::from(job.is_some());
        if lane.is_empty() {
            self.lanes.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        if self.waiting == 0 {
            // A flood gives its room back.
            self.lanes = HashMap::new();
            self.turns = VecDeque::new();
        }
        job
    }
}

impl Shared {
    fn work(&self) {
        give_way(limits::VERIFICATION_PRIORITY);
        while let Some(job) = self.next() {
            if job.answer.is_closed() {
                continue;
            }
            let verified = catch_unwind(AssertUnwindSafe(|| self.authenticator.verify(&job.token)));
            let answer = match verified {
                Ok(verified) => verified.map_err(Unverified::Refused),
                Err(_) => {
                    tracing::error!("the verification of a token panicked");
                    Err(Unverified::Failed)
                }
            };
            job.answer.send(answer).ok();
        }
    }

    /// Waits for something to do; nothing once the place is closed.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.pop() {
                return Some(job);
            }
            self.more.wait(&mut queue);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(host: u8) -> Source {
        Source::of(Some(std::net::Ipv4Addr::new(10, 0, 0, host).into()))
    }

    fn job(token: &str) -> (Job, oneshot::Receiver<Result<Identity, Unverified>>) {
        let (answer, verified) = oneshot::channel();
        let token = token.to_owned();
        (Job { token, answer }, verified)
    }

    /// Tokens in the order in which they have their turn.
    fn order(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop().map(|job| job.token)).collect()
    }

    #[test]
    fn addresses_have_their_turn_one_after_the_other() {
        let mut queue = Queue::default();
        let tokens = [
            (1, "a1"),
            (1, "a2"),
            (1, "a3"),
            (2, "b1"),
            (3, "c1"),
            (2, "b2"),
        ];
        for (host, token) in tokens {
            queue.push(source(host), job(token).0).unwrap();
        }
        assert_eq!(order(&mut queue), ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert_eq!((queue.waiting, queue.lanes.len()), (0, 0));
    }

    #[test]
    fn an_address_that_fills_its_lane_is_refused_and_refuses_nobody_else() {
        let mut queue = Queue::default();
        for _ in 0..limits::MAX_VERIFICATIONS_OF_ADDRESS {
            queue.push(source(1), job("flood").0).unwrap();
        }
        let refused = queue.push(source(1), job("flood").0);
        assert_eq!(refused.unwrap_err(), Unverified::TooMany);
        queue.push(source(2), job("honest").0).unwrap();
        assert_eq!(order(&mut queue)[1], "honest");
    }

    #[test]
    fn a_full_queue_takes_from_the_address_that_has_most() {
        let mut queue = Queue::default();
        let mut waiting = Vec::new();
        let mut host = 0;
        while queue.waiting < limits::MAX_VERIFICATIONS {
            let (job, verified) = job("flood");
            if queue.push(source(host), job).is_err() {
                host += 1;
            } else {
                waiting.push(verified);
            }
        }
        queue.push(source(200), job("honest").0).unwrap();
        assert_eq!(queue.waiting, limits::MAX_VERIFICATIONS);
        let dropped = waiting.iter_mut().filter_map(|it| it.try_recv().err());
        let closed =
            |error: &oneshot::error::TryRecvError| *error == oneshot::error::TryRecvError::Closed;
        assert_eq!(dropped.filter(closed).count(), 1);
        assert!(order(&mut queue).contains(&"honest".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_give_way_survive_a_panic_and_end() {
        struct Looking(Mutex<Vec<String>>);
        impl Authenticator for Looking {
            fn verify(&self, token: &str) -> Result<Identity, TokenRefusal> {
                let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
                let nice = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16);
                self.0.lock().push(nice.unwrap().to_owned());
                assert!(token != "panic");
                Err(TokenRefusal::Expired)
            }
        }
        let looking = Arc::new(Looking(Mutex::default()));
        let place = Verifying::new(Arc::clone(&looking) as _);
        for _ in 0..limits::VERIFICATION_THREADS + 1 {
            let failed = place.verify(source(1), "panic".to_owned()).await;
            assert_eq!(failed.unwrap_err(), Unverified::Failed);
        }
        let refused = place.verify(source(1), "token".to_owned()).await;
        assert_eq!(
            refused.unwrap_err(),
            Unverified::Refused(TokenRefusal::Expired)
        );
        let looked = looking.0.lock().clone();
        assert!(looked.iter().all(|nice| nice == "5"), "{looked:?}");
        drop(place);
        let ended = async {
            while Arc::strong_count(&looking) > 1 {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(15);
        tokio::time::timeout(patience, ended).await.unwrap();
    }
}
