//! Reads the words of a script line into the domain's own types. Knows nothing of what happens
//! to them; a line it cannot read is a broken test, so it panics with the line.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdSet;
use wardroom_domain::{
    Attributes, ChannelId, ChannelSpec, Clause, Command, Json, Leave, MediaPatch, MemberSpec,
    Millis, OnlineStatus, Publication, Role, Rule, Selector, SocketId, Target, Test, Truth, UserId,
};

/// How long the scripts hold a lost connection: the defaults of `presence.grace` and
/// `presence.grace_in_channel`.
const GRACE: Leave = Leave::Lost {
    grace: Millis(5_000),
    grace_in_channel: Millis(60_000),
};

/// The words after a command's name: plain ones in order, and `name=value` ones.
#[derive(Debug)]
struct Words<'a> {
    line: &'a str,
    plain: Vec<&'a str>,
    named: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn new(line: &'a str) -> Self {
        let (named, plain): (Vec<&str>, Vec<&str>) = line
            .split_whitespace()
            .skip(1)
            .partition(|w| w.contains('='));
        let named = named
            .into_iter()
            .map(|w| w.split_once('=').unwrap())
            .collect();
        Self { line, plain, named }
    }

    fn at(&self, place: usize) -> &'a str {
        self.plain
            .get(place)
            .unwrap_or_else(|| panic!("a word is missing: {}", self.line))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.named.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    fn has(&self, word: &str) -> bool {
        self.plain.contains(&word)
    }
}

pub(crate) fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

pub(crate) fn channel(text: &str) -> ChannelId {
    ChannelId::new(text).unwrap()
}

fn socket(text: &str) -> SocketId {
    SocketId::new(text).unwrap()
}

/// Names with commas between them; `x*9` stands for `x1` to `x9`.
fn list(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for word in text.split(',').filter(|w| !w.is_empty()) {
        match word.split_once('*') {
            None => names.push(word.to_owned()),
            Some((name, count)) => {
                let count: usize = count.parse().unwrap();
                names.extend((1..=count).map(|number| format!("{name}{number}")));
            }
        }
    }
    names
}

fn users(text: &str) -> OrdSet<UserId> {
    list(text).iter().map(|u| user(u)).collect()
}

fn status(text: &str) -> OnlineStatus {
    match text {
        "online" => OnlineStatus::Online,
        "idle" => OnlineStatus::Idle,
        "offline" => OnlineStatus::Offline,
        _ => panic!("no such status: {text}"),
    }
}

fn json_string(text: &str) -> Json {
    Json::from_canonical(&format!("\"{text}\""))
}

