//! Plays a script: one workspace, a clock, and policies that answer what they are asked.
//!
//! A line is a command, with `t=MILLISECONDS` before it where time moves on, or one of
//! - `policy GENERATION CHANNEL: RULE & RULE`, `policy GENERATION`, `policy off`: who answers from
//!   now on; channels that are not named are for everyone;
//! - `policy GENERATION admits all but USER …`, `allows all but USER …`, `grants JSON`, and
//!   `renders EVENT: suppressed | replaced JSON | split ROLE=JSON … =JSON`: the other hooks;
//! - `policy GENERATION admits no ROLE`: connections with this role are refused;
//! - `policy GENERATION looks up`: answers of admission and visibility depend on the directory, and
//!   with `looks up to admit` those of admission alone;
//! - `policy GENERATION has private channels`: they alone say who sees a private channel;
//! - `repeat COUNT COMMAND`: the command so often, `%` standing for the number; only refusals are
//!   told;
//! - `show USER`, `show channel CHANNEL`, `show deadline`: a look at the state;
//! - `#`: a remark.
//!
//! What follows indented is the answer: `?` what the policies were asked, `->` an output and its
//! audience, `+` what is granted, `=` the reply where it is not "changed", `!` a refusal, `|` what was shown.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::{
    Answers, ChannelFacts, ChannelId, Clause, Command, Context, Decision, Denial, Form, Generation,
    Hooks, Json, Pipeline, PrivateChannels, Question, Reply, Role, Selector, SubjectFacts, Test,
    Timestamp, Undecided, UserId, Verdict, Workspace, decide,
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
        if !line.starts_with(['?', '=', '!', '|', '+']) && !line.starts_with("->") {
            stage.line(line);
        }
    }
    stage.told
}

#[derive(Clone, Debug)]
struct Policies {
    generation: Generation,
    rules: BTreeMap<ChannelId, Vec<ScriptRule>>,
    hooks: Hooks,
    not_admitted: BTreeSet<UserId>,
    role_not_admitted: Option<Role>,
    not_allowed: BTreeSet<UserId>,
    grant: Option<Json>,
    forms: BTreeMap<String, Form>,
}

impl Policies {
    fn new(generation: Generation) -> Self {
        Self {
            generation,
            rules: BTreeMap::new(),
            hooks: Hooks {
                visibility: true,
                ..Hooks::default()
            },
            not_admitted: BTreeSet::new(),
            role_not_admitted: None,
            not_allowed: BTreeSet::new(),
            grant: None,
            forms: BTreeMap::new(),
        }
    }

    fn answers(&self) -> Answers {
        Answers::new(self.generation, self.hooks)
    }

    /// Reads what the script says of a hook; false if it says nothing of one.
    fn hook(&mut self, text: &str) -> bool {
        let users = |rest: &str| rest.split_whitespace().map(parse::user).collect();
        if let Some(rest) = text.strip_prefix("admits all but") {
            self.hooks.admission = true;
            self.not_admitted = users(rest);
        } else if let Some(role) = text.strip_prefix("admits no ") {
            self.hooks.admission = true;
            self.role_not_admitted = Some(Role::new(role).unwrap());
        } else if let Some(rest) = text.strip_prefix("allows all but") {
            self.hooks.commands = true;
            self.not_allowed = users(rest);
        } else if let Some(grant) = text.strip_prefix("grants ") {
            self.hooks.commands = true;
            self.grant = Some(Json::from_canonical(grant));
        } else if let Some(rest) = text.strip_prefix("renders ") {
            self.hooks.events = true;
            let (event, form) = rest.split_once(": ").expect("an event and its form");
            self.forms.insert(event.to_owned(), form_of(form));
        } else if text == "looks up to admit" {
            self.hooks.admission_looks_up = true;
        } else if text == "has private channels" {
            self.hooks.private_channels = PrivateChannels::Policies;
        } else if text == "looks up" {
            self.hooks.admission_looks_up = true;
            self.hooks.visibility_looks_up = true;
        } else {
            return false;
        }
        true
    }

    fn denial(&self, code: &str) -> Denial {
        Denial {
            policy: format!("p{}", self.generation.0).into(),
            code: code.into(),
            message: "no".into(),
            decision: "d1".into(),
        }
    }

