//! What one call of each hook takes, through everything that a server puts in front of it, and
//! what a webhook takes for the same. Knows nothing of what follows from an answer.

use anyhow::ensure;
use wardroom::policy::Policies;
use wardroom_domain::Verdict;

use super::questions::{self, Place};
use super::timing::Timing;
use super::{Bench, webhook};

/// Checks of whether anybody is asked that are timed as one: a single one is shorter than the clock
/// can tell.
const CHECKS: usize = 1_000;

impl Bench {
    pub(super) fn calls(&mut self) -> anyhow::Result<()> {
        self.nobody()?;
        self.admission()?;
        self.visibility()?;
        self.commands()?;
        self.events()
    }

    /// What it costs every decision that there might be policies.
    fn nobody(&mut self) -> anyhow::Result<()> {
        let policies = Policies::none();
        let time = self.part(super::SERIES);
        let timing = super::timing::series(time, || {
            for _ in 0..CHECKS {
                let standing = std::hint::black_box(&policies).standing();
                ensure!(standing.is_none(), "somebody is asked");
            }
            Ok(())
        })?;
        self.put_timing("none", timing.each_of(CHECKS));
        Ok(())
    }

    fn admission(&mut self) -> anyhow::Result<()> {
        let inline = self.admission_by("admission.role", questions::BY_ROLE)?;
        self.admission_by("admission.full", questions::BY_EVERYTHING)?;
        let question = questions::for_webhook(&questions::request()?)?;
        let mut client = webhook::Client::connect(webhook::serve()?)?;
        let webhook = self.time("webhook", || {
            ensure!(client.ask(&question)?, "the webhook refused");
            Ok(())
        })?;
        self.put("webhook.latency-ratio", webhook.p50 / inline.p50);
        self.put("webhook.cpu-ratio", webhook.cpu / inline.cpu);
        Ok(())
    }

    fn admission_by(&mut self, name: &str, settings: &str) -> anyhow::Result<Timing> {
        let policies = self.load(vec![self.plugin("workspace-guard", settings)?])?;
        let (place, request) = (Place::empty()?, questions::request()?);
        self.time(name, || {
            let answer = policies.current().admit(place.asking(), &request);
            ensure!(answer.is_ok(), "{answer:?}");
            Ok(())
        })
    }

    fn visibility(&mut self) -> anyhow::Result<()> {
        let settings = questions::MEMBERS_AND_ROLES;
        let policies = self.load(vec![self.plugin("private-channels", settings)?])?;
        let (place, channel) = (Place::empty()?, questions::channel()?);
        self.time("audience", || {
            let rules = policies.current().audience(place.asking(), &channel);
            ensure!(rules.len() == 1, "{rules:?}");
            Ok(())
        })?;
        Ok(())
    }

    fn commands(&mut self) -> anyhow::Result<()> {
        let settings = questions::CREDENTIALS;
        let policies = self.load(vec![self.plugin("media-credentials", settings)?])?;
        let (place, command) = (Place::empty()?, questions::command()?);
        self.time("commands", || {
            let verdict = policies.current().authorize(place.asking(), &command);
            let granted = matches!(verdict, Verdict::Allowed(Some(_)));
            ensure!(granted, "{verdict:?}");
            Ok(())
        })?;
        Ok(())
    }

    fn events(&mut self) -> anyhow::Result<()> {
        let settings = questions::THREE_FORMS;
        let policies = self.load(vec![self.plugin("profile-privacy", settings)?])?;
        let place = Place::empty()?;
        let event = questions::event()?;
        self.time("events", || {
            let forms = policies.current().render(place.asking(), &event);
            // One for the person, who sees everything.
            let count = forms.map_or(0, |forms| forms.len());
            ensure!(count == 3, "{count} forms");
            Ok(())
        })?;
        let event = questions::other_event()?;
        self.time("events.unchanged", || {
            let forms = policies.current().render(place.asking(), &event);
            ensure!(forms.is_none(), "{forms:?}");
            Ok(())
        })?;
        Ok(())
    }
}
