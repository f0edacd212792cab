//! Numbers as texts: whether one is in range, and the canonical form of its value. Must not know
//! where a number stands.

use std::borrow::Cow;

/// Digits before the decimal point up to which a canonical number has no exponent, and zeros behind
/// it up to which a fraction has none: ECMAScript's bounds.
const PLAIN_DIGITS: i64 = 21;
const PLAIN_ZEROS: i64 = 6;

/// Longest text that is in range for its length alone, in bytes.
const SHORT: usize = 300;

/// Whether every reader of JSON has a place for the number: its magnitude is below 1.8e308.
pub(super) fn is_in_range(number: &str) -> bool {
    let short = number.len() < SHORT && !number.contains(['e', 'E']);
    short || number.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The canonical form of a JSON number: written as ECMAScript writes numbers, but with all its
/// digits. Two numbers have one form exactly if they are equal as decimals.
pub(super) fn canonical(number: &str) -> Cow<'_, str> {
    if is_plain_integer(number) {
        return Cow::Borrowed(number);
    }
    match Decimal::read(number) {
        Some(decimal) => match decimal.written() {
            written if written == number => Cow::Borrowed(number),
            written => Cow::Owned(written),
        },
        // An exponent of so many digits that nobody counts with it: it equals itself.
        None => Cow::Borrowed(number),
    }
}

/// Integers that programs mostly send, which are canonical as they are.
fn is_plain_integer(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() as i64 <= PLAIN_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && number != "-0"
}

/// `0.digits × 10^point`, where the digits neither begin nor end with a zero.
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    /// Reads a JSON number; nothing if its exponent is beyond counting.
    fn read(number: &str) -> Option<Self> {
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                point: 0,
            });
        }
        let zeros = all.len() - significant.len();
        let exponent: i64 = exponent.parse().ok()?;
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()?;
        Some(Self {
            negative,
            digits: significant.trim_end_matches('0').to_owned(),
            point: exponent.checked_add(point)?,
        })
    }

    fn written(&self) -> String {
        let Self { digits, point, .. } = self;
        let sign = if self.negative { "-" } else { "" };
        let count = digits.len() as i64;
        let zeros = |many: i64| "0".repeat(usize::try_from(many).unwrap_or_default());
        match *point {
            _ if digits.is_empty() => "0".to_owned(),
            point if count <= point && point <= PLAIN_DIGITS => {
                format!("{sign}{digits}{}", zeros(point - count))
            }
            point if 0 < point && point <= PLAIN_DIGITS => {
                let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
                format!("{sign}{whole}.{fraction}")
            }
            point if -PLAIN_ZEROS < point && point <= 0 => {
                format!("{sign}0.{}{digits}", zeros(-point))
            }
            point => {
                let (first, rest) = digits.split_at(1);
                let dot = if rest.is_empty() { "" } else { "." };
                let exponent = point - 1;
                let plus = if exponent < 0 { "" } else { "+" };
                format!("{sign}{first}{dot}{rest}e{plus}{exponent}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_decimals_have_one_form() {
        for (form, same) in [
            (
                "0",
                &["-0", "0.0", "-0.000", "0e5", "0E-99999999999999999999"][..],
            ),
            ("1", &["1.0", "1e0", "10e-1", "0.1e1", "0.01E+2", "100e-02"]),
            ("-1.5", &["-1.50", "-15e-1", "-0.15e1"]),
            ("100", &["1e2", "1E2", "1e+2", "100.0", "1000e-1"]),
            (
                "117.63333139400017",
                &["117.633331394000170", "11763333139400017e-14"],
            ),
            ("100000000000000000000", &["1e20"]),
            ("1e+21", &["1000000000000000000000", "10e20"]),
            (
                "1.2345678901234567890123e+22",
                &["12345678901234567890123", "12345678901234567890123.0"],
            ),
            ("0.000001", &["1e-6", "0.0000010"]),
            ("1e-7", &["0.0000001", "10e-8"]),
            ("1.25e-400", &["125e-402"]),
        ] {
            assert_eq!(canonical(form), form);
            for text in same {
                assert_eq!(canonical(text), form, "{text}");
            }
        }
        for (one, other) in [
            ("117.63333139400017", "117.63333139400016"),
            ("12345678901234567890123", "12345678901234567890124"),
            ("1", "-1"),
            ("1e-99999999999999999999", "1e-99999999999999999998"),
        ] {
            assert_ne!(canonical(one), canonical(other));
        }
    }

    #[test]
    fn what_ecmascript_writes_is_canonical() {
        // What V8 and SpiderMonkey make of these numbers.
        for text in [
            "0",
            "-1",
            "123456789012345680000",
            "1.7976931348623157e+308",
            "5e-324",
            "0.1",
            "1.5e-9",
            "123.456",
            "-0.000001",
            "1e+21",
        ] {
            assert_eq!(canonical(text), text);
        }
    }

    #[test]
    fn a_number_that_is_no_double_is_out_of_range() {
        for text in [
            "1e308",
            "-1.7e308",
            "1e-400",
            "0e999999",
            &"9".repeat(308),
            "12e306",
        ] {
            assert!(is_in_range(text), "{text}");
        }
        for text in [
            "1e309",
            "-1e400",
            &"9".repeat(310),
            "1e99999999999999999999",
        ] {
            assert!(!is_in_range(text), "{text}");
        }
    }
}
