//! The state of a workspace as one of its clients may see it; must not know to whom it goes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;
use wardroom_domain::{Json, MediaState, Rendering, Selection, SubjectFacts, UserId, Workspace};

use super::outbound::ack;
use crate::commit::{Appearance, Appearances};
use crate::wire::{Object, bare_profile, media_state, quoted, status_name};

/// Who asks for the state, and how the others appear.
pub(crate) struct Asker<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) appearances: &'a Appearances,
}

/// The acknowledgement of `get-state`: members, guests and what the asker may see.
pub(crate) fn state_ack(
    id: i64,
    state: &Workspace,
    asker: &Asker<'_>,
    grant: Option<&Json>,
) -> String {
    let users: BTreeSet<&UserId> = state
        .members()
        .keys()
        .chain(state.connected_users())
        .collect();
    let facts = state.subject(asker.user);
    let members: Vec<_> = users
        .into_iter()
        .filter_map(|user| match asker.appearances {
            Appearances::Plain => Some(member(state, user, asker.user, None)),
            Appearances::Rendered(all) => {
                let seen = Seen::by(facts.as_ref()?, all.get(user)?)?;
                Some(member(state, user, asker.user, Some(&seen)))
            }
            Appearances::Unknown => None,
        })
        .collect();
    let channels: Vec<_> = state
        .channels()
        .iter()
        .filter(|(id, _)| state.may_see(asker.user, id))
        .map(|(id, channel)| {
            let private = if channel.facts.private {
                "true"
            } else {
                "false"
            };
            Object::new()
                .string("channelId", id.as_str())
                .raw("private", private)
                .end()
        })
        .collect();
    let object = Object::new()
        .raw("ok", "true")
        .raw("members", &format!("[{}]", members.join(",")))
        .raw("channels", &format!("[{}]", channels.join(",")));
    ack(id, object, grant)
}

/// What one client sees of one aspect of a member.
enum Aspect<'a> {
    AsItIs,
    /// The payload of the event in the form that is meant for this client.
    Instead(&'a Json),
    Hidden,
}

impl<'a> Aspect<'a> {
    fn of(rendering: &'a Rendering, asker: &SubjectFacts) -> Self {
        match rendering {
            Rendering::Unchanged => Self::AsItIs,
            Rendering::Rendered(rendered) => rendered
                .place_for(asker)
                .and_then(|place| rendered.renditions[place].payload.as_ref())
                .map_or(Self::Hidden, Self::Instead),
        }
    }
}

/// A field of an event's data, if it is an object with that field.
fn field<'a>(payload: &'a Json, name: &str) -> Option<&'a str> {
    let fields: std::collections::BTreeMap<Cow<'a, str>, &'a RawValue> =
        serde_json::from_str(payload.as_str()).ok()?;
    fields.get(name).map(|value| value.get())
}

/// What one client sees of a member.
struct Seen<'a> {
    profile: Aspect<'a>,
    status: Aspect<'a>,
    selected: Aspect<'a>,
}

impl<'a> Seen<'a> {
    /// Nothing if the client would not have been told that the member is there.
    fn by(asker: &SubjectFacts, appearance: &'a Appearance) -> Option<Self> {
        let profile = Aspect::of(&appearance.joined, asker);
        (!matches!(profile, Aspect::Hidden)).then(|| Self {
            profile,
            status: Aspect::of(&appearance.status, asker),
            selected: Aspect::of(&appearance.selected, asker),
        })
    }
}

fn member(state: &Workspace, user: &UserId, asker: &UserId, seen: Option<&Seen<'_>>) -> String {
    let bare = || bare_profile(user).as_str().to_owned();
    let profile = match seen.map(|seen| &seen.profile) {
        None | Some(Aspect::AsItIs) => state
            .members()
            .get(user)
            .map(|member| member.profile.as_str().to_owned()),
        Some(Aspect::Instead(payload)) => field(payload, "user").map(str::to_owned),
        Some(Aspect::Hidden) => None,
    };
    let status = match seen.map(|seen| &seen.status) {
        None | Some(Aspect::AsItIs) => Some(quoted(status_name(state.status(user)))),
        Some(Aspect::Instead(payload)) => field(payload, "onlineStatus").map(str::to_owned),
        Some(Aspect::Hidden) => None,
    };
    let selection = state.selections().get(user);
    let selection = selection.filter(|selection| state.may_see(asker, &selection.channel));
    let (channel, media) = selected(selection, seen.map(|seen| &seen.selected));
    Object::new()
        .raw("user", &profile.unwrap_or_else(bare))
        .raw("onlineStatus", status.as_deref().unwrap_or("\"offline\""))
        .raw("selectedChannelId", &channel)
        .raw("userMediaState", &media)
        .end()
}

fn media(state: &MediaState) -> String {
    media_state(state).as_str().to_owned()
}

/// The selected channel and the media state in it.
fn selected(selection: Option<&Selection>, seen: Option<&Aspect<'_>>) -> (String, String) {
    let nothing = || ("null".to_owned(), media(&MediaState::default()));
    let Some(selection) = selection else {
        return nothing();
    };
    match seen {
        None | Some(Aspect::AsItIs) => {
            (quoted(selection.channel.as_str()), media(&selection.media))
        }
        Some(Aspect::Instead(payload)) => match field(payload, "channelId") {
            Some(channel) => {
                let media = field(payload, "userMediaState").map(str::to_owned);
                (channel.to_owned(), media.unwrap_or_else(|| nothing().1))
            }
            None => nothing(),
        },
        Some(Aspect::Hidden) => nothing(),
    }
}
