//! The facts of a question as plain values, for tests on this machine. In a component the same
//! names are handles of the server's, with the same getters. Must not know any hook.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

thread_local! {
    static WORKSPACE: RefCell<String> = RefCell::new("workspace".to_owned());
}

/// The workspace in which the question arises: `workspace`, unless
/// [`Request::in_workspace`] or its like said otherwise on this thread.
#[must_use]
pub fn workspace() -> String {
    WORKSPACE.with_borrow(Clone::clone)
}

fn enter(workspace: &str) {
    WORKSPACE.set(workspace.to_owned());
}

fn text_of(attributes: &Map<String, Value>, name: &str) -> Option<String> {
    match attributes.get(name)? {
        Value::String(text) => Some(text.clone()),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Some(scalar.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn object_of(attributes: &Map<String, Value>) -> String {
    crate::to_json(attributes)
}

/// A person in a workspace.
#[derive(Clone, Debug)]
pub struct Subject {
    id: String,
    role: Option<String>,
    attributes: Map<String, Value>,
}

impl Subject {
    /// For tests: a person without role and attributes.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            role: None,
            attributes: Map::new(),
        }
    }

    /// For tests: with this role.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// For tests: with this attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// The subject's role in the workspace, if it has one.
    #[must_use]
    pub fn role(&self) -> Option<String> {
        self.role.clone()
    }

    /// One attribute: strings as they are, numbers and booleans as JSON writes them. None when
    /// there is no such attribute, or when it is null, a list or an object.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<String> {
        text_of(&self.attributes, name)
    }

    /// All attributes, a JSON object.
    #[must_use]
    pub fn attributes(&self) -> String {
        object_of(&self.attributes)
    }

    /// Whether the subject is a member of this channel.
    #[must_use]
    pub fn is_member_of(&self, channel: &Channel) -> bool {
        channel.has_member(&self.id)
    }
}

/// A channel of a workspace.
#[derive(Clone, Debug)]
pub struct Channel {
    id: String,
    private: bool,
    members: BTreeSet<String>,
    attributes: Map<String, Value>,
}

impl Channel {
    /// For tests: a public channel without members and attributes.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            private: false,
            members: BTreeSet::new(),
            attributes: Map::new(),
        }
    }

    /// For tests: called private by the directory.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// For tests: with these members too.
    #[must_use]
    pub fn with_members<U: Into<String>>(mut self, users: impl IntoIterator<Item = U>) -> Self {
        self.members.extend(users.into_iter().map(Into::into));
        self
    }

    /// For tests: with this attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Which channel it is.
    #[must_use]
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Whether the directory calls the channel private.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// Whether this user is one of the channel's members.
    #[must_use]
    pub fn has_member(&self, user: &str) -> bool {
        self.members.contains(user)
    }

    /// How many members the channel has.
    #[must_use]
    pub fn member_count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// All members, in the order of their ids.
    #[must_use]
    pub fn members(&self) -> Vec<String> {
        self.members.iter().cloned().collect()
    }

    /// One attribute; see [`Subject::attribute`].
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<String> {
        text_of(&self.attributes, name)
    }

    /// All attributes, a JSON object.
    #[must_use]
    pub fn attributes(&self) -> String {
        object_of(&self.attributes)
    }
}

/// Somebody asks to enter a workspace, or is in it and asked about again.
#[derive(Clone, Debug)]
pub struct Request {
    subject: Subject,
    claims: Value,
    address: Option<String>,
    reevaluation: bool,
}

