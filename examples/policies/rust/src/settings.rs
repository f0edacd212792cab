//! The settings of the policy: their form, their check, and what working hours mean. Knows nothing
//! of the server.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What an operator sets; everything is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The working hours of each region.
    pub(crate) regions: BTreeMap<String, Hours>,
    /// Roles that see the channels of every region.
    pub(crate) all_regions_roles: Vec<String>,
    /// Roles that may select a channel at any hour.
    pub(crate) any_hour_roles: Vec<String>,
    /// Roles that do not get anybody's contact data but their own.
    pub(crate) hidden_from: Vec<String>,
}

/// The working hours of a region, in its own time. They may go past midnight.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hours {
    pub(crate) from: i64,
    pub(crate) to: i64,
    #[serde(default)]
    pub(crate) utc_offset: i64,
}

impl Settings {
    /// Says which setting is wrong, and what is right; the form has been checked already.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (name, hours) in &self.regions {
            hours.check(name)?;
        }
        for (name, roles) in [
            ("all_regions_roles", &self.all_regions_roles),
            ("any_hour_roles", &self.any_hour_roles),
            ("hidden_from", &self.hidden_from),
        ] {
            if roles.iter().any(String::is_empty) {
                return Err(format!("{name}: must be a list of roles"));
            }
        }
        Ok(())
    }
}

impl Hours {
    /// Whether they hold at this moment, in seconds since 1970.
    pub(crate) fn open_at(&self, seconds: u64) -> bool {
        let hour = ((seconds / 3600 % 24) as i64 + self.utc_offset).rem_euclid(24);
        if self.from < self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }

    fn check(&self, name: &str) -> Result<(), String> {
        for (key, value, least, most) in [
            ("from", self.from, 0, 23),
            ("to", self.to, 1, 24),
            ("utc_offset", self.utc_offset, -12, 14),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!(
                    "regions.{name}.{key}: must be a whole number from {least} to {most}"
                ));
            }
        }
        if self.from == self.to {
            return Err(format!("regions.{name}: from and to must differ"));
        }
        Ok(())
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} (UTC{:+})", self.from, self.to, self.utc_offset)
    }
}
