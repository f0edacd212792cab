//! Names of rooms. Two channels never share a room, and a name never changes what a token says.

/// A template of names, such as `{workspace}/{channel}`.
pub(crate) struct Room(String);

impl Room {
    /// Reads a template; what is wrong with it otherwise.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let literals = literals(template)
            .ok_or("expected {workspace} and {channel} once each, such as {workspace}/{channel}")?;
        let fits = |c: char| c.is_ascii_graphic() && !"{}%,:".contains(c);
        if !literals.iter().all(|literal| literal.chars().all(fits)) {
            return Err("must not hold blanks, letters beyond ASCII, or any of { } % , :".into());
        }
        if !literals[1].contains(|c: char| !c.is_ascii() || !stays(c as u8)) {
            return Err("keep {workspace} and {channel} apart by a / or another sign".into());
        }
        Ok(Self(template.to_owned()))
    }

    /// The room of a channel.
    pub(crate) fn of(&self, workspace: &str, channel: &str) -> String {
        let named = self.0.replace("{workspace}", &escaped(workspace));
        named.replace("{channel}", &escaped(channel))
    }
}

/// What stands before, between and after the two placeholders.
fn literals(template: &str) -> Option<[&str; 3]> {
    for (first, second) in [("{workspace}", "{channel}"), ("{channel}", "{workspace}")] {
        if let Some((before, rest)) = template.split_once(first)
            && let Some((between, after)) = rest.split_once(second)
        {
            return Some([before, between, after]);
        }
    }
    None
}

fn stays(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte)
}

/// An identifier with all but letters, digits, `-`, `_` and `.` percent-encoded: then neither the
/// separators of a template nor those of a token can be in it.
fn escaped(id: &str) -> String {
    let mut escaped = String::with_capacity(id.len());
    for byte in id.bytes() {
        if stays(byte) && byte != b'%' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_by_workspace_and_channel() {
        let room = Room::parse("{workspace}/{channel}").expect("the default");
        assert_eq!(room.of("w1", "c1"), "w1/c1");
        let room = Room::parse("prod~{channel}@{workspace}").expect("good");
        assert_eq!(room.of("w1", "c1"), "prod~c1@w1");
    }

    #[test]
    fn identifiers_cannot_reach_another_room_or_another_part_of_a_token() {
        let room = Room::parse("{workspace}/{channel}").expect("the default");
        assert_ne!(room.of("a", "b/c"), room.of("a/b", "c"));
        assert_ne!(room.of("a", "%2F"), room.of("a", "/"));
        let hostile = room.of("w", "c,room=other:{channel}é");
        assert_eq!(hostile, "w/c%2Croom%3Dother%3A%7Bchannel%7D%C3%A9");
    }

    #[test]
    fn a_template_that_could_mix_rooms_up_is_refused() {
        for (template, refusal) in [
            ("{channel}", "once each"),
            ("{workspace}", "once each"),
            ("room", "once each"),
            ("{workspace}{channel}", "apart"),
            ("{workspace}-{channel}", "apart"),
            ("{workspace}.x_{channel}", "apart"),
            ("{workspace}/{channel}/{channel}", "must not hold"),
            ("{workspace}:{channel}", "must not hold"),
            ("{workspace},{channel}", "must not hold"),
            ("my {workspace}/{channel}", "must not hold"),
        ] {
            let said = Room::parse(template).err().expect(template);
            assert!(said.contains(refusal), "{template}: {said}");
        }
    }
}
