//! Who may enter a workspace and who may stay, as far as policies decide it (`docs/protocol.md`,
//! "Admission"). Who is a member at all is a rule of connections.

use super::{Draft, Permit};
use crate::{
    Audience, Change, CloseReason, Connection, Denial, Event, Member, Rejection, RequestFacts,
    SocketId, SubjectFacts, UserId,
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

    /// Asks again about every connection of a user, live or held, and ends those that are no
    /// longer admitted.
    pub(super) fn readmit(&mut self, user: &UserId) {
        if !self.asks_admission() {
            return;
        }
        for socket in self.state.sockets_of(user).to_vec() {
            let Some(connection) = self.state.connections.get(&socket).cloned() else {
                continue;
            };
            if let Err(denial) = self.admit(user, &connection, true) {
                self.put_out(&socket, user, denial);
            }
        }
    }

    /// Asks again about everybody: an answer of admission may depend on the whole directory, and
    /// that has changed.
    pub(super) fn readmit_everybody(&mut self) {
        let users: Vec<UserId> = self.state.sockets_of.keys().cloned().collect();
        for user in users {
            self.readmit(&user);
        }
    }

    pub(super) fn asks_admission(&self) -> bool {
        self.context.policies.is_some_and(|p| p.hooks.admission)
    }

    /// The connection hears nothing of what follows from its end.
    fn put_out(&mut self, socket: &SocketId, user: &UserId, denial: Denial) {
        self.watching(std::slice::from_ref(user), |draft| {
            draft.end_connection(socket, CloseReason::NotAdmitted(denial));
        });
    }

    /// Takes down what is said of a member. Where that changes what policies may look at, admission is
    /// asked again before anything is told, so that whoever goes does not hear it.
    pub(super) fn put_described(&mut self, user: &UserId, member: Member, told: Option<Event>) {
        let old = self.state.members.get(user);
        let same = old.is_some_and(|m| m.role == member.role && m.attributes == member.attributes);
        self.change(Change::MemberPut {
            user: user.clone(),
            member,
        });
        if !same {
            self.readmit(user);
        }
        if let Some(event) = told {
            self.emit(event, Audience::Workspace);
        }
    }
}
