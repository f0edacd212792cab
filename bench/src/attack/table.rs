//! What came of the attacks, as a table. Must not know how it was measured.

use std::fmt::Write;

use super::ground::Felt;
use super::watch::{AFTER, ATTACK, CALM};

/// Something that must hold.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    what: String,
    found: f64,
    bound: f64,
    at_least: bool,
    because: Option<String>,
}

impl Claim {
    /// This may be so much at most.
    pub(super) fn most(what: impl Into<String>, found: f64, bound: f64) -> Self {
        Self {
            what: what.into(),
            found,
            bound,
            at_least: false,
            because: None,
        }
    }

    /// This must be so much at least.
    pub(super) fn least(what: impl Into<String>, found: f64, bound: f64) -> Self {
        Self {
            at_least: true,
            ..Self::most(what, found, bound)
        }
    }

    /// Why it does not hold, if it does not.
    pub(super) fn because(mut self, reason: Option<&str>) -> Self {
        self.because = reason.map(str::to_owned);
        self
    }

    /// Whether it holds.
    pub(super) fn holds(&self) -> bool {
        if self.at_least {
            self.found >= self.bound
        } else {
            self.found <= self.bound
        }
    }

    fn text(&self) -> String {
        let sign = if self.at_least { "≥" } else { "≤" };
        let (found, bound) = (number(self.found), number(self.bound));
        let mut text = format!("{}: {found} ({sign} {bound})", self.what);
        if let (false, Some(reason)) = (self.holds(), &self.because) {
            // It stands in a table.
            let reason = reason.replace('|', "/").replace('\n', " ");
            let _ = write!(text, ", {reason}");
        }
        text
    }
}

/// One attack and what was felt of it.
#[derive(Debug)]
pub struct Row {
    pub(super) name: String,
    pub(super) load: String,
    pub(super) seconds: f64,
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) back: f64,
    pub(super) cpu: f64,
    pub(super) felt: Felt,
    pub(super) claims: Vec<Claim>,
}

impl Row {
    /// Whether everything held.
    pub fn held(&self) -> bool {
        self.claims.iter().all(Claim::holds)
    }

    fn verdict(&self) -> String {
        let broken = self.claims.iter().filter(|claim| !claim.holds());
        let broken: Vec<_> = broken.map(Claim::text).collect();
        if broken.is_empty() {
            "held".to_owned()
        } else {
            format!("**NOT HELD**: {}", broken.join("; "))
        }
    }

    fn line(&self) -> String {
        let felt = &self.felt;
        let (beside, within) = (&felt.beside, &felt.within);
        let (newcomers, seen) = (&felt.newcomers[ATTACK], &felt.seen[ATTACK]);
        let counts = |commands: &super::honest::Commands| {
            format!(
                "{}/{}/{}/{}",
                commands.answered, commands.refused, commands.missed, commands.closed
            )
        };
        let ms = |commands: &[super::honest::Commands; 3], part: f64| {
            let [calm, under] = [CALM, ATTACK].map(|at| commands[at].times.quantile_ms(part));
            format!("{} → {}", number(calm), number(under))
        };
        let ratio = beside[ATTACK].times.quantile_ms(0.99)
            / beside[CALM].times.quantile_ms(0.99).max(f64::EPSILON);
        let peak = seen.peak_mib.max(felt.seen[AFTER].peak_mib);
        [
            self.name.clone(),
            format!("{} in {:.0} s", self.load, self.seconds),
            counts(&beside[ATTACK]),
            ms(beside, 0.5),
            format!("{} ({ratio:.1}×)", ms(beside, 0.99)),
            counts(&within[ATTACK]),
            format!(
                "{}; {}",
                ms(within, 0.99),
                number(within[ATTACK].longest_ms())
            ),
            format!(
                "{} of {}; {}",
                newcomers.entered,
                newcomers.tried,
                number(newcomers.times.quantile_ms(1.0))
            ),
            format!(
                "{}; {} + {} failed",
                number(seen.longest_ms),
                seen.failed,
                seen.failed_public
            ),
            format!(
                "{:.0}, {peak:.0}, {:.0} after {:.0} s",
                self.before, self.after, self.back
            ),
            format!("{:.1}", self.cpu),
            self.verdict(),
        ]
        .join(" | ")
    }
}

/// All rows, and what could not be played.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    failures: Vec<(String, String)>,
}

const HEAD: [&str; 12] = [
    "attack",
    "load",
    "beside: answered/refused/missed/closed",
    "beside: p50 ms, calm → attack",
    "beside: p99 ms",
    "within: answered/refused/missed/closed",
    "within: p99 ms; longest",
    "newcomers in; longest ms",
    "longest probe, ms; internal + public",
    "MiB before, most, after",
    "CPU s",
    "verdict",
];

impl Table {
    /// One attack was made, or could not be.
    pub fn add(&mut self, name: String, row: anyhow::Result<Row>) {
        match row {
            Ok(row) => self.rows.push(row),
            Err(error) => self.failures.push((name, format!("{error:#}"))),
        }
    }

    /// Whether every attack was made, and everything held.
    pub fn held(&self) -> bool {
        self.failures.is_empty() && self.rows.iter().all(Row::held)
    }

    /// The table, and below it every bound with what was found.
    pub fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|", HEAD.join(" | "));
        text.push_str(&" --- |".repeat(HEAD.len()));
        text.push('\n');
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.line());
        }
        for (name, error) in &self.failures {
            let blanks = " | ".repeat(HEAD.len() - 2);
            let _ = writeln!(text, "| {name} |{blanks} **NOT PLAYED**: {error} |");
        }
        for row in &self.rows {
            let _ = writeln!(text, "\n{}:", row.name);
            for claim in &row.claims {
                let sign = if claim.holds() { "held" } else { "NOT HELD" };
                let _ = writeln!(text, "- {sign}: {}", claim.text());
            }
        }
        text
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    if value == 0.0 || value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_not_held_is_named_with_what_was_found() {
        let mut row = Row {
            name: "expiry".to_owned(),
            load: "9 bursts".to_owned(),
            seconds: 1.0,
            before: 10.0,
            after: 11.0,
            back: 3.0,
            cpu: 0.5,
            felt: Felt::default(),
            claims: vec![Claim::most("memory left, MiB", 1.0, 64.0)],
        };
        assert!(row.held());
        assert!(row.line().ends_with("| held"));
        row.claims
            .push(Claim::least("swaps", 0.0, 1.0).because(Some("a|b")));
        row.claims
            .push(Claim::most("longest probe, ms", 12.34, 10.0));
        assert!(!row.held());
        let line = row.line();
        let broken = "**NOT HELD**: swaps: 0 (≥ 1), a/b; longest probe, ms: 12.3 (≤ 10)";
        assert!(line.ends_with(broken), "{line}");
        assert_eq!(line.matches(" | ").count(), HEAD.len() - 1);
    }

    #[test]
    fn what_could_not_be_played_is_not_held() {
        let mut table = Table::default();
        assert!(table.held());
        table.add("log".to_owned(), Err(anyhow::anyhow!("no server")));
        assert!(!table.held());
        let text = table.markdown();
        let row = text.lines().last().unwrap_or_default();
        assert_eq!(row.matches('|').count(), HEAD.len() + 1, "{row}");
    }
}
