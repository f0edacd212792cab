//! When policies are asked for the sake of an explanation: few at once. It must not know what they are
//! asked.

use tokio::time::timeout;

use super::super::Api;
use super::super::problem::Problem;
use crate::commit::Failure;
use crate::limits::EXPLANATION_PATIENCE;
use crate::runtime::long;

impl Api {
    /// Asks policies something for the sake of an explanation. Few explanations are made at once, and
    /// the other tasks of this thread go on meanwhile: however often and by how many it is called, most
    /// instances and processors are left to those whom policies decide about.
    ///
    /// # Errors
    /// [`Failure::Overloaded`] if its turn does not come in time.
    pub(super) async fn explaining<T>(&self, ask: impl FnOnce() -> T) -> Result<T, Problem> {
        let turn = timeout(EXPLANATION_PATIENCE, self.explanations.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Failure::Overloaded.into());
        };
        Ok(long(ask))
    }
}
