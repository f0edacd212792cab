//! Which versions with which settings follow each other, and what each of them allows: the table of
//! `tests/guests/examples/sealed.rs`, said once more. It must not know what happens under them.

/// What is in force from one swap to the next.
pub(super) struct Era {
    /// The version of `house`.
    pub(super) version: u64,
    /// The number of its settings, and of those of `annex`.
    pub(super) serial: u64,
    /// The mode that the settings name.
    pub(super) setting: u64,
}

/// The eras of so many swaps: a new file and new settings take turns, so that no two eras have the
/// same seal. Each mode is followed by each.
pub(super) fn plan(swaps: usize) -> Vec<Era> {
    let mut eras = vec![Era {
        version: 0,
        serial: 0,
        setting: 0,
    }];
    for swap in 0..swaps {
        let last = &eras[swap];
        eras.push(if swap % 2 == 0 {
            Era {
                version: (last.version + 1) % 4,
                ..*last
            }
        } else {
            let serial = last.serial + 1;
            Era {
                serial,
                setting: (serial * serial / 3 + serial / 7) % 4,
                ..*last
            }
        });
    }
    eras
}

/// Somebody with a role.
pub(super) struct Person {
    pub(super) name: &'static str,
    role: &'static str,
}

pub(super) const BOSS: Person = Person {
    name: "boss",
    role: "staff",
};
pub(super) const ANN: Person = Person {
    name: "ann",
    role: "member",
};
pub(super) const EVE: Person = Person {
    name: "eve",
    role: "member",
};
pub(super) const GUS: Person = Person {
    name: "gus",
    role: "guest",
};

/// Whoever is of this name.
pub(super) fn person(name: &str) -> &'static Person {
    let mut all = [&BOSS, &ANN, &EVE, &GUS].into_iter();
    all.find(|person| person.name == name)
        .unwrap_or_else(|| panic!("nobody is called {name}"))
}

impl Era {
    pub(super) fn mode(&self) -> u64 {
        (self.setting + self.version) % 4
    }

    /// What its answers are sealed with.
    pub(super) fn seal(&self) -> String {
        format!("{}.{}", self.serial, self.version)
    }

    pub(super) fn admits(&self, person: &Person) -> bool {
        !(self.mode() == 1 && person.role == "guest")
    }

    /// Whether a person sees a channel.
    pub(super) fn sees(&self, person: &Person, channel: &str) -> bool {
        channel != "staff"
            || match self.mode() {
                1 => person.role == "staff",
                2 => person.role != "guest",
                3 => person.name != "ann",
                _ => true,
            }
    }

    /// Whether somebody in the audience of an event gets any form of it.
    pub(super) fn gets(&self, person: &Person, event: &str) -> bool {
        match self.mode() {
            2 => !(event == "note" && person.role == "guest"),
            3 => event != "whisper",
            _ => true,
        }
    }

    /// The form in which they get it.
    pub(super) fn form(&self, person: &Person) -> &'static str {
        match self.mode() {
            1 if person.role != "staff" => "brief",
            _ => "whole",
        }
    }

    /// Whether a command about a channel is denied.
    pub(super) fn denies(&self, person: &Person, command: &str, channel: &str) -> bool {
        let denied = match self.mode() {
            1 => command == "update-media-state",
            2 => command == "select-channel" && channel == "staff",
            _ => false,
        };
        denied && person.role != "staff"
    }
}
