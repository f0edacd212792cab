//! Why somebody sees a channel, or does not, asked of a real server over HTTP and by the command line.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;
use wardroom_tests::backend::member;
use wardroom_tests::settings::API_KEY;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Server, eventually, paths};

const POLICY: &str = "private-channels";

async fn server() -> Server {
    let policy = paths::private_channels();
    let server = Server::with().policy(POLICY, &policy).start().await;
    let backend = server.backend();
    for user in ["ann", "eve"] {
        backend.put_member(user, &json!({})).await;
    }
    backend.put_channel("open", &json!({})).await;
    backend
        .put_channel("secret", &json!({"private": true, "members": ["ann"]}))
        .await;
    server
}

async fn explained(server: &Server, user: &str, channel: &str) -> Value {
    let path = format!("/v1/explain?workspace=w&user={user}&channel={channel}");
    let answer = server.backend().ok("GET", &path, &Value::Null).await;
    answer.body
}

async fn digest(server: &Server) -> Value {
    status(server).await["digest"].clone()
}

async fn status(server: &Server) -> Value {
    let backend = server.backend();
    let answer = backend.ok("GET", "/v1/policies", &Value::Null).await;
    answer.body["policies"][0].clone()
}

/// Puts a component in the place of the policy and waits until it is in force.
async fn swap(server: &Server, component: &Path) {
    let before = digest(server).await;
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    std::fs::copy(component, &beside).expect("it can be copied");
    std::fs::rename(&beside, &file).expect("it can be renamed");
    eventually("the swap", || async {
        (digest(server).await != before).then_some(())
    })
    .await;
}

/// A server whose only policy fails at channels of the fixture's choosing.
async fn failing(on_failure: &str) -> Server {
    let policy = paths::guest("misbehaves");
    let server = Server::with().policy(POLICY, &policy);
    let server = server.policy_set("on_failure", on_failure).start().await;
    server.backend().put_member("ann", &json!({})).await;
    server
}

#[tokio::test]
async fn the_rule_that_decides_is_named_for_a_visible_and_an_invisible_channel() {
    let server = server().await;
    let seen = explained(&server, "ann", "secret").await;
    assert_eq!(seen["visible"], true, "{seen}");
    let ruling = &seen["policies"][0];
    assert_eq!(ruling["name"], POLICY);
    assert_eq!(ruling["digest"], digest(&server).await);
    assert_eq!(
        (&ruling["rule"], &ruling["allows"]),
        (&json!("only"), &json!(true))
    );
    let clause = json!({"number": 1, "conditions": ["the channel lists the user"]});
    assert_eq!(ruling["clause"], clause);

    let hidden = explained(&server, "eve", "secret").await;
    assert_eq!(hidden["visible"], false, "{hidden}");
    let because = hidden["because"].as_str().expect("a sentence");
    assert!(
        because.starts_with("eve does not see secret: the built-in rule hides it, "),
        "{because}"
    );
    assert!(because.contains(", and so does one policy; "), "{because}");
    let because = hidden["policies"][0]["because"]
        .as_str()
        .expect("a sentence");
    assert!(
        because.contains("in vain that the channel lists the user"),
        "{because}"
    );
    assert_eq!(
        explained(&server, "eve", "open").await["policies"][0]["rule"],
        "everyone"
    );

    for (user, channel, code) in [
        ("nobody", "open", "member-not-found"),
        ("eve", "none", "channel-not-found"),
    ] {
        let path = format!("/v1/explain?workspace=w&user={user}&channel={channel}");
        let refused = server.backend().refused("GET", &path, &Value::Null).await;
        assert_eq!(refused, (404, code.to_owned()));
    }
}

#[tokio::test]
async fn after_a_swap_the_new_version_is_named_at_once() {
    let server = server().await;
    let before = explained(&server, "ann", "open").await;
    assert_eq!(before["visible"], true);
    swap(&server, &paths::guest("nobody")).await;
    let now = explained(&server, "ann", "open").await;
    assert_eq!(now["visible"], false, "{now}");
    assert_eq!(now["policies"][0]["digest"], digest(&server).await);
    assert_eq!(now["policies"][0]["rule"], "nobody");
    assert!(
        now["generation"].as_u64() > before["generation"].as_u64(),
        "{now}"
    );
}

#[tokio::test]
async fn a_policy_that_decides_one_by_one_is_asked_then_and_there() {
    let each = paths::guest("each");
    let server = Server::with().policy("teams", &each).start().await;
    let backend = server.backend();
    backend
        .put_channel("red", &json!({"attributes": {"team": "red"}}))
        .await;
    for (user, team) in [("ann", "red"), ("eve", "blue")] {
        let body = json!({"attributes": {"team": team}});
        backend.ok("PUT", &member(user), &body).await;
    }
    for (user, sees) in [("ann", true), ("eve", false)] {
        let said = explained(&server, user, "red").await;
        assert_eq!(said["visible"], sees, "{said}");
        let ruling = &said["policies"][0];
        assert_eq!(
            (&ruling["rule"], &ruling["allows"]),
            (&json!("each"), &json!(sees))
        );
        assert_eq!(ruling["clause"], Value::Null);
    }
}

