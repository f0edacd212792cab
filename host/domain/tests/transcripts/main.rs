//! Transcripts: what a workspace tells the world, command by command, rule by rule of
//! `docs/protocol.md`. Each test is one script with its expected output; `stage` explains the
//! language. After a wanted change, `UPDATE_EXPECT=1 cargo test -p wardroom-domain` rewrites
//! the expectations, and the difference is for review.
#![allow(clippy::unwrap_used)]

mod admission;
mod connected;
mod conversation;
mod directory;
mod grace;
mod hooks;
mod limits;
mod lookups;
mod media;
mod parse;
mod policies;
mod presence;
mod print;
mod private;
mod publish;
mod relay;
mod rules;
mod settling;
mod stage;
mod sync;

use expect_test::Expect;

/// Plays a script and compares all that happens with what the script says should happen.
fn check(transcript: &Expect) {
    let played = stage::play(transcript.data());
    transcript.assert_eq(&played);
}
