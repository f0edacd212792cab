//! Every limit of the server, with its unit, and what happens at it. The domain has its own.

mod http;
mod policies;
mod rates;
mod running;

use std::time::Duration;

pub use self::http::*;
pub use self::policies::*;
pub use self::rates::*;
pub use self::running::*;

// ---- commit path ----

/// Entries of one workspace's log that are committed and not yet delivered. At the limit a
/// command waits for room, and fails with `overloaded` after [`COMMIT_TIMEOUT`].
pub const MAX_UNDELIVERED_ENTRIES: usize = 1024;

/// How long a command waits for room in its workspace's log.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Members and channels that a command tells of at once, or those of the workspace it is about, from
/// which on deciding it is long work: it keeps no thread from its other tasks, and nobody who asks for
/// the state waits for it.
pub const LONG_DECISION_ROWS: usize = 1000;

/// Bytes of a body from which on reading it is long work.
pub const LONG_BODY_BYTES: usize = 256 * 1024;

/// How long questions to the policies may keep a thread before other work runs, beyond the one call
/// that is under way.
pub const ASKING_TURN: Duration = Duration::from_millis(1);

/// Entries that a follower takes at once; their frames share one write per receiver.
pub const MAX_BATCH_ENTRIES: usize = 64;

/// How long the delivery to one workspace may keep a thread before it lets other work run.
pub const DELIVERY_TURN: Duration = Duration::from_millis(5);

/// Groups of people of one workspace among whom renditions are not told apart, so that the right one
/// is found once for all of them. Whoever would need one more is looked up by themself.
pub const MAX_LANES: usize = 64;

/// Attributes that people are grouped by. Beyond it the grouping begins anew with those that the next
/// event's selectors compare; where these alone are more, everybody is looked up by themself.
pub const MAX_COMPARED_ATTRIBUTES: usize = 16;

/// How often one command may have to be decided anew, because policies were swapped or asked
/// something new, before it fails with `overloaded`.
pub const MAX_DECISION_ROUNDS: usize = 64;

/// How long the end of holds is put off in a workspace in which it failed.
pub const EXPIRY_RETRY: Duration = Duration::from_secs(1);

/// Subjects that one call asks a policy about, for channels it answered `each`.
pub const MAX_SUBJECTS_PER_CALL: usize = 1024;

/// Members of whom it is remembered how policies make them appear in `get-state`, in all workspaces
/// together. Beyond it everything is forgotten, and asked again when it is wanted.
pub const MAX_APPEARANCES: usize = 400_000;

/// Bytes of all answers to `get-state` that are being made or have not left yet; what several clients
/// get alike counts once. At the limit further answers wait for [`STATE_PATIENCE`], and then fail with
/// `overloaded`. An answer that is larger than this waits until it is the only one.
pub const MAX_STATE_BYTES: u32 = 256 * 1024 * 1024;

/// How long the answer to `get-state` may take to be made, the time included that it waits for others.
pub const STATE_PATIENCE: Duration = Duration::from_secs(10);

/// How long the answer to `get-state` may take to leave, beside a second for each
/// [`STATE_BYTES_PER_SECOND`]. Whoever takes it more slowly is closed: others wait for its room.
pub const STATE_LEAVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer to `get-state` that a client takes in a second at least.
pub const STATE_BYTES_PER_SECOND: u64 = 64 * 1024;

/// Members that a client may ask for at once with the `limit` of `get-state`, and gets if it only says
/// behind whom.
pub const MAX_STATE_PAGE: usize = 1_000;

/// Members of a workspace whose looks are looked up for an answer to `get-state` before other work gets its
/// turn.
pub const MEMBERS_PER_TURN: usize = 1_000;
/// Members of a workspace that are looked at for whether an answer to `get-state` is there already, before
/// other work gets its turn. That takes some milliseconds; more turns would keep others who ask waiting,
/// for one looks at a time.
pub const SURVEYED_PER_TURN: usize = 5_000;

/// Bytes of an answer to `get-state` that are written before other work gets its turn.
pub const STATE_TURN_BYTES: usize = 64 * 1024;

const _: () = assert!(wardroom_domain::limits::MAX_MEMBERS_PER_WORKSPACE < MAX_APPEARANCES);

// ---- durable directory ----

/// Directory writes that wait for the disk. At the limit further ones wait.
pub const MAX_WAITING_WRITES: usize = 256;

// ---- authentication ----

