//! Hands the decisions of policies to the decision log. Decides nothing itself.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::config::Config;
use crate::decision_log::{DecisionLog, Input, Record, Said};
use crate::metrics::Metrics;
use crate::policy::{Decided, DecisionSink, Hook};

/// Starts the decision log, if one is configured.
pub(super) fn start(config: &Config, metrics: &Arc<Metrics>) -> Result<Option<Arc<DecisionLog>>> {
    let Some(settings) = config.decision_log.clone() else {
        return Ok(None);
    };
    let path = settings.path.display().to_string();
    let log = DecisionLog::start(settings, Arc::clone(metrics))
        .with_context(|| format!("cannot write the decision log {path} (decision_log.path)"))?;
    tracing::info!(path, "decisions are logged");
    Ok(Some(Arc::new(log)))
}

/// The decision log as the policies see it.
pub(super) struct Sink(pub(super) Arc<DecisionLog>);

impl DecisionSink for Sink {
    fn wants(&self, _: Hook, denied: bool) -> bool {
        self.0.wants(denied)
    }

    fn record(&self, decided: Decided) {
        self.0.record(record(decided));
    }
}

fn record(decided: Decided) -> Record {
    let input = match decided.hook {
        Hook::Admission => decided.input.map(Input::Claims),
        Hook::Visibility | Hook::Commands | Hook::Events => decided.input.map(Input::Payload),
    };
    let said = decided.said.into_iter().map(|said| Said {
        policy: said.policy,
        digest: said.digest.map(|digest| digest.to_string()),
        verdict: said.verdict,
        took: said.took,
    });
    Record {
        id: decided.id,
        at: decided.at,
        workspace: decided.workspace,
        generation: decided.generation,
        hook: decided.hook.name(),
        denied: decided.denied,
        code: decided.code,
        message: decided.message,
        policies: said.collect(),
        subject: decided.subject,
        channel: decided.channel,
        name: decided.name,
        input,
    }
}
