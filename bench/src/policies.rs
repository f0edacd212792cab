//! Which policies a server is started with, and what the load generator changes of them while it
//! runs. Must not know how a server is started or what is measured.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::privacy;
use crate::servers::{Kind, Places};

/// Who sees private channels besides their members: as it is at the start, and changed.
pub const SEE_ALL: [&str; 2] = [r#"see_all_roles = ["staff"]"#, "see_all_roles = []"];
/// Whom the guard lets in: as it is at the start, and changed.
pub const ADMITTED: [&str; 2] = [
    r#"roles = ["staff", "guest", "member"]"#,
    r#"roles = ["staff", "member"]"#,
];
/// The configuration file in a server's folder.
pub const CONFIGURATION: &str = "wardroom.toml";
/// The policy in a server's folder that is replaced while it runs.
pub const FOLLOWED: &str = "private-channels.wasm";
/// The two components that take its place by turns, beside it.
pub const VERSIONS: [&str; 2] = ["wide.component", "narrow.component"];

struct Loaded {
    name: String,
    file: PathBuf,
    settings: Option<String>,
}

impl Places {
    fn shipped(&self, name: &str) -> PathBuf {
        self.components.join(name).with_extension("wasm")
    }

    fn guest(&self, name: &str) -> PathBuf {
        self.shipped(&format!("examples/{name}"))
    }
}

/// The sections `[[policies]]` of a server whose folder is `home`.
pub(crate) fn sections(kind: Kind, places: &Places, home: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if kind == Kind::WardroomSettling {
        // Staff see private channels that do not list them.
        text.push_str("\n[visibility]\nprivate_channels = \"policies\"\n");
    }
    for Loaded {
        name,
        file,
        settings,
    } in loaded(kind, places, home)?
    {
        write!(text, "\n[[policies]]\nname = \"{name}\"\nfile = {file:?}\n")?;
        if let Some(settings) = settings {
            writeln!(text, "settings = {settings}")?;
        }
    }
    Ok(text)
}

fn loaded(kind: Kind, places: &Places, home: &Path) -> anyhow::Result<Vec<Loaded>> {
    match kind {
        Kind::WardroomPolicies => Ok(places
            .policies
            .iter()
            .map(|file| Loaded {
                name: policy_name(file),
                file: file.clone(),
                settings: None,
            })
            .collect()),
        Kind::WardroomSettling => settling(places, home),
        _ => Ok((0..kind.renderers())
            .map(|place| Loaded {
                name: format!("profile-privacy-{}", place + 1),
                file: places.shipped("profile_privacy"),
                settings: Some(privacy::settings(place)),
            })
            .collect()),
    }
}

fn policy_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default();
    stem.to_string_lossy().replace('_', "-")
}

/// Policies that are swapped and configured anew while the server runs.
fn settling(places: &Places, home: &Path) -> anyhow::Result<Vec<Loaded>> {
    let copy = |from: PathBuf, to: &str| {
        std::fs::copy(&from, home.join(to)).with_context(|| from.display().to_string())
    };
    let (wide, narrow) = (
        places.shipped("private_channels"),
        places.guest("members_only"),
    );
    copy(wide.clone(), FOLLOWED)?;
    copy(wide, VERSIONS[0])?;
    copy(narrow, VERSIONS[1])?;
    Ok(vec![
        Loaded {
            name: "private-channels".to_owned(),
            file: home.join(FOLLOWED),
            settings: Some(format!("{{ {} }}", SEE_ALL[0])),
        },
        Loaded {
            name: "workspace-guard".to_owned(),
            file: places.shipped("workspace_guard"),
            settings: Some(format!(
                "{{ rules = [{{ workspaces = [\"w0\"], {} }}] }}",
                ADMITTED[0]
            )),
        },
    ])
}
