//! Who may enter a workspace and who may stay, as far as policies decide it (`docs/protocol.md`,
//! "Admission"). Who is a member at all is a rule of connections.

use super::{Draft, Permit};
use crate::{
    Audience, Change, CloseReason, Connection, Denial, Event, Member, Output, Rejection,
    RequestFacts, SubjectFacts, UserId,
};

impl Draft<'_> {
    /// Whether policies admit a connection. Where they have not answered yet the question is noted
    /// and the draft goes on as if they did: it never becomes a decision.
    fn admit(
        &mut self,
        user: &UserId,
        connection: &Connection,
        reevaluation: bool,
    ) -> Result<Permit, Denial> {
        let Some(answers) = self.context.policies.filter(|p| p.hooks.admission) else {
            return Ok(Permit::unasked());
        };
        let request = RequestFacts {
            subject: self.requesting(user, connection),
            claims: connection.claims.clone(),
            remote_address: connection.remote_address.clone(),
            reevaluation,
        };
        match answers.admission(&request, self.before.revision) {
            Some(Ok(())) => Ok(Permit::given()),
            Some(Err(denial)) => Err(denial.clone()),
            None => {
                self.questions.admission(request);
                Ok(Permit::provisional())
            }
        }
    }

    /// What is known of whoever asks, with the role that this connection gives them if the
    /// directory gives none.
    fn requesting(&self, user: &UserId, connection: &Connection) -> SubjectFacts {
        let member = self.state.members.get(user);
        SubjectFacts {
            user: user.clone(),
            role: member
                .and_then(|m| m.role.clone())
                .or_else(|| connection.role.clone()),
            attributes: member.map(|m| m.attributes.clone()).unwrap_or_default(),
        }
    }

    /// Asks about somebody who wants in.
    pub(super) fn admit_new(
        &mut self,
        user: &UserId,
        connection: &Connection,
    ) -> Result<Permit, Rejection> {
        self.admit(user, connection, false)
            .map_err(Rejection::Denied)
    }

    /// Asks again about every connection of some users, live or held, and ends those that are no
    /// longer admitted. They are closed before anything else, so that they hear of nothing that this
    /// decision tells, not even of each other's end.
    pub(super) fn readmit(&mut self, users: &[UserId]) {
        self.readmit_some(users, usize::MAX);
    }

    /// The same of the first of some users, until so many have lost a connection; of how many.
    pub(super) fn readmit_some(&mut self, users: &[UserId], most: usize) -> usize {
        if !self.asks_admission() {
            return users.len();
        }
        let mut done = 0;
        let mut put_out = Vec::new();
        let mut closed = Vec::new();
        let mut parting = Vec::new();
        for user in users {
            if parting.len() >= most {
                break;
            }
            done += 1;
            let so_far = put_out.len();
            for socket in self.state.sockets_of(user).to_vec() {
                let Some(connection) = self.state.connections.get(&socket).cloned() else {
                    continue;
                };
                let Err(denial) = self.admit(user, &connection, true) else {
                    continue;
                };
                if connection.held_until.is_none() {
                    closed.push(Output::Closed {
                        socket: socket.clone(),
                        reason: CloseReason::NotAdmitted(denial),
                    });
                }
                put_out.push(socket);
            }
            if put_out.len() > so_far {
                parting.push(user.clone());
            }
        }
        self.outputs.splice(0..0, closed);
        self.watching(&parting, |draft| {
            for socket in &put_out {
                draft.drop_connection(socket);
            }
        });
        done
    }

    /// Asks again about everybody, once, if an answer of admission may depend on the whole directory
    /// and that has changed.
    pub(super) fn readmit_everybody(&mut self) {
        let looks_up = self
            .context
            .policies
            .is_some_and(|p| p.hooks.admission_looks_up);
        let done = self.readmitted == Some(self.state.revision);
        if !looks_up || done || !self.has_new_directory() {
            return;
        }
        self.readmitted = Some(self.state.revision);
        let users: Vec<UserId> = self.state.sockets_of.keys().cloned().collect();
        self.readmit(&users);
    }

    pub(super) fn asks_admission(&self) -> bool {
        self.context.policies.is_some_and(|p| p.hooks.admission)
    }

    /// Takes down what is said of a member. Where that changes what policies may look at, admission is
    /// asked again.
    pub(super) fn put_described(&mut self, user: &UserId, member: Member, told: Option<Event>) {
        let old = self.state.members.get(user);
        let same = old.is_some_and(|m| m.role == member.role && m.attributes == member.attributes);
        self.change(Change::MemberPut {
            user: user.clone(),
            member,
        });
        if !same {
            self.readmit(std::slice::from_ref(user));
        }
        if let Some(event) = told {
            self.emit(event, Audience::Workspace);
        }
    }
}
