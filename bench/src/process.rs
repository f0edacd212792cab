//! What the operating system says of a process: CPU time and memory. Knows nothing of sockets.

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// The CPU clock of a whole process: user and system time of all its threads, those that ended
/// included. The sum that `/proc/PID/stat` shows in hundredths of a second, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct CpuClock(ClockId);

impl CpuClock {
    /// The clock of the process `pid`.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let pid = Pid::from_raw(i32::try_from(pid)?);
        Ok(Self(
            clock_getcpuclockid(pid).with_context(|| format!("CPU clock of process {pid}"))?,
        ))
    }

    /// CPU seconds used so far.
    pub fn seconds(self) -> anyhow::Result<f64> {
        let time = clock_gettime(self.0).context("the process has ended")?;
        Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
    }
}

fn field_kib(path: &str, name: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(kib
        .with_context(|| format!("no {name} in {path}"))?
        .trim()
        .parse()?)
}

/// The proportional set size of the process `pid`, in KiB: what it really takes, with shared
/// pages divided among those who share them.
pub fn memory_kib(pid: u32) -> anyhow::Result<f64> {
    field_kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The resident memory of the process `pid`, in KiB: cheap enough to look at all the time.
pub fn resident_kib(pid: u32) -> anyhow::Result<f64> {
    field_kib(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// The most memory that the process `pid` ever had resident, in KiB.
pub fn peak_kib(pid: u32) -> anyhow::Result<f64> {
    field_kib(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// Raises the limit of open files to what this process may have, and checks that it is enough.
pub fn allow_files(needed: u64) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    anyhow::ensure!(
        hard >= needed,
        "{needed} open files are needed, {hard} allowed (ulimit -Hn)"
    );
    Ok(())
}
