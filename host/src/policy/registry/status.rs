//! What there is to report of policies. Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use wardroom_domain::Generation;

use super::super::component::Digest;
use super::super::decision::Hook;
use super::super::set::PolicySet;
use super::super::shadow::ShadowReport;
use super::super::source::Shadow;
use super::super::version::Version;
use super::Policies;
use super::book::{Book, Record, RefusedConfiguration, Reload};

/// How a policy fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyState {
    /// The version in force is the one in the file, and it answers.
    Active,
    /// The version in force failed to answer at least once.
    Failing,
    /// The file or the configuration holds something that was refused, or the file is gone; the
    /// last good version is in force.
    Stale,
}

/// What there is to report of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its file.
    pub file: PathBuf,
    /// Whether it decides, and is not as a whole in shadow.
    pub in_force: bool,
    /// The digest of the version in force, or in shadow if the whole policy is.
    pub digest: Digest,
    /// The digest of the version before, to which a rollback leads; it answers when this one fails.
    pub former: Option<Digest>,
    /// The generation that brought this version.
    pub generation: Generation,
    /// The hooks that it exports.
    pub hooks: Vec<&'static str>,
    /// The interfaces it imports beyond what every policy may, such as
    /// `wardroom:policy/directory`.
    pub capabilities: Vec<String>,
    /// How it fares.
    pub state: PolicyState,
    /// Calls that failed since this version came into force.
    pub failures: u64,
    /// The hooks that are not asked for a while, because the version in force keeps failing.
    pub quarantined: Vec<&'static str>,
    /// How many askers and inputs each hook is not asked about for a while, because the version in
    /// force keeps failing for them alone.
    pub isolated: Vec<(&'static str, usize)>,
    /// Instances, idle and busy.
    pub instances: usize,
    /// Linear memory of all instances together, in bytes.
    pub memory_bytes: u64,
    /// Why the file's present content or the present configuration was refused, or how the last
    /// failing call failed.
    pub last_error: Option<String>,
    /// Content of the file that a rollback or a promotion keeps from coming into force by itself.
    pub held: Option<Digest>,
    /// What is in shadow, if anything is configured to be.
    pub shadow: Option<ShadowReport>,
    /// How a version was last brought into force, or was not.
    pub last_reload: Reload,
}

/// What a look at the files may change: which set is in force, and what is said of the configuration and of
/// each policy.
#[derive(PartialEq, Eq)]
pub(in super::super) struct Outward {
    generation: Generation,
    configuration: Option<String>,
    policies: Vec<OutwardPolicy>,
}

#[derive(PartialEq, Eq)]
struct OutwardPolicy {
    name: Arc<str>,
    refused: [Option<String>; 3],
    in_shadow: Option<Digest>,
}

impl Outward {
    /// What is refused, in words; nothing if nothing is.
    pub(in super::super) fn refusals(&self) -> Option<String> {
        let of_policies = self.policies.iter().flat_map(|policy| {
            let refused = policy.refused.iter().flatten();
            refused.map(|reason| format!("policy {:?}: {reason}", policy.name))
        });
        let all: Vec<String> = self
            .configuration
            .iter()
            .cloned()
            .chain(of_policies)
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

impl Policies {
    /// How things are, as far as a look at the files may change it.
    pub(in super::super) fn outward(&self) -> Outward {
        let book = self.0.book.lock();
        let policies = book.records.iter().map(|record| OutwardPolicy {
            name: record.source.name.clone(),
            refused: [&record.stale, &record.refused, &record.shadow_error].map(Clone::clone),
            in_shadow: record.shadow.as_ref().map(|shadow| shadow.version.digest()),
        });
        Outward {
            generation: self.generation(),
            configuration: book.configuration.as_ref().map(|it| it.reason.clone()),
            policies: policies.collect(),
        }
    }

    /// Reports on each policy, in configured order.
    #[must_use]
    pub fn status(&self) -> Vec<PolicyStatus> {
        let book = self.0.book.lock();
        let set = self.current();
        let records = book.records.iter();
        records.filter_map(|record| status(&set, record)).collect()
    }

    /// The configuration that was not taken, if the last one was not.
    #[must_use]
    pub fn refused_configuration(&self) -> Option<RefusedConfiguration> {
        self.0.book.lock().configuration.clone()
    }
}

/// The report on one policy by its name.
pub(super) fn one(set: &PolicySet, book: &Book, name: &str) -> Option<PolicyStatus> {
    status(set, book.find(name)?)
}

fn status(set: &PolicySet, record: &Record) -> Option<PolicyStatus> {
    let now = Instant::now();
    let name = &record.source.name;
    let policy = set.policies().iter().find(|p| p.source.name == *name);
    let version: &Version = match policy {
        Some(policy) => &policy.version,
        None => &record.whole()?.version,
    };
    let (failures, last_failure) = version.measure().failures();
    let refused = record.stale.as_ref().or(record.refused.as_ref());
    let state = match (refused, failures) {
        (Some(_), _) => PolicyState::Stale,
        (None, 0) => PolicyState::Active,
        (None, _) => PolicyState::Failing,
    };
    let (instances, memory_bytes) = version.instances();
    let former = policy.and_then(|policy| policy.former.as_ref());
    let quarantined = version.measure().quarantined(now).map(Hook::name);
    let isolated = version.measure().isolated();
    let isolated = isolated.map(|(hook, count)| (hook.name(), count));
    Some(PolicyStatus {
        name: name.clone(),
        file: record.source.file.clone(),
        in_force: policy.is_some(),
        digest: version.digest(),
        former: former.map(|version| version.digest()),
        generation: policy.map_or(set.number(), |policy| policy.since),
        hooks: version.hooks(),
        capabilities: version.capabilities(),
        state,
        failures,
        quarantined: quarantined.collect(),
        isolated: isolated.collect(),
        instances,
        memory_bytes,
        last_error: refused.cloned().or(last_failure),
        held: record.held,
        shadow: shadow(record),
        last_reload: record.last.clone(),
    })
}

/// What is in shadow, or why nothing is though it should be.
pub(super) fn shadow(record: &Record) -> Option<ShadowReport> {
    let mut report = match (&record.shadow, &record.source.shadow) {
        (Some(shadow), _) => shadow.report(),
        (None, Shadow::Candidate(file)) if !record.promoted => ShadowReport {
            policy: record.source.name.clone(),
            whole: false,
            file: file.clone(),
            digest: None,
            last_error: None,
            since: SystemTime::UNIX_EPOCH,
            asked: 0,
            dropped: 0,
            differences: Vec::new(),
            samples: Vec::new(),
        },
        _ => return None,
    };
    report.last_error.clone_from(&record.shadow_error);
    Some(report)
}
