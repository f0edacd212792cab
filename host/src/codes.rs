//! The closed list of error codes that clients and backends meet, and what the domain's refusals
//! are called in it. `docs/protocol.md` explains each; a test keeps the two in step.

use wardroom_domain::Rejection;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// An error code. Clients may rely on it; the message beside it is for people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it travels.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// The input does not have the documented form.
    InvalidData = "invalid-data", 400;
    /// The token is not one that this server accepts.
    InvalidToken = "invalid-token", 401;
    /// The token is no longer valid.
    TokenExpired = "token-expired", 401;
    /// The token expires soon; a fresh one is wanted.
    TokenExpiring = "token-expiring", 401;
    /// The user is no member and the token does not name the workspace; or the API key is bound to
    /// other workspaces.
    WorkspaceForbidden = "workspace-forbidden", 403;
    /// The socket has not authenticated, or the API key is missing or unknown.
    Unauthenticated = "unauthenticated", 401;
    /// The API key lacks the scope that the call needs.
    ScopeMissing = "scope-missing", 403;
    /// There is no such workspace.
    WorkspaceNotFound = "workspace-not-found", 404;
    /// There is no such channel, or the user may not see it.
    ChannelNotFound = "channel-not-found", 404;
    /// There is no such member, or no such user in any workspace.
    MemberNotFound = "member-not-found", 404;
    /// There is no such live connection.
    ConnectionNotFound = "connection-not-found", 404;
    /// The connection belongs to another user than the one for whom the backend acts.
    AnotherUsersConnection = "another-users-connection", 403;
    /// No policy of this name is configured.
    PolicyNotFound = "policy-not-found", 404;
    /// The policy has no version of the kind that the call is about.
    NoSuchVersion = "no-such-version", 409;
    /// The policy's component cannot come into force; the detail says why.
    PolicyRefused = "policy-refused", 422;
    /// There is no such resource.
    NotFound = "not-found", 404;
    /// The resource does not take this method.
    MethodNotAllowed = "method-not-allowed", 405;
    /// The user is in no channel.
    ChannelNotSelected = "channel-not-selected", 409;
    /// Another socket of the user holds the conversation.
    SelectedOnAnotherDevice = "selected-on-another-device", 409;
    /// The same idempotency key came with another request.
    IdempotencyConflict = "idempotency-conflict", 409;
    /// The body is larger than the call allows.
    BodyTooLarge = "body-too-large", 413;
    /// The body is not declared as JSON.
    UnsupportedMediaType = "unsupported-media-type", 415;
    /// A policy refused; its message says why.
    DeniedByPolicy = "denied-by-policy", 403;
    /// The client sends faster than it may, or more than waits for an answer at once.
    RateLimited = "rate-limited", 429;
    /// A documented limit on the number of things is reached.
    LimitReached = "limit-reached", 409;
    /// The server cannot take this now; the same request may succeed later.
    Overloaded = "overloaded", 503;
    /// The backend put the user out.
    Kicked = "kicked", 403;
    /// The user is no longer a member of the workspace.
    MembershipEnded = "membership-ended", 403;
    /// The workspace was closed.
    WorkspaceClosed = "workspace-closed", 410;
    /// Another connection of the same client took the place of this one.
    Superseded = "superseded", 409;
    /// The socket did not authenticate in time.
    AuthTimeout = "auth-timeout", 401;
    /// The server is shutting down.
    ShuttingDown = "shutting-down", 503;
    /// Something failed inside the server. The log says what.
    Internal = "internal", 500;
}

impl From<&Rejection> for Code {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::WorkspaceForbidden => Self::WorkspaceForbidden,
            Rejection::WorkspaceNotFound => Self::WorkspaceNotFound,
            Rejection::NotConnected => Self::ConnectionNotFound,
            Rejection::AnotherUsersConnection => Self::AnotherUsersConnection,
            Rejection::ChannelNotFound => Self::ChannelNotFound,
            Rejection::MemberNotFound => Self::MemberNotFound,
            Rejection::Denied(_) => Self::DeniedByPolicy,
            Rejection::ChannelNotSelected => Self::ChannelNotSelected,
            Rejection::SelectedOnAnotherDevice => Self::SelectedOnAnotherDevice,
            Rejection::MediaStateTooLarge => Self::InvalidData,
            Rejection::LimitReached { .. } => Self::LimitReached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_the_protocol_document() {
        let document = include_str!("../../docs/protocol.md");
        for code in Code::ALL {
            let row = format!("| `{}` |", code.as_str());
            assert!(document.contains(&row), "docs/protocol.md lacks {row}");
        }
    }
}
