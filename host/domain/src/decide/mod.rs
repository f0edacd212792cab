//! The one decision function, and the draft on which each rule works.
//!
//! A rule reads the draft's state, takes steps through [`Draft::change`] and tells the world
//! through [`Draft::emit`]. The draft starts as a cheap copy of the state, so a refused or
//! unfinished decision leaves no trace.

mod admission;
mod connections;
mod conversation;
mod directory;
mod permission;
mod publish;
mod questions;
mod rendering;
mod settling;
mod view;

pub use questions::{Answers, Ask, Question};

use self::permission::Permit;
use self::questions::Questions;
use crate::{
    Audience, Change, Command, Event, EventFacts, Json, Output, Rejection, Rendering, Reply,
    Target, Timestamp, UserId, View, Workspace,
};

/// What a decision depends on besides state and command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// What the policies answered; nothing where none is loaded.
    pub policies: Option<&'a Answers>,
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The state after it.
    pub next: Workspace,
    /// The steps from the state before it.
    pub changes: Vec<Change>,
    /// What the world is to see, in order.
    pub outputs: Vec<Output>,
    /// What the command came to.
    pub reply: Reply,
    /// What policies attach to the acknowledgement: a JSON object.
    pub grant: Option<Json>,
}

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The policies have to answer first; then ask again.
    Ask(Box<Ask>),
    /// The workspace has not settled under the present generation of policies:
    /// [`Command::Settle`] comes first.
    Unsettled,
    /// The command is refused.
    Rejected(Rejection),
}

impl From<Rejection> for Undecided {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Decides a command on the state of a workspace.
///
/// # Errors
/// [`Undecided::Rejected`] if the command is refused, [`Undecided::Ask`] if answers are missing
/// from the context. In both cases nothing happened.
pub fn decide(
    state: &Workspace,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Undecided> {
    let mut draft = Draft {
        state: state.clone(),
        before: state,
        context: *context,
        changes: Vec::new(),
        outputs: Vec::new(),
        told: Vec::new(),
        questions: Questions::default(),
        grant: None,
        looked_at: 0,
        put_off: None,
        readmitted: None,
    };
    draft.must_be_settled(command)?;
    let reply = draft.command(command)?;
    draft.look_again();
    if matches!(command, Command::Sync { quiet: true, .. }) {
        draft.hush();
    }
    draft.render();
    if !draft.questions.is_empty() {
        return Err(Undecided::Ask(Box::new(Ask {
            questions: draft.questions.into_list(),
            state: draft.state,
            revision: state.revision,
        })));
    }
    Ok(Decision {
        next: draft.state,
        changes: draft.changes,
        outputs: draft.outputs,
        reply,
        grant: draft.grant,
    })
}

/// A decision in the making.
struct Draft<'a> {
    state: Workspace,
    before: &'a Workspace,
    context: Context<'a>,
    changes: Vec<Change>,
    outputs: Vec<Output>,
    /// What policies may know of each event among the outputs, in order, if they are asked.
    told: Vec<EventFacts>,
    questions: Questions,
    /// What policies attach to the acknowledgement.
    grant: Option<Json>,
    /// How often a rule was applied to somebody, or may have to be once it is known.
    looked_at: usize,
    /// Whose views are settled later: while channels and people change together, nobody is shown the
    /// state between.
    put_off: Option<Vec<UserId>>,
    /// The revision of the directory on which everybody was asked about again, if they were.
    readmitted: Option<u64>,
}

impl Draft<'_> {
    fn command(&mut self, command: &Command) -> Result<Reply, Rejection> {
        match command {
            Command::Connect { .. } => self.connect(command),
            Command::Disconnect { socket, leave } => Ok(self.disconnect(socket, *leave)),
            Command::Expire => Ok(self.expire()),
            Command::Kick { user } => self.kick(user),
            Command::Evict { socket } => self.evict(socket),
            Command::Relay { user, command } => {
                self.must_act_for(user, command)?;
                self.command(command)
            }
            Command::Select {
                socket,
                channel,
                media,
            } => self.select(command, socket, channel, media.as_ref()),
            Command::Unselect { socket } => self.unselect(command, socket),
            Command::UpdateMedia { socket, patch } => self.update_media(command, socket, patch),
            Command::UpdateStatus { socket, status } => {
                self.update_status(command, socket, *status)
            }
            Command::GetState { socket } => {
                let user = self.live_user(socket)?;
                let permit = self.authorize(command, &user, None)?;
                Ok(show_state(permit))
            }
            Command::PutMember {
                user,
                spec,
                default_profile,
            } => self.put_member(user, spec, default_profile),
            Command::RemoveMember { user } => self.remove_member(user),
            Command::UpdateProfile { user, profile } => self.update_profile(user, profile),
            Command::PutChannel { channel, spec } => self.put_channel(channel, spec),
            Command::PutChannelMember { channel, user } => {
                self.edit_channel_members(channel, |members| members.insert(user.clone()))
            }
            Command::RemoveChannelMember { channel, user } => {
                self.edit_channel_members(channel, |members| members.remove(user))
            }
            Command::DeleteChannel { channel } => self.delete_channel(channel),
            Command::Sync { truth, .. } => self.sync(truth),
            Command::Close => self.close(),
            Command::Publish(publication) => self.publish(publication),
            Command::Settle => Ok(self.settle()),
        }
    }

