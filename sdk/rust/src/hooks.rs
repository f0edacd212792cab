//! One trait for each hook. Must not know how a component exports them; `component` does.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Channel, Command, Denial, Event, Json, Rendering, Request, Rule, Subject};

/// Makes the policy of its settings: the hook `lifecycle`.
///
/// A policy that does not export it gets no settings and must be [`Default`].
pub trait Lifecycle: Sized + Send + Sync + 'static {
    /// What the configuration of the server gives. Derive `Deserialize` with
    /// `#[serde(deny_unknown_fields)]`: a misspelt setting is then refused instead of ignored.
    /// Refusals name the place and what is expected there, and never repeat a value.
    /// [`NoSettings`] for a policy without any.
    type Settings: DeserializeOwned;

    /// Called once in each new instance, before any question. An error refuses this version of
    /// the policy; its text is shown to the operator, so it should name the setting and say what
    /// is right, without repeating secrets.
    ///
    /// # Errors
    ///
    /// Whatever the policy finds wrong with its settings.
    fn configure(settings: Self::Settings) -> Result<Self, String>;
}

/// The settings of a policy that has none: every key is refused.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Who may enter a workspace: the hook `admission`.
pub trait Admission: Send + Sync + 'static {
    /// Asked after the token has been verified, and again for live connections when policies or
    /// facts change.
    ///
    /// # Errors
    ///
    /// A [`Denial`] keeps the person out, or closes the connection they have.
    fn admit(&self, request: &Request) -> Result<(), Denial>;
}

/// Who sees a channel and what happens in it: the hook `channel-visibility`.
pub trait ChannelVisibility: Send + Sync + 'static {
    /// Asked when the channel appears or changes, and when policies change. The server applies
    /// the answer to everybody until then, so it must follow from this channel and the settings.
    fn audience(&self, channel: &Channel) -> Rule;

    /// Asked for each person after `audience` answered [`Rule::Each`]: whether they see the
    /// channel. A rule costs one call for a channel, this one for each person.
    fn sees(&self, channel: &Channel, subject: &Subject) -> bool {
        let _ = (channel, subject);
        false
    }
}

/// What a client's command may do: the hook `commands`.
pub trait Commands: Send + Sync + 'static {
    /// Asked before the command is carried out. A JSON object, as [`to_json`](crate::to_json)
    /// makes one, is added to the acknowledgement as `grant`.
    ///
    /// # Errors
    ///
    /// A [`Denial`] refuses the command.
    fn authorize(&self, command: &Command) -> Result<Option<Json>, Denial>;
}

/// How an event looks, and to whom: the hook `events`.
pub trait Events: Send + Sync + 'static {
    /// Asked once for each event before it is committed, however large its audience. Look at the
    /// name first: reading the payload of an event that goes on unchanged is most of the cost.
    fn render(&self, event: &Event) -> Rendering;
}
