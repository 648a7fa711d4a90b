//! Zones and when their summer time begins and ends.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Zones by name, with the rule that they follow now, in POSIX's form: a table of all zones in all years would be larger than what
/// needs it. Rules of past years differ.
const RULES: &[(&[&str], &str)] = &[
    (&["UTC", "Etc/UTC", "GMT"], "UTC0"),
    (&["Europe/London", "Europe/Dublin", "Europe/Lisbon"], "GMT0BST,M3.5.0/1,M10.5.0"),
    (
        &[
            "Europe/Berlin",
            "Europe/Paris",
            "Europe/Madrid",
            "Europe/Rome",
            "Europe/Vienna",
            "Europe/Zurich",
            "Europe/Amsterdam",
            "Europe/Brussels",
            "Europe/Copenhagen",
            "Europe/Oslo",
            "Europe/Stockholm",
            "Europe/Prague",
            "Europe/Warsaw",
            "Europe/Budapest",
        ],
        "CET-1CEST,M3.5.0,M10.5.0/3",
    ),
    (
        &["Europe/Athens", "Europe/Helsinki", "Europe/Bucharest", "Europe/Sofia", "Europe/Kyiv"],
        "EET-2EEST,M3.5.0/3,M10.5.0/4",
    ),
    (&["Europe/Istanbul"], "<+03>-3"),
    (&["America/New_York", "America/Toronto", "US/Eastern"], "EST5EDT,M3.2.0,M11.1.0"),
    (&["America/Chicago", "US/Central"], "CST6CDT,M3.2.0,M11.1.0"),
    (&["America/Denver", "US/Mountain"], "MST7MDT,M3.2.0,M11.1.0"),
    (&["America/Los_Angeles", "America/Vancouver", "US/Pacific"], "PST8PDT,M3.2.0,M11.1.0"),
    (&["America/Phoenix"], "MST7"),
    (&["America/Sao_Paulo"], "<-03>3"),
    (&["America/Santiago"], "<-04>4<-03>,M9.1.6/24,M4.1.6/24"),
    (&["Asia/Tokyo"], "JST-9"),
    (&["Asia/Seoul"], "KST-9"),
    (&["Asia/Shanghai"], "CST-8"),
    (&["Asia/Singapore"], "<+08>-8"),
    (&["Asia/Kolkata"], "IST-5:30"),
    (&["Asia/Kathmandu"], "<+0545>-5:45"),
    (&["Asia/Dubai"], "<+04>-4"),
    (&["Asia/Jerusalem"], "IST-2IDT,M3.4.4/26,M10.5.0"),
    (&["Africa/Johannesburg"], "SAST-2"),
    (&["Africa/Lagos"], "WAT-1"),
    (&["Africa/Nairobi"], "EAT-3"),
    (&["Australia/Sydney", "Australia/Melbourne"], "AEST-10AEDT,M10.1.0,M4.1.0/3"),
    (&["Australia/Lord_Howe"], "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),
    (&["Pacific/Auckland"], "NZST-12NZDT,M9.5.0,M4.1.0/3"),
];

/// The zone of a name, or of a POSIX rule.
pub fn named(name: &str) -> Result<TimeZone, String> {
    let rule = RULES.iter().find(|r| r.0.contains(&name)).map_or(name, |r| r.1);
    TimeZone::posix(rule).map_err(|_| {
        format!("{name:?} is not known; write its rule in POSIX's form, as in \"CET-1CEST,M3.5.0,M10.5.0/3\"")
    })
}

/// Whether the zone's clocks show this time.
pub fn shown(zone: &TimeZone, at: DateTime) -> bool {
    !matches!(zone.to_ambiguous_timestamp(at).offset(), AmbiguousOffset::Gap { .. })
}

/// In a year: a time that clocks skip when summer time begins, and one that they show twice when it ends, each halfway.
pub fn changes(zone: &TimeZone, year: i16) -> (Option<DateTime>, Option<DateTime>) {
    let (mut skipped, mut twice) = (None, None);
    let mut at = Date::constant(year, 1, 1).at(0, 15, 0, 0);
    // Clocks change on quarters of an hour; 35,000 looks are a few milliseconds.
    while at.year() == year {
        let offset = zone.to_ambiguous_timestamp(at).offset();
        if matches!(offset, AmbiguousOffset::Gap { .. }) && skipped.is_none() {
            skipped = Some(at);
        }
        if matches!(offset, AmbiguousOffset::Fold { .. }) && twice.is_none() {
            twice = Some(at);
        }
        let Ok(next) = at.checked_add(jiff::Span::new().minutes(15)) else { break };
        at = next;
    }
    (skipped, twice)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_table_is_one() {
        for (names, _) in RULES {
            for name in *names {
                assert!(named(name).is_ok(), "{name}");
            }
        }
        assert!(named("Mars/Base").is_err());
    }

    #[test]
    fn clocks_change_when_the_law_says() {
        let at = |name: &str| {
            let (skipped, twice) = changes(&named(name).unwrap(), 2024);
            (skipped.map(|t| t.to_string()), twice.map(|t| t.to_string()))
        };
        let of = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
        assert_eq!(at("Europe/Berlin"), of("2024-03-31T02:00:00", "2024-10-27T02:00:00"));
        assert_eq!(at("America/New_York"), of("2024-03-10T02:00:00", "2024-11-03T01:00:00"));
        assert_eq!(at("Australia/Sydney"), of("2024-10-06T02:00:00", "2024-04-07T02:00:00"));
        assert_eq!(at("Asia/Tokyo"), (None, None));
    }
}
