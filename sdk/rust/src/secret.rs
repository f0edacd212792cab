//! A setting that nothing may show.

use std::fmt;

use serde::Deserialize;

/// A string among the settings that neither `{:?}` nor a refusal shows.
///
/// ```
/// use serde::Deserialize;
/// use wardroom_policy::Secret;
///
/// #[derive(Debug, Deserialize)]
/// struct Settings {
///     key: Secret,
/// }
///
/// let settings: Settings = wardroom_policy::read_settings(r#"{"key": "s3cret"}"#)?;
/// assert_eq!(settings.key.expose(), "s3cret");
/// assert_eq!(format!("{settings:?}"), "Settings { key: .. }");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, where it is used.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
