//! A component of anybody's, in any language: its size, what it takes to compile, start and keep
//! it, and what each of its hooks takes cold and warm. Knows nothing of what it decides.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use wardroom::policy::workbench::{Compiled, Hook, Seat};
use wardroom::policy::{PolicySet, PolicySource};
use wardroom_domain::{ChannelFacts, Json, RequestFacts, SubjectFacts};

use super::questions::{self, Place, subject};
use super::reloading::Followed;
use super::starting::{compiled, memory_of_one, started};
use super::timing::Timing;
use super::{Bench, SERIES, timing};
use crate::report::component_number;

/// Instances that are started to see what the first question takes.
const COLD_STARTS: usize = 30;
/// Reloads of a version that was compiled before, and of one that was not.
const RELOADS: (usize, usize) = (10, 3);
/// People in one question about a channel.
const PEOPLE: usize = 100;

/// A component under a name.
#[derive(Debug, Clone)]
pub struct Component {
    name: String,
    file: PathBuf,
}

/// Settings of the component of this name.
#[derive(Debug, Clone)]
pub struct Setting {
    name: String,
    settings: String,
}

/// A name, and what stands behind the first `=`.
fn named(text: &str) -> anyhow::Result<(String, &str)> {
    let (name, value) = text.split_once('=').context("expected NAME=VALUE")?;
    let sound = |c: char| c.is_ascii_alphanumeric() || "-_ ".contains(c);
    ensure!(
        !name.is_empty() && name.chars().all(sound),
        "a name has letters, digits, spaces, - and _ only"
    );
    Ok((name.to_owned(), value))
}

impl FromStr for Component {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, file) = named(text)?;
        Ok(Self {
            name,
            file: PathBuf::from(file),
        })
    }
}

impl FromStr for Setting {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, settings) = named(text)?;
        questions::settings(settings).context("the settings are no JSON")?;
        Ok(Self {
            name,
            settings: settings.to_owned(),
        })
    }
}

impl Bench {
    pub(super) fn components(&mut self) -> anyhow::Result<()> {
        for component in self.subject.components.clone() {
            let mut settings = self.subject.settings.iter();
            let settings = settings.find(|setting| setting.name == component.name);
            let settings = settings.map_or("{}", |setting| &setting.settings);
            let mut source = PolicySource::new(&component.name, component.file);
            source.settings = questions::settings(settings)?;
            self.component(&source)
                .with_context(|| format!("the component {}", source.name))?;
        }
        Ok(())
    }

    fn component(&mut self, source: &PolicySource) -> anyhow::Result<()> {
        let asked = Asked::new()?;
        let bytes = std::fs::metadata(&source.file)
            .with_context(|| source.file.display().to_string())?
            .len();
        let compiled = compiled(source)?;
        let mut put = |column: &str, value: f64| {
            let name = component_number(&source.name, column);
            self.outcome.numbers.insert(name, value);
        };
        put("size", bytes as f64 / 1024.0);
        put("compile", compiled.took.as_secs_f64() * 1e3);
        let (start, cold) = cold(&compiled, &source.settings, &asked)?;
        put("start", start.p50);
        put("cold", cold.p50);
        let kib = memory_of_one(&compiled, &source.settings, |seat| {
            hooks(&compiled).try_for_each(|hook| asked.of_seat(hook, seat))
        })?;
        put("memory", kib);
        let hooks: Vec<Hook> = hooks(&compiled).collect();
        drop(compiled);
        let time = self.part(SERIES);
        let mut copy = source.clone();
        copy.name = Arc::from(format!("component-{}", source.name));
        let mut followed = Followed::new(self, copy)?;
        for hook in &hooks {
            let set = followed.policies.current();
            let timing = timing::series(time, || asked.of_set(*hook, &set))?;
            let each = if *hook == Hook::Visibility {
                let decide = || asked.about_people(&set);
                Some(timing::series(time, decide)?.each_of(PEOPLE))
            } else {
                None
            };
            self.put_column(&source.name, hook.name(), timing);
            if let Some(each) = each {
                self.put_column(&source.name, "decide", each);
            }
        }
        let reloads = followed.reloads(RELOADS.0, RELOADS.1, |set| {
            hooks
                .iter()
                .take(1)
                .try_for_each(|hook| asked.of_set(*hook, set))
        })?;
        self.put_column(&source.name, "reload-cached", reloads.cached);
        self.put_column(&source.name, "reload-new", reloads.new);
        ensure!(followed.failures() == 0, "it failed to answer");
        Ok(())
    }

