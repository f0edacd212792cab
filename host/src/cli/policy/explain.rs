//! `wardroom policy explain`: asks a running server why a user sees a channel, enters, may send a
//! command or gets an event, or does not. It must not know how a server finds out.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::remote::Remote;
use crate::cli::{Environment, Failure};
use crate::policy_tools::api::{Body, encoded};

/// Say which policy lets a user see a channel, enter, or send a command, or what it makes of an event
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    #[command(flatten)]
    remote: Remote,
    /// The workspace
    #[arg(long, short, value_name = "ID", required_unless_present = "decision")]
    workspace: Option<String>,
    /// The user, a member or connected
    #[arg(long, short, value_name = "ID", required_unless_present = "decision")]
    user: Option<String>,
    /// The channel: whether the user sees it; with --command or --event, what that is about
    #[arg(long, short, value_name = "ID", required_unless_present_any = ["admission", "command", "event", "decision"])]
    channel: Option<String>,
    /// Whether the user would enter, with the claims of the latest connection
    #[arg(long, conflicts_with_all = ["channel", "command", "event"])]
    admission: bool,
    /// A file with the claims of a token, a JSON object, in the place of those of the connection
    #[arg(long, value_name = "FILE", requires = "admission")]
    claims: Option<PathBuf>,
    /// Whether the user may send this command, such as select-channel
    #[arg(long, value_name = "NAME", conflicts_with = "event")]
    command: Option<String>,
    /// What goes with the command, a JSON object; --channel adds `channelId`
    #[arg(long, value_name = "JSON", requires = "command", value_parser = json)]
    arguments: Option<Value>,
    /// What the user would get of this event, such as user-updated
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// What the event carries, any JSON
    #[arg(long, value_name = "JSON", requires = "event", value_parser = json)]
    data: Option<Value>,
    /// The user whom the event is about
    #[arg(long, value_name = "ID", requires = "event")]
    about: Option<String>,
    /// A refusal, by the `decisionId` of the error that a client got
    #[arg(long, value_name = "ID", conflicts_with_all = [
        "workspace", "user", "channel", "admission", "command", "event"
    ])]
    decision: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy explain --key-file key --workspace acme --user ann --channel board
  wardroom policy explain --key-file key -w acme -u ann --admission
  wardroom policy explain --key-file key -w acme -u ann --command select-channel -c board
  wardroom policy explain --key-file key -w acme -u ann --event user-updated \\
    --about bob --data '{\"user\": {\"id\": \"bob\"}}'
  WARDROOM_API_KEY=… wardroom policy explain --decision 5d41402abc4b2a76 --json

The key needs the scope ops:read.";

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))
}

pub(super) fn run(
    command: &Explain,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    command.check().map_err(Failure::Usage)?;
    let question = command.question()?;
    let path = &question.path;
    let body = question.body.map(|body| body.to_string());
    let said = match &body {
        None => command.remote.call(environment, "GET", path, None)?,
        Some(body) => {
            let body = Body {
                media_type: "application/json",
                bytes: body.as_bytes(),
            };
            command.remote.call(environment, "POST", path, Some(body))?
        }
    };
    if command.remote.json {
        writeln!(out, "{said:#}")?;
        return Ok(());
    }
    (question.told)(&said, out)?;
    Ok(())
}

/// What the server is asked, and how its answer is shown.
struct Question {
    path: String,
    body: Option<Value>,
    told: fn(&Value, &mut dyn Write) -> std::io::Result<()>,
}

impl Explain {
    /// Refuses what belongs to another question than the one that is asked. Of arguments that exclude
    /// each other, clap does not demand what one of them requires.
    fn check(&self) -> Result<(), String> {
        for (given, argument, with, is_asked) in [
            (
                self.claims.is_some(),
                "--claims",
                "--admission",
                self.admission,
            ),
            (
                self.arguments.is_some(),
                "--arguments",
                "--command",
                self.command.is_some(),
            ),
            (
                self.data.is_some(),
                "--data",
                "--event",
                self.event.is_some(),
            ),
            (
                self.about.is_some(),
                "--about",
                "--event",
                self.event.is_some(),
            ),
        ] {
            if given && !is_asked {
                return Err(format!("{argument} goes with {with}, which is not given"));
            }
        }
        Ok(())
    }

