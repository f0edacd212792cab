//! A minimal client of the HTTP API that the servers share: single calls, and a kept connection
//! on which calls are pipelined. Must not know what the calls mean.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::hub::Hub;
use crate::limits::{CALL_DEADLINE, HTTP_HEAD_BYTES};

/// Where the API is and the key that opens it.
#[derive(Debug, Clone)]
pub struct Api {
    /// The internal listener.
    pub address: SocketAddr,
    /// Bearer key.
    pub key: String,
}

impl Api {
    fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len(),
        )
    }

    /// One call on a connection of its own; returns the status and the answer.
    async fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let calling = async { self.line().await?.call(method, path, body).await };
        timeout(CALL_DEADLINE, calling)
            .await
            .with_context(|| format!("{method} {path}"))?
    }

    /// Opens a connection for calls one after the other.
    pub async fn line(&self) -> anyhow::Result<Line> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Line {
            api: self.clone(),
            stream,
            buffer: Vec::new(),
        })
    }

    /// One call that must succeed.
    pub async fn must(&self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        self.succeed(method, path, body).await.map(drop)
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> anyhow::Result<String> {
        self.succeed("GET", path, "").await
    }

    async fn succeed(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let answer = self.call(method, path, body).await?;
        succeeded(method, path, answer)
    }

    /// Opens a connection to publish on; errors in the answers are counted in `hub`.
    pub async fn pipeline(&self, hub: &Rc<Hub>) -> anyhow::Result<Pipeline> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let hub = Rc::clone(hub);
        spawn_local(async move {
            if count_answers(read, &hub).await.is_err() {
                hub.refused();
            }
        });
        Ok(Pipeline {
            api: self.clone(),
            write,
        })
    }
}

fn succeeded(method: &str, path: &str, answer: (u16, String)) -> anyhow::Result<String> {
    let (status, text) = answer;
    ensure!(
        (200..300).contains(&status),
        "{method} {path} was answered {status}: {}",
        text.chars().take(300).collect::<String>()
    );
    Ok(text)
}

/// A kept connection on which each call waits for the answer to the one before.
#[derive(Debug)]
pub struct Line {
    api: Api,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> anyhow::Result<(u16, String)> {
        let request = self.api.request(method, path, body);
        self.stream.write_all(request.as_bytes()).await?;
        loop {
            if let Some(answer) = parse(&self.buffer)? {
                let body = &self.buffer[answer.head..answer.length];
                let text = String::from_utf8_lossy(body).into_owned();
                self.buffer.drain(..answer.length);
                return Ok((answer.status, text));
            }
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "closed without an answer"
            );
        }
    }

    /// One call that must succeed.
    pub async fn must(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        let answer = timeout(CALL_DEADLINE, self.call(method, path, body)).await;
        let answer = answer.with_context(|| format!("{method} {path}"))??;
        succeeded(method, path, answer).map(drop)
    }
}

/// A kept connection on which calls do not wait.
#[derive(Debug)]
pub struct Pipeline {
    api: Api,
    write: OwnedWriteHalf,
}

impl Pipeline {
    /// Sends a call without waiting for its answer.
    pub async fn post(&mut self, path: &str, body: &str) -> std::io::Result<()> {
        self.write
            .write_all(self.api.request("POST", path, body).as_bytes())
            .await
    }
}

async fn count_answers(mut read: OwnedReadHalf, hub: &Hub) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(HTTP_HEAD_BYTES);
    while read.read_buf(&mut buffer).await? > 0 {
        let mut used = 0;
        while let Some(answer) = parse(&buffer[used..])? {
            used += answer.length;
            if !(200..300).contains(&answer.status) {
                hub.refused();
            }
        }
        buffer.drain(..used);
    }
    Ok(())
}

/// Where an answer is in what has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Bytes before its body.
    pub(crate) head: usize,
    /// Bytes in all.
    pub(crate) length: usize,
}

/// Finds the answer at the start of `buffer`; `None` if it is not complete.
pub(crate) fn parse(buffer: &[u8]) -> anyhow::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(buffer)? else {
        ensure!(
            buffer.len() < HTTP_HEAD_BYTES,
            "the head of an answer is too long"
        );
        return Ok(None);
    };
    let status = response.code.context("an answer without a status")?;
    let mut body = None;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            body = Some(std::str::from_utf8(header.value)?.trim().parse::<usize>()?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("an answer in chunks, which this client does not read");
        }
    }
    let length = head + body.unwrap_or(0);
    Ok((buffer.len() >= length).then_some(Answer {
        status,
        head,
        length,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answer_is_found_only_when_whole() {
        let wire = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 204 No";
        for cut in 0..47 {
            let found = parse(&wire[..cut]).unwrap();
            assert_eq!(found.is_some(), cut >= 46, "cut at {cut}");
        }
        assert_eq!(
            parse(wire).unwrap(),
            Some(Answer {
                status: 202,
                head: 44,
                length: 46
            })
        );
    }

    #[test]
    fn chunks_are_refused_loudly() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
