//! A number of bytes that those who hold much share, for the whole process. It must not know what they
//! hold.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bytes in all. Copies share them.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<Semaphore>,
    total: u32,
}

/// Some bytes of a budget, given back when this is dropped.
#[derive(Debug)]
pub struct Share(OwnedSemaphorePermit);

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        Self {
            left: Arc::new(Semaphore::new(bytes as usize)),
            total: bytes,
        }
    }

    /// Takes bytes when they are there, in the order of arrival. Whoever wants more than there is in
    /// all gets all of it, when nobody else has any.
    pub async fn take(&self, bytes: usize) -> Share {
        let share = Arc::clone(&self.left).acquire_many_owned(self.fitting(bytes));
        Share(
            share
                .await
                .expect("the semaphore of a budget is never closed"),
        )
    }

    /// Takes bytes if they are there.
    #[must_use]
    pub fn try_take(&self, bytes: usize) -> Option<Share> {
        let share = Arc::clone(&self.left).try_acquire_many_owned(self.fitting(bytes));
        share.ok().map(Share)
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        (self.total as usize).saturating_sub(self.left.available_permits())
    }

    fn fitting(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.total)
    }
}

impl Share {
    /// The bytes it is of.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.num_permits()
    }

    /// Gives back what is beyond so many bytes.
    pub fn shrink(&mut self, bytes: usize) {
        let surplus = self.bytes().saturating_sub(bytes);
        drop(self.0.split(surplus));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_taken_comes_back() {
        let budget = Budget::new(100);
        let mut share = budget.take(70).await;
        assert_eq!((budget.taken(), share.bytes()), (70, 70));
        assert!(budget.try_take(31).is_none());
        share.shrink(50);
        assert_eq!(budget.taken(), 50);
        share.shrink(60);
        assert_eq!(share.bytes(), 50);
        let other = budget.try_take(50).expect("it is there");
        drop((share, other));
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn whoever_wants_more_than_all_gets_all_when_it_is_there() {
        let budget = Budget::new(100);
        let small = budget.take(1).await;
        let large = budget.take(1 << 40);
        tokio::pin!(large);
        assert!(timeout(Duration::ZERO, &mut large).await.is_err());
        // Those who come later do not overtake it.
        assert!(timeout(Duration::ZERO, budget.take(1)).await.is_err());
        drop(small);
        assert_eq!(large.await.bytes(), 100);
        assert_eq!(budget.taken(), 0);
    }
}
