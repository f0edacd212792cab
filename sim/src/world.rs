//! Drives the domain: makes up the next command, lets policies answer, keeps a replica that knows
//! the changes only, and hands what happened to the judge.

use std::collections::VecDeque;

use wardroom_domain::{
    Answers, Command, Context, Decision, Generation, Hooks, Output, Question, Timestamp, Undecided,
    Workspace, decide,
};

use crate::Summary;
use crate::cast::Cast;
use crate::judge::{Happened, Judge};
use crate::policies;
use crate::random::Random;

/// How many commands a failure shows.
const REMEMBERED: usize = 12;

/// One round for the rules, one for each policy that says `each`, one to decide.
const MOST_ROUNDS: usize = 5;

pub(crate) struct World {
    random: Random,
    cast: Cast,
    state: Workspace,
    /// Built from changes alone, as a replica on another node would be.
    replica: Workspace,
    now: Timestamp,
    generation: Option<Generation>,
    generations: u64,
    judge: Judge,
    last: VecDeque<String>,
    summary: Summary,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let cast = Cast::new();
        Self {
            random: Random::new(seed),
            judge: Judge::new(cast.clone()),
            cast,
            state: Workspace::default(),
            replica: Workspace::default(),
            now: Timestamp(0),
            generation: None,
            generations: 0,
            last: VecDeque::new(),
            summary: Summary::default(),
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary {
            deliveries: self.judge.deliveries(),
            ..self.summary
        }
    }

    pub(crate) fn last_commands(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }

    pub(crate) fn step(&mut self) -> Result<(), String> {
        self.pass_time();
        if self.random.percent(3) {
            self.swap_policies();
        }
        let mut command = self.cast.command(&mut self.random, self.judge.model());
        // After a swap nothing else is decided until the workspace has settled.
        if self.must_settle(&command) {
            command = Command::Settle;
        }
        self.remember(&command);
        let decided = self.decide(&self.state, &command)?;
        self.summary.questions += decided.1;
        let again = self.decide(&self.replica, &command)?.0;
        if again != decided.0 {
            return Err(format!(
                "a replica decides otherwise: {again:?} and not {:?}",
                decided.0
            ));
        }
        let happened = Happened {
            command: &command,
            now: self.now,
            generation: self.generation,
        };
        match decided.0 {
            Ok(decision) => {
                self.judge.accepted(&happened, &decision)?;
                self.commit(decision)
            }
            Err(rejection) => {
                self.summary.refused += 1;
                self.judge.refused(&happened, &rejection)
            }
        }
    }

    fn answers(&self) -> Option<Answers> {
        let hooks = Hooks {
            visibility: true,
            ..Hooks::default()
        };
        self.generation
            .map(|generation| Answers::new(generation, hooks))
    }

    fn must_settle(&self, command: &Command) -> bool {
        let answers = self.answers();
        let context = Context {
            now: self.now,
            policies: answers.as_ref(),
        };
        decide(&self.state, command, &context) == Err(Undecided::Unsettled)
    }

    fn remember(&mut self, command: &Command) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        let generation = self.generation.map_or(0, |g| g.0);
        let now = self.now.0;
        self.last
            .push_back(format!("t={now} generation={generation} {command:?}"));
    }

    /// Often nothing, sometimes a little, a jump, or exactly to the end of a hold.
    fn pass_time(&mut self) {
        let deadline = self.state.next_deadline();
        let to = match (self.random.below(20), deadline) {
            (0, Some(at)) => at.0,
            (1, Some(at)) => at.0.saturating_sub(1),
            (2, _) => self.now.0 + 5_000,
            (3, _) => self.now.0 + 60_000,
            (4..=12, _) => self.now.0 + self.random.below(3_000),
            _ => self.now.0,
        };
        self.now = Timestamp(to.max(self.now.0));
    }

    fn swap_policies(&mut self) {
        self.generations += 1;
        self.generation = self
            .random
            .percent(75)
            .then_some(Generation(self.generations));
    }

    fn commit(&mut self, decision: Decision) -> Result<(), String> {
        for change in &decision.changes {
            self.replica.apply(change);
        }
        if self.replica != decision.next {
            return Err("the changes do not lead to the next state".to_owned());
        }
        decision.next.check_indexes()?;
        self.summary.accepted += 1;
        let events = decision.outputs.iter();
        let events = events.filter(|o| matches!(o, Output::Event { .. })).count();
        self.summary.events += events as u64;
        self.state = decision.next;
        Ok(())
    }

    /// Decides, with as many rounds of answers as it takes, and counts the questions.
    #[allow(clippy::type_complexity)]
    fn decide(
        &self,
        state: &Workspace,
        command: &Command,
    ) -> Result<(Result<Decision, wardroom_domain::Rejection>, u64), String> {
        let mut answers = self.answers();
        let mut asked: Vec<Question> = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let context = Context {
                now: self.now,
                policies: answers.as_ref(),
            };
            let questions = match decide(state, command, &context) {
                Ok(decision) => return Ok((Ok(decision), asked.len() as u64)),
                Err(Undecided::Rejected(rejection)) => {
                    return Ok((Err(rejection), asked.len() as u64));
                }
                Err(Undecided::Unsettled) => {
                    return Err(format!("{command:?} was to settle first"));
                }
                Err(Undecided::Ask(ask)) => ask.questions,
            };
            let (Some(generation), Some(answers)) = (self.generation, answers.as_mut()) else {
                return Err("a question, and nobody is loaded to answer it".to_owned());
            };
            for question in questions {
                let idle =
                    matches!(&question, Question::Subjects { subjects, .. } if subjects.is_empty());
                if idle || asked.contains(&question) {
                    return Err(format!("asked in vain or again: {question:?}"));
                }
                policies::answer(generation, &question, &self.cast, answers);
                asked.push(question);
            }
        }
        Err(format!("asks for ever: {asked:?}"))
    }
}
