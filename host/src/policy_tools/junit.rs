//! The report of a run as JUnit XML, which every CI system reads. Knows no policies.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::runner::{Outcome, Report, Run};

/// Writes a report; `suite` is what the tests are gathered under, such as the file of the cases.
///
/// # Errors
/// The text cannot be made.
pub fn write(report: &Report, suite: &str) -> Result<String, quick_junit::SerializeError> {
    let mut document = Document::new("wardroom policy test");
    document.set_time(report.took);
    let mut tests = TestSuite::new(suite);
    tests.set_time(report.took);
    tests.add_property(("seed", report.seed.to_string().as_str()));
    for outcome in &report.outcomes {
        let mut test = TestCase::new(outcome.name.as_str(), status(outcome));
        test.set_classname(suite);
        test.set_time(outcome.took);
        tests.add_test_case(test);
    }
    document.add_test_suite(tests);
    document.to_string()
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    let Some(first) = outcome.faults.first() else {
        return TestCaseStatus::success();
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(format!(
        "expected {}, found {}",
        first.expected, first.found
    ));
    let lines = outcome.faults.iter().map(|fault| {
        let on = match fault.run {
            Run::Fresh => "on a fresh instance",
            Run::Reused => "on a reused instance",
        };
        let before = match fault.before.as_slice() {
            [] => String::new(),
            before => format!("\n  after: {}", before.join(", ")),
        };
        format!(
            "{on}\n  expected: {}\n  found: {}{before}",
            fault.expected, fault.found
        )
    });
    status.set_description(lines.collect::<Vec<_>>().join("\n"));
    status
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::super::runner::Fault;
    use super::*;

    #[test]
    fn a_report_is_what_ci_reads() {
        let took = Duration::from_millis(1);
        let outcome = |name: &str, faults| Outcome {
            name: name.to_owned(),
            runs: 3,
            took,
            faults,
        };
        let fault = Fault {
            run: Run::Reused,
            expected: "seen by ann".to_owned(),
            found: "seen by ann, bob & <all>".to_owned(),
            before: vec!["guests see nothing".to_owned()],
        };
        let report = Report {
            seed: 7,
            outcomes: vec![
                outcome("guests see nothing", vec![]),
                outcome("only \"ann\" sees it", vec![fault]),
            ],
            endured: Vec::new(),
            took,
        };
        let text = write(&report, "cases.toml").expect("a text");
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="wardroom policy test" tests="2" skipped="0" failures="1" errors="0" time="0.001">
                <testsuite name="cases.toml" tests="2" skipped="0" errors="0" failures="1" time="0.001">
                    <properties>
                        <property name="seed" value="7"/>
                    </properties>
                    <testcase name="guests see nothing" classname="cases.toml" time="0.001"/>
                    <testcase name="only &quot;ann&quot; sees it" classname="cases.toml" time="0.001">
                        <failure message="expected seen by ann, found seen by ann, bob &amp; &lt;all&gt;">on a reused instance
              expected: seen by ann
              found: seen by ann, bob &amp; &lt;all&gt;
              after: guests see nothing</failure>
                    </testcase>
                </testsuite>
            </testsuites>
        "#]].assert_eq(&text);
    }
}
