//! Calls a running server over its HTTP API, like anybody else. Knows nothing of a server's inside,
//! nor what a call means.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Headers that an answer may have.
const MAX_HEADERS: usize = 64;
/// How long a connection, and each write to it, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A server's HTTP API, and the key to it.
#[derive(Clone)]
pub struct Api {
    authority: String,
    key: String,
    /// How long a call may let nothing be heard of it.
    patience: Duration,
    /// The largest answer that is read, in bytes.
    most: u64,
}

/// What a call carries.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// What it is.
    pub media_type: &'a str,
    /// Itself.
    pub bytes: &'a [u8],
}

/// What a call was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({}, ..)", self.authority)
    }
}

impl Api {
    /// A server by the address of its internal listener, such as `http://127.0.0.1:7801`.
    ///
    /// # Errors
    /// The address is none, or the key cannot be one.
    pub fn new(url: &str, key: &str, patience: Duration, most: u64) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            format!("{url}: expected http://HOST:PORT, the address for backends; TLS is not spoken")
        })?;
        let authority = rest.trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"/@?#".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(is_plain) {
            return Err(format!("{url}: expected http://HOST:PORT and no more"));
        }
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the key is empty or holds what no key holds".to_owned());
        }
        Ok(Self {
            authority: authority.to_owned(),
            key: key.to_owned(),
            patience,
            most,
        })
    }

    /// Makes a call. The path is percent-encoded as it must be.
    ///
    /// # Errors
    /// The server cannot be reached, or answers nothing that can be understood.
    pub fn call(&self, method: &str, path: &str, body: Option<Body<'_>>) -> Result<Answer, String> {
        self.exchange(method, path, body)
            .map_err(|error| self.failed(&error))
            .and_then(|answer| parse(&answer).map_err(|reason| self.failed(&reason)))
    }

    fn failed(&self, reason: &dyn fmt::Display) -> String {
        format!("http://{}: {reason}", self.authority)
    }

    fn exchange(&self, method: &str, path: &str, body: Option<Body<'_>>) -> io::Result<Vec<u8>> {
        let mut stream = self.connect()?;
        // In HTTP/1.0 the answer ends where the connection does.
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
            self.authority, self.key
        );
        if let Some(Body { media_type, bytes }) = body {
            let length = bytes.len();
            head += &format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n");
        } else if method != "GET" {
            head += "Content-Length: 0\r\n";
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        if let Some(body) = body {
            stream.write_all(body.bytes)?;
        }
        let mut answer = Vec::new();
        stream.take(self.most + 1).read_to_end(&mut answer)?;
        if answer.len() as u64 > self.most {
            return Err(io::Error::other("the answer is too large"));
        }
        Ok(answer)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let with_port = match self.authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => self.authority.clone(),
            _ => format!("{}:80", self.authority),
        };
        let mut last = io::Error::other("the name has no address");
        for address in with_port.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.patience))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn parse(answer: &[u8]) -> Result<Answer, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    match (head.parse(answer), head.code) {
        (Ok(httparse::Status::Complete(length)), Some(status)) => Ok(Answer {
            status,
            body: answer[length..].to_vec(),
        }),
        _ => Err("it does not answer like a Wardroom server"),
    }
}

/// A text as a part of a path or of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    fn api(url: &str, key: &str) -> Result<Api, String> {
        Api::new(url, key, TIMEOUT, 100)
    }

    /// Calls a server that gives this answer; what it was asked, and what came of it.
    fn called(answer: &str, body: Option<Body<'_>>) -> (String, Result<Answer, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut some = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"!") {
                let length = stream.read(&mut some).unwrap();
                request.extend_from_slice(&some[..length]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        let outcome = api(&url, "wr_key").unwrap().call("POST", "/v1/x", body);
        (serving.join().unwrap(), outcome)
    }

    #[test]
    fn a_call_carries_the_key_and_the_body_and_brings_the_answer() {
        let body = Body {
            media_type: "application/wasm",
            bytes: b"component!",
        };
        let (asked, outcome) = called("HTTP/1.0 409 Conflict\r\nx: y\r\n\r\n{}", Some(body));
        assert!(asked.starts_with("POST /v1/x HTTP/1.0\r\n"), "{asked}");
        assert!(
            asked.contains("Authorization: Bearer wr_key\r\n"),
            "{asked}"
        );
        assert!(
            asked.contains("Content-Type: application/wasm\r\n"),
            "{asked}"
        );
        assert!(
            asked.ends_with("Content-Length: 10\r\n\r\ncomponent!"),
            "{asked}"
        );
        let expected = Answer {
            status: 409,
            body: b"{}".to_vec(),
        };
        assert_eq!(outcome, Ok(expected));
        let (asked, _) = called("HTTP/1.0 200 OK\r\n\r\n", None);
        assert!(asked.contains("Content-Length: 0\r\n"), "{asked}");
    }

    #[test]
    fn what_is_no_answer_is_said_to_be_none() {
        for (answer, said) in [
            ("SSH-2.0-OpenSSH\r\n".to_owned(), "does not answer like"),
            (String::new(), "does not answer like"),
            (
                format!("HTTP/1.0 200 OK\r\n\r\n{}", "x".repeat(100)),
                "too large",
            ),
        ] {
            let (_, outcome) = called(&answer, None);
            let error = outcome.unwrap_err();
            assert!(error.starts_with("http://127.0.0.1:"), "{error}");
            assert!(error.contains(said) && !error.contains("wr_key"), "{error}");
        }
    }

    #[test]
    fn an_address_is_checked_and_a_key_not_shown() {
        for wrong in [
            "https://x",
            "x:1",
            "http://",
            "http://a/b",
            "http://a b",
            "http://a\r\nb",
        ] {
            assert!(api(wrong, "k").is_err(), "{wrong}");
        }
        assert!(api("http://x", "a b").is_err());
        let shown = format!("{:?}", api("http://x", "wr_key").unwrap());
        assert_eq!(shown, "Api(x, ..)");
    }

    #[test]
    fn whatever_is_not_plain_is_encoded() {
        assert_eq!(encoded("a-b_c.d~1"), "a-b_c.d~1");
        assert_eq!(encoded("a b/ü&=%"), "a%20b%2F%C3%BC%26%3D%25");
    }
}