#[tokio::test]
async fn the_configured_end_of_a_policy_that_fails_is_told() {
    for (end, visible, words) in [
        (
            "closed",
            false,
            "ann does not see trap: the policy private-channels failed, which hides it; ",
        ),
        (
            "open",
            true,
            "ann sees trap: the policy private-channels failed and does not hide it; ",
        ),
    ] {
        let server = failing(end).await;
        for channel in ["trap", "fine"] {
            server.backend().put_channel(channel, &json!({})).await;
        }
        let said = explained(&server, "ann", "trap").await;
        assert_eq!(said["visible"], visible, "{said}");
        let because = said["because"].as_str().expect("a sentence");
        assert!(because.starts_with(words), "{because}");
        let configured = format!("fail {end} (on_failure = \"{end}\")");
        assert!(because.contains(&configured), "{because}");
        let ruling = &said["policies"][0];
        assert_eq!(
            (&ruling["name"], &ruling["digest"]),
            (&json!(POLICY), &digest(&server).await)
        );
        let stand_in = &ruling["standIn"];
        assert_eq!(
            (&stand_in["by"], &stand_in["quarantined"]),
            (&json!(end), &json!(false))
        );
        let failure = stand_in["failure"].as_str().expect("it says how");
        assert!(failure.starts_with("trap: "), "{failure}");

        let said = explained(&server, "ann", "fine").await;
        assert_eq!(
            (&said["visible"], &said["policies"][0]["standIn"]),
            (&json!(true), &Value::Null)
        );
        let explain = ["explain", "-w", "w", "-u", "ann", "-c", "trap"];
        let (code, said, _) = policy(&server, &explain).await;
        assert_eq!(code, Some(0));
        assert!(said.starts_with(words), "{said}");
        let line = format!("     in its stead: on_failure = \"{end}\"");
        assert!(said.lines().any(|it| it == line), "{said}");
    }
}

#[tokio::test]
async fn a_policy_in_quarantine_is_told_to_be_there() {
    for (end, visible) in [("closed", false), ("open", true)] {
        let server = failing(end).await;
        let backend = server.backend();
        backend.put_channel("panic", &json!({})).await;
        for number in 0..10 {
            let body = json!({"attributes": {"number": number}});
            backend.put_channel("trap", &body).await;
        }
        // When the pause is over one channel is asked about, and the other is not.
        let said = eventually("the quarantine", || async {
            let said = explained(&server, "ann", "trap").await;
            let quarantined = said["policies"][0]["standIn"]["quarantined"] == true;
            quarantined.then_some(said)
        })
        .await;
        assert_eq!(said["visible"], visible, "{said}");
        assert_eq!(said["policies"][0]["standIn"]["by"], end);
        let because = said["because"].as_str().expect("a sentence");
        assert!(because.contains("keeps failing (last: trap: "), "{because}");
        assert!(
            because.contains("in quarantine, where it is not asked"),
            "{because}"
        );
    }
}

#[tokio::test]
async fn the_last_good_version_is_named_where_it_answers() {
    let server = server().await;
    let good = digest(&server).await;
    let backend = server.backend();
    backend
        .put_channel("trap", &json!({"private": true, "members": ["ann"]}))
        .await;
    swap(&server, &paths::guest("misbehaves")).await;
    for (user, visible) in [("ann", true), ("eve", false)] {
        let said = explained(&server, user, "trap").await;
        assert_eq!(said["visible"], visible, "{said}");
        let ruling = &said["policies"][0];
        assert_eq!(ruling["digest"], digest(&server).await);
        assert_eq!(
            (&ruling["rule"], &ruling["standIn"]["by"]),
            (&json!("only"), &json!("former"))
        );
        assert_eq!(ruling["standIn"]["formerDigest"], good);
        let because = ruling["because"].as_str().expect("a sentence");
        let words = format!(
            "the version before it, {}, answers",
            good.as_str().unwrap_or("?")
        );
        assert!(because.contains(&words), "{because}");
    }
    assert_eq!(
        explained(&server, "ann", "open").await["policies"][0]["standIn"],
        Value::Null
    );
}

/// What is counted of policies, but for the instances.
async fn counted(server: &Server) -> Vec<String> {
    let metrics = server.backend().ok("GET", "/metrics", &Value::Null).await;
    let text = metrics.body.as_str().expect("metrics are a text");
    let counted = text.lines().filter(|line| {
        (line.starts_with("wardroom_policy_") || line.starts_with("wardroom_decision_log_"))
            && !line.starts_with("wardroom_policy_instances")
            && !line.starts_with("wardroom_policy_memory")
    });
    counted.map(str::to_owned).collect()
}

