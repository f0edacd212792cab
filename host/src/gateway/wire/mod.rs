//! Translates between what travels and the domain; must not know sockets or decide anything.

mod inbound;
mod outbound;

pub(super) use inbound::{AuthRequest, ClientEvent, Fault, Request};
pub(super) use outbound::{
    Place, Refusal, auth_success, error, error_of_transaction, event, refused_ack, rendered,
    state_ack, success_ack,
};
