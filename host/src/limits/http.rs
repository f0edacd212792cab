//! Limits of the HTTP API and of the files that lines are appended to.

use std::time::Duration;

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

/// Explanations that policies are asked for at once. Each takes a processor, and an instance of every
/// policy that it asks; further calls wait for their turn, in order.
pub const EXPLANATIONS_AT_ONCE: usize = 2;

/// How long a call waits for its turn to be explained, before it is refused with `overloaded`.
pub const EXPLANATION_PATIENCE: Duration = Duration::from_secs(2);

/// Clauses of one rule, and people or roles of one condition, that an explanation spells out.
pub const MAX_EXPLAINED_PARTS: usize = 8;

/// Longest account of a failure that is kept with what stands in for the answer, in bytes; the rest
/// is cut off. The state of the policy has all of the last one.
pub const POLICY_STAND_IN_FAILURE_BYTES: usize = 512;

/// Longest name of a policy that is looked for, in characters; no configured one is longer.
pub const MAX_POLICY_NAME_CHARS: usize = 64;

/// Workspaces that a call about all of them looks at before it lets other work run.
pub const WORKSPACES_PER_TURN: usize = 256;

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

/// What the remembered answers for one API key come to, in bytes. Beyond it the oldest are forgotten,
/// as if their time were over.
pub const MAX_REMEMBERED_BYTES: usize = 16 * 1024 * 1024;

const _: () = assert!(MAX_REMEMBERED_ANSWER_BYTES < MAX_REMEMBERED_BYTES);

/// How long an answer is remembered.
pub const ANSWER_MEMORY: Duration = Duration::from_secs(60 * 60);

/// Largest answer that is remembered, in bytes. No call that takes an `Idempotency-Key` gives a
/// larger one unless it acts on very many workspaces; such an answer is not remembered.
pub const MAX_REMEMBERED_ANSWER_BYTES: usize = 64 * 1024;

/// How long a drain waits for requests that are not there whole. Later ones are given up: nothing has
/// come of them.
pub const HTTP_REQUEST_PATIENCE: Duration = Duration::from_secs(1);

/// How long a drain waits after the last call was answered, for its answer to leave.
pub const HTTP_ANSWER_PATIENCE: Duration = Duration::from_millis(250);
/// Connections that the internal listener holds at once. A further one takes the place of one on which
/// nothing is being answered, and is closed if there is none.
pub const HTTP_CONNECTIONS: usize = 1_024;
/// How long a new connection waits for one that is not used to make room for it.
pub const HTTP_DISPLACE_PATIENCE: Duration = Duration::from_millis(250);
/// How long the body of a call may make no progress.
pub const HTTP_BODY_STALL: Duration = Duration::from_secs(15);
/// How long a caller may take nothing of its answer.
pub const HTTP_ANSWER_STALL: Duration = Duration::from_secs(15);
/// How long the body of a call may take in all.
pub const HTTP_BODY_TIMEOUT: Duration = Duration::from_secs(300);

/// What is read and thrown away of a body that is too large, so that its sender gets to read why,
/// in bytes. Beyond it the connection is closed on the sender.
pub const HTTP_DISCARDED_BODY_BYTES: usize = 32 * 1024 * 1024;

const _: () = assert!(HTTP_BODY_BYTES <= HTTP_SYNC_BODY_BYTES);

// ---- files of lines: the decision log, the audit file ----

/// Lines that are written to such a file at once, in bytes.
pub const LINE_FILE_BATCH_BYTES: usize = 64 * 1024;
/// How long the end of the server waits for such a file.
pub const LINE_FILE_FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Calls that wait to be written to the audit file. At the limit further ones are dropped and
/// counted; they are in the log of the server all the same. A waiting one takes some 4 KiB at worst.
pub const AUDIT_QUEUE: usize = 4096;
/// The smallest size at which the audit file may be configured to be rotated, in bytes.
pub const MIN_AUDIT_BYTES: u64 = 4 * 1024;
/// Path of a call in the audit, in bytes. What is beyond is cut off.
pub const MAX_AUDIT_PATH_BYTES: usize = 1024;
/// Workspaces that the audit of one call names. More are counted only.
pub const MAX_AUDIT_WORKSPACES: usize = 16;
/// Longest `X-Request-Id` that is taken over from a call, in characters; in the place of another one
/// the server makes one.
pub const MAX_REQUEST_ID_CHARS: usize = 128;
