//! Every limit of the server, with its unit, and what happens at it. The domain has its own.

mod running;

use std::time::Duration;

pub use self::running::*;

// ---- commit path ----

/// Entries of one workspace's log that are committed and not yet delivered. At the limit a
/// command waits for room, and fails with `overloaded` after [`COMMIT_TIMEOUT`].
pub const MAX_UNDELIVERED_ENTRIES: usize = 1024;

/// How long a command waits for room in its workspace's log.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

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

/// Subjects that one call asks a policy about, for channels it answered `each`.
pub const MAX_SUBJECTS_PER_CALL: usize = 1024;

/// Members of whom it is remembered how policies make them appear in `get-state`, in all workspaces
/// together. Beyond it everything is forgotten, and asked again when it is wanted.
pub const MAX_APPEARANCES: usize = 400_000;

/// Members of whom policies may still be asked when the answer to `get-state` is written. Beyond it
/// the answer is put off and they are asked beforehand again.
pub const MAX_APPEARANCES_ASKED_IN_DELIVERY: usize = 64;

/// How often the answer to `get-state` is put off before it fails with `overloaded`.
pub const MAX_STATE_ATTEMPTS: usize = 4;

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

/// Threads that verify tokens of users, at most; as many as there are processors if those are fewer.
pub const VERIFICATION_THREADS: usize = 4;
/// Priority of those threads, of 99: nice 5. A busy thread beside one of them gets three quarters of
/// a processor.
pub const VERIFICATION_PRIORITY: u8 = 34;
/// Tokens that wait to be verified. At the limit the last one of the address that has most of them
/// gives way and is refused with `overloaded`, or the new one is, if none has more.
pub const MAX_VERIFICATIONS: usize = 4096;
/// Tokens from one address that wait to be verified; more are refused with `rate-limited`.
pub const MAX_VERIFICATIONS_OF_ADDRESS: usize = 1024;
/// Tokens in a row that are not accepted before their client is closed, by default.
pub const MAX_AUTH_FAILURES: u32 = 16;

const _: () = assert!(MAX_VERIFICATIONS_OF_ADDRESS < MAX_VERIFICATIONS);

// ---- rates ----

/// Events of one connection, by default: in a second, and at once. More are refused with
/// `rate-limited`. At once may come what a client kept while it was offline.
pub const CONNECTION_EVENTS: (u32, u32) = (100, 1_000);
/// Events of all connections of one user, by default: in a second, and at once.
pub const USER_EVENTS: (u32, u32) = (200, 2_000);
/// Bytes that each listener is sent of what one user does, by default: in a second, and at once. A
/// listener on a slow line, of 100 kB/s, takes that twice over, and what comes at once fits into
/// what may wait for it.
pub const USER_OUTPUT_BYTES: (u32, u32) = (48 * 1024, 384 * 1024);
/// Events of all connections from one address, by default: in a second, and at once. Many people may
/// share one.
pub const ADDRESS_EVENTS: (u32, u32) = (5_000, 50_000);
/// Sessions that one address opens, by default: in a second, and at once. More are answered with the
/// HTTP status 429.
pub const ADDRESS_CONNECTS: (u32, u32) = (500, 5_000);
/// Tokens from one address whose signature turns out to be wrong, by default: in a second, and at
/// once. Beyond it only the first token of each connection is verified.
pub const ADDRESS_FAILED_AUTHS: (u32, u32) = (20, 200);
/// Events that are refused for their rate before their client is closed: in a second, and at once.
pub const REFUSED_EVENTS: (u32, u32) = (20, 2_000);
/// Holders of a rate that are remembered; full buckets are forgotten. At the limit those are forgotten
/// as well that are nearest to being full.
pub const MAX_RATE_BUCKETS: usize = 65_536;
/// Holders of a rate before full buckets are looked for at all.
pub const MIN_RATE_SWEEP: usize = 1_024;

// ---- configuration ----

/// Largest configuration, secret or key file that is read, in bytes.
pub const MAX_CONFIG_FILE_BYTES: u64 = 1024 * 1024;
/// Longest duration that a setting may have, in seconds (one day).
pub const MAX_SETTING_SECONDS: u64 = 24 * 60 * 60;
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

// ---- HTTP API ----

/// Largest body of a call unless configured otherwise, in bytes. Larger ones are refused with
/// `body-too-large`.
pub const HTTP_BODY_BYTES: usize = 1024 * 1024;

/// Largest body of the call that tells a whole workspace, unless configured otherwise, in bytes.
pub const HTTP_SYNC_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Largest component that a call may carry, in bytes. Larger ones are refused with
/// `body-too-large`.
pub const HTTP_COMPONENT_BYTES: usize = 64 << 20;