#[tokio::test]
async fn asking_why_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let decisions = folder.path().join("decisions.jsonl");
    let candidate = folder.path().join("candidate.wasm");
    std::fs::copy(paths::guest("nobody"), &candidate).expect("it can be copied");
    let server = Server::with()
        .policy(POLICY, &paths::guest("each"))
        .policy_set("shadow_file", candidate.display().to_string())
        .set("decision_log.path", decisions.display().to_string())
        .set("decision_log.sample_allowed", 1.0)
        .start()
        .await;
    let backend = server.backend();
    let red = json!({"attributes": {"team": "red"}});
    backend.put_channel("red", &red).await;
    backend.ok("PUT", &member("ann"), &red).await;
    let _ann = server.join("ann").await;
    let shadow = format!("/v1/policies/{POLICY}/shadow");
    // The rule and the person were asked about, and the log and the shadow have heard of both.
    let (asked, before) = eventually("everything has settled", || async {
        let asked = backend.ok("GET", &shadow, &Value::Null).await.body["asked"].clone();
        let before = counted(&server).await;
        let lines = std::fs::read_to_string(&decisions).unwrap_or_default();
        let line = format!(
            "wardroom_decision_log_written_total {}",
            lines.lines().count()
        );
        let both = lines.lines().count() == 2 && before.contains(&line);
        (asked == 1 && both).then_some((asked, before))
    })
    .await;
    for _ in 0..20 {
        let said = explained(&server, "ann", "red").await;
        assert_eq!(
            (&said["visible"], &said["policies"][0]["rule"]),
            (&json!(true), &json!("each"))
        );
    }
    assert_eq!(counted(&server).await, before);
    // What the shadow is shown next is all that it is shown.
    backend.ok("PUT", &member("eve"), &red).await;
    let _eve = server.join("eve").await;
    eventually("the next question", || async {
        let now = backend.ok("GET", &shadow, &Value::Null).await.body["asked"].clone();
        (now != asked).then(|| assert_eq!(now, 2))
    })
    .await;
}

/// Runs a command of `wardroom policy` against a server; its exit code and what it said.
pub(crate) async fn policy(server: &Server, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{API_KEY}\n")).expect("it can be written to");
    let url = format!("http://{}", server.internal());
    let mut command = Command::new(paths::server());
    command.arg("policy").args(arguments).args(["--url", &url]);
    command.arg("--key-file").arg(Path::new(&key));
    let output = within_deadline("the end of a command", command.output()).await;
    let output = output.expect("the command can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test]
async fn the_command_line_says_the_same() {
    let server = server().await;
    let explain = |user| ["explain", "-w", "w", "-u", user, "-c", "secret"];
    let (code, said, _) = policy(&server, &explain("eve")).await;
    assert_eq!(code, Some(0));
    assert!(said.starts_with("eve does not see secret: "), "{said}");
    assert!(said.contains("no   private-channels: only"), "{said}");
    let json = [&explain("ann")[..], &["--json"]].concat();
    let (code, said, _) = policy(&server, &json).await;
    assert_eq!(code, Some(0));
    let said: Value = serde_json::from_str(&said).expect("it is JSON");
    assert_eq!(said, explained(&server, "ann", "secret").await);
    let (code, _, error) = policy(&server, &explain("nobody")).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("404 member-not-found"), "{error}");
}

#[tokio::test]
async fn refusals_commands_admission_and_events_are_explained_too() {
    let server = Server::with().policy(POLICY, &paths::guest("strict"));
    let server = server.start().await;
    let backend = server.backend();
    backend.put_channel("vault", &json!({})).await;
    let ann = server.join("ann").await;
    let select = format!("/v1/connections/{}/select-channel", ann.socket());
    let body = json!({"userId": "ann", "channelId": "vault"});
    let refused = backend.call("POST", &select, &body).await.body;
    let id = refused["decisionId"].as_str().expect("a refusal has an id");

    let path = format!("/v1/explain/decisions/{id}");
    let said = backend.ok("GET", &path, &Value::Null).await.body;
    assert_eq!(
        said["because"],
        "ann was refused select-channel in vault, workspace w: the policy private-channels denied with \
         the code closed: the vault is closed"
    );
    assert_eq!(said["digest"], digest(&server).await);
    let (code, told, _) = policy(&server, &["explain", "--decision", id]).await;
    assert_eq!(code, Some(0));
    assert!(
        told.starts_with("ann was refused select-channel in vault"),
        "{told}"
    );
    let (code, _, error) = policy(&server, &["explain", "--decision", "none"]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("404 not-found"), "{error}");

    let of_ann = ["explain", "-w", "w", "-u", "ann"];
    for (more, verdict) in [
        (
            &["--command", "select-channel", "-c", "vault"][..],
            "ann may not select-channel: the policy private-channels decides it; it denies with the code \
             closed: the vault is closed",
        ),
        (
            &["--admission"],
            "ann would enter w: the policy private-channels has nothing against it",
        ),
        (
            &["--event", "withheld", "--data", "[1]"],
            "ann does not get withheld: the policy private-channels decides it; it suppresses the event \
             for all",
        ),
    ] {
        let (code, told, error) = policy(&server, &[&of_ann[..], more].concat()).await;
        assert_eq!(code, Some(0), "{error}");
        assert!(told.starts_with(verdict), "{told}");
    }
}
