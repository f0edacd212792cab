//! Has a component worked on in a process of its own: starts it, hands it the component, takes the answer,
//! and ends it whatever happens. Knows nothing of what goes on in it.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::Duration;
use std::{io, thread};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::job::{self, Answer, COUNT, GIVE_WAY, SURFACES};
use super::{NotCompiled, Order, Pace, SUBCOMMAND, Stop};
use crate::limits::{
    POLICY_COMPILE_SPARE_SECONDS, POLICY_COMPILE_THREADS, POLICY_COMPILER_TEXT_BYTES,
    POLICY_SURFACES_BYTES, POLICY_SURFACES_TIMEOUT,
};

/// What Rust prints before it ends a process for which there is no more memory.
const NO_MEMORY: &str = "memory allocation of";

/// What ends the wait for a compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It has said all that it will.
    Over,
    /// Nobody wants to know.
    CalledOff,
}

/// How the wait for a compiler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Over,
    CalledOff,
    TimedOut,
}

/// What came of a compiler: what it wrote, what it complained of, and how it ended.
struct Outcome {
    answer: Vec<u8>,
    complaint: Vec<u8>,
    end: End,
    status: ExitStatus,
}

/// What another process is to do with a component, and within which bounds.
struct Work<'a> {
    /// What it is told beside the bounds.
    words: Vec<&'static str>,
    bytes: &'a [u8],
    timeout: Duration,
    memory_bytes: u64,
    stop: &'a Stop,
}

/// Has a component compiled by another process of this program.
pub(super) fn compile(program: &Path, order: &Order<'_>) -> Result<Component, NotCompiled> {
    let gives_way = (order.pace == Pace::GiveWay).then_some(GIVE_WAY);
    let work = Work {
        words: gives_way
            .into_iter()
            .chain(order.counts.then_some(COUNT))
            .collect(),
        bytes: order.bytes,
        timeout: order.timeout,
        memory_bytes: order.memory_bytes,
        stop: order.stop,
    };
    deserialize(order.engine, &done(program, &work)?)
        .map_err(|error| NotCompiled::Ended(format!("its code is of no use: {error:#}")))
}

/// Has what a component shows of itself read by another process of this program, as JSON.
pub(super) fn surfaces(program: &Path, bytes: &[u8]) -> Result<Vec<u8>, NotCompiled> {
    let work = Work {
        words: vec![SURFACES],
        bytes,
        timeout: POLICY_SURFACES_TIMEOUT,
        memory_bytes: POLICY_SURFACES_BYTES,
        stop: &Stop::default(),
    };
    done(program, &work)
}

/// Has work done by another process of this program.
fn done(program: &Path, work: &Work<'_>) -> Result<Vec<u8>, NotCompiled> {
    let mut child = start(program, work).map_err(|e| NotCompiled::NotStarted(e.to_string()))?;
    let outcome = converse(&mut child, work);
    // It may be done, late, unwanted or out of its mind: it does not outlive this call.
    end(&mut child);
    let ended = child.wait();
    let (answer, complaint, end) = outcome.map_err(|e| NotCompiled::NotStarted(e.to_string()))?;
    let status = ended.map_err(|e| NotCompiled::Ended(e.to_string()))?;
    let outcome = Outcome {
        answer,
        complaint,
        end,
        status,
    };
    judge(outcome, work)
}

