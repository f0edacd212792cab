//! Asks a running server what it makes of its policies. Knows nothing of a server's inside.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::api::{Answer, Api};
use crate::limits::{POLICY_DEV_ANSWER_BYTES, POLICY_DEV_PATIENCE, POLICY_DEV_POLL};

/// How long a server may take to list its policies.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A server that is asked.
#[derive(Clone)]
pub struct Server(Api);

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

/// What a server says of all of them.
#[derive(Debug, Deserialize)]
struct Policies {
    policies: Vec<Policy>,
    loading: Vec<Loading>,
}

/// A component that a server is bringing to life.
#[derive(Debug, Deserialize)]
struct Loading {
    digest: String,
}

impl Policies {
    /// Whether the server is at work on a component, which takes a large one many seconds.
    fn is_loading(&self, digest: &str) -> bool {
        self.loading.iter().any(|loading| loading.digest == digest)
    }
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
        Api::new(url, key, TIMEOUT, POLICY_DEV_ANSWER_BYTES).map(Self)
    }

    /// Waits for what the server makes of a component that was put in the place of `file`.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer the question.
    pub fn verdict(&self, digest: &str, file: &str) -> Result<Verdict, String> {
        let mut patience = Instant::now() + POLICY_DEV_PATIENCE;
        loop {
            let said = self.policies()?;
            if let Some(verdict) = judge(&said.policies, digest, file) {
                return Ok(verdict);
            }
            if said.is_loading(digest) {
                patience = Instant::now() + POLICY_DEV_PATIENCE;
            }
            if Instant::now() >= patience {
                return Ok(Verdict::Unknown);
            }
            // Nobody unparks it: the server is asked again a little later.
            std::thread::park_timeout(POLICY_DEV_POLL);
        }
    }

    fn policies(&self) -> Result<Policies, String> {
        read(&self.0.call("GET", "/v1/policies", None)?)
    }
}

/// The policies in an answer.
fn read(answer: &Answer) -> Result<Policies, String> {
    match answer.status {
        200 => {}
        401 | 403 => {
            let reason = "the server refuses the key; it takes one with the scope `ops:read`";
            return Err(reason.to_owned());
        }
        status => return Err(format!("the server answers {status} to GET /v1/policies")),
    }
    serde_json::from_slice(&answer.body)
        .map_err(|e| format!("the answer to GET /v1/policies is not understood: {e}"))
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

    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn policy(digest: &str, state: &str) -> String {
        format!(
            r#"{{"policies":[{{"name":"p","file":"policies/p.wasm","digest":"{digest}",
                "generation":4,"hooks":["events"],"state":"{state}","failures":0,
                "lastError":"it is too large"}}],
                "loading":[{{"name":"p","digest":"coming","state":"compiling"}}]}}"#
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
        assert!(stale.is_loading("coming") && !stale.is_loading("old"));
        let answered = |status, body: &[u8]| {
            let body = body.to_vec();
            read(&Answer { status, body })
        };
        let refused = answered(403, b"{}").unwrap_err();
        assert!(refused.contains("ops:read"), "{refused}");
        assert!(answered(200, b"hello").is_err());
    }
}
