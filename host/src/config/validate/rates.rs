//! Reads rates. It must not know what is counted.

use super::super::{Rate, Rates, raw, units};
use super::checker::Checker;
use crate::limits;

/// How often clients may do things.
pub(super) fn rates(check: &mut Checker<'_>, raw: &raw::Rates) -> Rates {
    let mut rate = |key: &str, raw: &raw::Rate, default| {
        let at = format!("rates.{key}");
        checked(check, &at, raw.per_second, raw.burst, default)
    };
    Rates {
        connection_events: rate(
            "connection_events",
            &raw.connection_events,
            limits::CONNECTION_EVENTS,
        ),
        user_events: rate("user_events", &raw.user_events, limits::USER_EVENTS),
        address_events: rate(
            "address_events",
            &raw.address_events,
            limits::ADDRESS_EVENTS,
        ),
        address_connects: rate(
            "address_connects",
            &raw.address_connects,
            limits::ADDRESS_CONNECTS,
        ),
        address_failed_auths: rate(
            "address_failed_auths",
            &raw.address_failed_auths,
            limits::ADDRESS_FAILED_AUTHS,
        ),
        user_output: output(check, &raw.user_output),
    }
}

fn output(check: &mut Checker<'_>, raw: &raw::OutputRate) -> Rate {
    let at = "rates.user_output";
    let mut size = |key: &str, text: Option<&str>| {
        let size = units::size(text?).and_then(|size| {
            u32::try_from(size).map_err(|_| "must be smaller than 4GiB".to_owned())
        });
        let noted = size.map_err(|message| check.problem(format!("{at}.{key}"), message));
        noted.ok()
    };
    let per_second = size("per_second", raw.per_second.as_deref());
    let burst = size("burst", raw.burst.as_deref());
    checked(check, at, per_second, burst, limits::USER_OUTPUT_BYTES)
}

fn checked(
    check: &mut Checker<'_>,
    at: &str,
    per_second: Option<u32>,
    burst: Option<u32>,
    (default_per_second, default_burst): (u32, u32),
) -> Rate {
    let per_second = per_second.unwrap_or(default_per_second);
    // A rate that is raised alone takes the burst with it.
    let burst = burst.unwrap_or(default_burst.max(per_second));
    if per_second > 0 && burst == 0 {
        check.problem(format!("{at}.burst"), "must be at least 1");
    }
    Rate { per_second, burst }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::Mode;
    use super::*;

    #[test]
    fn rates_have_defaults_and_can_be_switched_off() {
        let mut check = Checker::new(Path::new("."), Mode::Production);
        let rate = |per_second, burst| raw::Rate { per_second, burst };
        let raw = raw::Rates {
            connection_events: rate(Some(0), None),
            user_events: rate(Some(5_000), None),
            address_events: rate(Some(1), Some(0)),
            user_output: raw::OutputRate {
                per_second: Some(raw::SizeText("1MiB".to_owned())),
                burst: Some(raw::SizeText("much".to_owned())),
            },
            ..raw::Rates::default()
        };
        let rates = rates(&mut check, &raw);
        let is = |per_second, burst| Rate { per_second, burst };
        assert_eq!(rates.connection_events.per_second, 0);
        assert_eq!(rates.user_events, is(5_000, 5_000));
        assert_eq!(rates.user_output.per_second, 1 << 20);
        let (per_second, burst) = limits::ADDRESS_CONNECTS;
        assert_eq!(rates.address_connects, is(per_second, burst));
        let problems = check.finish().0;
        let at: Vec<_> = problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(
            at,
            ["rates.address_events.burst", "rates.user_output.burst"]
        );
    }
}
