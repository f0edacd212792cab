//! The directory of a case: a workspace as if a backend had described it. Knows no cases.

use std::collections::BTreeMap;

use wardroom_domain::{
    ChannelFacts, ChannelSpec, Command, Context, Json, MemberSpec, SubjectFacts, Timestamp, Truth,
    Workspace, decide,
};

/// A workspace with these members and channels.
pub(super) fn workspace(
    members: &[SubjectFacts],
    channels: &[ChannelFacts],
) -> Result<Workspace, String> {
    let members: BTreeMap<_, _> = members
        .iter()
        .map(|subject| {
            let spec = MemberSpec {
                profile: None,
                role: Some(subject.role.clone()),
                attributes: Some(subject.attributes.clone()),
            };
            let profile = serde_json::json!({ "id": subject.user.as_str() });
            let profile = Json::from_canonical(&profile.to_string());
            (subject.user.clone(), (spec, profile))
        })
        .collect();
    let channels: BTreeMap<_, _> = channels
        .iter()
        .map(|channel| {
            let spec = ChannelSpec {
                private: Some(channel.private),
                members: Some(channel.members.clone()),
                attributes: Some(channel.attributes.clone()),
            };
            (channel.id.clone(), spec)
        })
        .collect();
    let truth = Truth { members, channels };
    let command = Command::Sync { truth, quiet: true };
    let context = Context {
        now: Timestamp(0),
        policies: None,
    };
    decide(&Workspace::default(), &command, &context)
        .map(|decision| decision.next)
        .map_err(|refused| format!("the directory cannot be: {refused:?}"))
}