    fn change(&mut self, change: Change) {
        self.state.apply(&change);
        self.changes.push(change);
    }

    /// An event that is for nobody is none.
    fn emit(&mut self, event: Event, audience: Audience) {
        self.emit_to(event, audience, None);
    }

    /// The same, of an event that is addressed to a channel without naming it.
    fn emit_to(&mut self, event: Event, audience: Audience, target: Option<&Target>) {
        let nobody = match &audience {
            Audience::Workspace => false,
            Audience::Users(users) => users.is_empty(),
            Audience::Sockets(sockets) => sockets.is_empty(),
        };
        if nobody {
            return;
        }
        if self.asks_events() {
            self.note_facts(&event, target);
        }
        self.outputs.push(Output::Event {
            event,
            audience,
            rendering: Rendering::Unchanged,
        });
    }

    /// That an empty workspace settles by itself is no change that anybody asked for.
    fn reply_of_changes(&self) -> Reply {
        let mut changes = self.changes.iter();
        if changes.all(|c| matches!(c, Change::Settled { .. })) {
            Reply::Unchanged
        } else {
            Reply::Changed
        }
    }

    /// Asks again what depends on the whole directory, if that has changed.
    fn look_again(&mut self) {
        self.readmit_everybody();
        if self.looks_again_at_channels() {
            let untold = self.came_or_went();
            let channels: Vec<_> = self.state.channels.keys().cloned().collect();
            for channel in &channels {
                self.view_channel_anew(channel, &untold);
            }
        }
    }

    fn has_new_directory(&self) -> bool {
        self.state.revision != self.before.revision
    }

    /// Whether every channel is looked at in the end, because what policies say of it may depend on
    /// all that changed. Until then nobody's view moves: what the former rules make of the new
    /// directory is nothing to show.
    fn looks_again_at_channels(&self) -> bool {
        let hooks = self.context.policies.map(Answers::hooks);
        hooks.is_some_and(|h| h.visibility && h.visibility_looks_up) && self.has_new_directory()
    }

    /// Forgets what was to be told.
    fn hush(&mut self) {
        self.outputs.retain(|o| !matches!(o, Output::Event { .. }));
        self.told.clear();
    }

    /// The user of a live connection.
    fn live_user(&self, socket: &crate::SocketId) -> Result<UserId, Rejection> {
        self.state
            .live(socket)
            .map(|c| c.user.clone())
            .ok_or(Rejection::NotConnected)
    }

    /// Who sees what happens in a channel now.
    fn viewers(&self, channel: &crate::ChannelId) -> Audience {
        self.state.channels.get(channel).map_or_else(
            || Audience::Users(imbl::OrdSet::new()),
            |c| c.view.audience(),
        )
    }
}

/// Who has asked for the state gets it with the acknowledgement, from the log.
fn show_state(_: Permit) -> Reply {
    Reply::Unchanged
}

impl View {
    /// The audience of what happens in a channel seen so.
    fn audience(&self) -> Audience {
        match self {
            Self::Everyone => Audience::Workspace,
            Self::Users(users) => Audience::Users(users.clone()),
        }
    }
}
