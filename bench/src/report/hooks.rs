//! The tables about policy calls: series with their quantiles, single numbers, and the components
//! that were given. Must not know how a number was obtained.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Rounds, median, show, spread, word};
use crate::scenario::Scenario::Hooks;
use crate::servers::Kind::Wardroom;
use crate::targets::hooks::{Bound, COLUMNS, Column, SERIES, SINGLES, Series};

/// What the names of numbers about given components begin with.
const COMPONENT: &str = "component";

/// The name of a number about a component. Neither part has a slash.
#[must_use]
pub fn component_number(component: &str, column: &str) -> String {
    format!("{COMPONENT}/{component}/{column}")
}

impl Rounds {
    fn hook(&self, name: &str) -> Vec<f64> {
        self.given(Hooks, Wardroom, name)
    }

    pub(super) fn hooks(&self, text: &mut String) {
        text.push_str(
            "## Hooks\n\nMicroseconds.\n\n| | p50 | p99 | least | most | CPU | target | |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for row in SERIES {
            let _ = write!(text, "| {} |", row.label);
            for end in ["p50", "p99", "least", "most", "cpu"] {
                let values = self.hook(&format!("{}.{end}", row.name));
                let _ = write!(text, " {} |", spread(&values));
            }
            let (target, met) = self.judged(row);
            let _ = writeln!(text, " {target} | {met} |");
        }
        text.push_str("\n| | | target | |\n|---|---|---|---|\n");
        for row in SINGLES {
            let values = self.hook(row.name);
            let met = median(&values).and_then(|value| row.bound.met(value));
            let (target, met) = match row.bound {
                Bound::None => (String::new(), ""),
                Bound::AtMost(most) => (format!("≤ {most}"), word(met)),
                Bound::AtLeast(least) => (format!("≥ {least}"), word(met)),
            };
            let shown = spread(&values);
            let _ = writeln!(text, "| {} | {shown} | {target} | {met} |", row.label);
        }
        text.push('\n');
        self.components(text);
    }

    fn judged(&self, row: &Series) -> (String, &'static str) {
        let bounds = [("p50", row.p50), ("p99", row.p99)];
        let mut targets = Vec::new();
        let mut all = Some(true);
        for (end, most) in bounds {
            let Some(most) = most else {
                continue;
            };
            targets.push(match end {
                "p50" => format!("≤ {}", show(most)),
                _ => format!("{end} ≤ {}", show(most)),
            });
            let value = median(&self.hook(&format!("{}.{end}", row.name)));
            let met = value.map(|value| value <= most);
            all = all.zip(met).map(|(all, met)| all && met);
        }
        match targets.as_slice() {
            [] => (String::new(), ""),
            _ => (targets.join(", "), word(all)),
        }
    }

    /// One row for each component that was given, and only columns for which there is a number.
    fn components(&self, text: &mut String) {
        let names: BTreeSet<&str> = self
            .values
            .keys()
            .filter_map(|(_, _, name)| name.strip_prefix(COMPONENT)?.strip_prefix('/'))
            .filter_map(|rest| Some(rest.split_once('/')?.0))
            .collect();
        if names.is_empty() {
            return;
        }
        let value =
            |component: &str, column: &Column| self.hook(&component_number(component, column.name));
        let measured = |column: &&Column| names.iter().any(|name| !value(name, column).is_empty());
        let columns: Vec<&Column> = COLUMNS.iter().filter(measured).collect();
        text.push_str("| component |");
        for column in &columns {
            let _ = write!(text, " {} |", column.label);
        }
        text.push_str(" targets |\n|---|");
        text.push_str(&"---|".repeat(columns.len() + 1));
        text.push('\n');
        for name in names {
            let _ = write!(text, "| {name} |");
            let mut missed = Vec::new();
            let mut any = false;
            for column in &columns {
                let values = value(name, column);
                let shown = median(&values).map_or("–".to_owned(), show);
                let _ = write!(text, " {shown} |");
                let mut most = column.most.iter();
                let most = most.find(|(language, _)| name.starts_with(language));
                if let (Some((_, most)), Some(value)) = (most, median(&values)) {
                    any = true;
                    if value > *most {
                        missed.push(format!("{} ≤ {}", column.label, show(*most)));
                    }
                }
            }
            let _ = match (any, missed.as_slice()) {
                (false, _) => writeln!(text, " |"),
                (true, []) => writeln!(text, " met |"),
                (true, _) => writeln!(text, " **missed**: {} |", missed.join(", ")),
            };
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Outcome;

    fn rounds(numbers: &[(&str, f64)]) -> Rounds {
        let mut rounds = Rounds::default();
        let numbers = numbers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        let outcome = Outcome {
            numbers: numbers.collect(),
            faults: Vec::new(),
        };
        rounds.add(Hooks, Wardroom, 0, outcome);
        rounds
    }

    fn row<'a>(text: &'a str, begins: &str) -> &'a str {
        let mut lines = text.lines();
        lines.find(|line| line.contains(begins)).unwrap_or_default()
    }

    #[test]
    fn each_quantile_with_a_target_must_meet_it() {
        let numbers = [("admission.role.p50", 0.9), ("admission.role.p99", 2.5)];
        let text = rounds(&numbers).markdown(&[Hooks]);
        let row = row(&text, "admission by role (");
        assert!(
            row.starts_with("| admission by role (`workspace-guard`) | 0.900 | 2.500 |"),
            "{row}"
        );
        assert!(
            row.ends_with("| ≤ 1.000, p99 ≤ 2.000 | **missed** |"),
            "{row}"
        );
        let text = rounds(&numbers[..1]).markdown(&[Hooks]);
        assert!(text.contains("| ≤ 1.000, p99 ≤ 2.000 | – |"), "{text}");
    }

    #[test]
    fn bounds_hold_from_both_sides() {
        let numbers = [("throughput.ratio", 24.0), ("instance.kib", 64.0)];
        let text = rounds(&numbers).markdown(&[Hooks]);
        assert!(
            row(&text, "in place / webhook").ends_with("| ≥ 25 | **missed** |"),
            "{text}"
        );
        assert!(
            row(&text, "KiB per warm").ends_with("| ≤ 64 | met |"),
            "{text}"
        );
    }

    #[test]
    fn components_are_judged_by_their_language() {
        let name = component_number;
        let text = rounds(&[
            (&name("javascript", "events.p50"), 26.0),
            (&name("javascript", "memory"), 200.0),
            (&name("c", "events.p50"), 2.0),
        ])
        .markdown(&[Hooks]);
        let header = row(&text, "| component |");
        assert_eq!(
            header,
            "| component | instance KiB | 300-byte event µs | targets |"
        );
        assert_eq!(row(&text, "| c |"), "| c | – | 2.000 | |");
        let missed = "| javascript | 200.0 | 26.0 | **missed**: 300-byte event µs ≤ 25.0 |";
        assert_eq!(row(&text, "| javascript |"), missed);
    }
}
