//! Every bound of the benchmark, with its unit. Knows nothing of what is measured.

use std::time::Duration;

/// Longest WebSocket payload either side accepts, in bytes.
pub const FRAME_PAYLOAD_BYTES: usize = 1 << 20;
/// Longest HTTP head or handshake answer, in bytes.
pub const HTTP_HEAD_BYTES: usize = 16 << 10;
/// Longest HTTP body the floor accepts, in bytes.
pub const HTTP_BODY_BYTES: usize = 8 << 20;
/// Size of the buffer that all sockets of a process read into, in bytes.
pub const SCRATCH_BYTES: usize = 64 << 10;
/// Bytes the floor holds back for a socket whose kernel buffer is full; a socket over it is closed.
pub const FLOOR_PENDING_BYTES: usize = 4 << 20;
/// Publishing connections of the load generator.
pub const PUBLISHERS: usize = 8;
/// Sockets that are being connected at once.
pub const CONNECTING: usize = 64;
/// A socket is lost if it is not authenticated within this time.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
/// Messages that have not come this long after the last publish are lost.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(20);
/// An answer to a single HTTP call must be there within this time.
pub const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// All that is open must have settled under changed policies within this time.
pub const SETTLE_DEADLINE: Duration = Duration::from_secs(60);
/// A server must answer its health check within this time after it was started.
pub const START_DEADLINE: Duration = Duration::from_secs(20);
/// A server that was asked to end is killed after this time.
pub const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// A whole run of the load generator against one server is killed after this time.
pub const LOADGEN_DEADLINE: Duration = Duration::from_secs(300);
/// A whole run of the policy calls is killed after this time; components of large languages take
/// most of it to compile.
pub const HOOKS_DEADLINE: Duration = Duration::from_secs(900);
/// Size of a published event's `data`, in bytes.
pub const PAYLOAD_BYTES: usize = 120;
