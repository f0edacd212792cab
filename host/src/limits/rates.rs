//! What bounds the work that clients can cause before anybody knows them, and how often they may do
//! things afterwards.

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
