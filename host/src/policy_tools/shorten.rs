//! Two long texts side by side, cut to what people read: where they begin to differ. Pure. Knows nothing
//! of what they say.

/// Characters of a text that are shown; more are cut.
pub const SHOWN_CHARS: usize = 400;
/// Of those, characters before the first difference.
const BEFORE: usize = 100;

/// Both, each cut around the place where they begin to differ if it is long.
#[must_use]
pub fn both(expected: &str, found: &str) -> (String, String) {
    let same = expected
        .chars()
        .zip(found.chars())
        .take_while(|(a, b)| a == b);
    let from = same.count().saturating_sub(BEFORE);
    (around(expected, from), around(found, from))
}

/// A text, cut where it is longer than is shown, from a character on that must be shown.
fn around(text: &str, from: usize) -> String {
    let length = text.chars().count();
    if length <= SHOWN_CHARS {
        return text.to_owned();
    }
    // A text that ends soon behind the difference is shown to its end.
    let from = from.min(length - SHOWN_CHARS);
    let shown: String = text.chars().skip(from).take(SHOWN_CHARS).collect();
    let before = match from {
        0 => String::new(),
        cut => format!("… ({cut} characters) "),
    };
    let after = match length - from - SHOWN_CHARS {
        0 => String::new(),
        cut => format!(" … ({cut} characters more)"),
    };
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_shown_whole() {
        assert_eq!(
            both("allowed", "denied"),
            ("allowed".into(), "denied".into())
        );
        let longest = "ж".repeat(SHOWN_CHARS);
        assert_eq!(both(&longest, "").0, longest);
    }

    #[test]
    fn what_is_long_is_shown_where_it_differs() {
        let same = "a".repeat(10_000);
        let (expected, found) = both(&format!("{same}x{same}"), &format!("{same}yz"));
        let around = "a".repeat(BEFORE);
        let begins = format!("… (9900 characters) {around}");
        assert!(expected.starts_with(&format!("{begins}x")), "{expected}");
        assert!(
            expected.ends_with("a … (9701 characters more)"),
            "{expected}"
        );
        assert_eq!(
            found,
            format!("… (9602 characters) {}yz", "a".repeat(SHOWN_CHARS - 2))
        );
        let (whole, cut) = both("", &same);
        assert_eq!(whole, "");
        assert!(
            cut.starts_with("aaa") && cut.ends_with(" … (9600 characters more)"),
            "{cut}"
        );
    }
}
