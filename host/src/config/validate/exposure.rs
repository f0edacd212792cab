//! Secrets that are not as secret, or not as meant, as they should be: files that the world can read,
//! placeholders of examples, encodings left unsaid. It must not show any of them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::checker::Checker;
use crate::auth::KeyHash;
use crate::files;

/// Permission of everybody to read a file.
const WORLD_READS: u32 = 0o004;
/// Permission of everybody to pass through a folder.
const WORLD_PASSES: u32 = 0o001;
/// Characters from which on a text without spaces is longer than people choose.
const MIN_ENCODED_CHARS: usize = 40;
/// What documents and examples have where a key belongs.
const PLACEHOLDERS: [&str; 8] = [
    "",
    "test",
    "secret",
    "changeme",
    "change-me",
    "password",
    "wr_...",
    "wr_…",
];

/// Warns of a file with a secret in it that every user of this machine can read.
pub(super) fn check_file(check: &mut Checker<'_>, at: &str, path: &Path) {
    if let Some(warning) = exposed(path) {
        check.warning(at, warning);
    }
}

/// What is to be said of a file with a secret in it, if every user of this machine can read it.
pub(in super::super) fn exposed(path: &Path) -> Option<String> {
    let said = "every user of this machine can read it, and it holds a secret; `chmod 600` gives it \
                to its owner alone";
    let open = files::bounded(path, |path| Ok(world_can_read(path)));
    open.unwrap_or(false)
        .then(|| format!("{}: {said}", path.display()))
}

/// Whether everybody may read a file, and pass through every folder on the way to it.
fn world_can_read(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let has = |path: &Path, permission: u32| {
        path.metadata()
            .is_ok_and(|about| about.mode() & permission != 0)
    };
    let mut folders = path.ancestors().skip(1);
    has(&path, WORLD_READS) && folders.all(|folder| has(folder, WORLD_PASSES))
}

/// Whether a secret is written as if it were base64, so that what encodes it and what does not would
/// disagree about it.
pub(super) fn looks_like_base64(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = &text[..text.len() - padding];
    let has = |kind: fn(&u8) -> bool| body.iter().any(kind);
    let is_encoded = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let is_whole = padding <= 2 && (padding == 0 || text.len().is_multiple_of(4));
    // Hexadecimal has one case, and words have no digits.
    let is_mixed =
        has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    text.len() >= MIN_ENCODED_CHARS && is_whole && is_mixed && body.iter().all(is_encoded)
}

/// Whether a hash stands where the hash of a key belongs: no key has it, or everybody has its key.
pub(super) fn is_placeholder(hash: &KeyHash) -> bool {
    let text = hash.to_string();
    let digits = text.trim_start_matches("sha256:");
    let first = digits.chars().next();
    let is_one_digit = digits.chars().all(|digit| Some(digit) == first);
    // 0123…, or 123…
    let counts = digits.as_bytes().windows(2).all(|pair| {
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default();
        value(pair[1]) == (value(pair[0]) + 1) % 16
    });
    let is_known = PLACEHOLDERS.iter().any(|key| KeyHash::of(key) == *hash);
    is_one_digit || counts || is_known
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_open_only_if_the_way_to_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "secret").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
        // Whether the folder of temporary folders is open is not for this test to say.
        let is_reachable = |path: &Path| path.metadata().unwrap().mode() & WORLD_PASSES != 0;
        mode(folder.path(), 0o755).unwrap();
        mode(&path, 0o644).unwrap();
        let way = folder.path().canonicalize().unwrap();
        assert_eq!(world_can_read(&path), way.ancestors().all(is_reachable));
        mode(folder.path(), 0o700).unwrap();
        assert!(!world_can_read(&path));
        mode(folder.path(), 0o755).unwrap();
        mode(&path, 0o640).unwrap();
        assert!(!world_can_read(&path));
        assert!(!world_can_read(&folder.path().join("missing")));
    }

    #[test]
    fn what_tools_print_as_base64_is_told_from_text_and_hexadecimal() {
        for encoded in [
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJDN7w==",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        ] {
            assert!(looks_like_base64(encoded.as_bytes()), "{encoded}");
        }
        for text in [
            "",
            "q83vEjRW",
            "0123456789abcdef0123456789abcdef0123456789abcdef",
            "correct horse battery staple correct horse 9 A",
            "this-is-only-a-long-text-that-somebody-has-typed",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJ===",
            "===========================================",
        ] {
            assert!(!looks_like_base64(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_hash_that_is_nobodys_or_everybodys_is_a_placeholder() {
        let zeros = "0".repeat(64);
        let effs = "f".repeat(64);
        let counting = "0123456789abcdef".repeat(4);
        for digits in [&zeros, &effs, &counting] {
            let hash = format!("sha256:{digits}").parse().unwrap();
            assert!(is_placeholder(&hash), "{digits}");
        }
        assert!(is_placeholder(&KeyHash::of("")));
        assert!(is_placeholder(&KeyHash::of("changeme")));
        assert!(!is_placeholder(&KeyHash::of("wr_8c1f")));
    }
}
