//! Plays a script: one workspace, a clock, and policies that answer what they are asked.
//!
//! A line is a command, with `t=MILLISECONDS` before it where time moves on, or one of
//! - `policy GENERATION CHANNEL: RULE & RULE`, `policy GENERATION`, `policy off`: who answers from
//!   now on; channels that are not named are for everyone;
//! - `repeat COUNT COMMAND`: the command so often, `%` standing for the number; only refusals are
//!   told;
//! - `show USER`, `show channel CHANNEL`, `show deadline`: a look at the state;
//! - `#`: a remark.
//!
//! What follows indented is the answer: `?` what the policies were asked, `->` an output and its
//! audience, `=` the reply where it is not "changed", `!` a refusal, `|` what was shown.

use std::collections::BTreeMap;

use wardroom_domain::{
    Answers, ChannelFacts, ChannelId, Command, Context, Decision, Generation, Question, Reply,
    Timestamp, Undecided, Workspace, decide,
};

use crate::parse::{self, ScriptRule};
use crate::print;

/// A decision needs one round for the rules, one for each policy that wants to be asked, and the
/// last one to be made.
const MOST_ROUNDS: usize = 6;

/// Plays a whole script and returns it with the answers that were given.
pub(crate) fn play(script: &str) -> String {
    let mut stage = Stage::default();
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if !line.starts_with(['?', '=', '!', '|']) && !line.starts_with("->") {
            stage.line(line);
        }
    }
    stage.told
}

#[derive(Clone, Debug)]
struct Policies {
    generation: Generation,
    rules: BTreeMap<ChannelId, Vec<ScriptRule>>,
}

impl Policies {
    fn rules(&self, channel: &ChannelFacts) -> Vec<ScriptRule> {
        let named = self.rules.get(&channel.id).cloned();
        named.unwrap_or_else(|| parse::rules("everyone"))
    }

    fn answer(&self, question: &Question, answers: &mut Answers) {
        match question {
            Question::Audience(channel) => {
                let rules = self.rules(channel).into_iter().map(|r| r.rule).collect();
                answers.answer_rules(channel.clone(), rules);
            }
            Question::Subjects {
                channel,
                policy,
                subjects,
            } => {
                let each = &self.rules(channel)[*policy].each;
                let allowed: Vec<bool> =
                    subjects.iter().map(|s| each.matches(channel, s)).collect();
                answers.answer_subjects(channel, *policy, subjects.clone(), &allowed);
            }
        }
    }
}

#[derive(Default)]
struct Stage {
    state: Workspace,
    now: Timestamp,
    policies: Option<Policies>,
    told: String,
}

impl Stage {
    fn tell(&mut self, text: &str) {
        self.told.push_str(text);
        self.told.push('\n');
    }

    fn answer(&mut self, text: &str) {
        self.tell(&format!("  {text}"));
    }

    fn line(&mut self, line: &str) {
        self.tell(line);
        let line = match line.strip_prefix("t=") {
            Some(rest) => {
                let (at, rest) = rest.split_once(' ').expect("a command follows the time");
                self.now = Timestamp(at.parse().unwrap());
                rest.trim()
            }
            None => line,
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "#" => {}
            "policy" => self.policy(line),
            "show" => {
                let shown = print::shown(&self.state, &words[1..]);
                self.answer(&shown);
            }
            "repeat" => self.repeat(words[1].parse().unwrap(), &words[2..].join(" ")),
            _ => self.command(&parse::command(line)),
        }
    }

    fn policy(&mut self, line: &str) {
        let line = line.strip_prefix("policy ").unwrap();
        if line == "off" {
            self.policies = None;
            return;
        }
        let (generation, rule) = line.split_once(' ').unwrap_or((line, ""));
        let generation = Generation(generation.parse().unwrap());
        let policies = self
            .policies
            .take()
            .filter(|p| p.generation == generation)
            .unwrap_or_else(|| Policies {
                generation,
                rules: BTreeMap::new(),
            });
        let policies = self.policies.insert(policies);
        if let Some((channel, rule)) = rule.split_once(':') {
            let rules = parse::rules(rule.trim());
            policies.rules.insert(parse::channel(channel), rules);
        }
    }

    fn repeat(&mut self, count: usize, command: &str) {
        for number in 1..=count {
            let command = command.replace('%', &number.to_string());
            match self.decide(&parse::command(&command)).0 {
                Ok(decision) => self.state = decision.next,
                Err(refusal) => self.answer(&format!("! {command}: {refusal}")),
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let (decided, asked) = self.decide(command);
        for question in asked {
            self.answer(&print::question(&question));
        }
        match decided {
            Ok(decision) => {
                self.check(&decision);
                for output in &decision.outputs {
                    self.answer(&print::output(output));
                }
                match decision.reply {
                    Reply::Created => self.answer("= created"),
                    Reply::Changed => {}
                    Reply::Unchanged => self.answer("= unchanged"),
                }
                self.state = decision.next;
            }
            Err(refusal) => self.answer(&format!("! {refusal}")),
        }
    }

    /// What holds for every decision: the changes lead to the next state, and what is derived in
    /// it is true.
    fn check(&self, decision: &Decision) {
        let mut replayed = self.state.clone();
        for change in &decision.changes {
            replayed.apply(change);
        }
        assert_eq!(replayed, decision.next, "replayed");
        decision.next.check_indexes().unwrap();
    }

    /// Decides, with the policies' answers.
    fn decide(&self, command: &Command) -> (Result<Decision, String>, Vec<Question>) {
        let mut asked = Vec::new();
        let mut answers = self.policies.as_ref().map(|p| Answers::new(p.generation));
        for _ in 0..MOST_ROUNDS {
            let context = Context {
                now: self.now,
                visibility: answers.as_ref(),
            };
            match decide(&self.state, command, &context) {
                Ok(decision) => return (Ok(decision), asked),
                Err(Undecided::Rejected(rejection)) => {
                    return (Err(print::rejection(&rejection)), asked);
                }
                Err(Undecided::Ask(questions)) => {
                    let policies = self.policies.as_ref().expect("there is somebody to ask");
                    let answers = answers.as_mut().expect("there is somebody to ask");
                    for question in questions {
                        policies.answer(&question, answers);
                        asked.push(question);
                    }
                }
            }
        }
        panic!("{command:?} asks for ever: {asked:?}");
    }
}
