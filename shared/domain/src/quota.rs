//! Quotas: how many requests a key may make under a plan in a period.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// `quota` of a usage plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuotaSettings {
    /// Requests per key in a period, at least 1.
    pub limit: u32,
    /// Days by which the period's start is shifted: 0 for a day, 0 to 6 for a
    /// week, 0 to 27 for a month.
    pub offset: u8,
    /// What the limit is for.
    pub period: QuotaPeriod,
}

/// The length of a quota's period. All begin at 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum QuotaPeriod {
    /// A day.
    Day,
    /// Seven days from Sunday, shifted by the offset.
    Week,
    /// From the first of the month, shifted by the offset.
    Month,
}

impl QuotaPeriod {
    /// The period of that name, in upper case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "DAY" => Some(Self::Day),
            "WEEK" => Some(Self::Week),
            "MONTH" => Some(Self::Month),
            _ => None,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
        }
    }

    /// The largest offset that a period of this length can have, in days.
    #[must_use]
    pub fn max_offset(self) -> u8 {
        match self {
            Self::Day => 0,
            Self::Week => 6,
            Self::Month => 27,
        }
    }
}

/// One period of a quota: from its first day to the day on which the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuotaWindow {
    /// The kind of period.
    pub period: QuotaPeriod,
    /// Its first day, UTC.
    pub first_day: Date,
    /// The first day of the next.
    pub next_first_day: Date,
}

impl QuotaSettings {
    /// The period in which `now` falls.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> QuotaWindow {
        self.window_of_day(now.date())
    }

    /// The period in which `day` falls.
    #[must_use]
    pub fn window_of_day(&self, day: Date) -> QuotaWindow {
        let offset = i64::from(self.offset.min(self.period.max_offset()));
        // Shifting the day back by the offset turns a shifted period into a plain one.
        let plain = day.saturating_sub(offset.days());
        let (first, next) = match self.period {
            QuotaPeriod::Day => (plain, plain.saturating_add(1.day())),
            QuotaPeriod::Week => {
                let first = plain.saturating_sub(i64::from(plain.weekday().since(Weekday::Sunday)).days());
                (first, first.saturating_add(7.days()))
            }
            QuotaPeriod::Month => {
                let first = plain.first_of_month();
                (first, first.saturating_add(1.month()))
            }
        };
        QuotaWindow {
            period: self.period,
            first_day: first.saturating_add(offset.days()),
            next_first_day: next.saturating_add(offset.days()),
        }
    }
}

impl QuotaWindow {
    /// When the next period begins and the count starts anew.
    #[must_use]
    pub fn resets(&self) -> Timestamp {
        Timestamp::at_start_of(self.next_first_day)
    }

    /// The name under which this period's count is kept: `qD20261123`. Each
    /// period has its own, so none is ever reset.
    #[must_use]
    pub fn counter(&self) -> String {
        let kind = match self.period {
            QuotaPeriod::Day => 'D',
            QuotaPeriod::Week => 'W',
            QuotaPeriod::Month => 'M',
        };
        format!("q{kind}{}", compact(self.first_day))
    }
}

/// `20261123`: a day as it stands in the names of counters.
#[must_use]
pub fn compact(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn quota(period: QuotaPeriod, offset: u8) -> QuotaSettings {
        QuotaSettings { limit: 1, offset, period }
    }

    #[test]
    fn a_day_is_counted_under_its_own_name() {
        let window = quota(QuotaPeriod::Day, 0).window_of_day(date(2026, 11, 23));
        assert_eq!(window.counter(), "qD20261123");
        assert_eq!(window.resets().to_string(), "2026-11-24T00:00:00Z");
    }

    #[test]
    fn a_week_starts_on_sunday_shifted_by_the_offset() {
        let monday = date(2026, 11, 23);
        assert_eq!(quota(QuotaPeriod::Week, 0).window_of_day(monday).first_day, date(2026, 11, 22));
        assert_eq!(quota(QuotaPeriod::Week, 1).window_of_day(monday).first_day, monday);
        assert_eq!(quota(QuotaPeriod::Week, 2).window_of_day(monday).first_day, date(2026, 11, 17));
    }

    #[test]
    fn a_month_starts_on_its_first_day_shifted_by_the_offset() {
        let day = date(2026, 3, 10);
        assert_eq!(quota(QuotaPeriod::Month, 0).window_of_day(day).first_day, date(2026, 3, 1));
        let shifted = quota(QuotaPeriod::Month, 27).window_of_day(day);
        assert_eq!((shifted.first_day, shifted.next_first_day), (date(2026, 2, 28), date(2026, 3, 28)));
    }

    fn any_quota() -> impl Strategy<Value = QuotaSettings> {
        prop_oneof![
            Just(quota(QuotaPeriod::Day, 0)),
            (0u8..=6).prop_map(|offset| quota(QuotaPeriod::Week, offset)),
            (0u8..=27).prop_map(|offset| quota(QuotaPeriod::Month, offset)),
        ]
    }

    /// Walks the calendar back to the day on which a period starts.
    fn first_day_by_walking(quota: QuotaSettings, mut day: Date) -> Date {
        let starts = |day: Date| match quota.period {
            QuotaPeriod::Day => true,
            QuotaPeriod::Week => day.weekday().to_sunday_zero_offset() == quota.offset.cast_signed(),
            QuotaPeriod::Month => day.day() == 1 + quota.offset.cast_signed(),
        };
        while !starts(day) {
            day = day.yesterday().unwrap();
        }
        day
    }

    proptest! {
        #[test]
        fn windows_are_those_of_the_calendar(quota in any_quota(), days in 0i32..40_000) {
            let day = date(2000, 1, 1).saturating_add(days.days());
            let window = quota.window_of_day(day);
            prop_assert_eq!(window.first_day, first_day_by_walking(quota, day));
            prop_assert!(window.first_day <= day && day < window.next_first_day);
            prop_assert_eq!(quota.window_of_day(window.next_first_day).first_day, window.next_first_day);
        }
    }
}
