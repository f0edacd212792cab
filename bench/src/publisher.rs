//! The ways to publish a marked event, through the HTTP API or through a socket's command, one
//! event at a time, paced, or as fast as a bounded window allows.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::api::{Api, Pipeline};
use crate::fleet::{Fleet, Shape};
use crate::hub::Hub;
use crate::limits::PUBLISHERS;
use crate::mark::Mark;
use crate::privacy;
use crate::socket::send;

/// What is done to make the servers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `POST /v1/workspaces/{w}/events` to the whole workspace.
    Http,
    /// The same way, a `user-updated` that rendering policies look at.
    Profile,
    /// A member's `update-media-state` in a public channel.
    Media,
    /// A member's `select-channel`, between two public channels: two events for each receiver,
    /// of which the second carries the mark.
    Select,
}

#[derive(Debug)]
enum Line {
    Http(Pipeline),
    Socket(Rc<TcpStream>),
}

/// One publishing connection.
#[derive(Debug)]
struct Publisher {
    index: usize,
    way: Way,
    line: Line,
    hub: Rc<Hub>,
    shape: Shape,
    paths: Rc<[String]>,
    /// Whose profile is updated.
    user: String,
    numbers: Vec<u64>,
}

impl Publisher {
    async fn publish(&mut self, workspace: usize) -> anyhow::Result<()> {
        self.numbers[workspace] += 1;
        let number = self.numbers[workspace];
        let mark = Mark {
            publisher: self.index,
            number,
            sent_us: self.hub.now_us(),
        };
        let data = mark.data();
        self.hub.published(self.shape.members);
        let sent = match &mut self.line {
            Line::Http(pipeline) => {
                let (event, data) = if self.way == Way::Profile {
                    ("user-updated", privacy::data(&self.user, &mark))
                } else {
                    ("bench", data)
                };
                let body =
                    format!(r#"{{"event":"{event}","data":{data},"to":{{"workspace":true}}}}"#);
                pipeline.post(&self.paths[workspace], &body).await
            }
            Line::Socket(stream) if self.way == Way::Media => {
                send(
                    stream,
                    &format!(r#"42["update-media-state",{{"userMediaState":{data}}}]"#),
                )
                .await
            }
            Line::Socket(stream) => {
                let channel = if number.is_multiple_of(2) {
                    "lobby"
                } else {
                    "lounge"
                };
                let packet = format!(
                    r#"42["select-channel",{{"channelId":"{channel}","userMediaState":{data}}}]"#
                );
                send(stream, &packet).await
            }
        };
        sent.context("publishing")
    }
}

/// All publishing connections of a run; they keep their numbering from phase to phase.
#[derive(Debug)]
pub struct Publishers {
    all: Vec<Publisher>,
    shape: Shape,
    hub: Rc<Hub>,
}

impl Publishers {
    /// Opens [`PUBLISHERS`] connections. Those that publish through sockets use the first sockets
    /// of the only workspace and select a channel first.
    pub async fn open(
        way: Way,
        api: &Api,
        fleet: &Fleet,
        shape: Shape,
        hub: &Rc<Hub>,
    ) -> anyhow::Result<Self> {
        let paths: Rc<[String]> = (0..shape.workspaces)
            .map(|index| format!("/v1/workspaces/{}/events", shape.workspace(index)))
            .collect();
        let mut all = Vec::with_capacity(PUBLISHERS);
        for index in 0..PUBLISHERS {
            let line = if matches!(way, Way::Http | Way::Profile) {
                Line::Http(api.pipeline(hub).await?)
            } else {
                let stream = fleet.stream(index)?;
                send(&stream, r#"42["select-channel",{"channelId":"lobby"}]"#).await?;
                Line::Socket(stream)
            };
            all.push(Publisher {
                index,
                way,
                line,
                hub: Rc::clone(hub),
                shape,
                paths: Rc::clone(&paths),
                user: shape.user(index % shape.members),
                numbers: vec![0; shape.workspaces],
            });
        }
        Ok(Self {
            all,
            shape,
            hub: Rc::clone(hub),
        })
    }

    /// Publishes `per_second` events for `time`, round the workspaces, each workspace always by
    /// the same connection. Those that come due late are sent at once.
    pub async fn paced(&mut self, per_second: f64, time: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        let count = (per_second * time.as_secs_f64()) as u64;
        for turn in 0..count {
            let due = began + Duration::from_secs_f64(turn as f64 / per_second);
            tokio::time::sleep_until(due.into()).await;
            let workspace = turn as usize % self.shape.workspaces;
            self.all[workspace % PUBLISHERS].publish(workspace).await?;
        }
        Ok(())
    }

    /// Publishes from all connections for `time`, never with more than `window` events
    /// outstanding.
    pub async fn saturated(&mut self, window: u64, time: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + time;
        // A publisher looks and adds its event in one turn, so that one is all the room needed.
        self.hub
            .allow(window.saturating_sub(1) * self.shape.members as u64);
        let mut tasks = JoinSet::new();
        let (workspaces, hub) = (self.shape.workspaces, Rc::clone(&self.hub));
        for mut publisher in self.all.drain(..) {
            let hub = Rc::clone(&hub);
            tasks.spawn_local(async move {
                let mut workspace = publisher.index % workspaces;
                while Instant::now() < deadline {
                    hub.below_allowance(deadline).await;
                    publisher.publish(workspace).await?;
                    workspace = (workspace + PUBLISHERS) % workspaces;
                    // Others, readers above all, must have their turn.
                    tokio::task::yield_now().await;
                }
                anyhow::Ok(publisher)
            });
        }
        while let Some(publisher) = tasks.join_next().await {
            self.all.push(publisher??);
        }
        self.all.sort_by_key(|publisher| publisher.index);
        Ok(())
    }
}
