//! Components built for the tests, and the facts that they are asked about.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use wardroom::policy::{
    Asking, CommandQuestion, Decided, DecisionSink, EventQuestion, Hook, Policies, PolicyLimits,
    PolicySource, StartError, Surroundings,
};
use wardroom_domain::{
    Attributes, ChannelFacts, ChannelId, Json, RequestFacts, Role, SubjectFacts, UserId, Workspace,
    WorkspaceId,
};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn built(variable: &str, folder: &str, name: &str) -> PathBuf {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root().join("target").join(folder));
    let file = folder.join(format!("{name}.wasm"));
    assert!(
        file.exists(),
        "{} is missing: run `cargo xtask test`, which builds the policies first",
        file.display()
    );
    file
}

/// A policy that misbehaves; see `tests/guests/examples`.
pub(crate) fn guest(name: &str) -> PathBuf {
    built("TEST_GUESTS_DIR", "wasm32-wasip2/release/examples", name)
}

/// A policy that ships.
pub(crate) fn plugin(name: &str) -> PathBuf {
    built("TEST_PLUGINS_DIR", "wasm32-wasip2/release", name)
}

/// A guest in Python; see `tests/guests/python`.
pub(crate) fn python_guest(name: &str) -> PathBuf {
    built("TEST_PYTHON_GUESTS_DIR", "python-guests", name)
}

/// Limits that a busy machine does not reach: where nothing runs away, no deadline is to pass.
pub(crate) fn limits() -> PolicyLimits {
    PolicyLimits {
        call_deadline: Duration::from_secs(10),
        start_deadline: Duration::from_secs(20),
        ..PolicyLimits::default()
    }
}

/// Limits under which a runaway ends soon, and a call that takes microseconds ends in time though a
/// machine is busy with runaways.
pub(crate) fn hasty() -> PolicyLimits {
    PolicyLimits {
        call_deadline: Duration::from_millis(500),
        ..limits()
    }
}

pub(crate) fn source(name: &str, file: &Path) -> PolicySource {
    PolicySource::new(name, file.to_owned())
}

/// A question in an empty workspace.
pub(crate) fn here() -> Asking<'static> {
    static PLACE: LazyLock<(WorkspaceId, Workspace)> =
        LazyLock::new(|| (WorkspaceId::new("w").unwrap(), Workspace::default()));
    Asking {
        workspace: &PLACE.0,
        state: &PLACE.1,
        now: None,
    }
}

/// A question in one of many empty workspaces: what fails here follows nobody who asks elsewhere.
pub(crate) fn elsewhere(number: usize) -> Asking<'static> {
    static PLACES: LazyLock<(Vec<WorkspaceId>, Workspace)> = LazyLock::new(|| {
        let id = |number| WorkspaceId::new(&format!("w{number}")).unwrap();
        ((0..64).map(id).collect(), Workspace::default())
    });
    Asking {
        workspace: &PLACES.0[number % PLACES.0.len()],
        state: &PLACES.1,
        now: None,
    }
}

/// Loads policies, compiled by an earlier test where possible.
pub(crate) fn load_all(
    sources: Vec<PolicySource>,
    limits: PolicyLimits,
) -> Result<Policies, StartError> {
    load_in(sources, limits, Surroundings::default())
}

/// The same, with what else is to be around them.
pub(crate) fn load_in(
    sources: Vec<PolicySource>,
    limits: PolicyLimits,
    surroundings: Surroundings,
) -> Result<Policies, StartError> {
    let surroundings = Surroundings {
        cache: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-policies")),
        ..surroundings
    };
    Policies::load_in(sources, limits, surroundings)
}

pub(crate) fn load(file: &Path) -> Result<Policies, StartError> {
    load_all(vec![source("p", file)], limits())
}

/// Loads a file that cannot be loaded and returns what is said of it.
pub(crate) fn refusal(file: &Path) -> String {
    match load(file) {
        Ok(_) => panic!("{} was taken", file.display()),
        Err(StartError::Policy { reason, .. }) => reason,
        Err(error) => panic!("{error}"),
    }
}

/// The same component with other bytes: a custom section is added, which changes nothing but the
/// digest.
pub(crate) fn variant(component: &[u8], mark: u8) -> Vec<u8> {
    let mut bytes = component.to_vec();
    bytes.extend([0, 3, 1, b'v', mark]);
    bytes
}

pub(crate) fn channel(id: &str, private: bool, members: &[&str]) -> ChannelFacts {
    ChannelFacts {
        id: ChannelId::new(id).unwrap(),
        private,
        members: members.iter().map(|m| UserId::new(m).unwrap()).collect(),
        attributes: Attributes::default(),
    }
}

pub(crate) fn subject(user: &str, role: Option<&str>) -> SubjectFacts {
    SubjectFacts {
        user: UserId::new(user).unwrap(),
        role: role.map(|r| Role::new(r).unwrap()),
        attributes: Attributes::default(),
    }
}

pub(crate) fn attributes(name: &str, value: &str) -> Attributes {
    Attributes {
        text: Json::from_canonical(&format!("{{\"{name}\":\"{value}\"}}")),
        scalars: Arc::new([(Arc::from(name), Arc::from(value))].into()),
    }
}

/// Fails for so many askers before a version is left alone.
pub(crate) const FAILURES: usize = 8;

/// How long it is left alone at first.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Has something failing brought into quarantine, and looked at before the pause is over. `look`
/// returns a time before the pause began; where a busy machine had it look too late, it looks anew.
pub(crate) fn within_the_pause<T>(look: impl Fn() -> (Instant, T)) -> T {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let (began, seen) = look();
        if began.elapsed() < PAUSE {
            return seen;
        }
        assert!(Instant::now() < patience, "the machine is too busy");
    }
}

/// Waits for a condition, and fails if it does not come about within a generous time.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A request of somebody without role, claims and address.
pub(crate) fn request(user: &str) -> RequestFacts {
    RequestFacts {
        subject: subject(user, None),
        claims: Json::from_canonical("{}"),
        remote_address: None,
        reevaluation: false,
    }
}

/// A command of `ann` without arguments, about no channel.
pub(crate) fn command(name: &str) -> CommandQuestion {
    CommandQuestion {
        name: Arc::from(name),
        arguments: Json::from_canonical("{}"),
        subject: subject("ann", None),
        channel: None,
    }
}

/// An event about nobody and no channel.
pub(crate) fn event(name: &str) -> EventQuestion {
    EventQuestion {
        name: Arc::from(name),
        payload: Json::from_canonical(r#"{"x":1}"#),
        subject: None,
        channel: None,
    }
}

/// Keeps every decision of the kinds that it wants.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) denied_only: bool,
    pub(crate) decisions: Mutex<Vec<Decided>>,
}

impl DecisionSink for Kept {
    fn wants(&self, _: Hook, denied: bool) -> bool {
        denied || !self.denied_only
    }

    fn record(&self, decided: Decided) {
        self.decisions.lock().unwrap().push(decided);
    }
}
