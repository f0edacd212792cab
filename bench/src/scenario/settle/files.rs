//! Changes of the files that a server follows, each by one rename, as operators are told to.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::policies::{CONFIGURATION, FOLLOWED};

/// A change of the files in the server's folder.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edit {
    /// A copy of this component takes the followed one's place.
    Component(&'static str),
    /// In the configuration, the second of these takes the place of the first.
    Settings([&'static str; 2]),
}

impl Edit {
    pub(super) fn make(self, home: &Path) -> anyhow::Result<()> {
        let beside = home.join("beside");
        let target = match self {
            Self::Component(name) => {
                std::fs::copy(home.join(name), &beside)?;
                FOLLOWED
            }
            Self::Settings([present, next]) => {
                let text = std::fs::read_to_string(home.join(CONFIGURATION))?;
                ensure!(text.contains(present), "the configuration has no {present}");
                std::fs::write(&beside, text.replace(present, next))?;
                CONFIGURATION
            }
        };
        std::fs::rename(&beside, home.join(target)).with_context(|| target.to_owned())
    }
}
