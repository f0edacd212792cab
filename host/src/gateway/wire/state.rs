//! The state of a workspace as one of its clients may see it; must not know to whom it goes.

use std::borrow::Cow;
use std::iter::once;

use serde_json::value::RawValue;
use wardroom_domain::limits::MAX_RENDITIONS_PER_EVENT;
use wardroom_domain::{
    Channel, ChannelId, Json, MediaState, Rendering, Selection, SubjectFacts, UserId, View,
    Workspace,
};

use super::Page;
use crate::commit::{Appearance, Appearances, users_after};
use crate::wire::{Object, bare_profile, media_state, quoted, status_name};

/// Who asks for the state, for which part of it, and how the others appear.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) page: Option<&'a Page>,
    pub(crate) appearances: &'a Appearances,
}

/// Bytes that a member takes in an answer besides what others made up, and a channel.
const BYTES_OF_ONE: usize = 256;

impl<'a> Asker<'a> {
    fn sees(&self, facts: Option<&SubjectFacts>, user: &UserId) -> Sees<'a> {
        match self.appearances {
            Appearances::Plain => Sees::AsTheyAre,
            Appearances::Rendered(all) => {
                let seen = facts.and_then(|facts| Seen::by(facts, all.get(user)?));
                seen.map_or(Sees::Nothing, Sees::So)
            }
        }
    }
}

/// How one client sees a member.
enum Sees<'a> {
    AsTheyAre,
    So(Seen<'a>),
    Nothing,
}

/// What an answer is made of, found out channel by channel and member by member, so that other work may
/// run in between.
pub(crate) struct Survey<'a> {
    state: &'a Workspace,
    asker: Asker<'a>,
    facts: Option<SubjectFacts>,
    channels: Box<dyn Iterator<Item = (&'a ChannelId, &'a Channel)> + Send + 'a>,
    users: Box<dyn Iterator<Item = &'a UserId> + Send + 'a>,
    /// What of the page and the channels the answers have in common that are the same.
    class: Vec<u8>,
    /// Who of those before and between the members is withheld, as bits of the same.
    hidden: Vec<u8>,
    /// How the members are seen, of the same.
    aspects: Vec<u8>,
    bytes: usize,
    members: Vec<(&'a UserId, Option<Seen<'a>>)>,
    /// The last of them, if there are more.
    next: Option<&'a UserId>,
}

impl<'a> Survey<'a> {
    /// Nothing is looked at yet.
    pub(crate) fn new(state: &'a Workspace, asker: Asker<'a>) -> Self {
        let after = asker.page.and_then(|page| page.after.as_ref());
        Self {
            state,
            asker,
            facts: state.subject(asker.user),
            channels: Box::new(channels(state, asker)),
            users: Box::new(users_after(state, after)),
            class: asker.page.map_or_else(Vec::new, Page::key),
            hidden: Vec::new(),
            aspects: Vec::new(),
            bytes: 0,
            members: Vec::new(),
            next: None,
        }
    }

    /// Looks at so many more channels and people. False if all have been looked at that belong into the
    /// answer; only then the rest is known.
    pub(crate) fn look(&mut self, most: usize) -> bool {
        (0..most).all(|_| self.step())
    }

    fn step(&mut self) -> bool {
        if let Some((id, channel)) = self.channels.next() {
            self.see_channel(id, channel);
            return true;
        }
        self.users.next().is_some_and(|user| self.see_user(user))
    }

    fn see_channel(&mut self, id: &ChannelId, channel: &Channel) {
        if !matches!(channel.view, View::Everyone) {
            let sees = self.state.may_see(self.asker.user, id);
            self.class.push(u8::from(sees));
        }
        self.bytes += BYTES_OF_ONE + id.as_str().len();
    }

    /// Whether more may follow. A page ends with the last that the asker may know of, so that its end tells
    /// nothing of others.
    fn see_user(&mut self, user: &'a UserId) -> bool {
        let seen = match self.asker.sees(self.facts.as_ref(), user) {
            Sees::AsTheyAre => None,
            Sees::So(seen) => Some(seen),
            Sees::Nothing => {
                self.hidden.push(HIDDEN);
                return true;
            }
        };
        let limit = self.asker.page.map_or(usize::MAX, |page| page.limit);
        if self.members.len() == limit {
            self.next = self.members.last().map(|(user, _)| *user);
            return false;
        }
        if seen.is_some() {
            self.hidden.push(AS_IT_IS);
        }
        self.bytes += BYTES_OF_ONE + 2 * user.as_str().len();
        let selection = self.state.selections().get(user);
        self.bytes += selection.map_or(0, |it| media_state(&it.media).as_str().len());
        // Where channels are not told, the class does not say yet who sees which.
        let is_later = self.asker.page.is_some_and(|page| page.after.is_some());
        if is_later && let Some(selection) = selection {
            let sees = self.state.may_see(self.asker.user, &selection.channel);
            self.aspects.push(u8::from(sees));
        }
        let member = self.state.members().get(user);
        self.bytes += member.map_or(0, |member| member.profile.as_str().len());
        for aspect in seen.iter().flat_map(Seen::aspects) {
            self.aspects.push(aspect.place());
            self.bytes += aspect.bytes();
        }
        self.members.push((user, seen));
        true
    }

