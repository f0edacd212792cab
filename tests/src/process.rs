//! A process of the server, and what it writes. It must not know what it was started with.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use crate::log::Log;
use crate::wait::eventually;

/// Lines of the log that are shown when a test fails.
const SHOWN_LINES: usize = 200;

/// A process that runs, or that has run. It is killed when this is dropped; if the test is
/// failing, its log is shown.
pub(crate) struct Process {
    child: Child,
    /// Its standard error.
    pub(crate) log: Log,
    /// Its standard output.
    pub(crate) output: Log,
    collectors: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a process whose outputs are collected.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let (log, of_log) = Log::collect(child.stderr.take().expect("it is piped"));
        let (output, of_output) = Log::collect(child.stdout.take().expect("it is piped"));
        Self {
            child,
            log,
            output,
            collectors: vec![of_log, of_output],
        }
    }

    /// Starts a process that writes all that it says to this, and that nobody hears.
    pub(crate) fn start_unheard(command: &mut Command, to: OwnedFd) -> Self {
        let other = to.try_clone().expect("a descriptor can be copied");
        let child = command
            .stdin(Stdio::null())
            .stdout(other)
            .stderr(to)
            .spawn()
            .expect("the server can be started");
        let ((log, of_log), (output, of_output)) = (
            Log::collect(std::io::empty()),
            Log::collect(std::io::empty()),
        );
        Self {
            child,
            log,
            output,
            collectors: vec![of_log, of_output],
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        let status = self.child.try_wait().expect("the process is ours");
        status.is_none()
    }

    /// SIGTERM, as a service manager sends it.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// SIGHUP, as an operator sends it.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Sets how many descriptors it may have open from now on, in either direction.
    pub(crate) fn allow_descriptors(&self, most: u32) {
        let id = self.child.id().to_string();
        let limit = format!("--nofile={most}:");
        let set = Command::new("prlimit")
            .args(["--pid", &id, &limit])
            .status();
        assert!(
            set.is_ok_and(|status| status.success()),
            "cannot set a limit"
        );
    }

    /// SIGSTOP: nothing of it runs until [`Self::resume`].
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot signal");
    }

    /// `kill -9`, of a process that still runs.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process runs");
        self.end();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = std::cell::RefCell::new(&mut self.child);
        eventually("the end of the process", || {
            let status = child.borrow_mut().try_wait();
            std::future::ready(status.expect("the process is ours"))
        })
        .await
    }

    /// Ends the process, if it still runs, and the collection of what it writes.
    pub(crate) fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for collector in self.collectors.drain(..) {
            let _ = collector.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            show(&self.log.lines());
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the test runner shows it with the failure"
)]
fn show(lines: &[String]) {
    let skipped = lines.len().saturating_sub(SHOWN_LINES);
    eprintln!("---- log of the server ({skipped} earlier lines not shown) ----");
    for line in &lines[skipped..] {
        eprintln!("{line}");
    }
    eprintln!("---- end of the log ----");
}
