//! What a policy costs: compiling, starting, each hook. Knows neither files nor how results are
//! shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wardroom_domain::{
    Attributes, ChannelFacts, ChannelId, Json, RequestFacts, Role, Rule, SubjectFacts, UserId,
    Workspace, WorkspaceId,
};

use super::cases::{Asked, Case};
use crate::limits::{POLICY_BENCH_CALLS, POLICY_BENCH_STARTS, POLICY_BENCH_TIME};
use crate::policy::workbench::{
    Asking, CallFailed, CommandQuestion, Compiled, EventQuestion, Hook, NotStarted, Seat,
};

/// How many people a batch of `decide` is about.
const BATCH: usize = 100;

/// To start an instance and give it its settings.
pub const START: &str = "start";

/// After a trap: to start a fresh instance and ask it the first question.
pub const RECOVERY: &str = "recovery";

/// Several measurements of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// How many.
    pub calls: usize,
    /// Half took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub most: Duration,
}

/// What one thing costs: a start, a recovery, or a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// [`START`], [`RECOVERY`], the function that is called, or the name of the case.
    pub name: String,
    /// A question is put to a warm instance.
    pub latency: Latency,
    /// Instructions of WebAssembly that one such call runs, if they were counted.
    pub instructions: Option<u64>,
}

impl Measured {
    fn new(name: &str, latency: Latency) -> Self {
        Self {
            name: name.to_owned(),
            latency,
            instructions: None,
        }
    }
}

/// What a policy costs besides its compilation, which [`Compiled::took`] has.
#[derive(Clone, Debug)]
pub struct Costs {
    /// To start an instance and give it its settings.
    pub start: Measured,
    /// After a trap: to start a fresh instance and ask it the first question.
    pub recovery: Option<Measured>,
    /// The questions.
    pub questions: Vec<Measured>,
    /// Linear memory of an instance that has just started, in bytes.
    pub memory_at_start: usize,
    /// The most linear memory that an instance had after all questions, in bytes.
    pub memory_after: usize,
}

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// It does not start.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// It does not answer.
    #[error("{name}: {failed}")]
    Failed {
        /// What was asked.
        name: String,
        /// How it failed.
        failed: CallFailed,
    },
}

/// Measures a policy with these questions, of which those about settings are left out; `counting`
/// is the same policy on a workbench that counts instructions. Each measurement is told to `tell`
/// as soon as it is there: all of them may take minutes.
///
/// # Errors
/// The policy refuses its settings, or fails to answer.
pub fn measure<E: From<BenchError>>(
    policy: &Compiled,
    counting: Option<&Compiled>,
    settings: &Json,
    cases: &[Case],
    tell: &mut dyn FnMut(&Measured) -> Result<(), E>,
) -> Result<Costs, E> {
    let asked = || cases.iter().filter(|case| asks(case));
    let first = asked().next();
    // Cases bring the settings that they are about.
    let settings = first.map_or(settings, |case| &case.settings);
    let (start, memory_at_start) = starts(policy, settings).map_err(BenchError::from)?;
    tell(&start)?;
    let recovery = first.map(|case| recovery(policy, case)).transpose()?;
    recovery.iter().try_for_each(&mut *tell)?;
    let mut questions = Vec::new();
    let mut memory_after = 0;
    for case in asked() {
        let mut seat = policy.start(&case.settings).map_err(BenchError::from)?;
        let latency = warm(&mut seat, case)?;
        memory_after = memory_after.max(seat.memory_bytes());
        let instructions = counting.map(|policy| instructions(policy, case));
        let measured = Measured {
            name: case.name.clone(),
            latency,
            instructions: instructions.transpose()?.flatten(),
        };
        tell(&measured)?;
        questions.push(measured);
    }
    Ok(Costs {
        start,
        recovery,
        questions,
        memory_at_start,
        memory_after,
    })
}

/// Whether a case asks something of an instance that has its settings.
fn asks(case: &Case) -> bool {
    !matches!(case.asked, Asked::Configure(_))
}

/// Starts an instance many times; the memory that the last one had.
fn starts(policy: &Compiled, settings: &Json) -> Result<(Measured, usize), NotStarted> {
    let mut taken = Vec::with_capacity(POLICY_BENCH_STARTS);
    let mut memory = 0;
    for _ in 0..POLICY_BENCH_STARTS {
        let started = Instant::now();
        let seat = policy.start(settings)?;
        taken.push(started.elapsed());
        memory = seat.memory_bytes();
    }
    Ok((Measured::new(START, latency(taken)), memory))
}

/// Whether a question is of this file.
fn own_question(case: &Case) -> bool {
    case.workspace.as_str() == WORKSPACE
}

/// The workspace of the questions of this file.
const WORKSPACE: &str = "wardroom-bench";

fn failed(case: &Case) -> impl Fn(CallFailed) -> BenchError + '_ {
    |failed| BenchError::Failed {
        name: case.name.clone(),
        failed,
    }
}

fn warm(seat: &mut Seat, case: &Case) -> Result<Latency, BenchError> {
    // The first call pays for what a runtime does once.
    put(seat, case).map_err(failed(case))?;
    let mut taken = Vec::new();
    let end = Instant::now() + POLICY_BENCH_TIME;
    while taken.len() < POLICY_BENCH_CALLS {
        let started = Instant::now();
        put(seat, case).map_err(failed(case))?;
        let now = Instant::now();
        taken.push(now - started);
        if now >= end {
            break;
        }
    }
    Ok(latency(taken))
}

