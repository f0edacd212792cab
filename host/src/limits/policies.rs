//! The limits of policies: of one call, of loading and reloading, of the tools of their authors.

use std::time::Duration;

use super::{MAX_EVENT_DATA_BYTES, MAX_OUTPUT_BYTES};

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
/// Core modules in one component, everything inside it included. With this and the following a
/// component is refused before it is compiled: what compiling costs does not follow from its size.
/// Python's runtime of 20 MB is made of 14.
pub const POLICY_CORE_MODULES: usize = 256;
/// Components inside one component.
pub const POLICY_COMPONENTS: usize = 256;
/// Components inside each other, the outermost not counted.
pub const POLICY_COMPONENT_DEPTH: usize = 8;
/// Instances of core modules and of components that one component is made of.
pub const POLICY_SHAPE_INSTANCES: usize = 1_000;
/// Types that one component defines.
pub const POLICY_TYPES: usize = 50_000;
/// Tables that one component defines.
pub const POLICY_CORE_TABLES: usize = 256;
/// Memories that one component defines.
pub const POLICY_CORE_MEMORIES: usize = 256;
/// Globals that one component defines.
pub const POLICY_CORE_GLOBALS: usize = 100_000;
/// Functions that one component defines. Python's runtime has 13,400.
pub const POLICY_FUNCTIONS: usize = 200_000;
/// Largest function, in bytes. The largest of Python's runtime takes 417 KiB.
pub const POLICY_FUNCTION_BYTES: usize = 4 << 20;
/// Locals of one function. Each costs in each block, so that a few bytes may cost gigabytes.
pub const POLICY_FUNCTION_LOCALS: usize = 10_000;
/// Blocks inside each other in one function. A `switch` takes one for each of its cases.
pub const POLICY_BLOCK_DEPTH: usize = 5_000;
/// How long compiling one policy may take, by default. Python's runtime of 20 MB takes half a minute
/// of a slow processor, and more of one that is busy.
pub const POLICY_COMPILE_TIMEOUT: Duration = Duration::from_secs(120);
/// Memory that compiling one policy may take, in bytes of address space, by default.
pub const POLICY_COMPILE_MEMORY_BYTES: u64 = 2 << 30;
/// What that may be set to at least, in bytes: the program and its threads take a good part of it.
pub const POLICY_COMPILE_MEMORY_LEAST_BYTES: u64 = 256 << 20;
/// Processor time that a compiler may take beyond what it could within its time, in seconds: it ends
/// by itself then, if nobody is left to end it.
pub const POLICY_COMPILE_SPARE_SECONDS: u64 = 5;
/// How long the process may take that reads what a component exports and imports, where that is to be told.
pub const POLICY_SURFACES_TIMEOUT: Duration = Duration::from_secs(10);
/// Memory that it may take, in bytes of address space.
pub const POLICY_SURFACES_BYTES: u64 = 1 << 30;
/// What is read of the complaints of a compiler, in bytes.
pub const POLICY_COMPILER_TEXT_BYTES: u64 = 16 << 10;
/// Threads that compile one policy, at most; as many as there are processors if those are fewer.
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
/// For how many askers a version may fail to answer a hook, with nobody answered in between, before it
/// is left alone for a while: one who has it fail is not enough.
pub const POLICY_QUARANTINE_ASKERS: usize = 8;
/// Failures of one asker at one hook of a version before that asker alone is no longer asked about for
/// a while.
pub const POLICY_ISOLATION_FAILURES: u32 = 3;
/// The time after which one failure of an asker is forgotten.
pub const POLICY_ISOLATION_FORGET: Duration = Duration::from_secs(10);
/// Askers who fail on the same input, with nobody answered on it in between, before that input alone
/// is no longer asked about for a while.
pub const POLICY_ISOLATION_INPUT_ASKERS: usize = 3;
/// Askers and inputs that are remembered for one hook of a version because they failed. At the bound
/// the one is forgotten that has not failed for the longest time.
pub const POLICY_OFFENDERS: usize = 1_024;
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
/// After what time a file that could not be read is tried again, though it has not changed. Each time
/// that fails doubles it.
pub const POLICY_READ_RETRY_FIRST: Duration = Duration::from_millis(500);
/// After what time it is tried again at most.
pub const POLICY_READ_RETRY_LONGEST: Duration = Duration::from_secs(30);

/// Files that are built at once because they changed. What else has changed waits for one of them; a
/// configuration and a dry run are built beside them, one of each.
pub const POLICY_RELOADS_AT_ONCE: usize = 3;
/// How long a build is left alone though its file has changed: most are done by then. After it, a
/// newer content has it called off.
pub const POLICY_SUPERSEDE_AFTER: Duration = Duration::from_secs(1);
/// Builds of one file that are called off one after the other. The next one is left to end, so that a
/// file that changes all the time comes into force now and then.
pub const POLICY_SUPERSEDED: u32 = 3;

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
/// Refusals that are remembered by their ids, in all workspaces together. A new one takes the oldest's
/// place, which is then found in the logs alone.
pub const POLICY_REMEMBERED_DENIALS: usize = 1024;
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
pub const POLICY_CALL_PATIENCE: Duration = Duration::from_secs(180);
/// Largest answer to such a call that is read, in bytes.
pub const POLICY_CALL_ANSWER_BYTES: u64 = 16 << 20;
/// Largest answer of a server that `policy dev` reads, in bytes.
pub const POLICY_DEV_ANSWER_BYTES: u64 = 1 << 20;

const _: () = assert!(
    POLICY_COMPILE_TIMEOUT.as_secs() + POLICY_SETTLING_PATIENCE.as_secs()
        <= POLICY_CALL_PATIENCE.as_secs()
);
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
