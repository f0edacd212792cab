//! What client events lead to: authentication, commands, answers; must not know how bytes travel.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use wardroom_domain::{Command, Leave, Millis, Rejection, SocketId, UserId, WorkspaceId};

use super::admission::Admission;
use super::closing::Cause;
use super::delivery::{Answer, Answers, Delivery, Told};
use super::frame;
use super::identity::Identity;
use super::peer::{Conversation, Departure, Handling, Occurrence, Peer};
use super::states::States;
use super::timer::Timer;
use super::wire::{self, AuthRequest, ClientEvent, Fault, Place, Refusal, Request};
use crate::codes::Code;
use crate::commit::{Committer, Failure};
use crate::store::Entry;
use crate::uptime;

/// How long things may take that end a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// From joining to `auth`.
    pub(super) auth: Duration,
    /// How long before the end of its token a client is told.
    pub(super) expiry_notice: Duration,
    /// How a lost transport is held.
    pub(super) lost: Leave,
}

/// Conducts every client.
pub(super) struct Conversations {
    pub(super) committer: Arc<Committer>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) admission: Arc<Admission>,
    pub(super) states: States,
    pub(super) deadlines: Deadlines,
    /// Whether the server is shutting down: whoever goes now goes because of that, and nobody is
    /// told that they left.
    pub(super) draining: AtomicBool,
}

/// What is remembered of one client between its events.
#[derive(Default)]
pub(super) struct Memory {
    seat: Option<Seat>,
    /// The deadline of `auth`, or the end of the token.
    timer: Option<Timer>,
    /// When a client that has not authenticated must have done so, in time that the process ran.
    auth_by: Option<Duration>,
}

/// Where an authenticated client sits.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) workspace: WorkspaceId,
    pub(super) user: UserId,
    answers: Answers,
}

/// The way back to who asked.
pub(super) struct Reply {
    event: String,
    transaction: Option<String>,
    pub(super) ack: Option<i64>,
}

impl Reply {
    /// The error events, then the acknowledgement.
    fn refuse(&self, peer: &Arc<Peer>, fault: &Fault) {
        let refusal = Refusal {
            code: fault.code,
            message: &fault.message,
            decision: fault.decision.as_deref(),
        };
        let mut frames = Vec::with_capacity(3);
        if let Some(transaction) = &self.transaction {
            let packet = wire::error_of_transaction(transaction, &refusal);
            frames.push(frame::text(&packet));
        }
        frames.push(frame::text(&wire::error(&self.event, &refusal)));
        if let Some(id) = self.ack {
            frames.push(frame::text(&wire::refused_ack(id, &refusal)));
        }
        peer.output().push(&frames);
    }
}

impl Conversation for Conversations {
    fn handle(self: Arc<Self>, peer: Arc<Peer>, occurrence: Occurrence) -> Handling {
        Box::pin(async move {
            match occurrence {
                Occurrence::Joined(handshake) => {
                    *peer.memory.lock() = self.unauthenticated(&peer);
                    if let Some(request) = handshake.and_then(|it| Request::read_handshake(&it)) {
                        self.respond(&peer, request).await;
                    }
                }
                Occurrence::Event(incoming) => {
                    self.respond(&peer, Request::read(&incoming)).await;
                }
                Occurrence::Departed(departure) => self.depart(&peer, departure).await,
            }
        })
    }
}

