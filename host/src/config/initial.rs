//! A first configuration: the commented example, with secrets made and what needs them switched on. It must not overwrite anything.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::auth::{KeyHash, new_api_key};

/// The example of a configuration: every setting, with its default and what it is for.
pub const EXAMPLE: &str = include_str!("../../../wardroom.example.toml");

/// The file with the secret for tokens, in the folder of the configuration, as [`EXAMPLE`] has it.
const SECRET_FILE: &str = "token-secret";
/// Random bytes in that secret. As text they are as long as the strongest algorithm wants.
const SECRET_BYTES: usize = 48;
/// The hash that stands in [`EXAMPLE`] where one belongs.
const NO_HASH: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// What differs from [`EXAMPLE`]: each text, of which the first is meant, and what stands in its place.
const CHANGES: [(&str, &str); 5] = [
    (
        "# Every setting of Wardroom, with its default. `wardroom init` makes a configuration of this file,\n\
         # with secrets, that a server starts with; `wardroom check-config` checks one.\n",
        "# The configuration of Wardroom, made by `wardroom init`. Check it with `wardroom check-config`\n\
         # after each change.\n",
    ),
    (
        "#[[auth.keys]]\n#id = \"2026-11\"\n#alg = \"HS256\"\n#secret_file = \"token-secret\"\n",
        "[[auth.keys]]\n#id = \"2026-11\"\nalg = \"HS256\"\nsecret_file = \"token-secret\"\n",
    ),
    (
        "#secret_encoding = \"base64\"\n",
        "secret_encoding = \"text\"\n",
    ),
    (
        "#[[api_keys]]\n#name = \"backend\"\n#hash = \"",
        "[[api_keys]]\nname = \"backend\"\nhash = \"",
    ),
    (
        "#path = \"wardroom.redb\"  # example\n",
        "path = \"wardroom.redb\"\n",
    ),
];
/// Where the scopes of the key stand, behind its hash.
const SCOPES: &str = "\"\n#scopes = ";

/// A first configuration that was made.
pub struct Initial {
    /// The secret that tokens are signed with is in this file.
    pub secret_file: PathBuf,
    /// A backend's key, of which the configuration holds the hash.
    pub api_key: Zeroizing<String>,
}

impl fmt::Debug for Initial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Initial")
            .field("secret_file", &self.secret_file)
            .field("api_key", &"..")
            .finish()
    }
}

/// No configuration was made.
#[derive(Debug, thiserror::Error)]
pub enum InitialError {
    /// One of its files is there.
    #[error(
        "{} is there already, and nothing is written over: name another folder, or move it away",
        .0.display()
    )]
    Exists(PathBuf),
    /// One of its files cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for secrets: {0}")]
    Random(String),
}

/// Makes a configuration in `file`, and a secret beside it, both for their owner alone; and their
/// folder, if there is none. Where it fails, neither file is left.
///
/// # Errors
/// One of the files is there already, or cannot be written.
pub fn make(file: &Path) -> Result<Initial, InitialError> {
    let secret_file = file.with_file_name(SECRET_FILE);
    for path in [file, &secret_file] {
        if path.symlink_metadata().is_ok() {
            return Err(InitialError::Exists(path.to_owned()));
        }
    }
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?));
    let api_key = Zeroizing::new(new_api_key(*random()?));
    if let Some(folder) = file.parent().filter(|it| !it.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|reason| InitialError::Write {
            path: folder.to_owned(),
            reason,
        })?;
    }
    write_new(&secret_file, &secret)?;
    write_new(file, &text(&KeyHash::of(&api_key))).inspect_err(|_| {
        // The first failure is the one to be told of.
        let _left = fs::remove_file(&secret_file);
    })?;
    Ok(Initial {
        secret_file,
        api_key,
    })
}

/// Bytes of the system's own random source.
fn random<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>, InitialError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    SysRng
        .try_fill_bytes(&mut *bytes)
        .map_err(|error| InitialError::Random(error.to_string()))?;
    Ok(bytes)
}

/// The example with what is needed switched on.
fn text(hash: &KeyHash) -> String {
    let mut text = EXAMPLE.to_owned();
    for (from, to) in CHANGES {
        text = text.replacen(from, to, 1);
    }
    let with_scopes = SCOPES.replace('#', "");
    let (from, to) = (format!("{NO_HASH}{SCOPES}"), format!("{hash}{with_scopes}"));
    text.replacen(&from, &to, 1)
}

