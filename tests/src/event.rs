//! An event as a test sees it. It must not know how it came.

use std::fmt;

use serde_json::Value;

/// An event from the server: a name and exactly one argument.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// The name.
    pub name: String,
    /// The argument.
    pub data: Value,
}

/// Short for an [`Event`].
pub fn event(name: &str, data: Value) -> Event {
    Event {
        name: name.to_owned(),
        data,
    }
}

impl Event {
    /// An event with the arguments that a client was given.
    ///
    /// # Panics
    /// If there is not exactly one argument: no event of the server has another number of them.
    #[must_use]
    pub fn received(name: String, arguments: Vec<Value>) -> Self {
        match <[Value; 1]>::try_from(arguments) {
            Ok([data]) => Self { name, data },
            Err(arguments) => panic!("the event {name} came with the arguments {arguments:?}"),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.data)
    }
}
