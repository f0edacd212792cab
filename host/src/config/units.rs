//! Durations and sizes as operators write them: `5s`, `250ms`, `1MiB`. It must not know which setting it reads.

use std::time::Duration;

use bytesize::ByteSize;

use crate::limits::{MAX_SETTING_BYTES, MAX_SETTING_SECONDS};

/// Reads a duration such as `5s`, `250ms` or `1m 30s`.
///
/// # Errors
/// A text for the operator, which does not repeat the value, unless it is a plain number.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let value = humantime::parse_duration(text).map_err(|_| match is_number(text) {
        true => format!("expected a duration with its unit: \"{text}s\" or \"{text}ms\""),
        false => "expected a duration with its unit, such as \"5s\" or \"250ms\"".to_owned(),
    })?;
    if value > Duration::from_secs(MAX_SETTING_SECONDS) {
        return Err(format!("must not be longer than {MAX_SETTING_SECONDS}s"));
    }
    Ok(value)
}

/// Whether a text is a number of ordinary length, which is no secret.
fn is_number(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a size such as `64KiB` or `1MiB`, in bytes.
///
/// # Errors
/// A text for the operator, which does not repeat the value.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let value = text
        .parse::<ByteSize>()
        .map_err(|_| "expected a size with its unit, such as \"64KiB\" or \"1MiB\"".to_owned())?
        .as_u64();
    if value > MAX_SETTING_BYTES {
        return Err(format!(
            "must not be larger than {}",
            ByteSize(MAX_SETTING_BYTES)
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "5", "-1s", "soon", "5 parsecs", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
        assert!(duration("25h").is_err());
    }

    #[test]
    fn sizes_are_binary_or_decimal() {
        assert_eq!(size("1MiB"), Ok(1 << 20));
        assert_eq!(size("1MB"), Ok(1_000_000));
        assert_eq!(size("512"), Ok(512));
        for wrong in [
            "",
            "-1",
            "much",
            "1 parsec",
            "5GiB",
            "99999999999999999999999",
        ] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }
}
