//! One instance of a policy: started, asked one hook at a time, good for further calls until one
//! fails. Knows neither versions nor what becomes of an answer.

use std::sync::Arc;

use wardroom_domain::{ChannelFacts, Form, Json, RequestFacts, Rule, SubjectFacts};
use wasmtime::component::Resource;
use wasmtime::{Engine, Store};

use super::bindings::exports::wardroom::policy::{admission, channel_visibility, commands, events};
use super::component::{Linked, mismatch};
use super::convert::{self, Grant, Refused};
use super::deadline::Deadline;
use super::engine;
use super::facts::{About, Question, State};
use super::failure::{Failure, Kind, Refusal};
use super::limits::PolicyLimits;
use super::measure::{Counted, Tally};
use super::question::{Asking, CommandQuestion, EventQuestion};
use super::resources::Subject;

/// The hooks of one instance.
struct Guests {
    admission: Option<admission::Guest>,
    visibility: Option<channel_visibility::Guest>,
    commands: Option<commands::Guest>,
    events: Option<events::Guest>,
}

/// A running component.
pub(super) struct Instance {
    store: Store<State>,
    guests: Guests,
    calls: u32,
    counted: Counted,
}

impl Instance {
    /// Makes one, and gives it its settings.
    pub(super) fn start(
        policy: Arc<str>,
        settings: &String,
        limits: &PolicyLimits,
        engine: &Engine,
        linked: &Linked,
        tally: &Arc<Tally>,
    ) -> Result<Self, Refusal> {
        let Some(mut counted) = Counted::new(tally, limits.instances) else {
            return Err(Refusal::Start(Failure {
                kind: Kind::Busy,
                detail: format!("all of its {} instances are busy", limits.instances),
            }));
        };
        let state = State::new(policy, *limits, linked.looks_up);
        let mut store = engine::store(engine, state, limits);
        begin(&mut store, None, Deadline::of_start(limits));
        let instance = match linked.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(Refusal::Start(Failure::of(&mut store, error))),
        };
        macro_rules! guest {
            ($hook:ident) => {
                match &linked.$hook {
                    Some(indices) => {
                        let guest = indices.load(&mut store, &instance);
                        Some(guest.map_err(|e| Refusal::Load(mismatch(&e)))?)
                    }
                    None => None,
                }
            };
        }
        let guests = Guests {
            admission: guest!(admission),
            visibility: guest!(visibility),
            commands: guest!(commands),
            events: guest!(events),
        };
        if let Some(guest) = guest!(lifecycle) {
            match guest.call_configure(&mut store, settings) {
                Ok(Ok(())) => {}
                Ok(Err(text)) => return Err(Refusal::Settings(text)),
                Err(error) => return Err(Refusal::Start(Failure::of(&mut store, error))),
            }
        }
        store.data_mut().end();
        counted.memory(store.data().memory_bytes);
        Ok(Self {
            store,
            guests,
            calls: 0,
            counted,
        })
    }

    /// How many calls it was put to.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Linear memory that it has, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }

    /// Handles that it was given and has not dropped.
    pub(super) fn handles_held(&self) -> usize {
        self.store.data().held()
    }

    /// Instructions that it has run since it was made, where the engine counts them.
    pub(super) fn instructions(&self) -> Option<u64> {
        self.store.get_fuel().ok().map(|left| u64::MAX - left)
    }

    pub(super) fn admit(
        &mut self,
        asking: Asking<'_>,
        request: &RequestFacts,
        deadline: Deadline,
    ) -> Result<Result<(), Refused>, Failure> {
        let about = About::Request {
            claims: request.claims.clone(),
            remote_address: request.remote_address.clone(),
            reevaluation: request.reevaluation,
        };
        let question = Question {
            asking,
            about,
            subjects: std::slice::from_ref(&request.subject),
            channel: None,
        };
        let answer = self.call(question, deadline, |guests, store| {
            let guest = guests.admission.as_ref()?;
            Some(guest.call_admit(store, Resource::new_borrow(0)))
        })?;
        Ok(answer.map_err(convert::refused))
    }

    pub(super) fn audience(
        &mut self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        deadline: Deadline,
    ) -> Result<Rule, Failure> {
        let question = Question {
            asking,
            about: About::Nothing,
            subjects: &[],
            channel: Some(channel),
        };
        let rule = self.call(question, deadline, |guests, store| {
            let guest = guests.visibility.as_ref()?;
            let channel = Resource::new_borrow(store.data().channels.number(0));
            Some(guest.call_audience(store, channel))
        })?;
        Ok(convert::rule(rule))
    }

    pub(super) fn decide(
        &mut self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
        deadline: Deadline,
    ) -> Result<Vec<bool>, Failure> {
        let question = Question {
            asking,
            about: About::Nothing,
            subjects,
            channel: Some(channel),
        };
        let answers = self.call(question, deadline, |guests, store| {
            let guest = guests.visibility.as_ref()?;
            let channel = Resource::new_borrow(store.data().channels.number(0));
            store.data_mut().hand_out(subjects.len());
            let numbers = store.data().subjects.numbers();
            let handles: Vec<Resource<Subject>> = numbers.map(Resource::new_own).collect();
            Some(guest.call_decide(store, channel, &handles))
        })?;
        if answers.len() == subjects.len() {
            return Ok(answers);
        }
        Err(Failure::answer(format!(
            "decide was asked about {} subjects and answered {}",
            subjects.len(),
            answers.len()
        )))
    }

    pub(super) fn authorize(
        &mut self,
        asking: Asking<'_>,
        command: &CommandQuestion,
        deadline: Deadline,
    ) -> Result<Result<Option<Grant>, Refused>, Failure> {
        let about = About::Command {
            name: command.name.clone(),
            arguments: command.arguments.clone(),
        };
        let question = Question {
            asking,
            about,
            subjects: std::slice::from_ref(&command.subject),
            channel: command.channel.as_ref(),
        };
        let answer = self.call(question, deadline, |guests, store| {
            let guest = guests.commands.as_ref()?;
            Some(guest.call_authorize(store, Resource::new_borrow(0)))
        })?;
        match answer {
            Ok(grant) => Ok(Ok(grant.as_deref().map(convert::grant).transpose()?)),
            Err(denial) => Ok(Err(convert::refused(denial))),
        }
    }

    /// Asks how an event looks that the policies before made this payload of.
    pub(super) fn render(
        &mut self,
        asking: Asking<'_>,
        event: &EventQuestion,
        payload: &Json,
        deadline: Deadline,
    ) -> Result<Form, Failure> {
        let about = About::Event {
            name: event.name.clone(),
            payload: payload.clone(),
        };
        let question = Question {
            asking,
            about,
            subjects: event.subject.as_slice(),
            channel: event.channel.as_ref(),
        };
        let answer = self.call(question, deadline, |guests, store| {
            let guest = guests.events.as_ref()?;
            Some(guest.call_render(store, Resource::new_borrow(0)))
        })?;
        convert::form(answer, payload)
    }

    fn call<R>(
        &mut self,
        question: Question<'_>,
        deadline: Deadline,
        ask: impl FnOnce(&Guests, &mut Store<State>) -> Option<wasmtime::Result<R>>,
    ) -> Result<R, Failure> {
        self.calls += 1;
        begin(&mut self.store, Some(question), deadline);
        match ask(&self.guests, &mut self.store) {
            Some(Ok(answer)) => {
                self.store.data_mut().end();
                self.counted.memory(self.memory_bytes());
                Ok(answer)
            }
            Some(Err(error)) => Err(Failure::of(&mut self.store, error)),
            None => Err(Failure::answer("this version does not export the hook")),
        }
    }
}

fn begin(store: &mut Store<State>, question: Option<Question<'_>>, deadline: Deadline) {
    store.data_mut().begin(question, deadline);
    // From the next tick on, real time decides.
    store.set_epoch_deadline(1);
}
