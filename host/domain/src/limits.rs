//! Every limit of the domain, with its unit. Nothing else belongs here.

/// Longest identifier (user, workspace, channel, socket, role), in characters.
pub const MAX_ID_CHARS: usize = 128;

/// Largest media state of one user: the keys and values beyond the five known ones, in bytes.
pub const MAX_MEDIA_STATE_BYTES: usize = 2 * 1024;

/// Most live and held connections of one user in one workspace.
pub const MAX_CONNECTIONS_PER_USER: usize = 64;

/// Most members of one workspace.
pub const MAX_MEMBERS_PER_WORKSPACE: usize = 100_000;

/// Most channels of one workspace.
pub const MAX_CHANNELS_PER_WORKSPACE: usize = 10_000;

/// Most members that one private channel lists.
pub const MAX_MEMBERS_PER_CHANNEL: usize = MAX_MEMBERS_PER_WORKSPACE;

/// Most users or sockets that one application event may name.
pub const MAX_NAMED_RECIPIENTS: usize = 10_000;

/// Most renditions that the policies together may make of one event.
pub const MAX_RENDITIONS_PER_EVENT: usize = 32;

/// Connections that are asked about again in one decision while a workspace settles under a new
/// generation of policies.
pub const CONNECTIONS_PER_SETTLING: usize = 256;

/// Channels that are looked at again in one such decision.
pub const CHANNELS_PER_SETTLING: usize = 32;

/// How often a rule is applied to somebody in one such decision, after which no further channel is
/// looked at: some milliseconds. Whoever is put out counts once for each channel that not everyone
/// sees and once for everybody here, who may be told; after so many nobody else is asked about.
pub const PEOPLE_PER_SETTLING: usize = 32_768;

/// Users whose holds end in one decision. Where more are over, further decisions end them, so that
/// none asks policies about many events at once and others get their turn in between.
pub const USERS_PER_EXPIRY: usize = 64;

/// How often the questions of one command are answered while others may commit and so make it ask
/// anew. A command that still has questions then has the workspace to itself until it is decided.
pub const OPTIMISTIC_ASKS: usize = 4;

const _: () = assert!(MAX_MEMBERS_PER_CHANNEL <= MAX_MEMBERS_PER_WORKSPACE);
const _: () = assert!(MAX_NAMED_RECIPIENTS <= MAX_MEMBERS_PER_WORKSPACE);