    fn question(&self) -> Result<Question, Failure> {
        if let Some(id) = &self.decision {
            return Ok(Question {
                path: format!("/v1/explain/decisions/{}", encoded(id)),
                body: None,
                told: told_denial,
            });
        }
        let workspace = self.workspace.as_deref().unwrap_or_default();
        let user = self.user.as_deref().unwrap_or_default();
        let mut body = json!({"workspaceId": workspace, "userId": user});
        let path = if self.admission {
            if let Some(file) = &self.claims {
                let shown = file.display();
                let text = fs::read_to_string(file)
                    .map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
                body["claims"] =
                    json(&text).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
            }
            "/v1/explain/admission"
        } else if let Some(name) = &self.command {
            let mut arguments = self.arguments.clone().unwrap_or_else(|| json!({}));
            if let (Some(channel), Some(arguments)) = (&self.channel, arguments.as_object_mut()) {
                arguments.insert("channelId".to_owned(), json!(channel));
            }
            body["command"] = json!(name);
            body["arguments"] = arguments;
            "/v1/explain/command"
        } else if let Some(name) = &self.event {
            body["event"] = json!(name);
            if let Some(data) = &self.data {
                body["data"] = data.clone();
            }
            if let Some(about) = &self.about {
                body["aboutUserId"] = json!(about);
            }
            if let Some(channel) = &self.channel {
                body["channelId"] = json!(channel);
            }
            "/v1/explain/event"
        } else {
            let channel = self.channel.as_deref().unwrap_or_default();
            return Ok(Question {
                path: format!(
                    "/v1/explain?workspace={}&user={}&channel={}",
                    encoded(workspace),
                    encoded(user),
                    encoded(channel)
                ),
                body: None,
                told,
            });
        };
        Ok(Question {
            path: path.to_owned(),
            body: Some(body),
            told: told_judgement,
        })
    }
}

fn told_user(user: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    let role = match user["role"].as_str() {
        Some(role) => format!("role {role}"),
        None => "no role".to_owned(),
    };
    let member = if user["member"] == true {
        "a member of the workspace"
    } else {
        "no member of the workspace"
    };
    writeln!(out, "user        {}: {role}, {member}", text(&user["id"]))
}

/// What the policies say of somebody who enters, of a command or of an event.
fn told_judgement(said: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}\n", text(&said["because"]))?;
    told_user(&said["user"], out)?;
    if let Some(from) = said["claimsFrom"].as_str() {
        writeln!(out, "claims from {from}")?;
    }
    if let Some(generation) = said["generation"].as_u64() {
        writeln!(out, "generation  {generation}")?;
    }
    if let Some(data) = said.get("data") {
        writeln!(out, "gets        {data}")?;
    }
    for policy in said["policies"].as_array().into_iter().flatten() {
        let (name, verdict) = (text(&policy["name"]), text(&policy["verdict"]));
        writeln!(out, "\n{verdict}  {name}")?;
        writeln!(out, "     {}", text(&policy["digest"]))?;
        told_stand_in(&policy["standIn"], out)?;
        writeln!(out, "     {}", text(&policy["because"]))?;
    }
    Ok(())
}

/// A refusal, by its id.
fn told_denial(said: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}\n", text(&said["because"]))?;
    writeln!(out, "at          {}", text(&said["at"]))?;
    writeln!(out, "hook        {}", text(&said["hook"]))?;
    writeln!(out, "policy      {}", text(&said["policy"]))?;
    writeln!(out, "digest      {}", text(&said["digest"]))?;
    writeln!(out, "generation  {}", said["generation"])
}

fn told(said: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}\n", text(&said["because"]))?;
    let (user, channel) = (&said["user"], &said["channel"]);
    let role = match user["role"].as_str() {
        Some(role) => format!("role {role}"),
        None => "no role".to_owned(),
    };
    let member = if user["member"] == true {
        "a member of the workspace"
    } else {
        "connected, and no member of the workspace"
    };
    writeln!(out, "user        {}: {role}, {member}", text(&user["id"]))?;
    let kind = if channel["private"] == true {
        "private"
    } else {
        "public"
    };
    let lists = if channel["listsUser"] == true {
        "lists the user"
    } else {
        "does not list the user"
    };
    writeln!(out, "channel     {}: {kind}, {lists}", text(&channel["id"]))?;
    if let Some(generation) = said["generation"].as_u64() {
        writeln!(out, "generation  {generation}")?;
    }
    if let Some(allows) = said["builtInRule"]["allows"].as_bool() {
        let allows = if allows { "yes" } else { "no " };
        writeln!(out, "\n{allows}  the built-in rule")?;
        writeln!(out, "     {}", text(&said["builtInRule"]["because"]))?;
    }
    for policy in said["policies"].as_array().into_iter().flatten() {
        let allows = if policy["allows"] == true {
            "yes"
        } else {
            "no "
        };
        let (name, rule) = (text(&policy["name"]), text(&policy["rule"]));
        writeln!(out, "\n{allows}  {name}: {rule}")?;
        writeln!(out, "     {}", text(&policy["digest"]))?;
        told_stand_in(&policy["standIn"], out)?;
        writeln!(out, "     {}", text(&policy["because"]))?;
    }
    Ok(())
}