impl Request {
    /// For tests: a first question about somebody without claims, from an unknown address.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            claims: Value::Object(Map::new()),
            address: None,
            reevaluation: false,
        }
    }

    /// For tests: with these claims, an object.
    #[must_use]
    pub fn with_claims(mut self, claims: Value) -> Self {
        self.claims = claims;
        self
    }

    /// For tests: from this address.
    #[must_use]
    pub fn from_address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// For tests: about a connection that is live.
    #[must_use]
    pub fn again(mut self) -> Self {
        self.reevaluation = true;
        self
    }

    /// For tests: what this thread asks from now on is about this workspace.
    #[must_use]
    pub fn in_workspace(self, workspace: &str) -> Self {
        enter(workspace);
        self
    }

    /// Who asks, with the role and the attributes they would have.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject.clone()
    }

    /// The claims of the verified token, a JSON object.
    #[must_use]
    pub fn claims(&self) -> String {
        self.claims.to_string()
    }

    /// The address the connection comes from, without a port, where known.
    #[must_use]
    pub fn remote_address(&self) -> Option<String> {
        self.address.clone()
    }

    /// Whether a live connection is asked about again.
    #[must_use]
    pub fn is_reevaluation(&self) -> bool {
        self.reevaluation
    }
}

/// A client's command before it is carried out.
#[derive(Clone, Debug)]
pub struct Command {
    name: String,
    arguments: Value,
    subject: Subject,
    channel: Option<Channel>,
}

impl Command {
    /// For tests: a command without fields that is about no channel.
    pub fn new(name: impl Into<String>, subject: Subject) -> Self {
        Self {
            name: name.into(),
            arguments: Value::Object(Map::new()),
            subject,
            channel: None,
        }
    }

    /// For tests: with these fields, an object.
    #[must_use]
    pub fn with_arguments(mut self, arguments: Value) -> Self {
        self.arguments = arguments;
        self
    }

    /// For tests: about this channel.
    #[must_use]
    pub fn about_channel(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    /// For tests: what this thread asks from now on is about this workspace.
    #[must_use]
    pub fn in_workspace(self, workspace: &str) -> Self {
        enter(workspace);
        self
    }

    /// Its name in the protocol, such as `select-channel`.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Its fields, a JSON object.
    #[must_use]
    pub fn arguments(&self) -> String {
        self.arguments.to_string()
    }

    /// Who sent it.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject.clone()
    }

    /// The channel it is about, if it is about one.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        self.channel.clone()
    }
}

/// An event before it is committed to the log of its workspace.
#[derive(Clone, Debug)]
pub struct Event {
    name: String,
    payload: Value,
    subject: Option<Subject>,
    channel: Option<Channel>,
}

impl Event {
    /// For tests: an event that is about nobody and no channel.
    pub fn new(name: impl Into<String>, payload: Value) -> Self {
        Self {
            name: name.into(),
            payload,
            subject: None,
            channel: None,
        }
    }

    /// For tests: about this person.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// For tests: about this channel.
    #[must_use]
    pub fn about_channel(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Its name in the protocol, such as `user-updated`.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Its data as the policies before this one left it.
    #[must_use]
    pub fn payload(&self) -> String {
        self.payload.to_string()
    }

    /// The person it is about, if it is about one.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        self.subject.clone()
    }

    /// The channel it is about, if it is about one.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        self.channel.clone()
    }
}

/// Facts beyond the question. A policy that calls these is asked again whenever anything in the
/// workspace changes.
pub mod directory {
    use std::cell::RefCell;

    use super::{Channel, Subject};

    thread_local! {
        static CHANNELS: RefCell<Vec<Channel>> = const { RefCell::new(Vec::new()) };
        static SUBJECTS: RefCell<Vec<Subject>> = const { RefCell::new(Vec::new()) };
    }

    /// For tests: what this thread finds from now on.
    pub fn holds(channels: Vec<Channel>, subjects: Vec<Subject>) {
        CHANNELS.set(channels);
        SUBJECTS.set(subjects);
    }

    /// The channel of this id, if the workspace has it.
    #[must_use]
    pub fn find_channel(id: &str) -> Option<Channel> {
        CHANNELS.with_borrow(|all| all.iter().find(|channel| channel.id == id).cloned())
    }

    /// The person of this id, if they are a member of the workspace.
    #[must_use]
    pub fn find_subject(id: &str) -> Option<Subject> {
        SUBJECTS.with_borrow(|all| all.iter().find(|subject| subject.id == id).cloned())
    }
}
