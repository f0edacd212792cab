//! Makes versions of policies: compiles, links, tries out. Knows neither which versions are in
//! force nor where files are.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use wardroom_domain::PrivateChannels;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::cache::Cache;
use super::capability;
use super::compiling::{Compiler, NotCompiled, Order, Pace, Stop};
use super::component::{self, Digest, Linked, LoadError};
use super::decision::DecisionSink;
use super::engine;
use super::facts::State;
use super::failure::Refusal;
use super::limits::PolicyLimits;
use super::measure::Memory;
use super::progress::{LoadingState, Progress, Step};
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
    /// Who has the last word on private channels, until policies are configured anew.
    pub private_channels: PrivateChannels,
    /// Where components are compiled.
    pub compiler: Compiler,
}

/// What loading takes.
pub(super) struct Loader {
    engine: Engine,
    linker: Linker<State>,
    surroundings: Surroundings,
    cache: Option<Cache>,
    progress: Arc<Progress>,
    /// That of the instances of all versions.
    memory: Arc<Memory>,
}

/// A component that is to become a version, and where it comes from.
#[derive(Clone, Copy)]
pub(super) struct Build<'a> {
    pub(super) source: &'a PolicySource,
    pub(super) limits: PolicyLimits,
    pub(super) bytes: &'a [u8],
    pub(super) digest: Digest,
    /// Where it is kept what came of compiling it.
    pub(super) linked: &'a OnceLock<Result<Linked, LoadError>>,
    /// The version that it is to replace.
    pub(super) in_force: Option<&'a Version>,
    /// How fast it may be compiled.
    pub(super) pace: Pace,
    /// Calls it off.
    pub(super) stop: &'a Stop,
}

impl Loader {
    /// Starts the engine.
    pub(super) fn new(
        surroundings: Surroundings,
        progress: Arc<Progress>,
    ) -> Result<Self, wasmtime::Error> {
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
            progress,
            memory: Arc::default(),
        })
    }

    /// Where it is taken down which components are on their way.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Brings a version to life: parses, compiles, links, compares what it imports with what the
    /// version in force imports, starts it on trial, has it take its settings and warms it up. It
    /// takes up to seconds: not for a thread that serves anybody.
    pub(super) fn version(&self, build: Build<'_>, step: &Step) -> Result<Version, Refusal> {
        self.built(build, step)
            .map_err(|refusal| explained(&self.surroundings.compiler, refusal, build.bytes))
    }

    fn built(&self, build: Build<'_>, step: &Step) -> Result<Version, Refusal> {
        let Build { source, bytes, .. } = build;
        let compiler = &self.surroundings.compiler;
        let compile = |engine: &Engine, _: &[u8]| compile(compiler, engine, build, step);
        step.at(LoadingState::Loading);
        let cache = self.cache.as_ref();
        let link = || component::link(&self.engine, &self.linker, bytes, cache, compile);
        let linked = build.linked.get_or_init(link).clone()?;
        let held = build.in_force.map(Version::capabilities);
        capability::compare(&linked.capabilities(), held.as_deref(), &source.grants)
            .map_err(Refusal::Capability)?;
        self.trial(source, build.limits, build.digest, linked)
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
        let engine = self.engine.clone();
        Version::trial(
            source,
            digest,
            limits,
            engine,
            linked,
            metrics,
            &self.memory,
        )
    }
}

/// Compiles, and tells the log before and after: a large component takes its time, and somebody may
/// be waiting for it.
fn compile(
    compiler: &Compiler,
    engine: &Engine,
    build: Build<'_>,
    step: &Step,
) -> Result<Component, NotCompiled> {
    let bytes = build.bytes;
    let policy = &*build.source.name;
    step.at(LoadingState::Compiling);
    tracing::info!(policy, digest = %build.digest, bytes = bytes.len(), "compiling the policy");
    let began = Instant::now();
    let component = compiler.compile(&Order {
        engine,
        bytes,
        pace: build.pace,
        timeout: build.limits.compile_timeout,
        memory_bytes: build.limits.compile_memory_bytes,
        counts: false,
        stop: build.stop,
    })?;
    let took_ms = began.elapsed().as_millis();
    tracing::info!(policy, digest = %build.digest, took_ms, "compiled the policy");
    step.at(LoadingState::Loading);
    Ok(component)
}

/// Says of types that differ which ones do, where that can be found: the engine names the first
/// difference, in its own terms.
fn explained(compiler: &Compiler, refusal: Refusal, bytes: &[u8]) -> Refusal {
    if !matches!(refusal, Refusal::Load(LoadError::Mismatch(_))) {
        return refusal;
    }
    // Where it cannot be read, what the engine said has to do.
    let surfaces = compiler.surfaces(bytes).ok().flatten();
    match surfaces.and_then(|surfaces| surfaces.reasons()) {
        Some(reasons) => Refusal::Load(LoadError::Mismatch(reasons)),
        None => refusal,
    }
}
