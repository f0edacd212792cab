//! The one decision function, and the draft on which each rule works.
//!
//! A rule reads the draft's state, takes steps through [`Draft::change`] and tells the world
//! through [`Draft::emit`]. The draft starts as a cheap copy of the state, so a refused or
//! unfinished decision leaves no trace.

mod connections;
mod conversation;
mod directory;
mod publish;
mod questions;
mod view;

pub use questions::{Answers, Ask, Question};

use self::questions::Questions;
use crate::{
    Audience, Change, Command, Event, Json, Output, Rejection, Rendering, Reply, Timestamp, UserId,
    View, Workspace,
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
        context: *context,
        changes: Vec::new(),
        outputs: Vec::new(),
        questions: Questions::default(),
    };
    let reply = draft.command(command)?;
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
        grant: None,
    })
}

/// A decision in the making.
struct Draft<'a> {
    state: Workspace,
    context: Context<'a>,
    changes: Vec<Change>,
    outputs: Vec<Output>,
    questions: Questions,
}

impl Draft<'_> {
    fn command(&mut self, command: &Command) -> Result<Reply, Rejection> {
        match command {
            Command::Connect { .. } => self.connect(command),
            Command::Disconnect { socket, leave } => Ok(self.disconnect(socket, *leave)),
            Command::Expire => Ok(self.expire()),
            Command::Kick { user } => self.kick(user),
            Command::Select {
                socket,
                channel,
                media,
            } => self.select(socket, channel, media.as_ref()),
            Command::Unselect { socket } => self.unselect(socket),
            Command::UpdateMedia { socket, patch } => self.update_media(socket, patch),
            Command::UpdateStatus { socket, status } => self.update_status(socket, *status),
            Command::GetState { socket } => self.live_user(socket).map(|_| Reply::Unchanged),
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
            Command::Sync { truth, quiet } => self.sync(truth, *quiet),
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
        let nobody = match &audience {
            Audience::Workspace => false,
            Audience::Users(users) => users.is_empty(),
            Audience::Sockets(sockets) => sockets.is_empty(),
        };
        if nobody {
            return;
        }
        self.outputs.push(Output::Event {
            event,
            audience,
            rendering: Rendering::Unchanged,
        });
    }

    fn reply_of_changes(&self) -> Reply {
        if self.changes.is_empty() {
            Reply::Unchanged
        } else {
            Reply::Changed
        }
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

impl View {
    /// The audience of what happens in a channel seen so.
    fn audience(&self) -> Audience {
        match self {
            Self::Everyone => Audience::Workspace,
            Self::Users(users) => Audience::Users(users.clone()),
        }
    }
}
