//! The demo page of development mode: its files, its users, its first directory. It must not know HTTP routing, nor run commands.
//!
//! What has to be wired, on the public listener and in development mode only:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | a redirect to `/demo` |
//! | `GET /demo/directory.json` | [`Demo::directory`] of the workspace as it is |
//! | `GET /demo`, `GET /demo/…` | [`Demo::respond`]; nothing means 404 |
//! | `POST /demo/actions/{name}` | [`Action::parse`]; [`Action::into_command`] is run in [`Demo::workspace`]; 204, or an error's status with `{"code", "message"}` |
//!
//! Every answer carries [`HEADERS`]. An action is to be refused unless it is declared as
//! `application/json`: another web page may not declare that without asking the server first,
//! and the server does not allow it. `users.json` gives tokens to whoever reaches the listener
//! and the directory shows every channel, so none of this may exist outside development mode.

mod action;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use wardroom_domain::{
    ChannelId, ChannelSpec, InvalidId, MemberSpec, Truth, UserId, Workspace, WorkspaceId,
};

use crate::json::of_value;

pub use self::action::{Action, BadAction};

/// Headers of every answer: scripts, styles and connections from this origin only; nothing kept,
/// for the page belongs to the running server and `users.json` holds tokens.
pub const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const JSON: &str = "application/json";

/// The files of the page: path, content type, content.
const FILES: &[(&str, &str, &str)] = &[
    ("/demo", HTML, include_str!("index.html")),
    ("/demo/page.css", STYLE, include_str!("page.css")),
    ("/demo/icon.svg", IMAGE, include_str!("icon.svg")),
    ("/demo/page.js", SCRIPT, include_str!("page.js")),
    ("/demo/link.js", SCRIPT, include_str!("link.js")),
    ("/demo/room.js", SCRIPT, include_str!("room.js")),
    ("/demo/view.js", SCRIPT, include_str!("view.js")),
    ("/demo/backend.js", SCRIPT, include_str!("backend.js")),
    ("/demo/log.js", SCRIPT, include_str!("log.js")),
    ("/demo/element.js", SCRIPT, include_str!("element.js")),
    (
        "/demo/socket.io.min.js",
        SCRIPT,
        include_str!("vendor/socket.io.min.js"),
    ),
];

/// One answer to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its body.
    pub body: Bytes,
}

/// A user whom the page can be, with a token that the server accepts.
#[derive(Clone)]
pub struct DemoUser {
    /// The user, `sub` of the token.
    pub id: UserId,
    /// The name that the page shows.
    pub name: String,
    /// The token. It is a secret, if a cheap one.
    pub token: String,
}

/// The demo: a workspace, and the users whom the page can be in it.
#[derive(Clone)]
pub struct Demo {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The users.
    pub users: Vec<DemoUser>,
}

impl Demo {
    /// The answer to a `GET` of this path, or nothing if there is no such file.
    #[must_use]
    pub fn respond(&self, path: &str) -> Option<Asset> {
        let path = path.strip_suffix('/').unwrap_or(path);
        if path == "/demo/users.json" {
            return Some(self.users());
        }
        FILES
            .iter()
            .find(|(name, ..)| *name == path)
            .map(|(_, content_type, content)| Asset {
                content_type,
                body: Bytes::from_static(content.as_bytes()),
            })
    }

    /// `{workspace, users: [{id, name, token}]}`: whom a tab can be.
    fn users(&self) -> Asset {
        let users = self.users.iter().map(|user| {
            json!({
                "id": user.id.as_str(),
                "name": user.name,
                "token": user.token,
            })
        });
        asset(&json!({
            "workspace": self.workspace.as_str(),
            "users": users.collect::<Vec<_>>(),
        }))
    }

    /// `{channels: [{channelId, private, members}]}`: every channel, whoever may see it, as the
    /// backend knows it. The page shows it beside what its user sees.
    #[must_use]
    pub fn directory(state: &Workspace) -> Asset {
        let channels = state.channels().iter().map(|(id, channel)| {
            let members = channel.facts.members.iter().map(UserId::as_str);
            json!({
                "channelId": id.as_str(),
                "private": channel.facts.private,
                "members": members.collect::<Vec<_>>(),
            })
        });
        asset(&json!({ "channels": channels.collect::<Vec<_>>() }))
    }

    /// What the workspace holds at first: the users as members, two public channels, and a
    /// private one of which only the first user is a member.
    ///
    /// # Errors
    /// None that can be met: the ids are constants, and valid.
    pub fn truth(&self) -> Result<Truth, InvalidId> {
        let members = self.users.iter().map(|user| {
            let profile = of_value(&json!({ "id": user.id.as_str(), "name": user.name }));
            (user.id.clone(), (MemberSpec::default(), profile))
        });
        let channel = |private: bool, members: &[DemoUser]| ChannelSpec {
            private: Some(private),
            members: Some(members.iter().map(|user| user.id.clone()).collect()),
            attributes: None,
        };
        let first = self.users.get(..1).unwrap_or_default();
        Ok(Truth {
            members: members.collect(),
            channels: BTreeMap::from([
                (ChannelId::new("general")?, channel(false, &[])),
                (ChannelId::new("watch")?, channel(false, &[])),
                (ChannelId::new("captains-table")?, channel(true, first)),
            ]),
        })
    }
}

fn asset(value: &Value) -> Asset {
    Asset {
        content_type: JSON,
        body: Bytes::from(value.to_string()),
    }
}
