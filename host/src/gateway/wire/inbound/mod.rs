//! What clients send, checked and turned into the domain's terms; must not know what follows of it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::{Deserialize, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use wardroom_domain::{
    ChannelId, InvalidId, MediaPatch, OnlineStatus, SocketId, UserId, WorkspaceId,
};

use crate::codes::Code;
use crate::gateway::peer::Incoming;
use crate::json::{JsonText, Unfit, Why};
use crate::limits;
use crate::wire::{Malformed, media_patch_of, status};

/// Why an event is refused, in words that the client may see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: Cow<'static, str>,
    /// The decision of the policies, if it was they who refused.
    pub(crate) decision: Option<Arc<str>>,
    /// What the log says beyond that, and the client is not told.
    pub(crate) reason: Option<&'static str>,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            decision: None,
            reason: None,
        }
    }

    fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidData, message)
    }
}

/// What `auth` carries.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AuthRequest {
    pub(crate) token: String,
    pub(crate) workspace: WorkspaceId,
    pub(crate) status: Option<OnlineStatus>,
    pub(crate) replaces: Option<SocketId>,
}

impl std::fmt::Debug for AuthRequest {
    /// Leaves the token out: it is a secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            token: _,
            workspace,
            status,
            replaces,
        } = self;
        write!(
            formatter,
            "AuthRequest({workspace:?}, {status:?}, {replaces:?})"
        )
    }
}

/// An event of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    Auth(AuthRequest),
    SelectChannel {
        channel: ChannelId,
        media: Option<MediaPatch>,
    },
    UnselectChannel,
    UpdateMediaState(MediaPatch),
    UpdateOnlineStatus(OnlineStatus),
    /// All of it, unless a part is asked for.
    GetState(Option<Page>),
}

/// A part of the state: members and guests in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// They begin behind this one, and without it with the first.
    pub(crate) after: Option<UserId>,
    /// How many there are at most.
    pub(crate) limit: usize,
}

impl Page {
    /// What tells it from others.
    pub(crate) fn key(&self) -> Vec<u8> {
        let after = self.after.as_ref().map_or("", |after| after.as_str());
        let limit = self.limit.to_le_bytes();
        // No id has the zero in it.
        [after.as_bytes(), &[0], &limit].concat()
    }
}

/// An event as read: whatever is wrong with it, its name and its transaction are there if they
/// could be read, so that the error finds its way.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) event: String,
    pub(crate) transaction: Option<String>,
    pub(crate) ack: Option<i64>,
    pub(crate) content: Result<ClientEvent, Fault>,
}

impl Request {
    /// Reads an event.
    pub(crate) fn read(incoming: &Incoming) -> Self {
        let arguments = serde_json::from_slice::<Arguments<'_>>(&incoming.text);
        let unnamed = |message| Self {
            event: String::new(),
            transaction: None,
            ack: incoming.ack,
            content: Err(Fault::invalid(message)),
        };
        let Ok(Arguments { event, first }) = arguments else {
            return unnamed("the event has no name");
        };
        let event = match JsonText::from(event).string() {
            Ok(event) => event,
            Err(Unfit {
                why: Why::LoneSurrogate,
                ..
            }) => {
                return unnamed("the event's name holds a lone surrogate");
            }
            Err(_) => return unnamed("the event has no name"),
        };
        let fields = Fields::read(first);
        let transaction = fields.as_ref().map_or(Ok(None), Fields::transaction);
        let content = if incoming.binary {
            Err(Fault::invalid("binary data is not accepted"))
        } else if incoming.text.len() > limits::MAX_INCOMING_EVENT_BYTES {
            let most = limits::MAX_INCOMING_EVENT_BYTES;
            Err(Fault::invalid(format!(
                "the event is larger than {most} bytes"
            )))
        } else {
            let transaction = transaction.as_ref().map_err(Clone::clone);
            transaction.and_then(|_| fields?.event(&event))
        };
        let event = event.chars().take(MAX_TEXT_CHARS).collect();
        Self {
            event,
            transaction: transaction.ok().flatten(),
            ack: incoming.ack,
            content,
        }
    }

    /// Reads a handshake payload as an `auth` event. One that names neither a token nor a
    /// workspace is something else's business.
    pub(crate) fn read_handshake(text: &[u8]) -> Option<Self> {
        let payload = serde_json::from_slice::<&RawValue>(text).ok()?;
        let fields = Fields::read(Some(payload)).ok()?;
        if fields.find("token").is_none() && fields.find("workspaceId").is_none() {
            return None;
        }
        let transaction = fields.transaction();
        let content = match &transaction {
            _ if text.len() > limits::MAX_INCOMING_EVENT_BYTES => {
                Err(Fault::invalid("the handshake payload is too large"))
            }
            Ok(_) => fields.event("auth"),
            Err(fault) => Err(fault.clone()),
        };
        let transaction = transaction.ok().flatten();
        Some(Self {
            event: "auth".to_owned(),
            transaction,
            ack: None,
            content,
        })
    }
}

/// Longest transaction, and longest event name in an error, in characters.
const MAX_TEXT_CHARS: usize = 128;

