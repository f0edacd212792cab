//! `Idempotency-Key`: a call that is repeated under the same key is answered from memory and done
//! once. It must not know what the calls do.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Api;
use super::auth::caller;
use super::input::read;
use super::problem::{Problem, caught};
use crate::codes::Code;
use crate::commit::Failure;
use crate::limits::{
    ANSWER_MEMORY, MAX_IDEMPOTENCY_KEY_CHARS, MAX_REMEMBERED_ANSWER_BYTES, MAX_REMEMBERED_ANSWERS,
    MAX_REMEMBERED_BYTES,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// SHA-256 of what makes two requests the same one: method, path with query, body.
type Fingerprint = [u8; 32];

/// An answer that was given.
#[derive(Clone, Debug)]
struct Answer {
    fingerprint: Fingerprint,
    status: StatusCode,
    media_type: Option<HeaderValue>,
    body: Bytes,
}

/// The place of one key's answer. Whoever holds the lock is doing the call; the others wait.
type Place = Arc<tokio::sync::Mutex<Option<Answer>>>;

/// What is kept under one key.
#[derive(Default)]
struct Remembered {
    place: Place,
    /// Of the answer; none while the call is under way.
    bytes: usize,
}

/// The answers of one API key.
#[derive(Default)]
struct Memory {
    places: HashMap<Arc<str>, Remembered>,
    /// Every place once, the oldest first.
    ages: VecDeque<(Instant, Arc<str>)>,
    /// Of all answers.
    bytes: usize,
}

/// No place is free: every remembered answer is still being worked on.
#[derive(Debug, PartialEq, Eq)]
struct NoRoom;

impl Memory {
    fn place(&mut self, key: &str, now: Instant, most: usize) -> Result<Place, NoRoom> {
        while let Some((since, oldest)) = self.ages.front() {
            let full = self.ages.len() >= most && !self.places.contains_key(key);
            if !full && now.duration_since(*since) < ANSWER_MEMORY {
                break;
            }
            if self.is_in_use(oldest) && full {
                return Err(NoRoom);
            }
            if self.is_in_use(oldest) {
                break;
            }
            self.forget(0);
        }
        if let Some(remembered) = self.places.get(key) {
            return Ok(remembered.place.clone());
        }
        let (key, remembered): (Arc<str>, _) = (Arc::from(key), Remembered::default());
        let place = remembered.place.clone();
        self.places.insert(key.clone(), remembered);
        self.ages.push_back((now, key));
        Ok(place)
    }

    /// Two holders of a place: the memory and somebody at work. Under this memory's lock nobody else
    /// can come by the place, so one holder is nobody at work.
    fn is_in_use(&self, key: &str) -> bool {
        let place = self.places.get(key).map(|remembered| &remembered.place);
        place.is_some_and(|place| Arc::strong_count(place) > 1)
    }

    fn forget(&mut self, age: usize) {
        let oldest = self.ages.remove(age);
        let forgotten = oldest.and_then(|(_, key)| self.places.remove(&key));
        self.bytes -= forgotten.map_or(0, |forgotten| forgotten.bytes);
    }

    /// Notes how large the answer under a key is, and forgets the oldest ones until all are within
    /// the bound.
    fn weigh(&mut self, key: &str, bytes: usize, most: usize) {
        let Some(remembered) = self.places.get_mut(key) else {
            return;
        };
        self.bytes = self.bytes - remembered.bytes + bytes;
        remembered.bytes = bytes;
        while self.bytes > most {
            let idle = |(_, other): &(Instant, Arc<str>)| &**other != key && !self.is_in_use(other);
            match self.ages.iter().position(idle) {
                Some(age) => self.forget(age),
                None => break,
            }
        }
    }
}

/// What is remembered, by name of the API key: one backend cannot push out another's answers.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<Arc<str>, Memory>>);

impl Answers {
    fn place(&self, caller: &Arc<str>, key: &str) -> Result<Place, NoRoom> {
        self.0.lock().entry(caller.clone()).or_default().place(
            key,
            Instant::now(),
            MAX_REMEMBERED_ANSWERS,
        )
    }

    fn weigh(&self, caller: &Arc<str>, key: &str, bytes: usize) {
        if let Some(memory) = self.0.lock().get_mut(caller) {
            memory.weigh(key, bytes, MAX_REMEMBERED_BYTES);
        }
    }
}

/// Does a call with an `Idempotency-Key` once. Only what succeeded is remembered: what failed has
/// changed nothing, and may succeed when it is repeated.
pub(super) async fn once(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let Some(key) = key(request.headers())? else {
        return Ok(next.run(request).await);
    };
    let caller = caller(&api, request.headers(), request.extensions())?;
    let (parts, body) = request.into_parts();
    let body = read(&api, &parts.headers, body, api.limits.call).await?;
    let fingerprint = fingerprint(&parts.method, &parts.uri.to_string(), &body);
    let place = api.answers.place(&caller.name, &key).map_err(|NoRoom| {
        tracing::warn!(key = %caller.name, "every remembered answer is still being worked on");
        Problem::from(Failure::Overloaded)
    })?;
    let mut remembered = place.lock_owned().await;
    if let Some(answer) = &*remembered {
        return replay(answer, &fingerprint);
    }
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let request = Request::from_parts(parts, Body::from(body));
    // If the caller hangs up, the call is done and remembered all the same: the caller will ask.
    let at_work = api.work.begin();
    let work = tokio::spawn(async move {
        let _at_work = at_work;
        let response = caught(method, path, next.run(request)).await;
        let (response, answer) = recorded(response, fingerprint).await;
        let bytes = answer.as_ref().map_or(0, |answer| answer.body.len());
        *remembered = answer;
        api.answers.weigh(&caller.name, &key, bytes);
        response
    });
    Ok(work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call was abandoned");
        Problem::from(Failure::Internal).into_response()
    }))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let chars = 1..=MAX_IDEMPOTENCY_KEY_CHARS;
    match value.to_str() {
        Ok(key) if values.next().is_none() && chars.contains(&key.len()) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(Problem::invalid(format!(
            "Idempotency-Key must be sent once and have 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible \
             ASCII characters"
        ))),
    }
}

