//! What a guest printed as it failed, in its author's terms: without what its language's runtime adds
//! about itself. Pure. What it does not know it leaves as it is.

/// A runtime's hint about a variable that no policy has.
const HINT: &str = "note: run with `RUST_BACKTRACE=1`";
/// Where the runtimes that are written in Rust panic, which says nothing of a policy.
const RUNTIMES: [&str; 3] = ["crates/runtime/", "runtime/src/", "/rustc/"];
/// What a runtime says when it gives up because of an exception, which has been printed before.
const GIVES_UP: &str = "Python function threw an unexpected exception";
/// The folder that Python's build makes of the project's own.
const PYTHON_FOLDER: &str = "File \"/0/";
/// Files of a stack that belong to the project's wrapping, and not to what its author wrote.
const WRAPPING: [&str; 4] = ["entry.js", "(native)", "componentize_py", "wit_world/"];
/// Functions of a stack of Go's that are its runtime's, and what stands around the hooks.
const OF_GO: [&str; 5] = [
    "runtime.",
    "runtime/",
    "internal/",
    "main.wasm_export_",
    "wardroom:policy/",
];
/// Begins what Go adds to a read or write through nil: numbers of a machine's signal.
const SIGNAL: &str = "[signal 0x";
/// What a script's uncaught exception looks like when QuickJS's runtime prints it.
const EXCEPTION: &str = "Exception { message: Some(";

/// The words without the runtime's own.
pub(super) fn told(printed: &str) -> String {
    let printed = match exception(printed) {
        Some(exception) => exception,
        None => goroutines(printed),
    };
    let mut told = String::with_capacity(printed.len());
    for line in printed.lines().map(str::trim_end) {
        if line.starts_with(HINT) || line == GIVES_UP || is_wrapping(line) {
            continue;
        }
        match panicked(line) {
            Some(place) if RUNTIMES.iter().any(|own| place.contains(own)) => {}
            // The message stands in the line behind the place.
            Some(place) => told.push_str(&format!("panicked at {place}: ")),
            None => {
                told.push_str(&line.replace(PYTHON_FOLDER, "File \""));
                told.push('\n');
            }
        }
    }
    told.trim().to_owned()
}

/// The place of a panic of Rust, from the line that says so.
fn panicked(line: &str) -> Option<&str> {
    let (_, place) = line.strip_prefix("thread '")?.split_once(" panicked at ")?;
    place.strip_suffix(':')
}

fn is_wrapping(line: &str) -> bool {
    let frame = line.trim_start();
    (frame.starts_with("at ") || frame.starts_with("File "))
        && WRAPPING.iter().any(|own| frame.contains(own))
}

/// The stacks that Go's runtime prints with a frame a line, as other languages have it, and without
/// those that are its own.
fn goroutines(printed: &str) -> String {
    let mut told = String::with_capacity(printed.len());
    let mut lines = printed.lines().peekable();
    let mut in_stack = false;
    while let Some(line) = lines.next() {
        if is_goroutine(line) {
            in_stack = true;
            // The empty line before it, too.
            told.truncate(told.trim_end_matches('\n').len());
            told.push('\n');
            if line.ends_with(" [running]:") {
                continue;
            }
        } else if in_stack && let Some(place) = lines.next_if(|next| next.starts_with('\t')) {
            if let Some(frame) = frame_of_go(line, place) {
                told.push_str(&frame);
            }
            continue;
        } else if line.starts_with(SIGNAL) {
            continue;
        }
        told.push_str(line);
        told.push('\n');
    }
    told
}

/// Whether a line says of which goroutine the stack is that follows, and what it was doing.
fn is_goroutine(line: &str) -> bool {
    let number_and_state = line.strip_prefix("goroutine ");
    number_and_state.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit()) && rest.ends_with("]:")
    })
}

/// A frame as Go prints it in two lines, without the addresses, the path of the package and that of
/// the folder in which it was built; nothing if it is not the author's.
fn frame_of_go(function: &str, place: &str) -> Option<String> {
    let (how, function) = match function.strip_prefix("created by ") {
        Some(creator) => ("created by", creator.split(" in goroutine ").next()?),
        None => ("at", function.rsplit_once('(').map_or(function, |it| it.0)),
    };
    if function == "panic" || OF_GO.iter().any(|own| function.starts_with(own)) {
        return None;
    }
    let named = function.rsplit('/').next()?;
    let name = named.split_once('.').map_or(named, |(_, name)| name);
    let place = place.trim();
    let place = place.split_once(" +0x").map_or(place, |(place, _)| place);
    // The file, and its folder, which is named as the package is.
    let file = place.rmatch_indices('/').nth(1);
    let file = file.map_or(place, |(slash, _)| &place[slash + 1..]);
    Some(format!("    {how} {name} ({file})\n"))
}

/// The message and the stack of a script's exception, which its runtime prints as Rust's debugging does.
fn exception(printed: &str) -> Option<String> {
    let (before, rest) = printed.split_once(EXCEPTION)?;
    let (message, rest) = quoted(rest)?;
    let stack = rest
        .split_once("stack: Some(")
        .and_then(|(_, stack)| quoted(stack))
        .map(|(stack, _)| stack)
        .unwrap_or_default();
    // What the script printed itself before it failed.
    let own = before.split("thread '").next().unwrap_or_default();
    Some(format!("{own}{message}\n{stack}"))
}