    /// What the answers have in common that are the same for a state.
    pub(crate) fn class(&self) -> Vec<u8> {
        // So that no two ways to part it are the same.
        let hidden = self.hidden.len().to_be_bytes();
        [&*self.class, &hidden, &self.hidden, &self.aspects].concat()
    }

    /// How long such an answer is at most, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The object with members, guests and what the asker may see, piece by piece, without the brace at
    /// its end.
    pub(crate) fn parts(self) -> impl Iterator<Item = String> {
        let Self {
            state,
            asker,
            members,
            next,
            ..
        } = self;
        let members = members
            .into_iter()
            .map(move |(user, seen)| member(state, user, asker.user, seen.as_ref()));
        let channels = channels(state, asker)
            .filter(move |(id, _)| state.may_see(asker.user, id))
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
            });
        let list = |name: &str| once(format!(",\"{name}\":["));
        let next = asker.page.map(|_| {
            let next = next.map_or_else(|| "null".to_owned(), |next| quoted(next.as_str()));
            format!(",\"next\":{next}")
        });
        once(r#"{"ok":true"#.to_owned())
            .chain(list("members"))
            .chain(separated(members))
            .chain(once("]".to_owned()))
            .chain(list("channels"))
            .chain(separated(channels))
            .chain(once("]".to_owned()))
            .chain(next)
    }
}

/// The channels that an answer tells: those of the first page are all there are.
fn channels<'a>(
    state: &'a Workspace,
    asker: Asker<'a>,
) -> impl Iterator<Item = (&'a ChannelId, &'a Channel)> {
    let is_first = asker.page.is_none_or(|page| page.after.is_none());
    let channels = state.channels().iter().filter(move |_| is_first);
    channels.map(|(id, channel)| (id, &**channel))
}

/// What stands before the object in the acknowledgement of `get-state`, and behind what
/// [`Survey::parts`] gives.
pub(crate) fn around_state(id: i64, grant: Option<&Json>) -> (String, String) {
    let grant = grant.map_or_else(String::new, |it| format!(",\"grant\":{}", it.as_str()));
    (format!("43{id}["), format!("{grant}}}]"))
}

fn separated(items: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let items = items.enumerate();
    items.map(
        |(place, item)| {
            if place == 0 { item } else { format!(",{item}") }
        },
    )
}

/// How a class of answers writes what is withheld, and what is as it is. Other numbers are places of
/// renditions, of which there are fewer.
const HIDDEN: u8 = u8::MAX;
const AS_IT_IS: u8 = u8::MAX - 1;
const _: () = assert!(MAX_RENDITIONS_PER_EVENT < AS_IT_IS as usize);

/// What one client sees of one aspect of a member.
enum Aspect<'a> {
    AsItIs,
    /// The payload of the event in the form that is meant for this client, and its place.
    Instead(&'a Json, u8),
    Hidden,
}

impl<'a> Aspect<'a> {
    fn of(rendering: &'a Rendering, asker: &SubjectFacts) -> Self {
        match rendering {
            Rendering::Unchanged => Self::AsItIs,
            Rendering::Rendered(rendered) => {
                let place = rendered.place_for(asker);
                let payload = place.and_then(|place| {
                    let payload = rendered.renditions[place].payload.as_ref()?;
                    Some((payload, u8::try_from(place).ok()?))
                });
                payload.map_or(Self::Hidden, |(payload, place)| {
                    Self::Instead(payload, place)
                })
            }
        }
    }

    fn place(&self) -> u8 {
        match self {
            Self::AsItIs => AS_IT_IS,
            Self::Instead(_, place) => *place,
            Self::Hidden => HIDDEN,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Instead(payload, _) => payload.as_str().len(),
            Self::AsItIs | Self::Hidden => 0,
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
    fn aspects(&self) -> [&Aspect<'a>; 3] {
        [&self.profile, &self.status, &self.selected]
    }

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
        Some(Aspect::Instead(payload, _)) => field(payload, "user").map(str::to_owned),
        Some(Aspect::Hidden) => None,
    };
    let status = match seen.map(|seen| &seen.status) {
        None | Some(Aspect::AsItIs) => Some(quoted(status_name(state.status(user)))),
        Some(Aspect::Instead(payload, _)) => field(payload, "onlineStatus").map(str::to_owned),
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
        Some(Aspect::Instead(payload, _)) => match field(payload, "channelId") {
            Some(channel) => {
                let media = field(payload, "userMediaState").map(str::to_owned);
                (channel.to_owned(), media.unwrap_or_else(|| nothing().1))
            }
            None => nothing(),
        },
        Some(Aspect::Hidden) => nothing(),
    }
}
