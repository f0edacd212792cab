//! A rush: people come in bursts, half of them lose their transport at once, and policies that render
//! events take their time. Commands ask side by side, as the server has them do, and what one commits
//! may make the answers of the others useless. Nothing of that may have policies asked much more than
//! the same commands would in a calm workspace, and nobody may stay who is gone.

mod load;

use std::collections::VecDeque;

use wardroom_domain::limits::OPTIMISTIC_ASKS;
use wardroom_domain::{
    Answers, Command, Context, Deadlines, Decision, Leave, Question, Rejection, Timestamp,
    Undecided, WorkspaceId, decide,
};

use crate::judge::{Happened, ensure};
use crate::policies::Digest;
use crate::world::{World, digest};

use self::load::Load;

/// How much time passes at once, in milliseconds.
const TICK: u64 = 5;
/// Ticks in one step.
const TICKS: u64 = 10;
/// Questions that policies answer in a tick.
const ANSWERS: usize = 4;
/// Questions that commands may have asked which are not decided yet.
const OPEN: u64 = 400;
/// How long somebody may stay after their grace, in milliseconds.
const PATIENCE: u64 = 2_000;
/// Ticks after which what is still open at the end is not going to be done.
const LAST_TICKS: u64 = 10_000;

pub(crate) struct Rush {
    world: World,
    load: Load,
    /// Whether an answer may depend on more than the facts of its question.
    looks_up: bool,
    workspace: WorkspaceId,
    deadlines: Deadlines,
    trials: VecDeque<Trial>,
    /// The command that has the workspace to itself.
    exclusive: Option<u64>,
    begun: u64,
    asked: u64,
    /// What would have been asked if nobody had come in between.
    needed: u64,
}

/// A command that is not decided yet.
struct Trial {
    number: u64,
    command: Command,
    answers: Answers,
    /// The directory that the open questions are asked on.
    digest: Digest,
    open: VecDeque<Question>,
    asked: Vec<Question>,
    asks: usize,
    /// How many commands were carried out before it began to ask.
    before: u64,
}

