//! Drives the domain: makes up the next command, lets policies answer, keeps a replica that knows
//! the changes only, and hands what happened to the judge.

use std::collections::VecDeque;

use wardroom_domain::{
    Answers, Command, Context, Decision, Generation, Hooks, Output, Question, Rejection, Timestamp,
    Undecided, Workspace, decide,
};

use crate::Summary;
use crate::cast::Cast;
use crate::judge::{Happened, Judge};
use crate::policies::{Digest, Policies};
use crate::random::Random;
use crate::settling;

/// How many commands a failure shows.
const REMEMBERED: usize = 12;

/// One round for who is admitted and for the rules, one for each policy that says `each`, one for
/// events that only then are known, one to decide.
const MOST_ROUNDS: usize = 8;

/// One seed in so many plays a workspace that settles in several steps.
const LARGE: u64 = 25;

pub(crate) struct World {
    random: Random,
    cast: Cast,
    policies: Policies,
    state: Workspace,
    /// Built from changes alone, as a replica on another node would be.
    replica: Workspace,
    now: Timestamp,
    generation: Option<Generation>,
    generations: u64,
    judge: Judge,
    waiting: Option<Waiting>,
    last: VecDeque<String>,
    summary: Summary,
}

/// A command whose questions are answered, and which others overtake before it is decided.
struct Waiting {
    command: Command,
    answers: Answers,
    steps: u64,
}