fn write_new(path: &Path, text: &str) -> Result<(), InitialError> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|reason| unwritten(path, reason))?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|reason| {
        // Half of it is of no use to anybody.
        let _left = fs::remove_file(path);
        unwritten(path, reason)
    })
}

fn unwritten(path: &Path, reason: io::Error) -> InitialError {
    let path = path.to_owned();
    match reason.kind() {
        ErrorKind::AlreadyExists => InitialError::Exists(path),
        _ => InitialError::Write { path, reason },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::auth::{ApiKeys, Scope};
    use crate::config::{Config, Mode};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_server_would_start_with_it_and_has_nothing_to_warn_of() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("new/er/wardroom.toml");
        let made = make(&file).unwrap();
        let config = Config::load(Some(&file), [], Mode::Production).unwrap();
        assert_eq!(config.warnings, [] as [&str; 0]);
        assert_eq!(config.key_files, [file.with_file_name("token-secret")]);
        assert_eq!(config.key_files, std::slice::from_ref(&made.secret_file));
        let store = file.with_file_name("wardroom.redb");
        assert_eq!(config.store.path, Some(store));
        let keys = ApiKeys::new(config.api_keys);
        let key = keys.verify(&made.api_key).unwrap();
        assert_eq!(key.name, "backend");
        assert!(key.allows(Scope::DirectoryWrite) && !key.allows(Scope::OpsWrite));

        assert_eq!((mode(&file), mode(&made.secret_file)), (0o600, 0o600));
        let folders = file.ancestors().skip(1).take(2).map(mode);
        assert_eq!(folders.collect::<Vec<_>>(), [0o700, 0o700]);
        assert!(!format!("{made:?}").contains(&made.api_key[..]));
    }

    #[test]
    fn it_is_the_example_but_for_what_it_switches_on() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("wardroom.toml");
        make(&file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let (made, example): (Vec<_>, Vec<_>) = (text.lines().collect(), EXAMPLE.lines().collect());
        assert_eq!(made.len(), example.len());
        let differ = made
            .iter()
            .zip(&example)
            .filter(|(made, example)| made != example);
        let differ: Vec<_> = differ.map(|(made, _)| *made).collect();
        let hash = text
            .lines()
            .find(|line| line.starts_with("hash = \"sha256:"));
        let expected = [
            "# The configuration of Wardroom, made by `wardroom init`. Check it with `wardroom check-config`",
            "# after each change.",
            "[[auth.keys]]",
            "alg = \"HS256\"",
            "secret_file = \"token-secret\"",
            "secret_encoding = \"text\"",
            "[[api_keys]]",
            "name = \"backend\"",
            hash.unwrap(),
            "scopes = [\"directory:read\", \"directory:write\", \"events:publish\", \"connections:control\"]",
            "path = \"wardroom.redb\"",
        ];
        assert_eq!(differ, expected);
    }

    #[test]
    fn each_has_secrets_of_its_own_as_strong_as_any_algorithm_wants() {
        let folder = TempDir::new().unwrap();
        let made = |name: &str| {
            let made = make(&folder.path().join(name).join("wardroom.toml")).unwrap();
            let secret = fs::read_to_string(&made.secret_file).unwrap();
            assert_eq!((secret.len(), secret.trim_end().len()), (64, 64));
            (secret, made.api_key.to_string())
        };
        let (one, other) = (made("one"), made("other"));
        assert!(one.0 != other.0 && one.1 != other.1);
    }

    #[test]
    fn nothing_is_written_over_and_nothing_is_left_of_a_failure() {
        for taken in ["wardroom.toml", "token-secret"] {
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join(taken), "mine").unwrap();
            let said = make(&folder.path().join("wardroom.toml"))
                .unwrap_err()
                .to_string();
            assert!(
                said.contains(taken) && said.contains("is there already"),
                "{said}"
            );
            let left = fs::read_dir(folder.path()).unwrap();
            let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, [taken]);
            assert_eq!(
                fs::read_to_string(folder.path().join(taken)).unwrap(),
                "mine"
            );
        }
        // A link that leads nowhere is somebody's as well.
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("wardroom.toml");
        std::os::unix::fs::symlink("/nowhere/at/all", &file).unwrap();
        assert!(matches!(make(&file), Err(InitialError::Exists(path)) if path == file));

        let no_folder = folder.path().join("file");
        fs::write(&no_folder, "").unwrap();
        let said = make(&no_folder.join("wardroom.toml"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("cannot write"), "{said}");
    }
}
