//! A backend that calls the HTTP API. It must not know what a call does.

use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::server::WORKSPACE;
use crate::wait::within_deadline;

/// A caller of the internal listener, with one API key and a workspace to care for.
#[derive(Clone)]
pub struct Backend {
    http: reqwest::Client,
    base: String,
    key: String,
    workspace: String,
}

/// What a call was answered with.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The value of `Content-Type`, or nothing.
    pub content_type: String,
    /// The body: JSON if it is that, otherwise a string, `null` if there is none.
    pub body: Value,
}

impl Backend {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self::at(&format!("http://{address}"), key)
    }

    pub(crate) fn at(base: &str, key: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: base.to_owned(),
            key: key.to_owned(),
            workspace: WORKSPACE.to_owned(),
        }
    }

    /// A backend for another workspace than most tests use.
    #[must_use]
    pub fn in_workspace(mut self, workspace: &str) -> Self {
        workspace.clone_into(&mut self.workspace);
        self
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/workspaces/{}{rest}", self.workspace)
    }

    /// What anybody gets who opens a URL.
    pub async fn fetch(url: &str) -> Answer {
        let anybody = Self::at(url, "");
        anybody.send(anybody.request("GET", "")).await
    }

    /// Makes a call with the key and, unless it is null, a JSON body.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, body, &[]).await
    }

    /// As [`Backend::call`], with more headers.
    ///
    /// # Panics
    /// If there is no answer in time.
    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.request(method, path).bearer_auth(&self.key);
        if !body.is_null() {
            request = request.json(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// A request without a key.
    ///
    /// # Panics
    /// If the method is none.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method: Method = method.parse().expect("a method of HTTP");
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends any request and reads the answer.
    ///
    /// # Panics
    /// If there is no answer in time.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        within_deadline("the answer to an HTTP call", async {
            let response = request.send().await.expect("the listener answers");
            let status = response.status().as_u16();
            let content_type = response.headers().get(CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok());
            let content_type = content_type.unwrap_or_default().to_owned();
            let text = response.text().await.expect("the answer is whole");
            let body = match serde_json::from_str(&text) {
                Ok(body) => body,
                Err(_) if text.is_empty() => Value::Null,
                Err(_) => Value::String(text),
            };
            Answer {
                status,
                content_type,
                body,
            }
        })
        .await
    }

    /// Makes a call that must succeed.
    ///
    /// # Panics
    /// If it does not.
    pub async fn ok(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.call(method, path, body).await;
        let succeeded = (200..300).contains(&answer.status);
        assert!(succeeded, "{method} {path} {body} was answered {answer:?}");
        answer
    }

    /// Makes a call that must fail with a status and a code.
    ///
    /// # Panics
    /// If it does not, or its problem document is not one.
    pub async fn refused(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let answer = self.call(method, path, body).await;
        let failed = answer.status >= 400;
        assert!(
            failed,
            "{method} {path} was answered {answer:?}: {body:.200}"
        );
        answer.problem()
    }

    /// Adds or changes a member of its workspace.
    pub async fn put_member(&self, user: &str, body: &Value) -> Answer {
        let path = self.path(&format!("/members/{user}"));
        self.ok("PUT", &path, body).await
    }

    /// Removes a member of its workspace.
    pub async fn remove_member(&self, user: &str) -> Answer {
        let path = self.path(&format!("/members/{user}"));
        self.ok("DELETE", &path, &Value::Null).await
    }

    /// Adds or changes a channel of its workspace.
    pub async fn put_channel(&self, channel: &str, body: &Value) -> Answer {
        let path = self.path(&format!("/channels/{channel}"));
        self.ok("PUT", &path, body).await
    }

    /// Deletes a channel of its workspace.
    pub async fn delete_channel(&self, channel: &str) -> Answer {
        let path = self.path(&format!("/channels/{channel}"));
        self.ok("DELETE", &path, &Value::Null).await
    }

    /// Puts a user out of everywhere.
    pub async fn kick(&self, user: &str) -> Answer {
        let path = format!("/v1/users/{user}/disconnect");
        self.ok("POST", &path, &json!({})).await
    }

    /// Publishes an event of the application's own to its workspace.
    pub async fn publish(&self, event: &str, data: &Value, to: &Value) -> Answer {
        let path = self.path("/events");
        let body = json!({"event": event, "data": data, "to": to});
        self.ok("POST", &path, &body).await
    }

    /// What its workspace looks like.
    pub async fn workspace(&self) -> Value {
        let path = self.path("");
        self.ok("GET", &path, &Value::Null).await.body
    }
}

impl Answer {
    /// The status and code of a problem document (RFC 9457).
    ///
    /// # Panics
    /// If this is none.
    #[must_use]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status, "{self:?}");
        assert!(self.body["title"].is_string(), "{self:?}");
        let code = self.body["code"].as_str();
        (
            self.status,
            code.unwrap_or_else(|| panic!("no code: {self:?}"))
                .to_owned(),
        )
    }
}

/// The path of a member of the test's workspace.
#[must_use]
pub fn member(user: &str) -> String {
    format!("/v1/workspaces/{WORKSPACE}/members/{user}")
}

/// The path of a channel of the test's workspace.
#[must_use]
pub fn channel(channel: &str) -> String {
    format!("/v1/workspaces/{WORKSPACE}/channels/{channel}")
}