    fn answer_hook(&self, question: &Question, answers: &mut Answers) {
        match question {
            Question::Admit(request) => {
                let SubjectFacts { user, role, .. } = &request.subject;
                let by_role = role.is_some() && *role == self.role_not_admitted;
                let refused = by_role || self.not_admitted.contains(user);
                let answer = if refused {
                    Err(self.denial("not-admitted"))
                } else {
                    Ok(())
                };
                answers.answer_admission(request.clone(), answer);
            }
            Question::Authorize(facts) => {
                let verdict = if self.not_allowed.contains(&facts.subject.user) {
                    Verdict::Denied(self.denial("not-allowed"))
                } else {
                    Verdict::Allowed(self.grant.clone())
                };
                answers.answer_authorization(facts.clone(), verdict);
            }
            Question::Render(facts) => {
                let printed = print::event(&facts.event);
                let name = printed.split(' ').next().unwrap();
                let form = self.forms.get(name).cloned().unwrap_or(Form::Unchanged);
                let mut pipeline = Pipeline::new(Json::from_canonical("0"));
                pipeline
                    .through(|_| Ok::<_, ()>(form.clone()), |_| ())
                    .unwrap();
                answers.answer_rendering(facts.clone(), pipeline.end());
            }
            Question::Audience(_) | Question::Subjects { .. } => unreachable!("answered above"),
        }
    }

    fn rules(&self, channel: &ChannelFacts) -> Vec<ScriptRule> {
        let named = self.rules.get(&channel.id).cloned();
        named.unwrap_or_else(|| parse::rules("everyone"))
    }

    fn answer(&self, question: &Question, answers: &mut Answers) {
        match question {
            Question::Audience(channel) => {
                let rules: Vec<_> = self.rules(channel).into_iter().map(|r| r.rule).collect();
                answers.answer_rules(channel.clone(), rules.into());
            }
            Question::Subjects {
                channel,
                policy,
                subjects,
            } => {
                let each = &self.rules(channel)[*policy].each;
                let allowed: Vec<bool> =
                    subjects.iter().map(|s| each.matches(channel, s)).collect();
                answers.answer_subjects(channel, *policy, subjects.clone(), allowed);
            }
            _ => self.answer_hook(question, answers),
        }
    }
}

fn form_of(text: &str) -> Form {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "suppressed" => Form::Suppressed,
        "replaced" => Form::Replaced(Json::from_canonical(rest)),
        "split" => Form::Split(rest.split_whitespace().map(part_of).collect()),
        _ => panic!("no form: {text}"),
    }
}

fn part_of(text: &str) -> (Selector, Json) {
    let (name, payload) = text.split_once('=').expect("a role and a payload");
    let mut clause = Clause::default();
    if !name.is_empty() {
        let role = Role::new(name).unwrap();
        clause.all.push(Test::Roles([role].into()));
    }
    (
        Selector { any: vec![clause] },
        Json::from_canonical(payload),
    )
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
            .unwrap_or_else(|| Policies::new(generation));
        let policies = self.policies.insert(policies);
        if policies.hook(rule) {
            return;
        }
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
                if let Some(grant) = &decision.grant {
                    self.answer(&format!("+ {}", grant.as_str()));
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
        let mut answers = self.policies.as_ref().map(Policies::answers);
        for _ in 0..MOST_ROUNDS {
            let context = Context {
                now: self.now,
                policies: answers.as_ref(),
            };
            match decide(&self.state, command, &context) {
                Ok(decision) => return (Ok(decision), asked),
                Err(Undecided::Rejected(rejection)) => {
                    return (Err(print::rejection(&rejection)), asked);
                }
                Err(Undecided::Unsettled) => return (Err("settle first".to_owned()), asked),
                Err(Undecided::Ask(ask)) => {
                    let policies = self.policies.as_ref().expect("there is somebody to ask");
                    let answers = answers.as_mut().expect("there is somebody to ask");
                    answers.on_revision(ask.revision);
                    for question in ask.questions {
                        policies.answer(&question, answers);
                        asked.push(question);
                    }
                }
            }
        }
        panic!("{command:?} asks for ever: {asked:?}");
    }
}