impl Conversations {
    async fn respond(&self, peer: &Arc<Peer>, request: Request) {
        let Request {
            event,
            transaction,
            ack,
            content,
        } = request;
        let reply = Reply {
            event,
            transaction,
            ack,
        };
        let user = peer.memory.lock().seat.as_ref().map(|it| it.user.clone());
        let taken = self.admission.take_event(peer, user.as_ref());
        let result = match taken.and(content) {
            Ok(content) => self.perform(peer, content, &reply).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = result {
            let (event, socket) = (reply.event.as_str(), peer.id().as_str());
            let code = fault.code.as_str();
            let (reason, decision) = (fault.reason, fault.decision.as_deref());
            let (workspace, user) = who(peer, event);
            let (workspace, user) = (
                workspace.as_ref().map(WorkspaceId::as_str),
                user.as_ref().map(UserId::as_str),
            );
            let address = peer.output().remote_address().map(|it| &**it);
            tracing::info!(
                socket, event, code, %fault, reason, decision, user, workspace, address, "refused"
            );
            reply.refuse(peer, &fault);
            if let Some(cause) = self.admission.offence(peer) {
                peer.output().close(cause);
            }
        }
    }

    /// What is remembered of a client that has not authenticated.
    fn unauthenticated(&self, peer: &Arc<Peer>) -> Memory {
        let deadline = self.deadlines.auth;
        Memory {
            seat: None,
            timer: Some(Timer::close(peer, deadline, Cause::AuthTimeout)),
            auth_by: Some(uptime::now() + deadline),
        }
    }

    async fn perform(
        &self,
        peer: &Arc<Peer>,
        event: ClientEvent,
        reply: &Reply,
    ) -> Result<(), Fault> {
        let socket = peer.id().clone();
        let command = match event {
            ClientEvent::Auth(request) => {
                self.hold_deadline(peer);
                let authenticated = self.authenticate(peer, request, reply).await;
                self.resume_deadline(peer);
                return authenticated;
            }
            ClientEvent::SelectChannel { channel, media } => Command::Select {
                socket,
                channel,
                media,
            },
            ClientEvent::UnselectChannel => Command::Unselect { socket },
            ClientEvent::UpdateMediaState(patch) => Command::UpdateMedia { socket, patch },
            ClientEvent::UpdateOnlineStatus(status) => Command::UpdateStatus { socket, status },
            ClientEvent::GetState(page) => return self.tell_state(peer, reply, page).await,
        };
        let seat = seated(peer)?;
        let ack = reply.ack;
        let answer =
            move |entry: &Entry| ack.map(|id| wire::success_ack(id, None, entry.grant.as_ref()));
        self.run(peer, &seat, command, answer).await
    }

    /// Runs a command, puts its answer where the log has it, and waits until that is written, so
    /// that no answer to a later event can overtake it.
    async fn run(
        &self,
        peer: &Arc<Peer>,
        seat: &Seat,
        command: Command,
        answer: impl FnOnce(&Entry) -> Option<String> + Send + 'static,
    ) -> Result<(), Fault> {
        let told = move |entry: &Entry| {
            answer(entry).map(|packets| {
                let frames: Vec<_> = packets.split('\n').map(frame::text).collect();
                Told::Frames(Bytes::from(frames.concat()))
            })
        };
        self.run_telling(peer, seat, command, told).await
    }

    /// The same of an answer in another form.
    pub(super) async fn run_telling(
        &self,
        peer: &Arc<Peer>,
        seat: &Seat,
        command: Command,
        told: impl FnOnce(&Entry) -> Option<Told> + Send + 'static,
    ) -> Result<(), Fault> {
        let (written, is_written) = oneshot::channel();
        let (answers, to) = (seat.answers.clone(), Arc::clone(peer));
        let (admission, user) = (Arc::clone(&self.admission), seat.user.clone());
        let waiter = Box::new(move |entry: &Entry| {
            admission.caused(&user, &entry.outputs);
            let told = told(entry);
            answers.put(Answer {
                socket: to.id().clone(),
                peer: to,
                told,
                written,
            });
        });
        let result = self
            .committer
            .run(&seat.workspace, command, Some(waiter))
            .await;
        result.map_err(fault_of)?;
        is_written.await.ok();
        Ok(())
    }

    /// Whoever has sent `auth` is not late because the answer is.
    fn hold_deadline(&self, peer: &Arc<Peer>) {
        let mut memory = peer.memory.lock();
        if memory.seat.is_none() {
            memory.timer = None;
        }
    }

    fn resume_deadline(&self, peer: &Arc<Peer>) {
        let mut memory = peer.memory.lock();
        if let (None, None, Some(by)) = (&memory.seat, &memory.timer, memory.auth_by) {
            let left = by.saturating_sub(uptime::now());
            memory.timer = Some(Timer::close(peer, left, Cause::AuthTimeout));
        }
    }

    async fn authenticate(
        &self,
        peer: &Arc<Peer>,
        request: AuthRequest,
        reply: &Reply,
    ) -> Result<(), Fault> {
        let AuthRequest {
            token,
            workspace,
            status,
            replaces,
        } = request;
        peer.conduct.lock().asked = Some((workspace.clone(), None));
        let Identity {
            user,
            expires_at,
            mut workspaces,
            claims,
        } = self.admission.identify(peer, token).await?;
        peer.conduct.lock().asked = Some((workspace.clone(), Some(user.clone())));
        let named = workspaces.remove(&workspace);
        let former = peer.memory.lock().seat.clone();
        let renews = former
            .as_ref()
            .is_some_and(|seat| seat.workspace == workspace);
        let command = Command::Connect {
            socket: peer.id().clone(),
            user: user.clone(),
            status,
            role: named.clone().flatten(),
            named_by_token: named.is_some(),
            replaces,
            claims,
            remote_address: peer.output().remote_address().cloned(),
        };
        if let Some(former) = former.filter(|_| !renews) {
            // A socket that cannot enter its new workspace stays in the former one.
            let accepted = self.committer.would_accept(&workspace, &command).await;
            accepted.map_err(fault_of)?;
            self.leave(peer, former).await;
        }
        let answers = self.delivery.attach(&workspace, peer.id(), peer);
        let seat = Seat {
            workspace,
            user,
            answers,
        };
        let answer = greeting(&seat, peer.id().clone(), reply);
        if let Err(fault) = self.run(peer, &seat, command, answer).await {
            if !renews {
                self.delivery.detach(&seat.workspace, peer.id());
            }
            return Err(fault);
        }
        let timer = Timer::expire(peer, expires_at, self.deadlines.expiry_notice);
        *peer.memory.lock() = Memory {
            seat: Some(seat),
            timer: Some(timer),
            auth_by: None,
        };
        peer.output().authenticated();
        Ok(())
    }

    /// Leaves a workspace for another one, and waits until its last event has been delivered.
    async fn leave(&self, peer: &Arc<Peer>, seat: Seat) {
        *peer.memory.lock() = self.unauthenticated(peer);
        let command = Command::Disconnect {
            socket: peer.id().clone(),
            leave: Leave::OnPurpose,
        };
        if let Err(fault) = self.run(peer, &seat, command, |_| None).await {
            tracing::error!(socket = peer.id().as_str(), %fault, "a workspace could not be left");
        }
        self.delivery.detach(&seat.workspace, peer.id());
    }

    async fn depart(&self, peer: &Arc<Peer>, departure: Departure) {
        let Memory { seat, .. } = std::mem::take(&mut *peer.memory.lock());
        let Some(seat) = seat else { return };
        if !self.draining.load(Ordering::Acquire) {
            let leave = match departure {
                Departure::OnPurpose => Leave::OnPurpose,
                Departure::Lost => self.deadlines.lost,
            };
            let command = Command::Disconnect {
                socket: peer.id().clone(),
                leave,
            };
            if let Err(failure) = self.committer.run(&seat.workspace, command, None).await {
                let socket = peer.id().as_str();
                tracing::error!(socket, %failure, "a departure could not be committed");
            }
        }
        self.delivery.detach(&seat.workspace, peer.id());
    }
}

/// Where an event is about to happen and who sent it, as far as that is known: for the log.
fn who(peer: &Arc<Peer>, event: &str) -> (Option<WorkspaceId>, Option<UserId>) {
    if event == "auth"
        && let Some((workspace, user)) = peer.conduct.lock().asked.clone()
    {
        return (Some(workspace), user);
    }
    let seat = peer.memory.lock().seat.clone();
    seat.map(|seat| (seat.workspace, seat.user)).unzip()
}

pub(super) fn seated(peer: &Arc<Peer>) -> Result<Seat, Fault> {
    let seat = peer.memory.lock().seat.clone();
    seat.ok_or_else(|| Fault::new(Code::Unauthenticated, "send `auth` first"))
}

/// How a lost transport is held.
pub(super) fn lost(grace: Duration, grace_in_channel: Duration) -> Leave {
    let millis = |time: Duration| Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Leave::Lost {
        grace: millis(grace),
        grace_in_channel: millis(grace_in_channel),
    }
}

/// What a client gets that has authenticated: the event, then the acknowledgement.
fn greeting(
    seat: &Seat,
    socket: SocketId,
    reply: &Reply,
) -> impl FnOnce(&Entry) -> Option<String> + Send + use<> {
    let place = Place {
        user: seat.user.clone(),
        workspace: seat.workspace.clone(),
        socket,
    };
    let (transaction, ack) = (reply.transaction.clone(), reply.ack);
    move |entry| {
        let mut packets = wire::auth_success(transaction.as_deref(), &place.user);
        if let Some(id) = ack {
            packets.push('\n');
            packets += &wire::success_ack(id, Some(&place), entry.grant.as_ref());
        }
        Some(packets)
    }
}

pub(super) fn fault_of(failure: Failure) -> Fault {
    let fault = Fault::new(failure.code(), failure.to_string());
    match failure {
        Failure::Rejected(Rejection::Denied(denial)) => Fault {
            decision: Some(denial.decision),
            ..fault
        },
        _ => fault,
    }
}
