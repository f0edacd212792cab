//! The decision log as a whole: records in, lines in a file out.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::{Instant, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use wardroom_domain::{Attributes, Role, UserId};

use super::*;

fn settings(path: &Path) -> Settings {
    Settings {
        path: path.to_owned(),
        sample_denied: 1.0,
        sample_allowed: 0.0,
        mask: Vec::new(),
        queue: 64,
        max_bytes: 1 << 20,
    }
}

fn attributes(text: &str) -> Attributes {
    crate::json::attributes(text).unwrap()
}

fn denied() -> Record {
    Record {
        id: Some("k3v9".into()),
        at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        workspace: WorkspaceId::new("acme").unwrap(),
        generation: Generation(3),
        hook: "admission",
        denied: true,
        code: Some("not-here".into()),
        message: Some("come from the office".into()),
        policies: vec![Said {
            policy: "workspace-guard".into(),
            digest: Some("sha256:00".into()),
            verdict: "denied",
            took: Duration::from_nanos(12_345),
        }],
        subject: Some(SubjectFacts {
            user: UserId::new("ann").unwrap(),
            role: Some(Role::new("guest").unwrap()),
            attributes: attributes(r#"{"phone":"+49 170 1234567","region":"eu"}"#),
        }),
        channel: None,
        name: None,
        input: Some(Input::Claims(Json::from_canonical(
            r#"{"email":"ann@example.com","sub":"ann"}"#,
        ))),
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_line_says_who_decided_what_by_which_version_and_on_what() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let log = DecisionLog::start(settings(&path), Arc::default()).unwrap();
    log.record(denied());
    log.record(Record {
        id: None,
        denied: false,
        code: None,
        message: None,
        subject: None,
        hook: "commands",
        name: Some("select-channel".into()),
        channel: Some(ChannelId::new("lobby").unwrap()),
        input: Some(Input::Payload(Json::from_canonical("{}"))),
        ..denied()
    });
    log.flush().await;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(r#"{"time":"2023-11-14T22:13:20.123Z","id":"k3v9","workspace""#));
    let lines = lines(&path);
    let policies = json!([
        {"name": "workspace-guard", "digest": "sha256:00", "verdict": "denied", "micros": 12.3}
    ]);
    let expected = json!({
        "time": "2023-11-14T22:13:20.123Z",
        "id": "k3v9",
        "workspace": "acme",
        "generation": 3,
        "hook": "admission",
        "outcome": "denied",
        "code": "not-here",
        "message": "come from the office",
        "policies": policies,
        "subject": {
            "id": "ann",
            "role": "guest",
            "attributes": {"phone": "+49 170 1234567", "region": "eu"},
        },
        "claims": {"email": "ann@example.com", "sub": "ann"},
    });
    assert_eq!(lines[0], expected);
    let expected = json!({
        "time": "2023-11-14T22:13:20.123Z",
        "workspace": "acme",
        "generation": 3,
        "hook": "commands",
        "outcome": "allowed",
        "policies": policies,
        "channel": "lobby",
        "name": "select-channel",
        "input": {},
    });
    assert_eq!(lines[1], expected);
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn what_is_masked_is_never_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let mask = ["claims.email", "subject.attributes.phone", "message"];
    let settings = Settings {
        mask: mask.into_iter().map(|path| path.parse().unwrap()).collect(),
        ..settings(&path)
    };
    let log = DecisionLog::start(settings, Arc::default()).unwrap();
    log.record(denied());
    log.flush().await;
    let text = fs::read_to_string(&path).unwrap();
    for secret in ["ann@example.com", "1234567", "the office"] {
        assert!(!text.contains(secret), "{text}");
    }
    let line = &lines(&path)[0];
    assert_eq!(line["claims"], json!({"email": "***", "sub": "ann"}));
    assert_eq!(
        line["subject"]["attributes"],
        json!({"phone": "***", "region": "eu"})
    );
}

#[tokio::test]
async fn a_huge_input_is_left_out_and_its_size_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let log = DecisionLog::start(settings(&path), Arc::default()).unwrap();
    let huge = format!("\"{}\"", "x".repeat(DECISION_INPUT_BYTES));
    log.record(Record {
        input: Some(Input::Payload(Json::from_canonical(&huge))),
        ..denied()
    });
    log.flush().await;
    let line = &lines(&path)[0];
    assert_eq!(line["inputOmittedBytes"], huge.len());
    assert_eq!(line.get("input"), None);
}

#[tokio::test]
async fn only_the_asked_for_part_is_wanted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let log = DecisionLog::start(settings(&path), Arc::default()).unwrap();
    assert!(log.wants(true));
    assert!(!log.wants(false));
}

/// A pipe that nobody reads: to open it takes for ever, as a dead disk would.
fn pipe(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_records_and_no_time() {
    let folder = TempDir::new().unwrap();
    let path = pipe(&folder);
    let metrics = Arc::new(Metrics::default());
    let log = DecisionLog::start(settings(&path), Arc::clone(&metrics)).unwrap();
    for _ in 0..1_000 {
        log.record(denied());
    }
    // What fits the queue waits, and what the thread took out of it; the rest is counted.
    let text = metrics.render().unwrap();
    let counted = text.lines().find_map(|line| {
        line.strip_prefix("wardroom_decision_log_dropped_total{reason=\"queue-full\"} ")
    });
    let dropped: u64 = counted.unwrap().parse().unwrap();
    assert!((1..=1_000 - 64).contains(&dropped), "{dropped}");
    let before = Instant::now();
    log.flush().await;
    assert!(before.elapsed() < 2 * crate::limits::LINE_FILE_FLUSH_TIMEOUT);
    // Once somebody reads, everything that waited arrives.
    let read = std::thread::spawn({
        let path = path.clone();
        move || {
            use std::io::{BufRead, BufReader};
            let pipe = BufReader::new(fs::File::open(path).unwrap());
            let wanted = usize::try_from(1_000 - dropped).unwrap();
            pipe.lines().take(wanted).filter(Result::is_ok).count()
        }
    });
    assert_eq!(read.join().unwrap() as u64, 1_000 - dropped);
}

#[tokio::test]
async fn a_full_disk_is_survived_and_counted() {
    let metrics = Arc::new(Metrics::default());
    let log = DecisionLog::start(settings(Path::new("/dev/full")), Arc::clone(&metrics)).unwrap();
    log.record(denied());
    log.flush().await;
    log.record(denied());
    log.flush().await;
    let text = metrics.render().unwrap();
    let line = "wardroom_decision_log_dropped_total{reason=\"write-failed\"} 2";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_file_that_cannot_be_opened_is_told_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("missing/decisions.jsonl");
    assert!(DecisionLog::start(settings(&path), Arc::default()).is_err());
}
