//! Online status and media state: what a user shows of themselves. Knows nothing of who sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Json;
use crate::limits::MAX_MEDIA_STATE_BYTES;

/// How present a connection, or a user, is. The order is the order of combination: the highest
/// of a user's connections is the user's status (`docs/protocol.md`, "How sessions behave").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnlineStatus {
    /// Not there, or not to be seen.
    #[default]
    Offline,
    /// There, but inactive.
    Idle,
    /// There.
    Online,
}

/// The state of a user's media devices in a conversation: `UserMediaStateSchema`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MediaState {
    /// The microphone is on.
    pub microphone: bool,
    /// The speakers are on.
    pub speakers: bool,
    /// The screen is shared.
    pub screen: bool,
    /// The camera is on.
    pub camera: bool,
    /// The user is speaking.
    pub speaking: bool,
    /// Other keys, kept as sent.
    pub rest: BTreeMap<Arc<str>, Json>,
}

impl Default for MediaState {
    /// Nothing is on but the speakers, so that whoever enters a channel hears and is not heard.
    fn default() -> Self {
        Self {
            microphone: false,
            speakers: true,
            screen: false,
            camera: false,
            speaking: false,
            rest: BTreeMap::new(),
        }
    }
}

/// A partial media state: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaPatch {
    /// The microphone is on.
    pub microphone: Option<bool>,
    /// The speakers are on.
    pub speakers: Option<bool>,
    /// The screen is shared.
    pub screen: Option<bool>,
    /// The camera is on.
    pub camera: Option<bool>,
    /// The user is speaking.
    pub speaking: Option<bool>,
    /// Other keys, kept as sent.
    pub rest: BTreeMap<Arc<str>, Json>,
}

impl MediaState {
    /// This state with a patch laid over it, or nothing if the result is larger than
    /// [`MAX_MEDIA_STATE_BYTES`].
    #[must_use]
    pub fn patched(&self, patch: &MediaPatch) -> Option<Self> {
        let mut rest = self.rest.clone();
        rest.extend(patch.rest.iter().map(|(k, v)| (k.clone(), v.clone())));
        let bytes: usize = rest.iter().map(|(k, v)| k.len() + v.as_str().len()).sum();
        if bytes > MAX_MEDIA_STATE_BYTES {
            return None;
        }
        Some(Self {
            microphone: patch.microphone.unwrap_or(self.microphone),
            speakers: patch.speakers.unwrap_or(self.speakers),
            screen: patch.screen.unwrap_or(self.screen),
            camera: patch.camera.unwrap_or(self.camera),
            speaking: patch.speaking.unwrap_or(self.speaking),
            rest,
        })
    }
}
