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
/// What a script's uncaught exception looks like when QuickJS's runtime prints it.
const EXCEPTION: &str = "Exception { message: Some(";

/// The words without the runtime's own.
pub(super) fn told(printed: &str) -> String {
    let printed = match exception(printed) {
        Some(exception) => exception,
        None => printed.to_owned(),
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
    fn what_is_not_known_is_left_as_it_is() {
        for words in [
            "",
            "assertion failed: x > 0",
            "Exception { message: Some(half",
            "a\n  b\nc",
        ] {
            assert_eq!(told(words), words);
        }
    }
}
