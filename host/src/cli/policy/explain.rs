//! `wardroom policy explain`: asks a running server why a user sees a channel, or does not. It must
//! not know how a server finds out.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use super::remote::Remote;
use crate::cli::{Environment, Failure};
use crate::policy_tools::api::encoded;

/// Say which rule of which policy lets a user see a channel, or hides it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    #[command(flatten)]
    remote: Remote,
    /// The workspace
    #[arg(long, short, value_name = "ID")]
    workspace: String,
    /// The user, a member or connected
    #[arg(long, short, value_name = "ID")]
    user: String,
    /// The channel
    #[arg(long, short, value_name = "ID")]
    channel: String,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy explain --key-file key --workspace acme --user ann --channel board
  WARDROOM_API_KEY=… wardroom policy explain -w acme -u ann -c board --json

The key needs the scope ops:read.";

pub(super) fn run(
    command: &Explain,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = format!(
        "/v1/explain?workspace={}&user={}&channel={}",
        encoded(&command.workspace),
        encoded(&command.user),
        encoded(&command.channel)
    );
    let said = command.remote.call(environment, "GET", &path, None)?;
    if command.remote.json {
        writeln!(out, "{said:#}")?;
        return Ok(());
    }
    told(&said, out)?;
    Ok(())
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

    use serde_json::json;

    use super::*;

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
}
