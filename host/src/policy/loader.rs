//! Makes versions of policies: compiles, links, tries out. Knows neither which versions are in
//! force nor where files are.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Linker;

use super::cache::Cache;
use super::capability;
use super::component::{self, Digest, Linked, LoadError};
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
    surroundings: Surroundings,
    cache: Option<Cache>,
}

impl Loader {
    /// Starts the engine.
    pub(super) fn new(surroundings: Surroundings) -> Result<Self, wasmtime::Error> {
        let engine = engine::start()?;
        let cache = surroundings.cache.as_deref();
        let cache = cache.and_then(|directory| match Cache::open(directory, &engine) {
            Ok(cache) => Some(cache),
            Err(error) => {
                let directory = directory.display();
                tracing::warn!(%directory, %error, "compiled policies are not kept");
                None
            }
        });
        Ok(Self {
            linker: component::linker(&engine)?,
            engine,
            surroundings,
            cache,
        })
    }

    /// Brings a version to life: parses, compiles, links, compares what it imports with what the
    /// version in force imports, starts it on trial, has it take its settings and warms it up. It
    /// takes up to seconds: not for a thread that serves anybody.
    pub(super) fn version(
        &self,
        source: &PolicySource,
        limits: PolicyLimits,
        bytes: &[u8],
        in_force: Option<&Version>,
    ) -> Result<Version, Refusal> {
        self.built(source, limits, bytes, in_force)
            .map_err(|refusal| explained(refusal, bytes))
    }

    fn built(
        &self,
        source: &PolicySource,
        limits: PolicyLimits,
        bytes: &[u8],
        in_force: Option<&Version>,
    ) -> Result<Version, Refusal> {
        let linked = component::link(&self.engine, &self.linker, bytes, self.cache.as_ref())?;
        let held = in_force.map(Version::capabilities);
        capability::compare(&linked.capabilities(), held.as_deref(), &source.grants)
            .map_err(Refusal::Capability)?;
        self.trial(source, limits, Digest::of(bytes), linked)
    }

    /// Brings the component of a version to life once more, with other settings or limits.
    pub(super) fn again(
        &self,
        source: &PolicySource,
        limits: PolicyLimits,
        version: &Version,
    ) -> Result<Version, Refusal> {
        self.trial(source, limits, version.digest(), version.linked().clone())
    }

    fn trial(
        &self,
        source: &PolicySource,
        limits: PolicyLimits,
        digest: Digest,
        linked: Linked,
    ) -> Result<Version, Refusal> {
        let metrics = self.surroundings.metrics.as_deref();
        Version::trial(source, digest, limits, self.engine.clone(), linked, metrics)
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
