//! Asks a running server what it makes of its policies, over its HTTP API like anybody else. Knows
//! nothing of a server's inside.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::limits::{POLICY_DEV_ANSWER_BYTES, POLICY_DEV_PATIENCE, POLICY_DEV_POLL};

/// Headers that an answer may have.
const MAX_HEADERS: usize = 64;
/// How long a connection, and each read of it, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A server's HTTP API, and the key to it.
#[derive(Clone)]
pub struct Server {
    authority: String,
    key: String,
}

/// What a server says of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    name: String,
    file: String,
    digest: String,
    generation: u64,
    state: String,
    last_error: Option<String>,
}

#[derive(Deserialize)]
struct Policies {
    policies: Vec<Policy>,
}

/// What a server made of a new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in force.
    InForce {
        /// The policy's name.
        name: String,
        /// The generation that brought it.
        generation: u64,
    },
    /// It was refused; the former version is in force.
    Refused {
        /// The policy's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// Nothing was heard of it in time: no policy of the server has this file.
    Unknown,
}

impl Server {
    /// A server by the address of its internal listener, such as `http://127.0.0.1:7801`.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(url: &str, key: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            format!("{url}: expected http://HOST:PORT, the address for backends; TLS is not spoken")
        })?;
        let authority = rest.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '@', '?', '#', ' ']) {
            return Err(format!("{url}: expected http://HOST:PORT and no more"));
        }
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the key is empty or holds what no key holds".to_owned());
        }
        Ok(Self {
            authority: authority.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Waits for what the server makes of a component that was put in the place of `file`.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer the question.
    pub fn verdict(&self, digest: &str, file: &str) -> Result<Verdict, String> {
        let patience = Instant::now() + POLICY_DEV_PATIENCE;
        loop {
            if let Some(verdict) = judge(&self.policies()?, digest, file) {
                return Ok(verdict);
            }
            if Instant::now() >= patience {
                return Ok(Verdict::Unknown);
            }
            // Nobody unparks it: the server is asked again a little later.
            std::thread::park_timeout(POLICY_DEV_POLL);
        }
    }

    fn policies(&self) -> Result<Vec<Policy>, String> {
        let failed = |e: std::io::Error| format!("http://{}: {e}", self.authority);
        let mut stream = self.connect().map_err(failed)?;
        // In HTTP/1.0 the answer ends where the connection does.
        let request = format!(
            "GET /v1/policies HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.authority, self.key
        );
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = Vec::new();
        stream
            .take(POLICY_DEV_ANSWER_BYTES)
            .read_to_end(&mut answer)
            .map_err(failed)?;
        read(&answer).map_err(|reason| format!("http://{}: {reason}", self.authority))
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let with_port = match self.authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => self.authority.clone(),
            _ => format!("{}:80", self.authority),
        };
        let mut last = std::io::Error::other("the name has no address");
        for address in with_port.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The policies in an answer.
fn read(answer: &[u8]) -> Result<Vec<Policy>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let body = match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => &answer[length..],
        _ => return Err("it does not answer like a Wardroom server".to_owned()),
    };
    match head.code {
        Some(200) => {}
        Some(401 | 403) => {
            return Err("it refuses the key; it takes one with the scope `ops:read`".to_owned());
        }
        code => {
            let code = code.unwrap_or_default();
            return Err(format!("it answers {code} to GET /v1/policies"));
        }
    }
    serde_json::from_slice::<Policies>(body)
        .map(|answer| answer.policies)
        .map_err(|e| format!("its answer to GET /v1/policies is not understood: {e}"))
}

/// What the policies say of a component; nothing as long as the server has not looked at it.
fn judge(policies: &[Policy], digest: &str, file: &str) -> Option<Verdict> {
    if let Some(policy) = policies.iter().find(|policy| policy.digest == digest) {
        return Some(Verdict::InForce {
            name: policy.name.clone(),
            generation: policy.generation,
        });
    }
    let same_file = |policy: &&Policy| {
        // The server may know the place by another path.
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        name(&policy.file) == name(file)
    };
    let policy = policies.iter().find(same_file)?;
    match (policy.state.as_str(), &policy.last_error) {
        ("stale", Some(reason)) => Some(Verdict::Refused {
            name: policy.name.clone(),
            reason: reason.clone(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    fn policy(digest: &str, state: &str) -> String {
        format!(
            r#"{{"policies":[{{"name":"p","file":"policies/p.wasm","digest":"{digest}",
                "generation":4,"hooks":["events"],"state":"{state}","failures":0,
                "lastError":"it is too large"}}]}}"#
        )
    }

    #[test]
    fn a_server_is_asked_with_its_key_until_it_has_looked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answers = [policy("old", "active"), policy("new", "active")];
        let serving = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                assert!(
                    request.contains("Authorization: Bearer wr_key\r\n"),
                    "{request}"
                );
                write!(stream, "HTTP/1.0 200 OK\r\nx: y\r\n\r\n{answer}").unwrap();
            }
        });
        let server = Server::new(&url, "wr_key").unwrap();
        let expected = Verdict::InForce {
            name: "p".into(),
            generation: 4,
        };
        assert_eq!(server.verdict("new", "/srv/p.wasm"), Ok(expected));
        serving.join().unwrap();
    }

    #[test]
    fn a_refusal_is_told_and_another_file_is_not_ours() {
        let stale: Policies = serde_json::from_str(&policy("old", "stale")).unwrap();
        let refused = Verdict::Refused {
            name: "p".into(),
            reason: "it is too large".into(),
        };
        assert_eq!(judge(&stale.policies, "new", "x/p.wasm"), Some(refused));
        assert_eq!(judge(&stale.policies, "new", "x/q.wasm"), None);
        let refused = read(b"HTTP/1.1 403 Forbidden\r\n\r\n{}").unwrap_err();
        assert!(refused.contains("ops:read"), "{refused}");
        assert!(read(b"SSH-2.0").is_err());
    }

    #[test]
    fn an_address_is_checked_and_a_key_not_shown() {
        for wrong in ["https://x", "x:1", "http://", "http://a/b"] {
            assert!(Server::new(wrong, "k").is_err(), "{wrong}");
        }
        assert!(Server::new("http://x", "a b").is_err());
    }
}