/// Longest JSON Web Token that is looked at, in bytes; longer ones are refused unparsed.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Most workspaces that one token may name.
pub const MAX_TOKEN_WORKSPACES: usize = 1_024;
/// Longest API key that is looked at, in bytes; longer ones are refused unhashed.
pub const MAX_API_KEY_BYTES: usize = 256;
/// Shortest RSA modulus that is accepted, in bits (RFC 7518 §3.3).
pub const MIN_RSA_MODULUS_BITS: usize = 2_048;
/// Longest life of a token that `wardroom token` issues, in seconds (one year).
pub const MAX_ISSUED_TOKEN_SECONDS: u64 = 365 * 24 * 60 * 60;

// ---- configuration ----

/// Largest configuration, secret or key file that is read, in bytes.
pub const MAX_CONFIG_FILE_BYTES: u64 = 1024 * 1024;
/// Longest duration that a setting may have, in seconds (one day).
pub const MAX_SETTING_SECONDS: u64 = 24 * 60 * 60;
/// Problems of one configuration that are looked for. What is beyond shows up once those are mended.
pub const MAX_CONFIG_PROBLEMS: usize = 100;
/// Largest size that a setting may have, in bytes.
pub const MAX_SETTING_BYTES: u64 = 4 * 1024 * 1024 * 1024;

// ---- JSON that is carried ----

/// Levels of JSON that is kept as sent; more are `invalid-data`. Many readers of events end at 128.
pub const MAX_JSON_DEPTH: usize = 120;
/// Largest profile of a user (`UserSchema`), in bytes of the form in which it is kept.
pub const MAX_PROFILE_BYTES: usize = 16 * 1024;
/// Largest attributes of a member or a channel, in bytes of the form in which they are kept.
pub const MAX_ATTRIBUTES_BYTES: usize = 16 * 1024;

/// Largest payload of an application event, in bytes of the form in which it is kept.
pub const MAX_EVENT_DATA_BYTES: usize = 64 * 1024;

/// Longest name of an application event, in characters.
pub const MAX_EVENT_NAME_CHARS: usize = 128;

const _: () = assert!(
    MAX_PROFILE_BYTES + MAX_ATTRIBUTES_BYTES < HTTP_BODY_BYTES
        && MAX_EVENT_DATA_BYTES < HTTP_BODY_BYTES
);
const _: () = assert!(HTTP_COMPONENT_BYTES as u64 == POLICY_FILE_BYTES);
const _: () = assert!(MAX_BATCH_ENTRIES <= MAX_UNDELIVERED_ENTRIES);

// ---- demo page (development mode) ----

/// Largest body of a demo action, in bytes. A larger one is refused as not being an action.
pub const MAX_DEMO_ACTION_BYTES: usize = 16 * 1024;

// ---- gateway ----

