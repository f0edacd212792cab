//! Tries everything of WASI that a policy may import: each command names one thing, and the grant
//! says what came of it.
#![cfg(target_family = "wasm")]

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/commands-policy@1.0.0;
            import wasi:cli/environment@0.2.12;
            import wasi:cli/terminal-stdin@0.2.12;
            import wasi:cli/terminal-stdout@0.2.12;
            import wasi:cli/terminal-stderr@0.2.12;
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:clocks/wall-clock@0.2.12;
            import wasi:io/poll@0.2.12;
            import wasi:random/random@0.2.12;
            import wasi:random/insecure@0.2.12;
            import wasi:random/insecure-seed@0.2.12;
        }
    ",
    path: ["../../wit/wardroom-policy", "../../host/src/policy/wasi"],
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::commands::{Denial, Guest};
use wardroom::policy::context::Command;
use wasi::cli::{environment, terminal_stderr, terminal_stdin, terminal_stdout};
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::io::poll::poll;
use wasi::random::{insecure, insecure_seed, random};

const HOUR: Duration = Duration::from_secs(3600);

struct Policy;
export!(Policy);

impl Guest for Policy {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        let saw = look(&command.name());
        // What is written here is plain enough for Rust's quotes to be those of JSON.
        Ok(Some(format!("{{\"saw\":{saw:?}}}")))
    }
}

fn look(at: &str) -> String {
    match at {
        "environment" => {
            let raw = environment::get_environment().len() + environment::get_arguments().len();
            let there = std::env::vars().count() + std::env::args().count();
            format!("{raw} {there} {:?}", environment::initial_cwd())
        }
        "working-directory" => kind(std::env::current_dir().and_then(std::fs::read_dir)),
        "read-file" => kind(std::fs::read("/etc/passwd")),
        "write-file" => kind(std::fs::write("/tmp/policy", "x")),
        "list-root" => kind(std::fs::read_dir("/")),
        "tcp-connect" => kind(TcpStream::connect("127.0.0.1:1")),
        "tcp-listen" => kind(TcpListener::bind("127.0.0.1:0")),
        "udp" => kind(UdpSocket::bind("127.0.0.1:0")),
        "resolve" => kind("localhost:80".to_socket_addrs().map(Iterator::count)),
        "clock" => {
            let time = wall_clock::now();
            let std = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let monotonic = monotonic_clock::now();
            let same = u128::from(monotonic) == std.as_nanos();
            format!("{} {} {same}", time.seconds, time.nanoseconds)
        }
        "sleep" => {
            let before = Instant::now();
            std::thread::sleep(HOUR);
            format!("{:?}", before.elapsed())
        }
        "poll" => {
            let before = monotonic_clock::now();
            let hour = u64::try_from(HOUR.as_nanos()).unwrap_or(u64::MAX);
            let later = monotonic_clock::subscribe_duration(hour);
            let then = monotonic_clock::subscribe_instant(before + hour);
            later.block();
            let ready = poll(&[&later, &then]);
            let passed = monotonic_clock::now() - before;
            format!("{} {} {ready:?} {passed}", later.ready(), then.ready())
        }
        "random" => format!(
            "{} {:?} {} {:?} {:?}",
            random::get_random_u64(),
            random::get_random_bytes(5),
            insecure::get_insecure_random_u64(),
            insecure::get_insecure_random_bytes(3),
            insecure_seed::insecure_seed(),
        ),
        "random-much" => format!("{}", random::get_random_bytes(1 << 20).len()),
        "input" => {
            let mut read = Vec::new();
            let ended = std::io::stdin().read_to_end(&mut read);
            format!("{}", ended.unwrap_or(usize::MAX))
        }
        "terminal" => {
            let there = [
                terminal_stdin::get_terminal_stdin().is_some(),
                terminal_stdout::get_terminal_stdout().is_some(),
                terminal_stderr::get_terminal_stderr().is_some(),
            ];
            format!("{there:?}")
        }
        "print" => {
            println!("to standard output");
            eprintln!("to standard error");
            "printed".to_owned()
        }
        "print-much" => {
            let line = [b'x'; 1000];
            for _ in 0..1000 {
                // Whether there is room is what the host is asked.
                let _full = std::io::stdout().write_all(&line);
                let _full = std::io::stderr().write_all(&line);
            }
            let _full = std::io::stdout().flush();
            "printed".to_owned()
        }
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        _ => "nothing".to_owned(),
    }
}

/// How something ended, in one word.
fn kind<T>(outcome: std::io::Result<T>) -> String {
    fn word(kind: impl Debug) -> String {
        format!("{kind:?}")
    }
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(error) => word(error.kind()),
    }
}
