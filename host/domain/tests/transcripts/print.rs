//! Writes what happened in the words of a script. Knows nothing of how it came about.

use imbl::OrdSet;
use wardroom_domain::{
    Audience, CloseReason, Event, MediaState, OnlineStatus, Output, Question, Rejection, Rendering,
    Test, UserId, View, Workspace,
};

use crate::parse;

/// More people than so many are counted and not named.
const MOST_NAMED: usize = 100;

pub(crate) fn status(status: OnlineStatus) -> &'static str {
    match status {
        OnlineStatus::Offline => "offline",
        OnlineStatus::Idle => "idle",
        OnlineStatus::Online => "online",
    }
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|i| i.to_string()).collect();
    if items.is_empty() {
        "nobody".to_owned()
    } else {
        items.join(",")
    }
}

fn people(users: &OrdSet<UserId>) -> String {
    if users.len() > MOST_NAMED {
        return format!("{} people", users.len());
    }
    joined(users.iter())
}

/// What is on, and the other keys; long values by their size.
fn media(media: &MediaState) -> String {
    let flags = [
        ("microphone", media.microphone),
        ("speakers", media.speakers),
        ("screen", media.screen),
        ("camera", media.camera),
        ("speaking", media.speaking),
    ];
    let on = flags
        .iter()
        .filter(|(_, on)| *on)
        .map(|(n, _)| n.to_string());
    let rest = media.rest.iter().map(|(key, value)| match value.as_str() {
        long if long.len() > 40 => format!("{key}=({} bytes)", long.len()),
        short => format!("{key}={short}"),
    });
    format!("[{}]", on.chain(rest).collect::<Vec<_>>().join(" "))
}

fn audience(audience: &Audience) -> String {
    match audience {
        Audience::Workspace => "everyone".to_owned(),
        Audience::Users(users) => people(users),
        Audience::Sockets(sockets) => format!("sockets {}", joined(sockets.iter())),
    }
}

pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::ChannelCreated { channel } => format!("channel-created {channel}"),
        Event::ChannelDeleted { channel } => format!("channel-deleted {channel}"),
        Event::UserJoined { profile, .. } => format!("user-joined {}", profile.as_str()),
        Event::UserLeavedWorkspace { user } => format!("user-leaved-workspace {user}"),
        Event::UserUpdated { profile, .. } => format!("user-updated {}", profile.as_str()),
        Event::UserSelectedChannel {
            user,
            channel,
            media: m,
        } => format!("user-selected-channel {user} {channel} {}", media(m)),
        Event::UserUnselectedChannel { user, channel } => {
            format!("user-unselected-channel {user} {channel}")
        }
        Event::UserChangedDevice => "user-changed-device".to_owned(),
        Event::OnlineStatusUpdated { user, status: s } => {
            format!("online-status-updated {user} {}", status(*s))
        }
        Event::MediaStateUpdated { user, media: m } => {
            format!("media-state-updated {user} {}", media(m))
        }
        Event::Application { name, data } => format!("{name} {}", data.as_str()),
    }
}

fn reason(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Left => "left",
        CloseReason::Lost => "lost",
        CloseReason::Superseded => "superseded",
        CloseReason::Kicked => "kicked",
        CloseReason::MembershipEnded => "membership ended",
        CloseReason::WorkspaceClosed => "workspace closed",
        CloseReason::NotAdmitted(_) => "not admitted",
    }
}

pub(crate) fn output(output: &Output) -> String {
    match output {
        Output::Opened { socket, user } => format!("-> opened {socket} of {user}"),
        Output::Event {
            event: e,
            audience: a,
            rendering: r,
        } => format!("-> {} to {}{}", event(e), audience(a), rendering(r)),
        Output::Closed { socket, reason: r } => format!("-> closed {socket}: {}", reason(r)),
    }
}

fn rendering(rendering: &Rendering) -> String {
    let Rendering::Rendered(rendered) = rendering else {
        return String::new();
    };
    let forms = rendered.renditions.iter().map(|rendition| {
        let payload = rendition.payload.as_ref().map_or("nothing", |p| p.as_str());
        let roles = rendition
            .to
            .iter()
            .flat_map(|s| &s.any)
            .flat_map(|c| &c.all);
        let roles = joined(roles.map(|test| match test {
            Test::Roles(roles) => joined(roles.iter()),
            other => format!("{other:?}"),
        }));
        format!(
            "{payload} for {}",
            if roles.is_empty() { "all" } else { &roles }
        )
    });
    let departed = joined(rendered.departed.iter().map(|s| &s.user));
    format!(", as {} (departed: {departed})", joined(forms))
}

pub(crate) fn question(question: &Question) -> String {
    match question {
        Question::Audience(facts) => format!("? audience of {}", facts.id),
        Question::Subjects {
            channel,
            policy,
            subjects,
        } => {
            let users = joined(subjects.iter().map(|s| &s.user));
            format!("? policy {policy} on {}: {users}", channel.id)
        }
        Question::Admit(request) => {
            let again = if request.reevaluation { " again" } else { "" };
            format!("? admit {}{again}", request.subject.user)
        }
        Question::Authorize(facts) => {
            let channel = facts.channel.as_ref();
            let channel = channel.map_or_else(String::new, |c| format!(" in {}", c.id));
            format!("? allow {}{channel}", facts.subject.user)
        }
        Question::Render(facts) => format!("? render {}", event(&facts.event)),
    }
}

pub(crate) fn rejection(rejection: &Rejection) -> String {
    match rejection {
        Rejection::WorkspaceForbidden => "workspace-forbidden".to_owned(),
        Rejection::WorkspaceNotFound => "workspace-not-found".to_owned(),
        Rejection::NotConnected => "not-connected".to_owned(),
        Rejection::AnotherUsersConnection => "another-users-connection".to_owned(),
        Rejection::ChannelNotFound => "channel-not-found".to_owned(),
        Rejection::MemberNotFound => "member-not-found".to_owned(),
        Rejection::Denied(denial) => format!("denied by {}: {}", denial.policy, denial.code),
        Rejection::ChannelNotSelected => "channel-not-selected".to_owned(),
        Rejection::SelectedOnAnotherDevice => "selected-on-another-device".to_owned(),
        Rejection::MediaStateTooLarge => "media-state-too-large".to_owned(),
        Rejection::LimitReached { what, most } => format!("limit-reached: {most} {what}"),
    }
}

/// What a `show` line asks for: `channel c1`, `deadline`, or a user.
pub(crate) fn shown(state: &Workspace, words: &[&str]) -> String {
    match words {
        ["deadline"] => state.next_deadline().map_or_else(
            || "| no deadline".to_owned(),
            |at| format!("| deadline at t={}", at.0),
        ),
        ["channel", id] => {
            let channel = state.channels().get(&parse::channel(id)).unwrap();
            let view = match &channel.view {
                View::Everyone => "everyone".to_owned(),
                View::Users(users) => people(users),
            };
            let by = channel
                .generation
                .map_or_else(|| "built in".to_owned(), |g| format!("generation {}", g.0));
            format!("| {id} seen by {view}, {by}")
        }
        [user] => {
            let user = parse::user(user);
            let status = status(state.status(&user));
            let sockets = joined(state.sockets_of(&user));
            let place = state.selections().get(&user).map_or_else(
                || "in no channel".to_owned(),
                |s| format!("in {} on {} {}", s.channel, s.socket, media(&s.media)),
            );
            format!("| {user} {status}, sockets {sockets}, {place}")
        }
        _ => panic!("cannot show {words:?}"),
    }
}
