//! The process that a stock client lives in. It must not know Socket.IO.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{Flavour, paths};

/// What a client reports, in its order.
#[derive(Debug, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Report {
    /// It is connected to the namespace.
    Connect { id: String },
    /// It is not any more.
    Disconnect { reason: String },
    /// It could not be connected.
    ConnectError { message: String },
    /// It uses this transport from now on.
    Transport { name: String },
    /// An event arrived.
    Event { event: String, args: Vec<Value> },
    /// An acknowledgement arrived.
    Ack { ack: u64, args: Vec<Value> },
}

/// A running driver. It is killed when this is dropped, and with it the transport breaks.
pub(crate) struct Driver {
    process: Child,
    commands: ChildStdin,
    reports: mpsc::UnboundedReceiver<Report>,
}

impl Driver {
    /// Starts the driver of a client.
    pub(crate) fn start(flavour: Flavour) -> Self {
        let mut command = match flavour.generation() {
            Some(generation) => {
                let mut command = Command::new("node");
                command.arg(paths::js_driver()).arg(generation);
                command
            }
            None => {
                let mut command = Command::new(paths::python());
                command.arg(paths::python_script("driver.py"));
                command
            }
        };
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the driver can be started");
        let commands = process.stdin.take().expect("it is piped");
        let output = process.stdout.take().expect("it is piped");
        let (sender, reports) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                let report = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("the driver wrote {line}: {error}"));
                if sender.send(report).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            commands,
            reports,
        }
    }

    /// Gives a command; what comes of it will be reported.
    pub(crate) fn command(&mut self, command: &Value) {
        writeln!(self.commands, "{command}").expect("the driver takes commands");
    }

    /// The next report.
    pub(crate) async fn report(&mut self) -> Report {
        let report = self.reports.recv().await;
        report.expect("the driver runs as long as its client is used")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