/// Connections that wait in the kernel to be accepted by the public listener. Beyond it clients wait
/// for theirs to be taken up.
pub const LISTEN_BACKLOG: u32 = 1024;
/// Connections that the public listener holds at once, of any kind.
pub const MAX_CONNECTIONS: usize = 65_536;
/// Sessions of one address that have not authenticated, by default. Further ones are answered with the
/// HTTP status 429.
pub const MAX_UNAUTHENTICATED_OF_ADDRESS: usize = 1_000;
/// Part of the connections that may be sessions which have not authenticated. At the limit the address
/// that has most of them loses its oldest one; if none has more than its share, the new one is
/// answered with the HTTP status 503.
pub const UNAUTHENTICATED_SHARE: usize = 4;
/// Sessions that may be unauthenticated all the same where there are only few connections.
pub const MIN_UNAUTHENTICATED: usize = 1_000;
/// Part of the connections that one address may hold open without a WebSocket. Further ones are closed.
/// It does not hold for trusted proxies.
pub const IDLE_CONNECTIONS_SHARE: usize = 4;
/// How long a connection may idle between two requests, by default. Load balancers keep idle
/// connections for a minute and take it amiss if the server closes one first.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send a request's head, from its first byte or, if it is the first
/// of a connection, from the beginning of that.
pub const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
pub const MAX_REQUEST_HEAD_BYTES: usize = 16 * 1024;
/// How long a client may take to send the body of one polling request.
pub const REQUEST_BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a switch to the WebSocket protocol, or an upgrade from polling, may take.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after the answer to the probe of an upgrade an open poll is answered with nothing, for a
/// client that polled again before it had read the answer; and how many times as long it takes each
/// time after that.
pub const UPGRADE_RELEASE: Duration = Duration::from_millis(100);
/// See [`UPGRADE_RELEASE`].
pub const UPGRADE_RELEASE_GROWTH: u32 = 4;
/// How long a transport may stay open without joining the namespace, in time that the process ran.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than a client waits socketioxide waits for it to join. socketioxide judges by the clock
/// alone, and would close whoever joined during a pause of the process that takes longer. But it keeps
/// what little it has of a session in which nobody joined for all that time; and a client that hears
/// nothing for a heartbeat's interval and timeout gives up by itself, so that more would help nobody.
pub const ENGINE_JOIN_MARGIN: Duration = Duration::from_secs(5);
/// Bytes of one incoming WebSocket message or polling body; more closes the connection.
pub const MAX_INCOMING_MESSAGE_BYTES: usize = 128 * 1024;
/// Bytes of one client event, name included; more is answered with `invalid-data`.
pub const MAX_INCOMING_EVENT_BYTES: usize = 32 * 1024;
/// Events of one connection that wait for an earlier one of its own to be finished. At the limit no
/// more is read of what the client sends, beyond [`READ_BUFFER_BYTES`] that were read already.
pub const MAX_WAITING_EVENTS: usize = 64;
/// Bytes of such events, beyond one message that may exceed it. At the limit no more is read either.
pub const MAX_WAITING_EVENT_BYTES: usize = 64 * 1024;
/// Binary attachments that one packet may announce; they are read only to be refused.
pub const MAX_ATTACHMENTS: usize = 8;
/// Bytes of the buffer that each WebSocket keeps for reading.
pub const READ_BUFFER_BYTES: usize = 256;
/// Bytes that wait for one client, beyond what the kernel holds; for its next poll if it polls.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;
/// Bytes that wait for all clients together, beside answers to `get-state`. Beyond it whoever has more
/// than their part is closed when something is added.
pub const MAX_OUTPUT_TOTAL_BYTES: usize = 1024 * 1024 * 1024;
/// Bytes that wait for a client which is not closed for what waits for others, however many they are.
pub const MIN_OUTPUT_SHARE: usize = 64 * 1024;
/// Bytes of events that all clients together have sent and that wait to be handled. Beyond it a client
/// is read again when nothing of it waits.
pub const MAX_INPUT_TOTAL_BYTES: usize = 256 * 1024 * 1024;
/// Bytes that the kernel holds unsent for one client before it reports the socket full.
pub const MAX_KERNEL_OUTPUT_BYTES: u32 = 256 * 1024;
/// Packets that wait for one polling client between two of its requests.
pub const MAX_POLLING_PACKETS: usize = 1024;
/// How long a client may take nothing at all of what waits for it.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(4);
/// Write timeouts that something may wait for a polling client with no poll to fetch it: one for the
/// last answer to leave, which takes a slow line longer than a WebSocket's frames do, one for a busy
/// client to act on it, and one for the next request to come. A stock client polls again at once.
pub const POLL_WRITE_TIMEOUTS: u32 = 3;
/// How long what waits for a client that is being closed may still take to leave.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the other end may take to close a connection that this end has closed. What it still
/// sends meanwhile is thrown away; after that the connection is reset.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How often it is looked which clients have not answered a heartbeat in time, at most.
pub const HEARTBEAT_LOOK: Duration = Duration::from_secs(1);
/// The same, at least.
pub const MIN_HEARTBEAT_LOOK: Duration = Duration::from_millis(20);
/// Clients that are looked at before other work has its turn.
pub const HEARTBEATS_AT_ONCE: usize = 1_024;
/// Interval of the heartbeat.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How long a client may take to answer a heartbeat.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a client may take from joining to `auth`, by default.
pub const AUTH_DEADLINE: Duration = Duration::from_secs(10);
/// How long before the end of its token a client is told, by default.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(30);
/// How long a lost connection is held that is in no channel, by default.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long a lost connection is held that is in a channel, by default.
pub const GRACE_IN_CHANNEL: Duration = Duration::from_secs(60);
/// How often a drain looks whether everybody is gone.
pub const DRAIN_POLL: Duration = Duration::from_millis(20);

const _: () = {
    assert!((USER_OUTPUT_BYTES.1 as usize) < MAX_OUTPUT_BYTES / 2);
    assert!(REQUEST_HEAD_TIMEOUT.as_millis() < KEEP_ALIVE.as_millis());
    assert!(UPGRADE_RELEASE.as_millis() < UPGRADE_TIMEOUT.as_millis());
    assert!(UPGRADE_RELEASE_GROWTH > 1);
    assert!(MAX_TOKEN_BYTES < MAX_INCOMING_EVENT_BYTES);
    assert!(MAX_INCOMING_EVENT_BYTES < MAX_INCOMING_MESSAGE_BYTES);
    assert!((MAX_KERNEL_OUTPUT_BYTES as usize) < MAX_OUTPUT_BYTES);
    assert!(CLOSE_TIMEOUT.as_millis() <= WRITE_TIMEOUT.as_millis());
    // Else the heartbeat would notice first that a client no longer polls.
    assert!(
        WRITE_TIMEOUT.as_millis() * (POLL_WRITE_TIMEOUTS as u128)
            < PING_INTERVAL.as_millis() + PING_TIMEOUT.as_millis()
    );
};