fn recovery(policy: &Compiled, case: &Case) -> Result<Measured, BenchError> {
    let mut taken = Vec::with_capacity(POLICY_BENCH_STARTS);
    for _ in 0..POLICY_BENCH_STARTS {
        let started = Instant::now();
        let mut seat = policy.start(&case.settings)?;
        put(&mut seat, case).map_err(failed(case))?;
        taken.push(started.elapsed());
    }
    Ok(Measured::new(RECOVERY, latency(taken)))
}

/// Instructions of one call on a warm instance.
fn instructions(policy: &Compiled, case: &Case) -> Result<Option<u64>, BenchError> {
    let mut seat = policy.start(&case.settings)?;
    put(&mut seat, case).map_err(failed(case))?;
    let before = seat.instructions();
    put(&mut seat, case).map_err(failed(case))?;
    Ok(seat
        .instructions()
        .zip(before)
        .map(|(after, before)| after - before))
}

/// Asks what a case asks; the answer does not matter.
fn put(seat: &mut Seat, case: &Case) -> Result<(), CallFailed> {
    let asking = Asking {
        workspace: &case.workspace,
        state: &case.directory,
        now: case.now,
    };
    match &case.asked {
        Asked::Configure(_) => Ok(()),
        Asked::Request(request, _) => seat.admit(asking, request).map(drop),
        Asked::Channel(channel, subjects, _) if own_question(case) && !subjects.is_empty() => {
            seat.decide(asking, channel, subjects).map(drop)
        }
        Asked::Channel(channel, subjects, _) => match seat.audience(asking, channel)? {
            Rule::Each => seat.decide(asking, channel, subjects).map(drop),
            _ => Ok(()),
        },
        Asked::Command(command, _) => seat.authorize(asking, command).map(drop),
        Asked::Event(event, ..) => seat.render(asking, event).map(drop),
    }
}

fn latency(mut taken: Vec<Duration>) -> Latency {
    taken.sort_unstable();
    let at = |part: f64| {
        let place = (taken.len() as f64 * part) as usize;
        let last = taken.len().saturating_sub(1);
        taken.get(place.min(last)).copied().unwrap_or_default()
    };
    Latency {
        calls: taken.len(),
        median: at(0.5),
        p99: at(0.99),
        most: at(1.0),
    }
}

/// One plausible question for each hook that a policy exports.
#[must_use]
pub fn questions(policy: &Compiled, settings: &Json) -> Vec<Case> {
    use super::cases::{ExpectAllowed, ExpectAudience, ExpectRendered, ExpectVerdict};
    let anybody = ExpectAudience {
        sees: None,
        rule: None,
    };
    let mut asked = Vec::new();
    if policy.exports(Hook::Admission) {
        let request = RequestFacts {
            subject: subject(0),
            claims: Json::from_canonical(r#"{"email":"ann@example.com","sub":"user0"}"#),
            remote_address: Some(Arc::from("192.0.2.7")),
            reevaluation: false,
        };
        asked.push((
            "admission.admit",
            Asked::Request(request, ExpectVerdict::Admitted),
        ));
    }
    if policy.exports(Hook::Visibility) {
        let people = (0..BATCH).map(subject).collect();
        let audience = Asked::Channel(channel(), Vec::new(), anybody.clone());
        asked.push(("channel-visibility.audience", audience));
        let decide = Asked::Channel(channel(), people, anybody);
        asked.push(("channel-visibility.decide, 100 people", decide));
    }
    if policy.exports(Hook::Commands) {
        let command = CommandQuestion {
            name: Arc::from("select-channel"),
            arguments: Json::from_canonical(r#"{"channelId":"c1"}"#),
            subject: subject(0),
            channel: Some(channel()),
        };
        asked.push((
            "commands.authorize",
            Asked::Command(command, ExpectAllowed::Allowed(None)),
        ));
    }
    if policy.exports(Hook::Events) {
        let payload = r#"{"user":{"email":"ann@example.com","id":"user0","name":"Ann"}}"#;
        let event = EventQuestion {
            name: Arc::from("user-updated"),
            payload: Json::from_canonical(payload),
            subject: Some(subject(0)),
            channel: None,
        };
        let event = Asked::Event(event, Vec::new(), ExpectRendered::Unchanged);
        asked.push(("events.render", event));
    }
    let case = |(name, asked): (&str, Asked)| Case {
        name: name.to_owned(),
        settings: settings.clone(),
        workspace: WorkspaceId::new(WORKSPACE).expect("a short word is an id"),
        now: None,
        directory: Workspace::default(),
        asked,
    };
    asked.into_iter().map(case).collect()
}

fn subject(number: usize) -> SubjectFacts {
    SubjectFacts {
        user: UserId::new(&format!("user{number}")).expect("a short word is an id"),
        role: Role::new("member").ok(),
        attributes: Attributes::default(),
    }
}

fn channel() -> ChannelFacts {
    ChannelFacts {
        id: ChannelId::new("c1").expect("a short word is an id"),
        private: true,
        members: (0..BATCH).map(|number| subject(number).user).collect(),
        attributes: Attributes::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_tail_are_found() {
        let taken = (1..=200).map(Duration::from_micros).collect();
        let latency = latency(taken);
        assert_eq!(latency.calls, 200);
        assert_eq!(latency.median, Duration::from_micros(101));
        assert_eq!(latency.p99, Duration::from_micros(199));
        assert_eq!(latency.most, Duration::from_micros(200));
        assert_eq!(super::latency(Vec::new()).most, Duration::ZERO);
    }
}