impl Rush {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let hooks = world.come_under_rendering_policies();
        Self {
            looks_up: hooks.visibility_looks_up || hooks.commands_looks_up || hooks.events_looks_up,
            load: Load::new(seed),
            world,
            workspace: WorkspaceId::new("w").expect("a letter is an id"),
            deadlines: Deadlines::default(),
            trials: VecDeque::new(),
            exclusive: None,
            begun: 0,
            asked: 0,
            needed: 0,
        }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Some time with its bursts.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        for _ in 0..TICKS {
            self.load.arrive(self.world.now());
            self.tick()?;
        }
        Ok(())
    }

    /// Nobody comes any more: in the end everybody is gone who left, and nothing is open.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        for _ in 0..LAST_TICKS {
            let held = self.world.state().next_deadline().is_some();
            if !held && self.trials.is_empty() && self.load.is_over() {
                let is = self.world.state().connections().len();
                return ensure(is == 0, || format!("{is} stay for ever"));
            }
            self.tick()?;
        }
        Err(format!("{} commands do not end", self.trials.len()))
    }

    fn tick(&mut self) -> Result<(), String> {
        let now = Timestamp(self.world.now().0 + TICK);
        self.world.set_now(now);
        for command in self.load.due(now) {
            self.begin(command);
        }
        while self.deadlines.take(now).is_ok() {
            self.begin(Command::Expire);
        }
        self.answer()?;
        self.decide_all()?;
        self.prompt()?;
        // Answers that rest on the whole directory hold until it changes, and are asked for again.
        let again = self.needed / if self.looks_up { 1 } else { 20 };
        let most = self.needed + again + OPEN;
        ensure(self.asked <= most, || {
            format!(
                "policies were asked {} questions where {} were needed, {} commands are open",
                self.asked,
                self.needed,
                self.trials.len()
            )
        })
    }

    /// Nobody stays much longer than their grace.
    fn prompt(&self) -> Result<(), String> {
        let late = self.world.state().next_deadline();
        let late = late.map_or(0, |at| self.world.now().0.saturating_sub(at.0));
        ensure(late <= PATIENCE, || {
            format!("somebody is still there {late} ms after their grace")
        })
    }

    fn begin(&mut self, command: Command) {
        self.begun += 1;
        self.trials.push_back(Trial {
            number: self.begun,
            command,
            answers: self.world.no_answers().expect("policies are loaded"),
            digest: Digest::default(),
            open: VecDeque::new(),
            asked: Vec::new(),
            asks: 0,
            before: self.world.accepted(),
        });
    }

    /// Policies answer all who ask in turn.
    fn answer(&mut self) -> Result<(), String> {
        let mut idle = 0;
        let mut left = ANSWERS;
        while left > 0 && idle < self.trials.len() {
            let Some(mut trial) = self.trials.pop_front() else {
                break;
            };
            match trial.open.pop_front() {
                None => idle += 1,
                Some(question) => {
                    let again = !self.looks_up && trial.asked.contains(&question);
                    ensure(!again, || format!("asked again: {question:?}"))?;
                    self.world.put(&question, trial.digest, &mut trial.answers);
                    trial.asked.push(question);
                    self.asked += 1;
                    left -= 1;
                    idle = 0;
                }
            }
            self.trials.push_back(trial);
        }
        Ok(())
    }

    /// Everybody decides who has the answers, unless another has the workspace to itself.
    fn decide_all(&mut self) -> Result<(), String> {
        let mut waiting = VecDeque::new();
        let mut trials: Vec<Trial> = std::mem::take(&mut self.trials).into();
        trials.sort_by_key(|trial| trial.number);
        for mut trial in trials {
            let mut done = false;
            while !done && trial.open.is_empty() && self.may_decide(&trial) {
                done = self.try_to_decide(&mut trial)?;
            }
            if !done {
                waiting.push_back(trial);
            }
        }
        self.trials = waiting;
        Ok(())
    }

    fn may_decide(&mut self, trial: &Trial) -> bool {
        if self.exclusive.is_none() && trial.asks >= OPTIMISTIC_ASKS {
            self.exclusive = Some(trial.number);
        }
        self.exclusive.is_none_or(|number| number == trial.number)
    }

    /// Whether it came to something; if not it has questions.
    fn try_to_decide(&mut self, trial: &mut Trial) -> Result<bool, String> {
        let context = Context {
            now: self.world.now(),
            policies: Some(&trial.answers),
        };
        let result = match decide(self.world.state(), &trial.command, &context) {
            Ok(decision) => Ok(decision),
            Err(Undecided::Rejected(rejection)) => Err(rejection),
            Err(Undecided::Unsettled) => return Err("the policies did not change".to_owned()),
            Err(Undecided::Ask(ask)) => {
                trial.asks += 1;
                trial.answers.on_revision(ask.revision);
                trial.digest = digest(&ask.state);
                trial.open = ask.questions.into();
                return Ok(false);
            }
        };
        self.finish(trial, result)?;
        Ok(true)
    }

    fn finish(&mut self, trial: &Trial, result: Result<Decision, Rejection>) -> Result<(), String> {
        let overtaken = self.world.accepted() != trial.before;
        let questions: &[Question] = if overtaken { &[] } else { &trial.asked };
        self.needed += self.world.calm_questions(&trial.command)?;
        let happened = Happened {
            command: &trial.command,
            now: self.world.now(),
            generation: Some(trial.answers.generation()),
            questions,
        };
        let carried_out = result.is_ok();
        self.world.take(&happened, overtaken, result)?;
        if self.exclusive == Some(trial.number) {
            self.exclusive = None;
        }
        match &trial.command {
            Command::Expire => self.deadlines.done(&self.workspace),
            Command::Connect { socket, .. } if carried_out => {
                self.load.stay(self.world.now(), socket);
            }
            _ => {}
        }
        if let Some(at) = self.world.state().next_deadline() {
            self.deadlines.set(&self.workspace, at);
        }
        if let (
            Command::Disconnect {
                leave: Leave::Lost { .. },
                ..
            },
            true,
        ) = (&trial.command, carried_out)
        {
            self.world.count_lost();
        }
        Ok(())
    }
}