/// What came of a command, what was asked, and the answers.
struct Decided {
    result: Result<Decision, Rejection>,
    questions: Vec<Question>,
    answers: Option<Answers>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let large = seed % LARGE == LARGE - 1;
        let cast = if large { Cast::large() } else { Cast::small() };
        let policies = Policies::new(seed, cast.clone());
        Self {
            random: Random::new(seed),
            judge: Judge::new(policies.clone()),
            cast,
            policies,
            state: Workspace::default(),
            replica: Workspace::default(),
            now: Timestamp(0),
            generation: None,
            generations: 0,
            waiting: None,
            last: VecDeque::new(),
            summary: Summary::default(),
        }
    }

    /// Loads the first policies that render events and let everybody in, before anything happens; what
    /// they are asked at.
    pub(crate) fn come_under_rendering_policies(&mut self) -> Hooks {
        loop {
            self.generations += 1;
            self.generation = self.policies.generation(self.generations);
            let hooks = self.policies.hooks_of(self.generation);
            if hooks.events && !hooks.admission {
                return hooks;
            }
        }
    }

    pub(crate) fn state(&self) -> &Workspace {
        &self.state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Commands that were carried out.
    pub(crate) fn accepted(&self) -> u64 {
        self.summary.accepted
    }

    pub(crate) fn count_lost(&mut self) {
        self.summary.lost += 1;
    }

    pub(crate) fn summary(&self) -> Summary {
        let heard = self.judge.clients().heard;
        let counted = self.judge.counted();
        Summary {
            deliveries: heard.deliveries,
            reshaped: heard.reshaped,
            withheld: heard.withheld,
            denied: counted.denied,
            granted: counted.granted,
            put_out: counted.put_out,
            settled: counted.settled,
            ..self.summary
        }
    }

    pub(crate) fn last_commands(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }

    /// Fills a large workspace; a small one fills by itself.
    pub(crate) fn begin(&mut self) -> Result<(), String> {
        if self.cast.is_large() {
            for command in self.cast.crowd(&mut self.random) {
                self.play(&command, None)?;
            }
        }
        Ok(())
    }

    pub(crate) fn step(&mut self) -> Result<(), String> {
        self.pass_time();
        if self.random.percent(3) {
            self.swap_policies();
        }
        if let Some(waiting) = self.due() {
            return self.play(&waiting.command, Some(waiting.answers));
        }
        let mut command = self.cast.command(&mut self.random, self.judge.model());
        // After a swap nothing else is decided until the workspace has settled.
        if self.must_settle(&command)? {
            match self.random.below(20) {
                0 => command = Command::Close,
                1 => {
                    self.swap_policies();
                    command = Command::Settle;
                }
                _ => command = Command::Settle,
            }
        } else if self.random.percent(10) {
            return self.wait(command);
        }
        self.play(&command, None)
    }

    /// Has the questions of a command answered, and lets others overtake it.
    fn wait(&mut self, command: Command) -> Result<(), String> {
        let decided = self.decide(&self.state, &command, self.no_answers())?;
        if let Some(answers) = decided.answers {
            self.waiting = Some(Waiting {
                command,
                answers,
                steps: 1 + self.random.below(4),
            });
        }
        Ok(())
    }

    /// The command that waited long enough, unless the policies that answered are gone or the
    /// workspace has to settle.
    fn due(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.as_mut()?;
        waiting.steps = waiting.steps.saturating_sub(1);
        if waiting.steps > 0 {
            return None;
        }
        let waiting = self.waiting.take()?;
        let present = Some(waiting.answers.generation()) == self.generation;
        let model = self.judge.model();
        let free = !settling::comes_first(model, &waiting.command, self.generation);
        (present && free).then_some(waiting)
    }

    fn play(&mut self, command: &Command, answers: Option<Answers>) -> Result<(), String> {
        self.remember(command, answers.is_some());
        self.summary.overtaken += u64::from(answers.is_some());
        let answers = answers.or_else(|| self.no_answers());
        let decided = self.decide(&self.state, command, answers.clone())?;
        self.summary.questions += decided.questions.len() as u64;
        let again = self.decide(&self.replica, command, answers)?.result;
        if again != decided.result {
            return Err(format!(
                "a replica decides otherwise: {again:?} and not {:?}",
                decided.result
            ));
        }
        let happened = Happened {
            command,
            now: self.now,
            generation: self.generation,
            questions: &decided.questions,
        };
        self.judge_and_commit(&happened, decided.result)
    }

    fn judge_and_commit(
        &mut self,
        happened: &Happened<'_>,
        result: Result<Decision, Rejection>,
    ) -> Result<(), String> {
        match result {
            Ok(decision) => {
                self.judge.accepted(happened, &decision)?;
                self.commit(decision)
            }
            Err(rejection) => {
                self.summary.refused += 1;
                self.judge.refused(happened, &rejection)
            }
        }
    }

    /// Takes what came of a command that somebody else had decided on the present state.
    pub(crate) fn take(
        &mut self,
        happened: &Happened<'_>,
        overtaken: bool,
        result: Result<Decision, Rejection>,
    ) -> Result<(), String> {
        self.remember(happened.command, overtaken);
        self.summary.overtaken += u64::from(overtaken);
        self.judge_and_commit(happened, result)
    }

    /// How many questions a command asks on the present state if nothing changes meanwhile.
    pub(crate) fn calm_questions(&self, command: &Command) -> Result<u64, String> {
        let decided = self.decide(&self.state, command, self.no_answers())?;
        Ok(decided.questions.len() as u64)
    }

    /// Puts a question to the policies in force.
    pub(crate) fn put(&mut self, question: &Question, digest: Digest, answers: &mut Answers) {
        self.summary.questions += 1;
        let generation = answers.generation();
        self.policies.answer(generation, question, digest, answers);
    }

    pub(crate) fn no_answers(&self) -> Option<Answers> {
        let answers = |generation| Answers::new(generation, self.policies.hooks(generation));
        self.generation.map(answers)
    }

    /// Whether the workspace has to settle before this command; the domain must think so too.
    fn must_settle(&self, command: &Command) -> Result<bool, String> {
        let should = settling::comes_first(self.judge.model(), command, self.generation);
        let answers = self.no_answers();
        let context = Context {
            now: self.now,
            policies: answers.as_ref(),
        };
        let is = decide(&self.state, command, &context) == Err(Undecided::Unsettled);
        if is == should {
            return Ok(should);
        }
        let generation = self.generation;
        Err(format!(
            "{command:?} has to wait for the workspace to settle under {generation:?}: {is}, \
             should be {should}"
        ))
    }

    fn remember(&mut self, command: &Command, overtaken: bool) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        let generation = self.generation.map_or(0, |g| g.0);
        let now = self.now.0;
        let overtaken = if overtaken { " overtaken" } else { "" };
        self.last.push_back(format!(
            "t={now} generation={generation}{overtaken} {command:?}"
        ));
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
        self.generation = if self.random.percent(80) {
            self.policies.generation(self.generations)
        } else {
            None
        };
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

    /// Decides, with as many rounds of answers as it takes.
    fn decide(
        &self,
        state: &Workspace,
        command: &Command,
        mut answers: Option<Answers>,
    ) -> Result<Decided, String> {
        let mut questions: Vec<Question> = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let context = Context {
                now: self.now,
                policies: answers.as_ref(),
            };
            let result = match decide(state, command, &context) {
                Ok(decision) => Ok(decision),
                Err(Undecided::Rejected(rejection)) => Err(rejection),
                Err(Undecided::Unsettled) => {
                    return Err(format!("{command:?} was to settle first"));
                }
                Err(Undecided::Ask(ask)) => {
                    let Some(answers) = answers.as_mut() else {
                        return Err("a question, and nobody is loaded to answer it".to_owned());
                    };
                    answers.on_revision(ask.revision);
                    let digest = digest(&ask.state);
                    for question in ask.questions {
                        self.answer(&question, &questions, digest, answers)?;
                        questions.push(question);
                    }
                    continue;
                }
            };
            return Ok(Decided {
                result,
                questions,
                answers,
            });
        }
        Err(format!("asks for ever: {questions:?}"))
    }

    fn answer(
        &self,
        question: &Question,
        asked: &[Question],
        digest: Digest,
        answers: &mut Answers,
    ) -> Result<(), String> {
        let idle = matches!(question, Question::Subjects { subjects, .. } if subjects.is_empty());
        if idle || asked.contains(question) {
            return Err(format!("asked in vain or again: {question:?}"));
        }
        let generation = answers.generation();
        self.policies.answer(generation, question, digest, answers);
        Ok(())
    }
}

pub(crate) fn digest(state: &Workspace) -> Digest {
    Digest::of(
        state.members().iter(),
        state.channels().values().map(|c| &c.facts),
    )
}
