//! Makes versions of policies: compiles, links, tries out. Knows neither which versions are in
//! force nor where files are.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Linker;

use super::component::{self, Digest, LoadError};
use super::contract;
use super::decision::DecisionSink;
use super::engine;
use super::facts::State;
use super::failure::Refusal;
use super::limits::PolicyLimits;
use super::source::PolicySource;
use super::version::Version;
use crate::metrics::Metrics;

/// What policies find around them, all of it optional.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Where decisions are recorded.
    pub decisions: Option<Arc<dyn DecisionSink>>,
    /// Where calls are counted.
    pub metrics: Option<Arc<Metrics>>,
    /// A directory of ours for compiled components, so that a restart need not compile them.
    pub cache: Option<PathBuf>,
}

/// What loading takes.
pub(super) struct Loader {
    engine: Engine,
    linker: Linker<State>,
    limits: PolicyLimits,
    surroundings: Surroundings,
}

impl Loader {
    /// Starts the engine.
    pub(super) fn new(
        limits: PolicyLimits,
        surroundings: Surroundings,
    ) -> Result<Self, wasmtime::Error> {
        let engine = engine::start()?;
        Ok(Self {
            linker: component::linker(&engine)?,
            engine,
            limits,
            surroundings,
        })
    }

    pub(super) fn limits(&self) -> &PolicyLimits {
        &self.limits
    }

    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Brings a version to life. It takes up to seconds: not for a thread that serves anybody.
    pub(super) fn version(&self, source: &PolicySource, bytes: &[u8]) -> Result<Version, Refusal> {
        self.built(source, bytes)
            .map_err(|refusal| explained(refusal, bytes))
    }

    fn built(&self, source: &PolicySource, bytes: &[u8]) -> Result<Version, Refusal> {
        let linked = component::link(&self.engine, &self.linker, bytes)?;
        let (digest, engine) = (Digest::of(bytes), self.engine.clone());
        let metrics = self.surroundings.metrics.as_deref();
        Version::trial(source, digest, self.limits, engine, linked, metrics)
    }
}

/// Says of types that differ which ones do, where that can be found: the engine names the first
/// difference, in its own terms.
fn explained(refusal: Refusal, bytes: &[u8]) -> Refusal {
    match (&refusal, contract::explain(bytes)) {
        (Refusal::Load(LoadError::Mismatch(_)), Some(reasons)) => {
            Refusal::Load(LoadError::Mismatch(reasons))
        }
        _ => refusal,
    }
}