fn fingerprint(method: &Method, uri: &str, body: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), uri.as_bytes()] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(body);
    hash.finalize().into()
}

fn replay(answer: &Answer, fingerprint: &Fingerprint) -> Result<Response, Problem> {
    if answer.fingerprint != *fingerprint {
        let detail = "this Idempotency-Key came with another request before";
        return Err(Problem::new(Code::IdempotencyConflict, detail));
    }
    let mut response = (answer.status, answer.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Some(media_type) = &answer.media_type {
        headers.insert(header::CONTENT_TYPE, media_type.clone());
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Whether an answer is one that was remembered.
pub(super) fn is_replayed(response: &Response) -> bool {
    response.headers().contains_key(REPLAYED)
}

async fn recorded(response: Response, fingerprint: Fingerprint) -> (Response, Option<Answer>) {
    if !response.status().is_success() {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        tracing::error!("an answer could not be written");
        return (Problem::from(Failure::Internal).into_response(), None);
    };
    let answer = (body.len() <= MAX_REMEMBERED_ANSWER_BYTES).then(|| Answer {
        fingerprint,
        status: parts.status,
        media_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
        body: body.clone(),
    });
    (Response::from_parts(parts, Body::from(body)), answer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_oldest_answer_is_forgotten_at_the_limit() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let first = Arc::downgrade(&memory.place("a", now, 2).unwrap());
        memory.place("b", now, 2).unwrap();
        assert!(memory.place("a", now, 2).unwrap().try_lock().is_ok());
        assert!(first.upgrade().is_some(), "a known key needs no room");
        memory.place("c", now, 2).unwrap();
        assert!(first.upgrade().is_none());
        assert_eq!((memory.places.len(), memory.ages.len()), (2, 2));
    }

    #[test]
    fn an_answer_is_forgotten_after_its_time() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let first = Arc::downgrade(&memory.place("a", now, 9).unwrap());
        memory.place("b", now + ANSWER_MEMORY, 9).unwrap();
        assert!(first.upgrade().is_none());
    }

    #[test]
    fn the_oldest_answers_are_forgotten_when_all_are_too_large() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for key in ["a", "b", "c"] {
            drop(memory.place(key, now, 9).unwrap());
            memory.weigh(key, 4, 10);
        }
        assert_eq!((memory.bytes, memory.ages.len()), (8, 2));
        assert!(!memory.places.contains_key("a"), "the oldest went");
        // One that is being worked on stays, and so does the one that was just given.
        let at_work = memory.place("b", now, 9).unwrap();
        drop(memory.place("d", now, 9).unwrap());
        memory.weigh("d", 9, 10);
        assert_eq!((memory.bytes, memory.ages.len()), (13, 2));
        drop(at_work);
        memory.weigh("d", 9, 10);
        assert_eq!((memory.bytes, memory.ages.len()), (9, 1));
        // A place that is forgotten for its age gives its bytes back.
        drop(memory.place("e", now + ANSWER_MEMORY, 9).unwrap());
        assert_eq!((memory.bytes, memory.ages.len()), (0, 1));
    }

    #[test]
    fn a_call_under_way_is_never_forgotten() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let at_work = memory.place("a", now, 1).unwrap();
        assert_eq!(memory.place("b", now, 1).unwrap_err(), NoRoom);
        let later = memory.place("a", now + ANSWER_MEMORY, 1).unwrap();
        assert!(Arc::ptr_eq(&at_work, &later));
    }
}
