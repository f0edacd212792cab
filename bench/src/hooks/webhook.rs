//! The other usual way to have somebody else decide: an HTTP webhook, at its best. Kept
//! connections, a thread for each, the least parsing that will do, on loopback. Knows the question
//! of `hooks` and nothing of policies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// What an admission webhook is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    /// Who asks.
    pub(super) user: String,
    /// Their role.
    pub(super) role: Option<String>,
    /// The claims of the token.
    pub(super) claims: serde_json::Value,
    /// Where the connection comes from.
    pub(super) remote_address: String,
}

/// Answers on a free port of loopback until the process ends; admits who has the role `member`.
///
/// # Errors
/// If there is no port to be had.
pub(super) fn serve() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

/// Answers one connection until it closes.
fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    while let Some(body) = message(&mut stream, &mut buffer)? {
        let question: Question = serde_json::from_slice(&buffer[body.clone()])?;
        let admitted = question.role.as_deref() == Some("member");
        let text = format!("{{\"admitted\":{admitted}}}");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        stream.write_all((head + &text).as_bytes())?;
        buffer.drain(..body.end);
    }
    Ok(())
}

/// Reads until one whole message is in the buffer: where its body is, or nothing at the end.
fn message(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Option<std::ops::Range<usize>>> {
    const LENGTH: &[u8] = b"content-length: ";
    loop {
        if let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            let head = buffer[..end].to_ascii_lowercase();
            let from = memchr::memmem::find(&head, LENGTH).context("no length")? + LENGTH.len();
            let digits = head[from..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            let length: usize = std::str::from_utf8(&head[from..from + digits])?.parse()?;
            let body = end + 4..end + 4 + length;
            if buffer.len() >= body.end {
                return Ok(Some(body));
            }
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(None);
        }
        buffer.extend_from_slice(&chunk[..read]);
    }
}

/// One kept connection to a webhook.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub(super) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Asks one question and reads the answer.
    ///
    /// # Errors
    /// If the connection breaks or the answer is none.
    pub(super) fn ask(&mut self, question: &Question) -> anyhow::Result<bool> {
        #[derive(Deserialize)]
        struct Answer {
            admitted: bool,
        }
        let body = serde_json::to_vec(question)?;
        let mut request = format!(
            "POST /admit HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        self.stream.write_all(&request)?;
        let body = message(&mut self.stream, &mut self.buffer)?.context("it hung up")?;
        let answer: Answer = serde_json::from_slice(&self.buffer[body.clone()])?;
        self.buffer.drain(..body.end);
        Ok(answer.admitted)
    }
}

/// How many decisions a second several connections get out of a webhook in a time.
///
/// # Errors
/// If a connection fails.
pub(super) fn throughput(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    question: &Question,
) -> anyhow::Result<f64> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(Client::connect(address)?);
    }
    let until = Instant::now() + time;
    let ask = |mut client: Client| -> anyhow::Result<u64> {
        let mut answered = 0;
        while Instant::now() < until {
            ensure!(client.ask(question)?, "the webhook refused");
            answered += 1;
        }
        Ok(answered)
    };
    let total = std::thread::scope(|scope| {
        let ask = &ask;
        let asking: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(move || ask(client)))
            .collect();
        let mut total = 0;
        for thread in asking {
            total += thread.join().ok().context("a connection panicked")??;
        }
        anyhow::Ok(total)
    })?;
    Ok(total as f64 / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhook_decides_by_role() {
        let mut client = Client::connect(serve().expect("a port")).expect("it listens");
        for (role, admitted) in [
            (Some("member"), true),
            (Some("guest"), false),
            (None, false),
        ] {
            let question = Question {
                user: "u1".into(),
                role: role.map(str::to_owned),
                claims: serde_json::json!({ "sub": "u1" }),
                remote_address: "127.0.0.1".into(),
            };
            assert_eq!(client.ask(&question).expect("an answer"), admitted);
        }
    }
}
