//! The profiles that rendering policies hide parts of: their fields, who sees which, and the settings
//! that say so. Shared by the configuration of the servers and the check of what arrives, so that
//! both mean the same.

use std::cell::Cell;

use memchr::memmem;

use crate::hub::Observer;
use crate::mark::Mark;

/// The private fields; the policy at a place hides the field at that place.
pub const FIELDS: [&str; 4] = ["phone", "birthday", "address", "manager"];

const GROUPS: usize = FIELDS.len() + 1;

/// The role of the member with the socket `index`: every fifth is a lead and sees everything, the
/// others belong to the desk that sees one private field.
pub fn role(index: usize) -> String {
    match index % GROUPS {
        0 => "lead".to_owned(),
        desk => format!("desk-{desk}"),
    }
}

/// The settings of the `profile-privacy` at a place, as TOML.
pub fn settings(place: usize) -> String {
    let (field, desk) = (FIELDS[place], role(place + 1));
    format!(r#"{{ fields = {{ {field} = ["lead", "{desk}"] }} }}"#)
}

/// The data of a `user-updated` of some 350 bytes that carries `mark`. Nothing else in it may look
/// like one.
pub fn data(user: &str, mark: &Mark) -> String {
    format!(
        r#"{{"user":{{"id":"{user}","name":"Ann Example","phone":"+49 30 1234567","birthday":"1990-02-28","address":"Example Street 1, 12345 Example","manager":"Bob Example","note":{}}}}}"#,
        mark.data()
    )
}

/// Whether each receiver gets the rendition that is meant for it.
#[derive(Debug)]
pub struct Check {
    policies: usize,
    names: Vec<memmem::Finder<'static>>,
    right: Cell<u64>,
    wrong: Cell<u64>,
}

impl Check {
    /// A check of what a server with this many rendering policies sends.
    pub fn new(policies: usize) -> Self {
        const NAMES: [&str; FIELDS.len()] = [
            r#""phone":"#,
            r#""birthday":"#,
            r#""address":"#,
            r#""manager":"#,
        ];
        Self {
            policies,
            names: NAMES.iter().map(memmem::Finder::new).collect(),
            right: Cell::new(0),
            wrong: Cell::new(0),
        }
    }

    /// Renditions that were as they should be.
    pub fn right(&self) -> u64 {
        self.right.get()
    }

    /// Renditions that showed too much or too little.
    pub fn wrong(&self) -> u64 {
        self.wrong.get()
    }

    fn sees(&self, receiver: usize, place: usize) -> bool {
        let group = receiver % GROUPS;
        place >= self.policies || group == 0 || group == place + 1
    }
}

impl Observer for Check {
    fn received(&self, receiver: usize, packet: &[u8], mark: Option<Mark>, _: u64) {
        if mark.is_none() {
            return;
        }
        let mut names = self.names.iter().enumerate();
        let right =
            names.all(|(place, name)| name.find(packet).is_some() == self.sees(receiver, place));
        let count = if right { &self.right } else { &self.wrong };
        count.set(count.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        publisher: 0,
        number: 1,
        sent_us: 5,
    };

    fn counts(policies: usize, receiver: usize, packet: &str) -> (u64, u64) {
        let check = Check::new(policies);
        let mark = Mark::find(packet.as_bytes());
        check.received(receiver, packet.as_bytes(), mark, 0);
        (check.right(), check.wrong())
    }

    #[test]
    fn the_mark_survives_and_is_the_only_one() {
        assert_eq!(Mark::find(data("u1", &MARK).as_bytes()), Some(MARK));
    }

    #[test]
    fn too_much_and_too_little_are_wrong() {
        let whole = data("u1", &MARK);
        let without_phone = whole.replace(r#""phone":"+49 30 1234567","#, "");
        assert_eq!(counts(0, 7, &whole), (1, 0));
        assert_eq!(counts(1, 0, &whole), (1, 0), "a lead sees all");
        assert_eq!(counts(1, 1, &whole), (1, 0), "the desk sees its field");
        assert_eq!(counts(1, 2, &whole), (0, 1), "others do not");
        assert_eq!(counts(1, 2, &without_phone), (1, 0));
        assert_eq!(counts(1, 1, &without_phone), (0, 1));
        assert_eq!(
            counts(4, 2, &without_phone),
            (0, 1),
            "three more are hidden"
        );
        assert_eq!(counts(1, 2, "42[\"bench\",{}]"), (0, 0));
    }

    #[test]
    fn the_names_that_are_looked_for_are_those_of_the_fields() {
        let check = Check::new(0);
        for (name, field) in check.names.iter().zip(FIELDS) {
            assert_eq!(name.needle(), format!("\"{field}\":").as_bytes());
        }
    }
}