fn start(program: &Path, work: &Work<'_>) -> io::Result<Child> {
    // A bound beside the one on the clock, for when nobody is left who looks at that.
    let seconds = work.timeout.as_secs();
    let seconds = seconds.saturating_add(POLICY_COMPILE_SPARE_SECONDS);
    let seconds = seconds.saturating_mul(POLICY_COMPILE_THREADS as u64);
    let mut command = Command::new(program);
    command
        .arg0(env!("CARGO_PKG_NAME"))
        .arg(SUBCOMMAND)
        .arg(work.memory_bytes.to_string())
        .arg(seconds.to_string())
        .args(&work.words)
        // It needs nothing, and is to know nothing: variables may hold secrets.
        .env_clear()
        .current_dir("/")
        // A signal from the terminal is for the server, which drains.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Hands over the component and takes what comes, until it is over, too late or called off.
fn converse(child: &mut Child, work: &Work<'_>) -> io::Result<(Vec<u8>, Vec<u8>, End)> {
    let missing = || io::Error::other("it has no pipe");
    let mut input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let errors = child.stderr.take().ok_or_else(missing)?;
    let (told, news) = channel();
    work.stop.tell(told.clone());
    thread::scope(|scope| {
        let take = || {
            // More code than it may have memory is none.
            let answer = read(output, work.memory_bytes);
            // Whoever waits may have gone.
            let _gone = told.send(News::Over);
            answer
        };
        let started = (|| {
            let answer = spawn(scope, take)?;
            let complaint = spawn(scope, || read(errors, POLICY_COMPILER_TEXT_BYTES))?;
            // It may end before it has read everything; then how it ended says more.
            let give = move || drop(input.write_all(work.bytes));
            spawn(scope, give)?;
            Ok::<_, io::Error>((answer, complaint))
        })();
        let end = match &started {
            Ok(_) => wait(&news, work.timeout),
            Err(_) => End::Over,
        };
        // Its pipes end with it, and so do the threads at their other ends.
        self::end(child);
        let (answer, complaint) = started?;
        Ok((joined(answer)?, joined(complaint)?, end))
    })
}

/// Ends a process that was not waited for yet, and whatever it started.
fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // It leads a group of its own, which may be gone.
        let _gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _gone = child.kill();
}

fn wait(news: &std::sync::mpsc::Receiver<News>, timeout: Duration) -> End {
    match news.recv_timeout(timeout) {
        Ok(News::CalledOff) => End::CalledOff,
        Ok(News::Over) | Err(RecvTimeoutError::Disconnected) => End::Over,
        Err(RecvTimeoutError::Timeout) => End::TimedOut,
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new()
        .name("policy-compiler".to_owned())
        .spawn_scoped(scope, work)
}

fn joined(thread: ScopedJoinHandle<'_, io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}

fn read(from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The answer, or why there is none.
fn judge(outcome: Outcome, work: &Work<'_>) -> Result<Vec<u8>, NotCompiled> {
    let Outcome {
        answer,
        complaint,
        end,
        status,
    } = outcome;
    let complaint = String::from_utf8_lossy(&complaint);
    let signal = status.signal().and_then(|it| Signal::try_from(it).ok());
    match (end, signal) {
        (End::CalledOff, _) => return Err(NotCompiled::CalledOff),
        (End::TimedOut, _) | (_, Some(Signal::SIGXCPU)) => {
            return Err(NotCompiled::TimedOut(work.timeout));
        }
        (End::Over, _) => {}
    }
    if complaint.contains(NO_MEMORY) {
        return Err(NotCompiled::OutOfMemory(work.memory_bytes));
    }
    if status.success() {
        return match job::answer(answer) {
            Some(Answer::Done(answer)) => Ok(answer),
            Some(Answer::Refused(reason)) => Err(NotCompiled::Invalid(reason)),
            Some(Answer::NoMemory) => Err(NotCompiled::OutOfMemory(work.memory_bytes)),
            None => Err(NotCompiled::Ended("it said nothing".to_owned())),
        };
    }
    let how = match (signal, complaint.trim()) {
        (Some(Signal::SIGKILL), _) => {
            "it was killed, as the system does when memory runs out".to_owned()
        }
        (Some(signal), "") => format!("it got {signal}"),
        (None, "") => status.to_string(),
        (_, said) => format!("it said: {said}"),
    };
    Err(NotCompiled::Ended(how))
}

#[expect(
    unsafe_code,
    reason = "the engine cannot check compiled code; it comes from a process of ours"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the engine asks for bytes that `Engine::precompile_component` gave. These were written
    // into a pipe that nobody has but a process which we started a moment ago, from the program that
    // we are, and which ended well after it had written them. That they were made by an engine like
    // this one is checked by the engine itself.
    unsafe { Component::deserialize(engine, code) }
}
