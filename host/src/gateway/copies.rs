//! Bodies of responses that take something of a budget until they have left; must not know what they say.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::output::patience;
use crate::budget::Share;
use crate::uptime;

/// Bytes that are handed on at once: hyper asks for more when most of it is written.
const PART_BYTES: usize = 64 * 1024;

/// A body that is given up when it is not taken in time.
pub(super) struct Copy {
    rest: Bytes,
    /// When it must have left, in time that the process ran.
    by: Duration,
    _shares: Vec<Share>,
}

impl Copy {
    pub(super) fn new(body: Bytes, shares: Vec<Share>) -> Self {
        Self {
            by: uptime::now() + patience(body.len()),
            rest: body,
            _shares: shares,
        }
    }
}

impl Body for Copy {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if uptime::now() > self.by {
            return Poll::Ready(Some(Err("it was not taken in time".into())));
        }
        let bytes = self.rest.len().min(PART_BYTES);
        let part = self.rest.split_to(bytes);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::budget::Budget;

    #[tokio::test]
    async fn room_is_taken_until_the_body_is_gone_or_given_up() {
        let budget = Budget::new(1_000_000);
        let body = Bytes::from(vec![7; 200_000]);
        let share = budget.take(body.len()).await;
        let copy = Copy::new(body.clone(), vec![share]);
        assert_eq!(copy.size_hint().exact(), Some(200_000));
        let told = copy
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        assert_eq!(told.expect("in time"), body);
        assert_eq!(budget.taken(), 0);

        let share = budget.take(body.len()).await;
        let mut late = Copy::new(body, vec![share]);
        late.by = Duration::ZERO;
        let first = late.frame().await.expect("there is more");
        assert!(first.is_err());
        assert_eq!(budget.taken(), 200_000);
        drop(late);
        assert_eq!(budget.taken(), 0);
    }
}