/// What stands in for a version that failed, if anything does.
fn told_stand_in(stand_in: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    let by = match stand_in["by"].as_str() {
        None => return Ok(()),
        Some("former") => format!("the version before, {}", text(&stand_in["formerDigest"])),
        Some(end) => format!("on_failure = \"{end}\""),
    };
    let what = if stand_in["quarantined"] == true {
        "in quarantine, last"
    } else {
        "failed"
    };
    let failure = text(&stand_in["failure"]);
    writeln!(out, "     {what}: {failure}")?;
    writeln!(out, "     in its stead: {by}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        explain: Explain,
    }

    #[test]
    fn what_belongs_to_another_question_is_refused() {
        let refusal = |line: &str| {
            let words = "explain -w w -u u".split(' ').chain(line.split(' '));
            match <Line as clap::Parser>::try_parse_from(words) {
                Ok(line) => line.explain.check().err(),
                Err(error) => Some(error.to_string()),
            }
        };
        for (line, told) in [
            ("-c board --claims file", "--admission"),
            ("--command get-state --claims file", "--admission"),
            ("--event news --arguments {}", "--command"),
            ("-c board --arguments {}", "--command"),
            ("-c board --data 1", "--event"),
            ("--admission --about bob", "--event"),
        ] {
            let said = refusal(line);
            assert!(
                said.as_ref().is_some_and(|it| it.contains(told)),
                "{line}: {said:?}"
            );
        }
        for line in [
            "-c board",
            "--admission --claims file",
            "--event news --data 1 -c c",
        ] {
            assert_eq!(refusal(line), None, "{line}");
        }
    }

    #[test]
    fn people_are_told_the_verdict_first() {
        let said = json!({
            "visible": false,
            "because": "ann does not see board: the policy p hides it; it lets nobody see the channel",
            "generation": 7,
            "channel": {"id": "board", "private": true, "listsUser": false},
            "user": {"id": "ann", "role": "guest", "member": false},
            "builtInRule": {"allows": false, "because": "the channel is private and does not list the user"},
            "policies": [{
                "name": "p", "digest": "sha256:00", "rule": "nobody", "allows": false,
                "clause": null, "standIn": null, "because": "it lets nobody see the channel",
            }, {
                "name": "q", "digest": "sha256:01", "rule": "everyone", "allows": true,
                "clause": null, "because": "it keeps failing",
                "standIn": {
                    "by": "open", "formerDigest": null, "failure": "trap: told to", "quarantined": true,
                },
            }],
        });
        let mut out = Vec::new();
        told(&said, &mut out).unwrap();
        let expected =
            "ann does not see board: the policy p hides it; it lets nobody see the channel

user        ann: role guest, connected, and no member of the workspace
channel     board: private, does not list the user
generation  7

no   the built-in rule
     the channel is private and does not list the user

no   p: nobody
     sha256:00
     it lets nobody see the channel

yes  q: everyone
     sha256:01
     in quarantine, last: trap: told to
     in its stead: on_failure = \"open\"
     it keeps failing
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn of_a_judgement_people_are_told_each_policy() {
        let said = json!({
            "allowed": false,
            "because": "ann may not select-channel: the policy p decides it; it denies",
            "generation": 7,
            "user": {"id": "ann", "role": null, "member": true},
            "policies": [{
                "name": "p", "digest": "sha256:00", "verdict": "denied", "code": "no", "message": "No.",
                "grants": [], "standIn": null, "because": "it denies",
            }],
        });
        let mut out = Vec::new();
        told_judgement(&said, &mut out).unwrap();
        let expected = "ann may not select-channel: the policy p decides it; it denies

user        ann: no role, a member of the workspace
generation  7

denied  p
     sha256:00
     it denies
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