/// The array of a packet: the event's name and its first argument. More arguments are ignored.
struct Arguments<'a> {
    event: &'a RawValue,
    first: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Arguments<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Arguments<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an event name and its arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let missing = || serde::de::Error::invalid_length(0, &self);
                let event = array.next_element()?.ok_or_else(missing)?;
                let first = array.next_element()?;
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Arguments { event, first })
            }
        }
        deserializer.deserialize_seq(Array)
    }
}

/// The fields of an event's object, unread. Unknown ones are ignored.
struct Fields<'a>(BTreeMap<Cow<'a, str>, JsonText<'a>>);

impl<'a> Fields<'a> {
    fn read(argument: Option<&'a RawValue>) -> Result<Self, Fault> {
        let argument = argument.map(JsonText::from);
        let Some(argument) = argument.filter(|argument| !argument.is_null()) else {
            return Ok(Self(BTreeMap::new()));
        };
        match argument.fields() {
            Ok(fields) => Ok(Self(fields)),
            Err(Unfit {
                why: Why::NoObject, ..
            }) => Err(Fault::invalid("the event takes one object")),
            Err(Unfit { why, .. }) => Err(Fault::invalid(format!("the event's object {why}"))),
        }
    }

    /// Real clients send `null` for what they leave out.
    fn find(&self, name: &str) -> Option<JsonText<'a>> {
        self.0.get(name).copied().filter(|value| !value.is_null())
    }

    fn string(&self, name: &'static str) -> Result<Option<String>, Fault> {
        let Some(value) = self.find(name) else {
            return Ok(None);
        };
        match value.string() {
            Ok(text) => Ok(Some(text.into_owned())),
            Err(Unfit { why, .. }) => Err(Fault::invalid(format!("`{name}` {why}"))),
        }
    }

    fn id<T>(
        &self,
        name: &'static str,
        new: fn(&str) -> Result<T, InvalidId>,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.string(name)? else {
            return Ok(None);
        };
        new(&text)
            .map(Some)
            .map_err(|error| Fault::invalid(format!("`{name}` {error}")))
    }

    fn transaction(&self) -> Result<Option<String>, Fault> {
        let transaction = self.string("transaction")?;
        let length = transaction.as_ref().map(|text| text.chars().count());
        if length.is_none_or(|length| (1..=MAX_TEXT_CHARS).contains(&length)) {
            Ok(transaction)
        } else {
            Err(Fault::invalid(
                "`transaction` must have 1 to 128 characters",
            ))
        }
    }

    /// Reads a field in a form that sockets and HTTP share.
    fn shared<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(JsonText<'a>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.find(name) else {
            return Ok(None);
        };
        read(text)
            .map(Some)
            .map_err(|Malformed { pointer, detail }| {
                Fault::invalid(format!("`{name}{pointer}` {detail}"))
            })
    }

    fn status(&self) -> Result<Option<OnlineStatus>, Fault> {
        self.shared("onlineStatus", status)
    }

    fn media(&self) -> Result<Option<MediaPatch>, Fault> {
        self.shared("userMediaState", |value| {
            let mut state = value.members()?;
            state.retain(|key, value| value.as_str() != "null" || !FLAGS.contains(&&**key));
            media_patch_of(state)
        })
    }

    fn page(&self) -> Result<Option<Page>, Fault> {
        let most = limits::MAX_STATE_PAGE;
        let limit = self.find("limit").map(|limit| {
            let limit = limit.as_str().parse().ok();
            let limit = limit.filter(|limit| (1..=most).contains(limit));
            let wrong =
                || Fault::invalid(format!("`limit` must be a whole number from 1 to {most}"));
            limit.ok_or_else(wrong)
        });
        let after = self.id("after", UserId::new)?;
        Ok(match (limit.transpose()?, after) {
            (None, None) => None,
            (limit, after) => Some(Page {
                after,
                limit: limit.unwrap_or(most),
            }),
        })
    }

    fn event(&self, name: &str) -> Result<ClientEvent, Fault> {
        Ok(match name {
            "auth" => ClientEvent::Auth(AuthRequest {
                token: required("token", self.string("token")?)?,
                workspace: required("workspaceId", self.id("workspaceId", WorkspaceId::new)?)?,
                status: self.status()?,
                replaces: self.id("prevSocketId", SocketId::new)?,
            }),
            "select-channel" => ClientEvent::SelectChannel {
                channel: required("channelId", self.id("channelId", ChannelId::new)?)?,
                media: self.media()?,
            },
            "unselect-channel" => ClientEvent::UnselectChannel,
            "update-media-state" => {
                ClientEvent::UpdateMediaState(required("userMediaState", self.media()?)?)
            }
            "update-online-status" => {
                ClientEvent::UpdateOnlineStatus(required("onlineStatus", self.status()?)?)
            }
            "get-state" => ClientEvent::GetState(self.page()?),
            _ => return Err(Fault::invalid("unknown event")),
        })
    }
}

/// The parts of a media state that have a meaning; of others `null` is kept as sent.
const FLAGS: [&str; 5] = ["microphone", "speakers", "screen", "camera", "speaking"];

fn required<T>(name: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::invalid(format!("`{name}` is missing")))
}