fn profile(user: &str, name: Option<&str>) -> Json {
    let name = name.map_or_else(String::new, |n| format!(r#","name":"{n}""#));
    Json::from_canonical(&format!(r#"{{"id":"{user}"{name}}}"#))
}

/// `attr.team=red` words; nothing if there are none.
fn attributes(words: &Words<'_>) -> Option<Attributes> {
    let scalars: BTreeMap<Arc<str>, Arc<str>> = words
        .named
        .iter()
        .filter_map(|(n, v)| Some((Arc::from(n.strip_prefix("attr.")?), Arc::from(*v))))
        .collect();
    if scalars.is_empty() {
        return None;
    }
    let pairs: Vec<String> = scalars
        .iter()
        .map(|(n, v)| format!(r#""{n}":"{v}""#))
        .collect();
    Some(Attributes {
        text: Json::from_canonical(&format!("{{{}}}", pairs.join(","))),
        scalars: Arc::new(scalars),
    })
}

/// `-` stands for no role.
fn role(text: &str) -> Option<Role> {
    (text != "-").then(|| Role::new(text).unwrap())
}

fn member_spec(id: &str, words: &Words<'_>) -> MemberSpec {
    MemberSpec {
        profile: words.get("name").map(|name| profile(id, Some(name))),
        role: words.get("role").map(role),
        attributes: attributes(words),
    }
}

fn channel_spec(words: &Words<'_>) -> ChannelSpec {
    let private = words.has("private").then_some(true);
    ChannelSpec {
        private: private.or(words.has("public").then_some(false)),
        members: words.get("members").map(users),
        attributes: attributes(words),
    }
}

/// `microphone`, `microphone=off`, or another key: `key=word`, `key=*bytes` for a long value.
fn media(words: &[&str]) -> MediaPatch {
    let mut patch = MediaPatch::default();
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, "on"));
        let on = Some(value == "on");
        match name {
            "microphone" => patch.microphone = on,
            "speakers" => patch.speakers = on,
            "screen" => patch.screen = on,
            "camera" => patch.camera = on,
            "speaking" => patch.speaking = on,
            _ => {
                let value = value.strip_prefix('*').map_or_else(
                    || json_string(value),
                    // Two bytes are the quotes.
                    |bytes| json_string(&"x".repeat(bytes.parse::<usize>().unwrap() - 2)),
                );
                patch.rest.insert(Arc::from(name), value);
            }
        }
    }
    patch
}

fn target(text: &str) -> Target {
    match text.split_once(':') {
        None => Target::Workspace,
        Some(("channel", id)) => Target::Channel(channel(id)),
        Some(("conversation", id)) => Target::Conversation(channel(id)),
        Some(("users", ids)) => Target::Users(users(ids)),
        Some(("sockets-of", of)) => {
            let (owner, ids) = of.split_once('/').unwrap();
            let sockets = list(ids).iter().map(|s| socket(s)).collect();
            Target::SocketsOf(user(owner), sockets)
        }
        Some(("sockets", ids)) => Target::Sockets(list(ids).iter().map(|s| socket(s)).collect()),
        Some(_) => panic!("no such target: {text}"),
    }
}

/// `sync [quiet] u1 u2:editor #c1 #c2:u1,u2 #x*9`: members with their roles, channels with their
/// members, nine channels `x1` to `x9`.
fn truth(words: &Words<'_>) -> Truth {
    let mut truth = Truth::default();
    for word in words.plain.iter().filter(|w| **w != "quiet") {
        let (id, more) = word
            .split_once(':')
            .map_or((*word, None), |(i, m)| (i, Some(m)));
        if let Some(ids) = id.strip_prefix('#') {
            for id in list(ids) {
                let spec = ChannelSpec {
                    private: Some(more.is_some()),
                    members: Some(users(more.unwrap_or(""))),
                    attributes: None,
                };
                truth.channels.insert(channel(&id), spec);
            }
        } else {
            let spec = MemberSpec {
                role: more.map(role),
                ..MemberSpec::default()
            };
            truth.members.insert(user(id), (spec, profile(id, None)));
        }
    }
    truth
}

fn connect(words: &Words<'_>) -> Command {
    Command::Connect {
        socket: socket(words.at(0)),
        user: user(words.at(1)),
        status: words.get("status").map(status),
        role: words.get("role").and_then(role),
        named_by_token: words.has("by-token"),
        replaces: words.get("replaces").map(socket),
        claims: Json::from_canonical("{}"),
        remote_address: None,
    }
}

/// Reads a command of the script.
pub(crate) fn command(line: &str) -> Command {
    let words = Words::new(line);
    let rest: Vec<&str> = line.split_whitespace().collect();
    match rest[0] {
        "connect" => connect(&words),
        "disconnect" => Command::Disconnect {
            socket: socket(words.at(0)),
            leave: Leave::OnPurpose,
        },
        "lose" => Command::Disconnect {
            socket: socket(words.at(0)),
            leave: GRACE,
        },
        "expire" => Command::Expire,
        "select" => Command::Select {
            socket: socket(rest[1]),
            channel: channel(rest[2]),
            media: (rest.len() > 3).then(|| media(&rest[3..])),
        },
        "unselect" => Command::Unselect {
            socket: socket(words.at(0)),
        },
        "media" => Command::UpdateMedia {
            socket: socket(rest[1]),
            patch: media(&rest[2..]),
        },
        "status" => Command::UpdateStatus {
            socket: socket(words.at(0)),
            status: status(words.at(1)),
        },
        "get-state" => Command::GetState {
            socket: socket(words.at(0)),
        },
        "evict" => Command::Evict {
            socket: socket(words.at(0)),
        },
        "relay" => Command::Relay {
            user: user(rest[1]),
            command: Box::new(command(&rest[2..].join(" "))),
        },
        "kick" => Command::Kick {
            user: user(words.at(0)),
        },
        "publish" => Command::Publish(Publication {
            name: Arc::from(words.at(0)),
            data: Json::from_canonical("1"),
            to: target(words.at(1)),
        }),
        "settle" => Command::Settle,
        _ => directory(rest[0], &words),
    }
}

/// What the backend says of members and channels.
fn directory(name: &str, words: &Words<'_>) -> Command {
    match name {
        "put-member" => Command::PutMember {
            user: user(words.at(0)),
            spec: member_spec(words.at(0), words),
            default_profile: profile(words.at(0), None),
        },
        "remove-member" => Command::RemoveMember {
            user: user(words.at(0)),
        },
        "update-profile" => Command::UpdateProfile {
            user: user(words.at(0)),
            profile: profile(words.at(0), words.get("name")),
        },
        "put-channel" => Command::PutChannel {
            channel: channel(words.at(0)),
            spec: channel_spec(words),
        },
        "put-channel-member" => Command::PutChannelMember {
            channel: channel(words.at(0)),
            user: user(words.at(1)),
        },
        "remove-channel-member" => Command::RemoveChannelMember {
            channel: channel(words.at(0)),
            user: user(words.at(1)),
        },
        "delete-channel" => Command::DeleteChannel {
            channel: channel(words.at(0)),
        },
        "sync" => Command::Sync {
            truth: truth(words),
            quiet: words.has("quiet"),
        },
        "close" => Command::Close,
        _ => panic!("no such command: {}", words.line),
    }
}

/// One rule of a script's policy, and whom it lets in where it answers `each`.
#[derive(Clone, Debug)]
pub(crate) struct ScriptRule {
    pub(crate) rule: Rule,
    pub(crate) each: Selector,
}

/// `everyone`, `nobody`, `only(tests; tests)`, `except(…)` or `each(…)`, joined by `&`. A test is
/// `user=a,b`, `role=a,b`, `member` or `attr.name=value`, and `!` before it turns it round.
pub(crate) fn rules(text: &str) -> Vec<ScriptRule> {
    text.split('&').map(|one| rule(one.trim())).collect()
}

fn rule(text: &str) -> ScriptRule {
    let (name, clauses) = text
        .strip_suffix(')')
        .map_or((text, ""), |t| t.split_once('(').unwrap());
    let selector = Selector {
        any: clauses
            .split(';')
            .filter(|c| !c.trim().is_empty())
            .map(clause)
            .collect(),
    };
    let rule = match name {
        "everyone" => Rule::Everyone,
        "nobody" => Rule::Nobody,
        "only" => Rule::Only(selector.clone()),
        "except" => Rule::Except(selector.clone()),
        "each" => Rule::Each,
        _ => panic!("no such rule: {text}"),
    };
    ScriptRule {
        rule,
        each: selector,
    }
}

fn clause(text: &str) -> Clause {
    let mut clause = Clause::default();
    for word in text.split_whitespace() {
        match word.strip_prefix('!') {
            Some(word) => clause.none.push(test(word)),
            None => clause.all.push(test(word)),
        }
    }
    clause
}

fn test(text: &str) -> Test {
    match text.split_once('=') {
        None if text == "member" => Test::ChannelMember,
        Some(("user", names)) => Test::Users(list(names).iter().map(|u| user(u)).collect()),
        Some(("role", names)) => {
            Test::Roles(list(names).iter().map(|r| Role::new(r).unwrap()).collect())
        }
        Some((name, value)) if name.starts_with("attr.") => Test::Attribute {
            name: Arc::from(&name[5..]),
            value: Arc::from(value),
        },
        _ => panic!("no such test: {text}"),
    }
}
