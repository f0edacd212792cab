//! Translates between what travels and the domain; must not know sockets or decide anything.

mod inbound;
mod outbound;
mod state;

pub(super) use inbound::{AuthRequest, ClientEvent, Fault, Page, Request};
pub(super) use outbound::{
    Place, Refusal, auth_success, error, error_of_transaction, event, refused_ack, rendered,
    success_ack,
};
pub(super) use state::{Asker, Survey, around_state};
