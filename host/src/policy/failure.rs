//! How a call of a guest fails, and why a version does not come to life, in words for the policy's
//! author. Knows neither hooks nor what a failure leads to.

use wasmtime::{Store, Trap};

use super::capability::NotGranted;
use super::component::LoadError;
use super::deadline::Bound;
use super::facts::{Exceeded, State};
use super::last_words;

/// What went wrong in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The guest trapped: a panic, an abort, an exception nobody caught, memory out of bounds.
    Trap,
    /// It ran past its deadline.
    Deadline,
    /// It wanted more memory or table elements than it may have.
    Memory,
    /// Its stack overflowed.
    Stack,
    /// It returned or passed more than it may.
    Output,
    /// Its answer does not fit the question.
    Answer,
    /// It refused in a new instance the settings that it took before.
    Settings,
    /// It has as many instances as it may have, all of them busy.
    Busy,
}

impl Kind {
    /// Every kind.
    pub(super) const ALL: [Self; 8] = [
        Self::Trap,
        Self::Deadline,
        Self::Memory,
        Self::Stack,
        Self::Output,
        Self::Answer,
        Self::Settings,
        Self::Busy,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Answer => "answer",
            Self::Settings => "settings",
            Self::Busy => "busy",
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) detail: String,
}

impl Failure {
    /// An answer that does not fit the question.
    pub(super) fn answer(detail: impl Into<String>) -> Self {
        Self {
            kind: Kind::Answer,
            detail: detail.into(),
        }
    }

    /// Names what ended a call. The store is not used again.
    pub(super) fn of(store: &mut Store<State>, error: wasmtime::Error) -> Self {
        let exceeded = store.data().exceeded;
        let printed = store.data_mut().end();
        let root = error.root_cause().to_string();
        let (kind, detail) = if error.is::<Bound>() {
            (Kind::Deadline, root)
        } else if exceeded == Some(Exceeded::Memory) {
            (
                Kind::Memory,
                format!("more memory than it may have, policy.memory ({root})"),
            )
        } else if exceeded == Some(Exceeded::Tables) {
            (
                Kind::Memory,
                format!("more table elements than it may have, policy.table_elements ({root})"),
            )
        } else if matches!(error.downcast_ref(), Some(Trap::StackOverflow)) {
            (Kind::Stack, root)
        } else if root.contains("fuel allocated for hostcalls") {
            // The engine has no type for it; a test holds on to the text.
            (
                Kind::Output,
                "more data in one answer than it may give, policy.output".to_owned(),
            )
        } else {
            (Kind::Trap, root)
        };
        let unreachable = matches!(error.downcast_ref(), Some(Trap::UnreachableCodeReached));
        let detail = match printed.as_deref().map(last_words::told) {
            Some(words) if words.is_empty() => detail,
            // That is how runtimes give up when they have said why.
            Some(words) if kind == Kind::Trap && unreachable => words,
            Some(words) => format!("{detail}; it printed: {words}"),
            None => detail,
        };
        Self { kind, detail }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

/// Why a version does not come to life.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The file.
    Load(LoadError),
    /// It imports what the version in force does not, and nobody granted it.
    Capability(NotGranted),
    /// The instance did not start.
    Start(Failure),
    /// It refused its settings.
    Settings(String),
    /// It could not answer the simplest question.
    WarmUp {
        /// What it was asked about.
        about: &'static str,
        failure: Failure,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Capability(error) => error.fmt(f),
            Self::Start(failure) => write!(f, "the policy failed to start: {failure}"),
            Self::Settings(text) => write!(
                f,
                "the policy refused its settings: {}. Use a version that takes them, or change \
                 `settings` in the configuration",
                text.trim_end_matches('.')
            ),
            Self::WarmUp { about, failure } => write!(f, "the policy failed on {about}: {failure}"),
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<Refusal> for Failure {
    /// What the same is called in an instance of a version that came to life before.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Load(_) | Refusal::Capability(_) => Self {
                kind: Kind::Trap,
                detail: refusal.to_string(),
            },
            Refusal::Start(failure) | Refusal::WarmUp { failure, .. } => failure,
            Refusal::Settings(detail) => Self {
                kind: Kind::Settings,
                detail,
            },
        }
    }
}