/// How often `explain` has a workspace settle under the policies in force before it gives up with
/// `overloaded`: they are swapped faster than it can look.
pub const MAX_EXPLAIN_ROUNDS: usize = 8;

/// Clauses of one rule, and people or roles of one condition, that an explanation spells out.
pub const MAX_EXPLAINED_PARTS: usize = 8;

/// Longest account of a failure that is kept with what stands in for the answer, in bytes; the rest
/// is cut off. The state of the policy has all of the last one.
pub const POLICY_STAND_IN_FAILURE_BYTES: usize = 512;

/// Longest name of a policy that is looked for, in characters; no configured one is longer.
pub const MAX_POLICY_NAME_CHARS: usize = 64;

/// Items of one page of a list, unless the call asks for fewer or more.
pub const HTTP_PAGE_ITEMS: usize = 100;

/// Most items of one page of a list. A call that asks for more is refused with `invalid-data`.
pub const MAX_HTTP_PAGE_ITEMS: usize = 1_000;

const _: () = assert!(HTTP_PAGE_ITEMS <= MAX_HTTP_PAGE_ITEMS);

/// Longest `Idempotency-Key`, in characters.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;

/// Answers that are remembered for one API key. At the limit the oldest is forgotten; if even
/// that one is still being worked on, the call fails with `overloaded`.
pub const MAX_REMEMBERED_ANSWERS: usize = 10_000;

/// How long an answer is remembered.
pub const ANSWER_MEMORY: Duration = Duration::from_secs(60 * 60);

/// Largest answer that is remembered, in bytes. No call that takes an `Idempotency-Key` gives a
/// larger one unless it acts on very many workspaces; such an answer is not remembered.
pub const MAX_REMEMBERED_ANSWER_BYTES: usize = 64 * 1024;

/// What is read and thrown away of a body that is too large, so that its sender gets to read why,
/// in bytes. Beyond it the connection is closed on the sender.
pub const HTTP_DISCARDED_BODY_BYTES: usize = 32 * 1024 * 1024;

const _: () = assert!(HTTP_BODY_BYTES <= HTTP_SYNC_BODY_BYTES);
const _: () = assert!(
    MAX_PROFILE_BYTES + MAX_ATTRIBUTES_BYTES < HTTP_BODY_BYTES
        && MAX_EVENT_DATA_BYTES < HTTP_BODY_BYTES
);
const _: () = assert!(HTTP_COMPONENT_BYTES as u64 == POLICY_FILE_BYTES);
const _: () = assert!(MAX_BATCH_ENTRIES <= MAX_UNDELIVERED_ENTRIES);

// ---- demo page (development mode) ----

/// Largest body of a demo action, in bytes. A larger one is refused as not being an action.
pub const MAX_DEMO_ACTION_BYTES: usize = 16 * 1024;

// ---- policies ----

