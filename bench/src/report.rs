//! From the numbers of all rounds to tables: medians, spread, ratios against the peer and the
//! floor, and whether the targets are met. Must not know how a number was obtained.

mod hooks;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::scenario::Scenario;
use crate::servers::Kind;
use crate::targets::{EVENTS, METRICS, Metric, SIZE, Target};

pub use self::hooks::component_number;

/// The numbers of every round, by scenario, server and name; `None` where a round gave none.
#[derive(Debug, Default)]
pub struct Rounds {
    values: BTreeMap<(Scenario, Kind, String), Vec<Option<f64>>>,
    faults: Vec<String>,
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().checked_sub(1)? / 2;
    Some((sorted[middle] + sorted[sorted.len() / 2]) / 2.0)
}

fn show(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 1000.0 => 0,
        medium if medium >= 10.0 => 1,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// What is said of a target.
fn word(met: Option<bool>) -> &'static str {
    match met {
        None => "–",
        Some(true) => "met",
        Some(false) => "**missed**",
    }
}

fn spread(values: &[f64]) -> String {
    let Some(middle) = median(values) else {
        return "–".to_owned();
    };
    let (low, high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    match values.len() {
        1 => show(middle),
        _ => format!("{} ({}–{})", show(middle), show(low), show(high)),
    }
}

/// The servers of a scenario, and which are divided by which.
fn columns(scenario: Scenario) -> (&'static [Kind], &'static [(Kind, Kind)]) {
    match scenario {
        Scenario::Policy => (
            &[Kind::Wardroom, Kind::WardroomPolicies],
            &[(Kind::WardroomPolicies, Kind::Wardroom)],
        ),
        Scenario::Renditions => (
            &[
                Kind::Wardroom,
                Kind::WardroomOneRenderer,
                Kind::WardroomFourRenderers,
            ],
            &[
                (Kind::WardroomOneRenderer, Kind::Wardroom),
                (Kind::WardroomFourRenderers, Kind::Wardroom),
            ],
        ),
        Scenario::Settle | Scenario::Crowd => (&[Kind::WardroomSettling], &[]),
        Scenario::Directory => (&[Kind::Wardroom], &[]),
        _ => (
            &[Kind::Wardroom, Kind::Node, Kind::Floor],
            &[(Kind::Wardroom, Kind::Node), (Kind::Wardroom, Kind::Floor)],
        ),
    }
}

impl Rounds {
    /// Adds what one server gave in round `round`, counted from 0.
    pub fn add(
        &mut self,
        scenario: Scenario,
        server: Kind,
        round: usize,
        outcome: crate::scenario::Outcome,
    ) {
        for (name, value) in outcome.numbers {
            let values = self.values.entry((scenario, server, name)).or_default();
            values.resize(round, None);
            values.push(Some(value));
        }
        for fault in outcome.faults {
            self.faults.push(format!(
                "{scenario:?}, {}, round {}: {fault}",
                server.name(),
                round + 1
            ));
        }
    }

    fn values(&self, scenario: Scenario, server: Kind, name: &str) -> &[Option<f64>] {
        self.values
            .get(&(scenario, server, name.to_owned()))
            .map_or(&[], Vec::as_slice)
    }

    fn given(&self, scenario: Scenario, server: Kind, name: &str) -> Vec<f64> {
        self.values(scenario, server, name)
            .iter()
            .flatten()
            .copied()
            .collect()
    }

    /// The median, over the rounds, of one server's number divided by another's.
    fn ratio(&self, metric: &Metric, upper: Kind, lower: Kind) -> Option<f64> {
        let pairs = self.values(metric.scenario, upper, metric.name).iter();
        let ratios: Vec<f64> = pairs
            .zip(self.values(metric.scenario, lower, metric.name))
            .filter_map(|(upper, lower)| Some((*upper)? / (*lower)?))
            .filter(|ratio| ratio.is_finite())
            .collect();
        median(&ratios)
    }

    fn verdict(&self, metric: &Metric) -> (String, String) {
        let node = self.ratio(metric, Kind::Wardroom, Kind::Node);
        let floor = self.ratio(metric, Kind::Wardroom, Kind::Floor);
        let both = |one: Option<bool>, other: Option<bool>| Some(one? && other?);
        match metric.target {
            Target::None => (String::new(), String::new()),
            Target::AtMost {
                node: most,
                floor: None,
            } => (
                format!("≤ {most} node"),
                word(node.map(|node| node <= most)).to_owned(),
            ),
            Target::AtMost {
                node: most,
                floor: Some(above),
            } => {
                let met = both(
                    node.map(|node| node <= most),
                    floor.map(|floor| floor <= above),
                );
                (
                    format!("≤ {most} node, ≤ {above} floor"),
                    word(met).to_owned(),
                )
            }
            Target::AtLeast {
                node: least,
                floor: share,
            } => {
                let met = both(
                    node.map(|node| node >= least),
                    floor.map(|floor| floor >= share),
                );
                (
                    format!("≥ {least} node, ≥ {share} floor"),
                    word(met).to_owned(),
                )
            }
            Target::Policies(most) => {
                let ratio = self.ratio(metric, Kind::WardroomPolicies, Kind::Wardroom);
                let met = word(ratio.map(|ratio| ratio <= most)).to_owned();
                (format!("≤ {most} without"), met)
            }
            Target::Most(most) => {
                let servers = columns(metric.scenario).0.iter();
                let given: Vec<f64> = servers
                    .flat_map(|server| self.given(metric.scenario, *server, metric.name))
                    .collect();
                let met = median(&given).map(|middle| middle <= most);
                (format!("≤ {most}"), word(met).to_owned())
            }
            Target::Zero => {
                let servers = columns(metric.scenario).0.iter();
                let lost: Vec<f64> = servers
                    .filter(|server| **server != Kind::Node && **server != Kind::Floor)
                    .flat_map(|server| self.given(metric.scenario, *server, metric.name))
                    .collect();
                let met = (!lost.is_empty()).then(|| lost.iter().all(|lost| *lost == 0.0));
                ("0".to_owned(), word(met).to_owned())
            }
        }
    }

    /// Everything as Markdown.
    pub fn markdown(&self, scenarios: &[Scenario]) -> String {
        let mut text = String::new();
        for scenario in scenarios {
            match scenario {
                Scenario::Hooks => self.hooks(&mut text),
                _ => self.table(*scenario, &mut text),
            }
        }
        if !self.faults.is_empty() {
            text.push_str("## What went wrong\n\n");
            for fault in &self.faults {
                let _ = writeln!(text, "- {fault}");
            }
        }
        text
    }

    fn table(&self, scenario: Scenario, text: &mut String) {
        let (columns, ratios) = columns(scenario);
        let _ = write!(text, "## {scenario:?}\n\n| |");
        for column in columns {
            let _ = write!(text, " {} |", column.name());
        }
        for (upper, lower) in ratios {
            let _ = write!(text, " {} / {} |", upper.name(), lower.name());
        }
        text.push_str(" target | |\n|---|");
        text.push_str(&"---|".repeat(columns.len() + ratios.len() + 2));
        text.push('\n');
        let all = METRICS.iter().chain(EVENTS).chain(SIZE);
        for metric in all.filter(|metric| metric.scenario == scenario) {
            let _ = write!(text, "| {} |", metric.label);
            for column in columns {
                let _ = write!(
                    text,
                    " {} |",
                    spread(&self.given(scenario, *column, metric.name))
                );
            }
            for (upper, lower) in ratios {
                let ratio = self.ratio(metric, *upper, *lower);
                let _ = write!(
                    text,
                    " {} |",
                    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
                );
            }
            let (target, met) = self.verdict(metric);
            let _ = writeln!(text, " {target} | {met} |");
        }
        text.push('\n');
    }

    /// Every number, those without a row too, for a closer look.
    pub fn raw(&self) -> serde_json::Value {
        self.values
            .iter()
            .map(|((scenario, server, name), values)| {
                serde_json::json!({
                    "scenario": scenario, "server": server.name(), "name": name, "values": values,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Outcome;
    use crate::scenario::Scenario::Fanout;

    fn outcome(cpu: f64) -> Outcome {
        let numbers = [("http.paced.cpu".to_owned(), cpu)].into();
        Outcome {
            numbers,
            faults: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_judged() {
        let mut rounds = Rounds::default();
        // The machine is twice as slow in the second round; the ratios do not care.
        for (round, pace) in [(0, 1.0), (1, 2.0)] {
            rounds.add(Fanout, Kind::Wardroom, round, outcome(6.0 * pace));
            rounds.add(Fanout, Kind::Node, round, outcome(12.0 * pace));
            rounds.add(Fanout, Kind::Floor, round, outcome(5.8 * pace));
        }
        let text = rounds.markdown(&[Fanout]);
        let row = text
            .lines()
            .find(|line| line.contains("by HTTP: CPU"))
            .unwrap_or_default();
        assert!(row.contains("| 9.000 (6.000–12.0) |"), "{row}");
        assert!(
            row.contains("| 0.50 | 1.03 |") && row.ends_with("| met |"),
            "{row}"
        );
    }

    #[test]
    fn a_server_that_failed_a_round_does_not_shift_the_others() {
        let mut rounds = Rounds::default();
        rounds.add(Fanout, Kind::Node, 0, outcome(10.0));
        rounds.add(Fanout, Kind::Node, 1, outcome(20.0));
        rounds.add(Fanout, Kind::Wardroom, 1, outcome(10.0));
        let text = rounds.markdown(&[Fanout]);
        assert!(text.contains("| 0.50 |"), "{text}");
    }
}
