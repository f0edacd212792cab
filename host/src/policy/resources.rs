//! The resources and functions that guests call for the facts of a question: getters, look-ups and
//! the log. Knows neither the hooks nor how a question came to be.

use std::sync::Arc;

use wardroom_domain::{Attributes, ChannelFacts, Json, SubjectFacts, UserId};
use wasmtime::component::Resource;
use wasmtime::{Error, Result};

use super::bindings::wardroom::policy::{context, directory, log, types};
use super::facts::{About, State};

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[expect(unreachable_pub, reason = "generated code re-exports it")]
            pub struct $name;
        )*
    };
}

handles! {
    /// A handle to the subject of this number; see [`super::places`].
    Subject
    /// A handle to the channel of this number.
    Channel
    /// The one request of a question. Guests only borrow it, so it has no number.
    Request
    /// The one command of a question.
    Command
    /// The one event of a question.
    Event
}

/// What is wrong with a handle that stands for nothing.
fn over<T>(what: &str) -> Result<T> {
    Err(Error::msg(format!(
        "a {what} was used after its call had ended"
    )))
}

fn attribute(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.scalars.get(name).map(|value| value.to_string())
}

fn text(json: &Json) -> String {
    json.as_str().to_owned()
}

impl State {
    fn the_channel(&self, handle: &Resource<Channel>) -> Result<&ChannelFacts> {
        self.channels
            .get(handle.rep())
            .map_or_else(|| over("channel"), Ok)
    }

    fn the_subject(&self, handle: &Resource<Subject>) -> Result<&SubjectFacts> {
        self.subjects
            .get(handle.rep())
            .map_or_else(|| over("subject"), Ok)
    }

    fn the_command(&self) -> Result<(&Arc<str>, &Json)> {
        match &self.about {
            About::Command { name, arguments } => Ok((name, arguments)),
            _ => over("command"),
        }
    }

    fn the_event(&self) -> Result<(&Arc<str>, &Json)> {
        match &self.about {
            About::Event { name, payload } => Ok((name, payload)),
            _ => over("event"),
        }
    }

    /// A handle to the subject that the question is about.
    fn own_subject(&mut self) -> Option<Resource<Subject>> {
        let given = self.subjects.any_given();
        given.then(|| self.own(self.subjects.number(0)))
    }

    /// A handle to the channel that the question is about.
    fn own_channel(&mut self) -> Option<Resource<Channel>> {
        let given = self.channels.any_given();
        given.then(|| self.own(self.channels.number(0)))
    }

    /// A handle that the guest has to drop.
    fn own<T: 'static>(&mut self, number: u32) -> Resource<T> {
        self.hand_out(1);
        Resource::new_own(number)
    }
}

impl types::Host for State {}

impl context::Host for State {
    fn workspace(&mut self) -> Result<String> {
        match self.asked_in() {
            Some(workspace) => Ok(workspace.as_str().to_owned()),
            None => Err(Error::msg("there is no workspace outside a question")),
        }
    }
}

impl context::HostChannel for State {
    fn id(&mut self, this: Resource<Channel>) -> Result<String> {
        Ok(self.the_channel(&this)?.id.as_str().to_owned())
    }

    fn is_private(&mut self, this: Resource<Channel>) -> Result<bool> {
        Ok(self.the_channel(&this)?.private)
    }

    fn has_member(&mut self, this: Resource<Channel>, user: String) -> Result<bool> {
        Ok(self.the_channel(&this)?.members.contains(user.as_str()))
    }

    fn member_count(&mut self, this: Resource<Channel>) -> Result<u32> {
        let members = self.the_channel(&this)?.members.len();
        Ok(u32::try_from(members).unwrap_or(u32::MAX))
    }

    fn members(&mut self, this: Resource<Channel>) -> Result<Vec<String>> {
        let members = &self.the_channel(&this)?.members;
        Ok(members.iter().map(|m| m.as_str().to_owned()).collect())
    }

    fn attribute(&mut self, this: Resource<Channel>, name: String) -> Result<Option<String>> {
        Ok(attribute(&self.the_channel(&this)?.attributes, &name))
    }

    fn attributes(&mut self, this: Resource<Channel>) -> Result<String> {
        Ok(text(&self.the_channel(&this)?.attributes.text))
    }

    fn drop(&mut self, this: Resource<Channel>) -> Result<()> {
        self.channels.dropped(this.rep());
        self.taken_back();
        Ok(())
    }
}

impl context::HostSubject for State {
    fn id(&mut self, this: Resource<Subject>) -> Result<String> {
        Ok(self.the_subject(&this)?.user.as_str().to_owned())
    }

