//! JSON texts to values and back. What the server hands over is valid JSON, so reading it as such
//! cannot fail; reading it as a type of the policy's own can.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Result, Value};

use crate::{Channel, Command, Event, Json, Request, Subject};

/// A value as a JSON text, for payloads and grants.
///
/// ```
/// let grant = wardroom_policy::to_json(&serde_json::json!({"room": "w1/c1"}));
/// assert_eq!(grant, r#"{"room":"w1/c1"}"#);
/// ```
///
/// # Panics
///
/// If the value has no JSON form, such as a map whose keys are no strings.
#[must_use]
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Json {
    serde_json::to_string(value).expect("the value has a JSON form")
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("what the server hands over is JSON")
}

/// The two ways to read each JSON text: as any value, and as a type.
macro_rules! reads {
    ($fact:ident.$text:ident: $any:ident, $typed:ident, $what:literal) => {
        impl $fact {
            #[doc = concat!($what, ", as a JSON value.")]
            ///
            /// # Panics
            ///
            /// If the server hands over what is no JSON, which it never does.
            #[must_use]
            pub fn $any(&self) -> Value {
                value(&self.$text())
            }

            #[doc = concat!($what, ", as a type of the policy's own.")]
            ///
            /// # Errors
            ///
            /// If it does not have the form of that type.
            pub fn $typed<T: DeserializeOwned>(&self) -> Result<T> {
                serde_json::from_str(&self.$text())
            }
        }
    };
}

reads!(Subject.attributes: attributes_json, attributes_as, "All attributes");
reads!(Channel.attributes: attributes_json, attributes_as, "All attributes");
reads!(Request.claims: claims_json, claims_as, "The claims of the token");
reads!(Command.arguments: arguments_json, arguments_as, "The fields of the command");
reads!(Event.payload: payload_json, payload_as, "The data of the event");
