//! Cases as they are written: names and types, nothing more. What does not fit is refused with its
//! line and column. Knows not what a case means.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use wardroom_domain::{ChannelId, Role, UserId, WorkspaceId};

use super::generate::Generated;
use super::read::Spec;
use super::values::{Any, Object, Text};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) settings: Option<Object>,
    pub(super) settings_json: Option<Text>,
    pub(super) workspace: Option<Id<WorkspaceId>>,
    pub(super) now: Option<Time>,
    #[serde(default)]
    pub(super) case: Vec<Spec>,
    /// Cases whose texts are patterns.
    #[serde(default)]
    pub(super) generated: Vec<Generated>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) settings: Option<Object>,
    pub(super) settings_json: Option<Text>,
    pub(super) workspace: Option<Id<WorkspaceId>>,
    pub(super) now: Option<Time>,
    #[serde(default)]
    pub(super) directory: Directory,
    /// The settings, if they are not given beside it.
    pub(super) configure: Option<Object>,
    pub(super) request: Option<Request>,
    pub(super) channel: Option<Channel>,
    pub(super) subjects: Option<Vec<Subject>>,
    pub(super) command: Option<Command>,
    pub(super) event: Option<Event>,
    pub(super) audience: Option<Vec<Subject>>,
    pub(super) expect: Expect,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Directory {
    pub(super) members: Vec<Subject>,
    pub(super) channels: Vec<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    pub(super) id: Id<UserId>,
    pub(super) role: Option<Id<Role>>,
    #[serde(default)]
    pub(super) attributes: Object,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Channel {
    pub(super) id: Id<ChannelId>,
    #[serde(default)]
    pub(super) private: bool,
    #[serde(default)]
    pub(super) members: Vec<Id<UserId>>,
    #[serde(default)]
    pub(super) attributes: Object,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) subject: Subject,
    pub(super) claims: Option<Object>,
    pub(super) claims_json: Option<Text>,
    pub(super) remote_address: Option<String>,
    #[serde(default)]
    pub(super) reevaluation: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    pub(super) name: String,
    pub(super) arguments: Option<Object>,
    pub(super) arguments_json: Option<Text>,
    pub(super) subject: Subject,
    pub(super) channel: Option<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) payload: Option<Any>,
    pub(super) payload_json: Option<Text>,
    pub(super) subject: Option<Subject>,
    pub(super) channel: Option<Channel>,
}

/// Everything that any case may expect; which of it fits is seen later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) accepted: Option<Yes>,
    pub(super) refused: Option<String>,
    pub(super) admitted: Option<Yes>,
    pub(super) denied: Option<Denied>,
    pub(super) sees: Option<Vec<Id<UserId>>>,
    pub(super) rule: Option<Rule>,
    pub(super) allowed: Option<Yes>,
    pub(super) grant: Option<Any>,
    pub(super) grant_json: Option<Text>,
    pub(super) unchanged: Option<Yes>,
    pub(super) suppressed: Option<Yes>,
    pub(super) gets: Option<BTreeMap<Id<UserId>, Any>>,
    pub(super) gets_json: Option<BTreeMap<Id<UserId>, Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Denied {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// The rules, by the names of their cases in WIT.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rule {
    Everyone,
    Nobody,
    Only,
    Except,
    Each,
}

impl Rule {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Nobody => "nobody",
            Self::Only => "only",
            Self::Except => "except",
            Self::Each => "each",
        }
    }
}

/// A word that is there or is not: `false` would say neither.
#[derive(Clone, Copy, Debug)]
pub(super) struct Yes;

impl<'de> Deserialize<'de> for Yes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(D::Error::custom(
                "only `true` is expected; say what is expected instead",
            )),
        }
    }
}

/// A point in time: RFC 3339, as a text or as a date of TOML.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) SystemTime);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Any(Value::String(text)) = Any::deserialize(deserializer)? else {
            return Err(D::Error::custom("expected a time, 2026-11-02T10:00:00Z"));
        };
        humantime::parse_rfc3339(&text)
            .map(Self)
            .map_err(|e| D::Error::custom(format!("expected a time, 2026-11-02T10:00:00Z: {e}")))
    }
}

/// An identifier of the domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id<T>(pub(super) T);

macro_rules! id {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for Id<$name> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $name::new(&text).map(Self).map_err(D::Error::custom)
            }
        }
    )*};
}
id!(ChannelId, Role, UserId, WorkspaceId);

impl TryFrom<Any> for Case {
    type Error = String;

    fn try_from(Any(value): Any) -> Result<Self, String> {
        serde_json::from_value(value).map_err(|e| e.to_string())
    }
}

/// Reads a table and makes sense of it while its place in the file is still known, so that what
/// does not add up is reported there, in any format.
pub(super) fn located<'de, D, R, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    R: Deserialize<'de>,
    T: TryFrom<R, Error = String>,
{
    struct Table<R, T>(PhantomData<(R, T)>);
    impl<'de, R, T> Visitor<'de> for Table<R, T>
    where
        R: Deserialize<'de>,
        T: TryFrom<R, Error = String>,
    {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let raw = R::deserialize(MapAccessDeserializer::new(map))?;
            T::try_from(raw).map_err(A::Error::custom)
        }
    }
    deserializer.deserialize_map(Table(PhantomData))
}