    fn role(&mut self, this: Resource<Subject>) -> Result<Option<String>> {
        let role = &self.the_subject(&this)?.role;
        Ok(role.as_ref().map(|r| r.as_str().to_owned()))
    }

    fn attribute(&mut self, this: Resource<Subject>, name: String) -> Result<Option<String>> {
        Ok(attribute(&self.the_subject(&this)?.attributes, &name))
    }

    fn attributes(&mut self, this: Resource<Subject>) -> Result<String> {
        Ok(text(&self.the_subject(&this)?.attributes.text))
    }

    fn is_member_of(
        &mut self,
        this: Resource<Subject>,
        channel: Resource<Channel>,
    ) -> Result<bool> {
        let user = &self.the_subject(&this)?.user;
        Ok(self.the_channel(&channel)?.members.contains(user))
    }

    fn drop(&mut self, this: Resource<Subject>) -> Result<()> {
        self.subjects.dropped(this.rep());
        self.taken_back();
        Ok(())
    }
}

impl context::HostRequest for State {
    fn subject(&mut self, _: Resource<Request>) -> Result<Resource<Subject>> {
        self.own_subject().map_or_else(|| over("request"), Ok)
    }

    fn claims(&mut self, _: Resource<Request>) -> Result<String> {
        match &self.about {
            About::Request { claims, .. } => Ok(text(claims)),
            _ => over("request"),
        }
    }

    fn remote_address(&mut self, _: Resource<Request>) -> Result<Option<String>> {
        match &self.about {
            About::Request { remote_address, .. } => {
                Ok(remote_address.as_ref().map(|address| address.to_string()))
            }
            _ => over("request"),
        }
    }

    fn is_reevaluation(&mut self, _: Resource<Request>) -> Result<bool> {
        match &self.about {
            About::Request { reevaluation, .. } => Ok(*reevaluation),
            _ => over("request"),
        }
    }

    fn drop(&mut self, _: Resource<Request>) -> Result<()> {
        Ok(())
    }
}

impl context::HostCommand for State {
    fn name(&mut self, _: Resource<Command>) -> Result<String> {
        Ok(self.the_command()?.0.to_string())
    }

    fn arguments(&mut self, _: Resource<Command>) -> Result<String> {
        Ok(text(self.the_command()?.1))
    }

    fn subject(&mut self, _: Resource<Command>) -> Result<Resource<Subject>> {
        self.own_subject().map_or_else(|| over("command"), Ok)
    }

    fn channel(&mut self, _: Resource<Command>) -> Result<Option<Resource<Channel>>> {
        Ok(self.own_channel())
    }

    fn drop(&mut self, _: Resource<Command>) -> Result<()> {
        Ok(())
    }
}

impl context::HostEvent for State {
    fn name(&mut self, _: Resource<Event>) -> Result<String> {
        Ok(self.the_event()?.0.to_string())
    }

    fn payload(&mut self, _: Resource<Event>) -> Result<String> {
        Ok(text(self.the_event()?.1))
    }

    fn subject(&mut self, _: Resource<Event>) -> Result<Option<Resource<Subject>>> {
        Ok(self.own_subject())
    }

    fn channel(&mut self, _: Resource<Event>) -> Result<Option<Resource<Channel>>> {
        Ok(self.own_channel())
    }

    fn drop(&mut self, _: Resource<Event>) -> Result<()> {
        Ok(())
    }
}

impl directory::Host for State {
    fn find_channel(&mut self, id: String) -> Result<Option<Resource<Channel>>> {
        let channels = self.directory().map(|state| state.channels());
        let facts = channels
            .and_then(|channels| channels.get(id.as_str()))
            .map(|channel| channel.facts.clone());
        Ok(facts.map(|facts| {
            let number = self.channels.find(facts);
            self.own(number)
        }))
    }

    fn find_subject(&mut self, id: String) -> Result<Option<Resource<Subject>>> {
        // Text that cannot be an id names nobody.
        let facts = match (UserId::new(&id), self.directory()) {
            (Ok(user), Some(state)) => state.listed(&user),
            _ => None,
        };
        Ok(facts.map(|facts| {
            let number = self.subjects.find(facts);
            self.own(number)
        }))
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let mut kept = self.spend(message.len());
        while !message.is_char_boundary(kept) {
            kept -= 1;
        }
        let (policy, message) = (self.policy(), &message[..kept]);
        match level {
            _ if message.is_empty() => {}
            log::Level::Debug => tracing::debug!(policy, message),
            log::Level::Info => tracing::info!(policy, message),
            log::Level::Warn => tracing::warn!(policy, message),
            log::Level::Error => tracing::error!(policy, message),
        }
        Ok(())
    }
}