/// A text as Rust quotes it, at the beginning of another; and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut said = String::new();
    let mut rest = text.strip_prefix('"')?.chars();
    loop {
        match rest.next()? {
            '"' => return Some((said, rest.as_str())),
            '\\' => match rest.next()? {
                'n' => said.push('\n'),
                'r' => said.push('\r'),
                't' => said.push('\t'),
                '0' => said.push('\0'),
                'u' => {
                    let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    said.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    rest = after.chars();
                }
                other => said.push(other),
            },
            other => said.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_panic_the_place_and_the_message_are_left() {
        let printed = "thread '<unnamed>' (1) panicked at src/lib.rs:10:5:\nthe region is \"eu\"\nnote: run \
                       with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        assert_eq!(
            told(printed),
            "panicked at src/lib.rs:10:5: the region is \"eu\""
        );
        let own = format!("looking\n{printed}");
        assert_eq!(
            told(&own),
            "looking\npanicked at src/lib.rs:10:5: the region is \"eu\""
        );
    }

    #[test]
    fn of_an_exception_of_a_script_the_message_and_the_authors_frames_are_left() {
        let printed = "thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\n\
            Failed to call 'authorize': Value(Exception(\n\
            Exception { message: Some(\"cannot read \\\"er\\\" of \\u{1f600}\"), stack: Some(\"    at explode \
            (policy.ts:112:9)\\n    at authorize (policy.ts:36:5)\\n    at <anonymous> \
            (/build/entry.js:22:52)\\n\") })\n)\nnote: run with `RUST_BACKTRACE=1` environment variable to \
            display a backtrace";
        let expected = "cannot read \"er\" of \u{1f600}\n    at explode (policy.ts:112:9)\n    at authorize \
                        (policy.ts:36:5)";
        assert_eq!(told(printed), expected);
        assert_eq!(
            told(&format!("said before\n{printed}")),
            format!("said before\n{expected}")
        );
    }

    #[test]
    fn of_an_exception_of_python_the_traceback_is_left() {
        let printed = "Traceback (most recent call last):\n  File \"/0/app.py\", line 70, in authorize\n  File \
            \"/0/app.py\", line 146, in explode\nKeyError: 'x'\n\nthread '<unnamed>' (1) panicked at \
            runtime/src/lib.rs:1293:29:\nPython function threw an unexpected exception\nnote: run with \
            `RUST_BACKTRACE=1` environment variable to display a backtrace";
        assert_eq!(
            told(printed),
            "Traceback (most recent call last):\n  File \"app.py\", line 70, in authorize\n  File \
             \"app.py\", line 146, in explode\nKeyError: 'x'"
        );
    }

    #[test]
    fn of_a_panic_of_go_the_message_and_the_authors_frames_are_left() {
        let printed = "said before\npanic: the region is eu\n\ngoroutine 1 [running]:\n\
            example.com/my-policy/export_wardroom_policy_commands.(*thing).explode(...)\n\
            \t/home/ann/my-policy/export_wardroom_policy_commands/commands.go:83\n\
            example.com/my-policy/settings.Each[...](0x1)\n\
            \texample.com/my-policy/settings/settings.go:7 +0x1c\n\
            panic({0x1dcef0, 0x19a18})\n\t/usr/lib/go/src/runtime/panic.go:859 +0x1c\n\
            example.com/my-policy/export_wardroom_policy_commands.Authorize(0x33afb8)\n\
            \t/home/ann/my-policy/export_wardroom_policy_commands/commands.go:30 +0xaa\n\
            main.wasm_export_wardroom_policy_commands_authorize(0x4)\n\
            \t/home/ann/my-policy/wit_exports.go:467 +0x9\n\
            wardroom:policy/commands@1.0.0#authorize()\n\t<autogenerated>:1 +0x1\n";
        assert_eq!(
            told(printed),
            "said before\npanic: the region is eu\n    at (*thing).explode \
             (export_wardroom_policy_commands/commands.go:83)\n    at Each[...] \
             (settings/settings.go:7)\n    at Authorize (export_wardroom_policy_commands/commands.go:30)"
        );
    }

    #[test]
    fn of_a_goroutine_of_go_is_said_who_began_it_and_what_it_waits_for() {
        let printed = "panic: runtime error: invalid memory address or nil pointer dereference\n\
            [signal 0xb code=0x0 addr=0x0 pc=0x0]\n\ngoroutine 7 [running]:\n\
            example.com/my-policy/settings.Read.func1()\n\t/p/settings/settings.go:40 +0x2\n\
            created by example.com/my-policy/settings.Read in goroutine 1\n\
            \t/p/settings/settings.go:41 +0x5a\n";
        assert_eq!(
            told(printed),
            "panic: runtime error: invalid memory address or nil pointer dereference\n    at Read.func1 \
             (settings/settings.go:40)\n    created by Read (settings/settings.go:41)"
        );
        let printed = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n\
            example.com/my-policy/settings.Read(0x1)\n\t/p/settings/settings.go:41 +0x54\n\n\
            goroutine 8 [select]:\nruntime.gopark(0x1)\n\t/go/src/runtime/proc.go:4 +0x1\n\
            example.com/my-policy/settings.wait()";
        assert_eq!(
            told(printed),
            "fatal error: all goroutines are asleep - deadlock!\ngoroutine 1 [chan receive]:\n    at Read \
             (settings/settings.go:41)\ngoroutine 8 [select]:\nexample.com/my-policy/settings.wait()"
        );
    }

    #[test]
    fn what_is_not_known_is_left_as_it_is() {
        for words in [
            "",
            "assertion failed: x > 0",
            "Exception { message: Some(half",
            "a\n  b\nc",
            "panic: an error\n\twith two lines",
            "goroutine [running]:\na\n\tb",
        ] {
            assert_eq!(told(words), words);
        }
    }
}