/// The largest component that is loaded, in bytes. Python's runtime alone takes 18 MB.
pub const POLICY_FILE_BYTES: u64 = 64 << 20;
/// How long one call of a hook may take. A warm call takes microseconds: this is for runaways.
pub const POLICY_CALL_DEADLINE: Duration = Duration::from_millis(50);
/// How long an instance may take to start and to accept its settings.
pub const POLICY_START_DEADLINE: Duration = Duration::from_secs(1);
/// How often a running call is checked against its deadline, which it may overrun by this much.
pub const POLICY_TICK: Duration = Duration::from_millis(10);
/// Linear memory of one instance, all its memories together, in bytes.
pub const POLICY_MEMORY_BYTES: usize = 64 << 20;
/// Table elements of one instance, all its tables together.
pub const POLICY_TABLE_ELEMENTS: usize = 100_000;
/// Core instances, memories and tables, of each, in one instance of a component.
pub const POLICY_CORE_ITEMS: usize = 64;
/// WebAssembly stack of one call, in bytes. Well under a worker thread's 2 MiB.
pub const POLICY_STACK_BYTES: usize = 512 << 10;
/// Bytes that one answer, or the arguments of one call to the host, may carry out of a guest.
pub const POLICY_OUTPUT_BYTES: usize = 1 << 20;
/// Handles to host resources that one instance may hold.
pub const POLICY_HANDLES: usize = 4096;
/// Calls after which an instance is replaced, so that what leaks in a guest does not add up.
pub const POLICY_CALLS_PER_INSTANCE: u32 = 100_000;
/// Idle instances kept for each version of a policy. More are made when more threads ask.
pub const POLICY_IDLE_INSTANCES: usize = 16;
/// Linear memory of all instances of all policies, idle and busy, in bytes, by default. Beyond it a
/// policy keeps one warm instance; what more threads need at the same time is started for each call.
pub const POLICY_WARM_MEMORY_BYTES: u64 = 256 << 20;
/// Threads that compile policies, at most, both at the start and while clients are served; as many
/// as there are processors if those are fewer. What else is to be compiled waits.
pub const POLICY_COMPILE_THREADS: usize = 4;
/// Priority of those threads while anybody is served, of 99: nice 10. A busy thread beside one of them
/// gets nine tenths of a processor. With the lowest there is, a server that is busy all the time would
/// hardly ever finish.
pub const POLICY_COMPILE_PRIORITY: u8 = 22;
/// Policies that are loaded at once when the server starts. The smallest go first.
pub const POLICY_LOADS_AT_ONCE: usize = 4;
/// Instances of one version, idle and busy, by default. Each thread that asks takes one. At the
/// limit a call fails as `busy`.
pub const POLICY_INSTANCES: usize = 256;
/// How often in a row a version may fail to answer a hook before it is left alone for a while.
pub const POLICY_QUARANTINE_FAILURES: u32 = 8;
/// How long it is left alone at first. One question probes then; each probe that fails doubles it.
pub const POLICY_QUARANTINE_FIRST: Duration = Duration::from_secs(1);
/// How long it is left alone at most.
pub const POLICY_QUARANTINE_LONGEST: Duration = Duration::from_secs(60);
/// Subjects in one call of `decide`.
pub const POLICY_DECIDE_BATCH: usize = 256;
/// Text that one call may log or print, in bytes. The rest is dropped and counted.
pub const POLICY_LOG_BYTES_PER_CALL: usize = 4096;
/// Largest payload of a rendition, and largest grant, in bytes of the form in which it is kept. A
/// larger one counts as a failure of its policy.
pub const POLICY_PAYLOAD_BYTES: usize = 128 << 10;
/// Longest code of a denial, in bytes. What is beyond is cut off.
pub const POLICY_DENIAL_CODE_BYTES: usize = 64;
/// Longest message of a denial, in bytes. What is beyond is cut off.
pub const POLICY_DENIAL_MESSAGE_BYTES: usize = 1024;
/// Random bytes that a guest gets for one request.
pub const POLICY_RANDOM_BYTES: u64 = 4096;
/// Compiled components kept on disk. Beyond it the one that was not used for the longest time goes.
pub const POLICY_CACHE_FILES: usize = 64;
/// Largest compiled component that is kept on disk, in bytes. A larger one is compiled each time.
pub const POLICY_CACHE_FILE_BYTES: u64 = 512 << 20;
/// How long a changed file must be left alone before it is read, unless it was renamed into place
/// or closed by its writer.
pub const POLICY_RELOAD_QUIET: Duration = Duration::from_millis(100);
/// How long a file that never rests may put off being read.
pub const POLICY_RELOAD_PATIENCE: Duration = Duration::from_secs(1);
/// How often files are looked at when the system reports nothing: for network file systems,
/// overflowing queues of events and directories that appear later.
pub const POLICY_RELOAD_POLL: Duration = Duration::from_secs(5);

