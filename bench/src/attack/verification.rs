//! Tokens with wrong signatures, on two hundred sockets, as fast as they are taken: each costs an
//! arithmetic that takes a fraction of a millisecond, unless it is refused before that.

use std::cell::Cell;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ground::{Ground, HALL, Setup};
use super::table::Claim;
use super::{Attack, Options, tokens};
use crate::socket::{Scratch, Socket, scratch, send};

/// Sockets at once.
const SOCKETS: usize = 200;
/// Addresses that they come from.
const SOURCES: usize = 4;
/// Tokens that each sends before it looks at the answers.
const AHEAD: usize = 16;
/// Different tokens of each algorithm.
const DIFFERENT: u64 = 32;
/// How long a socket waits when it was refused altogether.
const PAUSE: Duration = Duration::from_millis(20);

const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE19oue09tPRSN004MOVUISJy1JUIK
vDtZHwvJAl4lXy3sTZVVdHaSYpQWWh0TjCxYpeAHnrn+3GnfbJOl8YJvrQ==
-----END PUBLIC KEY-----
";
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE7UhEcrdg1iQFjbOKqa2bu5krvkr45cDC
sOaQQXT26zkxeMk+aT4kH97ZrYdQPlPs/5wETwTXtDj8kfY2He7iaEh4WphxG+ic
oTnnUDpW90YZlmtdSBsuBNmTSHDskv9F
-----END PUBLIC KEY-----
";
const RSA: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwuqYuneI+VldyN5doazK
fsTMq8xm4MVS4m0OZcW4au5tTdIFaZbKGcyHl95w73kU+Dub5rkgbNtbBKK5tGi6
PA8+cDq0lKgy4SDTTFHA1zRYY6fHPJi6MVtXnMRf78mmlaKWS5SqtK+bKnnx3UYq
uL4Y8i2WBCN6owE6voQl+Fc/0/MTms4ZoQ25SXIAd6x0lFnjloX8DsbgEwEQI616
7CIphD78lZLxbxXiQqOV1G5dkoCfSU79/LOiwGyWbMXGG9fSb8S4ZFIMTF4zNmVr
7sQUkGmNhEpxMyraSOKgp9qz5hB6Q8cNVryAiX5pODc0LvrYZI/h4JgU2CM3eYpD
PQIDAQAB
-----END PUBLIC KEY-----
";

/// Algorithm, public key, length of a signature in bytes.
const KEYS: [(&str, &str, usize); 4] = [
    ("ES256", P256, 64),
    ("ES384", P384, 96),
    ("RS256", RSA, 256),
    ("PS512", RSA, 256),
];

#[derive(Debug)]
pub(super) struct Verification {
    packets: Rc<Vec<String>>,
    sent: Rc<Cell<u64>>,
    opened: Rc<Cell<u64>>,
}

impl Attack for Verification {
    fn setup(options: &Options) -> Setup {
        let mut configuration = String::new();
        for (algorithm, key, _) in KEYS {
            let _ = write!(
                configuration,
                "\n[[auth.keys]]\nid = \"{algorithm}\"\nalg = \"{algorithm}\"\npublic_key = \"\"\"\n{key}\"\"\"\n"
            );
        }
        Setup {
            configuration,
            ..Setup::new(options, 20, 8)
        }
    }

    async fn prepare(_: &Ground) -> anyhow::Result<Self> {
        let mut packets = Vec::new();
        for salt in 1..=DIFFERENT {
            for (algorithm, _, bytes) in KEYS {
                packets.push(tokens::forged(algorithm, bytes, "nobody", HALL, salt)?);
            }
            packets.push(tokens::forged("HS256", 32, "nobody", HALL, salt)?);
        }
        let packets = packets.iter().map(|token| tokens::auth(token, HALL));
        Ok(Self {
            packets: Rc::new(packets.collect()),
            sent: Rc::default(),
            opened: Rc::default(),
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let scratch = scratch();
        let mut sockets = JoinSet::new();
        for number in 0..SOCKETS {
            let (packets, scratch) = (Rc::clone(&self.packets), scratch.clone());
            let (sent, opened) = (Rc::clone(&self.sent), Rc::clone(&self.opened));
            let source = Ipv4Addr::new(127, 0, 1, 1 + (number % SOURCES) as u8);
            let server = ground.server;
            sockets.spawn_local(async move {
                loop {
                    let opening = Socket::open(server, source, &scratch).await;
                    match opening {
                        Ok(mut socket) => {
                            opened.set(opened.get() + 1);
                            // It ends when the server closes it, which is what it is there for.
                            let _ = flood(&mut socket, &packets, &sent, &scratch).await;
                        }
                        Err(_) => tokio::time::sleep(PAUSE).await,
                    }
                }
            });
        }
        tokio::time::sleep_until(ground.ends().into()).await;
        sockets.shutdown().await;
        let (sent, opened) = (self.sent.get(), self.opened.get());
        Ok(format!(
            "{sent} wrong tokens ({}, HS256) on {SOCKETS} sockets at once, {opened} in all, from {SOURCES} addresses",
            KEYS.map(|(algorithm, ..)| algorithm).join(", ")
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        let sent = self.sent.get() as f64;
        Ok(vec![Claim::least("wrong tokens sent", sent, 1_000.0)])
    }
}

/// Sends tokens some at a time, and reads what is said of them, until the socket is closed.
async fn flood(
    socket: &mut Socket,
    packets: &[String],
    sent: &Cell<u64>,
    scratch: &Scratch,
) -> anyhow::Result<()> {
    let stream = socket.stream();
    loop {
        for _ in 0..AHEAD {
            let number = sent.replace(sent.get() + 1) as usize;
            send(&stream, &packets[number % packets.len()]).await?;
        }
        let mut refused = 0;
        while refused < AHEAD {
            let open = socket.receive(scratch, |packet| {
                // Twice for each: with the transaction in the name, and without.
                refused += usize::from(packet.starts_with(b"42[\"socket-api-error\""));
            });
            anyhow::ensure!(open.await?, "closed");
        }
    }
}
