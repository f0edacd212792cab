//! Runs every conversation that any client must be able to have with every stock client.

use wardroom_tests::Flavour;

use crate::exchange;

macro_rules! with_every_client {
    ($($client:ident = $flavour:expr;)*) => {
        $(mod $client {
            use super::{Flavour, exchange};

            const FLAVOUR: Flavour = $flavour;

            #[tokio::test]
            async fn may_emit_auth_before_it_is_connected() {
                exchange::auth_at_once(FLAVOUR).await;
            }

            #[tokio::test]
            async fn may_authenticate_in_the_handshake() {
                exchange::auth_in_handshake(FLAVOUR).await;
            }

            #[tokio::test]
            async fn hears_every_documented_event() {
                exchange::every_event(FLAVOUR).await;
            }

            #[tokio::test]
            async fn is_told_of_errors_in_order() {
                exchange::errors(FLAVOUR).await;
            }

            #[tokio::test]
            async fn can_ask_for_the_state() {
                exchange::state(FLAVOUR).await;
            }

            #[tokio::test]
            async fn leaves_at_once_if_it_leaves_on_purpose() {
                exchange::departure(FLAVOUR).await;
            }

            #[tokio::test]
            async fn is_told_why_it_is_put_out() {
                exchange::kick(FLAVOUR).await;
            }
        })*
    };
}

with_every_client! {
    js4_websocket = Flavour::Js4WebSocket;
    js4_upgrade = Flavour::Js4Upgrade;
    js4_polling = Flavour::Js4Polling;
    js3_websocket = Flavour::Js3WebSocket;
    js3_upgrade = Flavour::Js3Upgrade;
    js2_websocket = Flavour::Js2WebSocket;
    js2_upgrade = Flavour::Js2Upgrade;
    js2_polling = Flavour::Js2Polling;
    python_websocket = Flavour::PythonWebSocket;
    python_upgrade = Flavour::PythonUpgrade;
}
