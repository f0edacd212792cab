//! The demo page in a headless browser: what the test needs, and running it against a development
//! server of its own. Must not know what is checked; `tests/demo/` does.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::shell::{command, root, run, say, target};

const FOLDER: &str = "tests/demo";
const CONFIG: &str = "examples/demo/wardroom.toml";

/// How long a development server may take to be ready. A cold one compiles its policy.
const READY: Duration = Duration::from_secs(120);

/// Chromium, and the library that drives it.
pub(crate) fn install() -> Result<()> {
    setup::npm(FOLDER)?;
    if std::env::var_os("CHROMIUM").is_some() {
        return Ok(());
    }
    setup::debian("chromium", "chromium")
        .context("the demo page is tested in Chromium; CHROMIUM may name one elsewhere")
}

/// Starts `wardroom serve --dev` on ports that the system picks, and runs the browser test on it.
pub(crate) fn test(server: &Path) -> Result<()> {
    let log = target().join("demo-server.log");
    let mut server = Server::start(server, &log)?;
    let url = server
        .address()
        .with_context(|| format!("the log of the server is {}", log.display()))?;
    let node = ["--test", "--test-reporter=spec", "demo.test.mjs"];
    let mut test = command("node", &node);
    test.current_dir(root().join(FOLDER));
    test.env("TEST_DEMO_URL", url);
    run(&mut test).with_context(|| format!("the log of the server is {}", log.display()))
}

/// A server that ends when this goes.
struct Server(Child);

impl Server {
    fn start(binary: &Path, log: &Path) -> Result<Self> {
        let config = root().join(CONFIG);
        let mut serve = command(&binary.to_string_lossy(), &["serve", "--dev", "--config"]);
        serve.arg(config);
        serve.env("WARDROOM_LISTEN__PUBLIC", "127.0.0.1:0");
        serve.env("WARDROOM_LISTEN__INTERNAL", "127.0.0.1:0");
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        serve.stdout(Stdio::piped()).stderr(log);
        let child = serve
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self(child))
    }

    /// The base URL of the public listener, which the server prints once it is ready.
    fn address(&mut self) -> Result<String> {
        let output = self.0.stdout.take().context("the server has no output")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || read(output, &sender));
        match receiver.recv_timeout(READY) {
            Ok(url) => Ok(url),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("the server is not ready after {READY:?}")
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the server ended early"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = ended {
            say(&format!("the development server cannot be ended: {error}"));
        }
    }
}

/// Reads to the end, so that the server never waits for a reader.
fn read(output: ChildStdout, found: &mpsc::Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let mut words = line.split_whitespace();
        if words.next() == Some("clients")
            && let Some(url) = words.next()
        {
            // Nobody listens any more once the server was too slow.
            let _ = found.send(url.to_owned());
        }
    }
}