    fn put_column(&mut self, component: &str, column: &str, timing: Timing) {
        self.put_timing(&component_number(component, column), timing);
    }
}

/// The hooks that a component exports.
fn hooks(compiled: &Compiled) -> impl Iterator<Item = Hook> {
    Hook::ALL.into_iter().filter(|hook| compiled.exports(*hook))
}

/// What an instance takes to start, and to start and answer its first question.
fn cold(compiled: &Compiled, settings: &Json, asked: &Asked) -> anyhow::Result<(Timing, Timing)> {
    let first = hooks(compiled).next().context("it exports no hook")?;
    let (mut starts, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..COLD_STARTS {
        let began = Instant::now();
        let mut seat = started(compiled, settings)?;
        starts.push(began.elapsed());
        asked.of_seat(first, &mut seat)?;
        answers.push(began.elapsed());
    }
    Ok((Timing::of(starts), Timing::of(answers)))
}

/// One question for each hook.
struct Asked {
    place: Place,
    request: RequestFacts,
    channel: ChannelFacts,
    people: Vec<SubjectFacts>,
    command: wardroom::policy::CommandQuestion,
    event: wardroom::policy::EventQuestion,
}

impl Asked {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            place: Place::empty()?,
            request: questions::request()?,
            channel: questions::channel()?,
            people: (0..PEOPLE).map(subject).collect::<Result<_, _>>()?,
            command: questions::command()?,
            event: questions::event()?,
        })
    }

    /// Asks a single instance; what it answers does not matter.
    fn of_seat(&self, hook: Hook, seat: &mut Seat) -> anyhow::Result<()> {
        let asking = self.place.asking();
        match hook {
            Hook::Admission => seat.admit(asking, &self.request).map(drop)?,
            Hook::Visibility => seat.audience(asking, &self.channel).map(drop)?,
            Hook::Commands => seat.authorize(asking, &self.command).map(drop)?,
            Hook::Events => seat.render(asking, &self.event).map(drop)?,
        }
        Ok(())
    }

    /// Asks as a server does.
    fn of_set(&self, hook: Hook, set: &PolicySet) -> anyhow::Result<()> {
        let asking = self.place.asking();
        match hook {
            Hook::Admission => drop(set.admit(asking, &self.request)),
            Hook::Visibility => drop(set.audience(asking, &self.channel)),
            Hook::Commands => drop(set.authorize(asking, &self.command)),
            Hook::Events => drop(set.render(asking, &self.event)),
        }
        Ok(())
    }

    fn about_people(&self, set: &PolicySet) -> anyhow::Result<()> {
        let answers = set.decide(self.place.asking(), 0, &self.channel, &self.people);
        ensure!(answers.len() == PEOPLE, "{} answers", answers.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_settings_are_named() {
        let component = Component::from_str("javascript-rules=/p/a=b.wasm");
        assert!(component.is_ok_and(
            |c| c.name == "javascript-rules" && c.file == std::path::Path::new("/p/a=b.wasm")
        ));
        let setting = Setting::from_str(r#"c={"regions": {}}"#);
        assert!(setting.is_ok_and(|s| s.settings == r#"{"regions": {}}"#));
        for bad in ["a.wasm", "=a.wasm", "a/b=c.wasm"] {
            assert!(Component::from_str(bad).is_err(), "{bad}");
        }
        assert!(Setting::from_str("c={").is_err());
    }
}
