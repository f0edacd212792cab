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

/// What one question costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The function that is called, or the name of the case.
    pub name: String,
    /// On a warm instance.
    pub warm: Latency,
}

/// What a policy costs.
#[derive(Clone, Debug)]
pub struct Costs {
    /// To compile and link it.
    pub compile: Duration,
    /// To start an instance and give it its settings.
    pub start: Latency,
    /// After a trap: to start a fresh instance and ask it the first question.
    pub recovery: Option<Latency>,
    /// Linear memory of an instance that has just started, in bytes.
    pub memory_at_start: usize,
    /// The most linear memory that an instance had after all questions, in bytes.
    pub memory_after: usize,
    /// The questions.
    pub hooks: Vec<Measured>,
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

/// Measures a policy with the questions of cases, or with questions of its own if there are none.
///
/// # Errors
/// The policy refuses its settings, or fails to answer.
pub fn measure(policy: &Compiled, settings: &Json, cases: &[Case]) -> Result<Costs, BenchError> {
    let asks = |case: &&Case| !matches!(case.asked, Asked::Configure(_));
    // Cases bring the settings that they are about.
    let first = cases.iter().find(asks).map(|case| &case.settings);
    let settings = first.unwrap_or(settings);
    let mut starts = Vec::with_capacity(POLICY_BENCH_STARTS);
    let mut memory_at_start = 0;
    for _ in 0..POLICY_BENCH_STARTS {
        let started = Instant::now();
        let seat = policy.start(settings)?;
        starts.push(started.elapsed());
        memory_at_start = seat.memory_bytes();
    }
    let own;
    let cases = match cases {
        [] => {
            own = questions(policy);
            own.as_slice()
        }
        cases => cases,
    };
    let mut hooks = Vec::new();
    let mut memory_after = 0;
    for case in cases.iter().filter(asks) {
        let settings = if own_question(case) {
            settings
        } else {
            &case.settings
        };
        let mut seat = policy.start(settings)?;
        hooks.push(Measured {
            name: case.name.clone(),
            warm: warm(&mut seat, case)?,
        });
        memory_after = memory_after.max(seat.memory_bytes());
    }
    let first = cases.iter().find(asks);
    Ok(Costs {
        compile: policy.took,
        start: latency(starts),
        recovery: first
            .map(|case| recovery(policy, settings, case))
            .transpose()?,
        memory_at_start,
        memory_after,
        hooks,
    })
}

/// Whether a question is of this file: then the caller's settings hold.
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

fn recovery(policy: &Compiled, settings: &Json, case: &Case) -> Result<Latency, BenchError> {
    let mut taken = Vec::with_capacity(POLICY_BENCH_STARTS);
    let settings = if own_question(case) {
        settings
    } else {
        &case.settings
    };
    for _ in 0..POLICY_BENCH_STARTS {
        let started = Instant::now();
        let mut seat = policy.start(settings)?;
        put(&mut seat, case).map_err(failed(case))?;
        taken.push(started.elapsed());
    }
    Ok(latency(taken))
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

/// One plausible question for each hook.
fn questions(policy: &Compiled) -> Vec<Case> {
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
        settings: Json::from_canonical("{}"),
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
