//! What the gateway needs to know of whoever holds a token; must not know how tokens are made.

use std::collections::BTreeMap;
use std::time::SystemTime;

use wardroom_domain::{Json, Role, UserId, WorkspaceId};

/// Checks the tokens of users.
pub trait Authenticator: Send + Sync {
    /// Looks at what costs nothing: whether the token may be a good one at all. A token that passes
    /// proves nothing yet.
    ///
    /// # Errors
    /// If [`Self::verify`] would refuse it anyway.
    fn screen(&self, _token: &str) -> Result<(), TokenRefusal> {
        Ok(())
    }

    /// Says whose token this is. It may take milliseconds.
    ///
    /// # Errors
    /// If the token does not prove it. The reason is logged where it is found.
    fn verify(&self, token: &str) -> Result<Identity, TokenRefusal>;
}

/// What a token proves.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When the proof ends.
    pub expires_at: SystemTime,
    /// The workspaces that it opens, with the role it gives there.
    pub workspaces: BTreeMap<WorkspaceId, Option<Role>>,
    /// All that it claims: a JSON object.
    pub claims: Json,
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// It did once.
    Expired,
    /// It never did. The reason is for the log, and shows nothing of token or key.
    Invalid(&'static str),
}
