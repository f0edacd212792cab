//! What development mode adds: the demo's users, their tokens and their workspace.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use wardroom_domain::{Command, UserId, WorkspaceId};

use crate::auth::TokenIssuer;
use crate::commit::Committer;
use crate::config::Config;
use crate::demo::{Demo, DemoUser};

/// The workspace that development mode makes.
const WORKSPACE: &str = "demo";

/// Id and name of its members.
const USERS: [(&str, &str); 3] = [("ann", "Ann"), ("bob", "Bob"), ("cleo", "Cleo")];

/// How long a printed token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The demo, if this is development mode and the configured keys can sign.
pub(super) fn prepare(config: &Config) -> Result<Option<Demo>> {
    if config.demo.is_none() {
        return Ok(None);
    }
    let Ok(issuer) = TokenIssuer::new(&config.auth.tokens) else {
        tracing::warn!("no demo: auth.keys holds public keys only, which cannot sign tokens");
        return Ok(None);
    };
    let workspace = WorkspaceId::new(WORKSPACE)?;
    let open = BTreeMap::from([(workspace.clone(), None)]);
    let user = |(id, name): (&str, &str)| -> Result<DemoUser> {
        let id = UserId::new(id)?;
        let token = issuer.issue(&id, &open, TOKEN_LIFE)?;
        let name = name.to_owned();
        Ok(DemoUser { id, name, token })
    };
    let users = USERS.into_iter().map(user).collect::<Result<_>>()?;
    Ok(Some(Demo { workspace, users }))
}

/// Fills the demo's workspace, unless the directory remembers one.
pub(super) async fn fill(demo: &Demo, committer: &Committer) -> Result<()> {
    if committer.store().snapshot(&demo.workspace).is_some() {
        return Ok(());
    }
    let command = Command::Sync {
        truth: demo.truth()?,
        quiet: true,
    };
    let made = committer.run(&demo.workspace, command, None).await;
    made.map(drop).context("cannot make the demo workspace")
}