/// How often it is looked whether a policy that failed is to be asked again about everything.
pub const POLICY_ANOTHER_LOOK_POLL: Duration = Duration::from_millis(500);
/// How long a swap waits until all that is open has settled under the one before. After it the swap
/// takes place all the same, and the log says so.
pub const POLICY_SETTLING_PATIENCE: Duration = Duration::from_secs(30);
/// Questions that wait for the policies in shadow. More are dropped and counted.
pub const POLICY_SHADOW_QUEUE: usize = 1024;
/// Differing answers that are kept for each policy in shadow. A new one takes the oldest's place.
pub const POLICY_SHADOW_SAMPLES: usize = 100;
/// Keys that are named in one differing answer. More are left out.
pub const POLICY_SHADOW_KEYS: usize = 16;
/// People of a workspace, in the order of their ids, for whom a shadow's rule is compared with the
/// one that holds. More are left out.
pub const POLICY_SHADOW_PEOPLE: usize = 1000;
/// Changes that a dry run lists. More are counted only.
pub const POLICY_DRY_RUN_CHANGES: usize = 1000;
/// How long a dry run may take. What it has found by then is its answer.
pub const POLICY_DRY_RUN_TIME: Duration = Duration::from_secs(10);
/// Largest file of table cases or of settings that the tools read, in bytes; a larger one is
/// refused.
pub const POLICY_CASES_BYTES: u64 = 8 << 20;
/// Instances with the same settings that cases share while they are tested.
pub const POLICY_TEST_INSTANCES: usize = 3;
/// Cases that a failure names as having been on the same instance before, the latest ones.
pub const POLICY_TEST_HISTORY: usize = 3;
/// Handles that an instance may hold after an endurance test; with more the test fails.
pub const POLICY_TEST_HANDLES: usize = 64;
/// Bytes by which the memory of an instance may grow in the second half of an endurance test; with
/// more the test fails.
pub const POLICY_TEST_GROWTH_BYTES: usize = 4 << 20;
/// What the texts and lists of one generated case may come to, in bytes; more is refused.
pub const POLICY_GENERATED_BYTES: usize = 8 << 20;
/// How long one hook is measured.
pub const POLICY_BENCH_TIME: Duration = Duration::from_secs(1);
/// Most calls that one hook is measured by.
pub const POLICY_BENCH_CALLS: usize = 20_000;
/// Instances that are started to measure what a start costs.
pub const POLICY_BENCH_STARTS: usize = 50;
/// Source files that `policy dev` looks at; those beyond are not followed, and it says so.
pub const POLICY_DEV_FILES: usize = 20_000;
/// Bytes up to which `policy dev` reads a source file to see whether it changed; of a larger one
/// size and time of change decide.
pub const POLICY_DEV_FILE_BYTES: u64 = 8 << 20;
/// How long `policy dev` waits for a server to say what it makes of a new file, beyond the time that
/// the server says it is loading it.
pub const POLICY_DEV_PATIENCE: Duration = Duration::from_secs(15);
/// How often `policy dev` asks the server meanwhile.
pub const POLICY_DEV_POLL: Duration = Duration::from_millis(200);
/// How long a command waits for a server to answer a call about policies: as long as a swap may take
/// to settle, and a candidate to be compiled and tried.
pub const POLICY_CALL_PATIENCE: Duration = Duration::from_secs(120);
/// Largest answer to such a call that is read, in bytes.
pub const POLICY_CALL_ANSWER_BYTES: u64 = 16 << 20;
/// Largest answer of a server that `policy dev` reads, in bytes.
pub const POLICY_DEV_ANSWER_BYTES: u64 = 1 << 20;

const _: () = assert!(POLICY_TICK.as_millis() < POLICY_CALL_DEADLINE.as_millis());
const _: () = assert!(POLICY_CALL_DEADLINE.as_millis() < POLICY_START_DEADLINE.as_millis());
const _: () = assert!(POLICY_IDLE_INSTANCES <= POLICY_INSTANCES);
const _: () = assert!(POLICY_IDLE_INSTANCES.is_multiple_of(crate::stripes::STRIPES));
const _: () = assert!(POLICY_RELOAD_QUIET.as_millis() < POLICY_RELOAD_PATIENCE.as_millis());
// Each subject of a batch is a handle while the call lasts.
const _: () = assert!(POLICY_DECIDE_BATCH < POLICY_HANDLES);
// The numbers of handles do not come round in the life of an instance.
const _: () = assert!(
    POLICY_CALLS_PER_INSTANCE as u64 * (POLICY_DECIDE_BATCH + POLICY_HANDLES) as u64
        <= u32::MAX as u64
);
// What an application may publish, a policy may give back.
const _: () = assert!(MAX_EVENT_DATA_BYTES <= POLICY_PAYLOAD_BYTES);
const _: () = assert!(POLICY_PAYLOAD_BYTES < MAX_OUTPUT_BYTES);
const _: () = assert!(POLICY_STACK_BYTES <= 1 << 20);

// ---- gateway ----

/// Connections that wait in the kernel to be accepted by the public listener. Beyond it clients wait
/// for theirs to be taken up.
pub const LISTEN_BACKLOG: u32 = 1024;
/// Connections that the public listener holds at once, of any kind.
pub const MAX_CONNECTIONS: usize = 65_536;
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
/// How long a transport may stay open without joining the namespace.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one incoming WebSocket message or polling body; more closes the connection.
pub const MAX_INCOMING_MESSAGE_BYTES: usize = 128 * 1024;
/// Bytes of one client event, name included; more is answered with `invalid-data`.
pub const MAX_INCOMING_EVENT_BYTES: usize = 32 * 1024;
/// Events of one connection that wait for an earlier one of its own to be finished.
pub const MAX_WAITING_EVENTS: usize = 64;
/// Binary attachments that one packet may announce; they are read only to be refused.
pub const MAX_ATTACHMENTS: usize = 8;
/// Bytes of the buffer that each WebSocket keeps for reading.
pub const READ_BUFFER_BYTES: usize = 256;
/// Bytes that wait for one client, beyond what the kernel holds; for its next poll if it polls.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;
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
