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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
        // Each request asks for several windows, and few quotas have an offset.
        let shifted = |day: Date, by: i64| if by == 0 { day } else { day.saturating_add(by.days()) };
        // Shifting the day back by the offset turns a shifted period into a plain one.
        let plain = shifted(day, -offset);
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
        QuotaWindow { period: self.period, first_day: shifted(first, offset), next_first_day: shifted(next, offset) }
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
        counter(self.period, self.first_day)
    }
}

/// The name under which the count of the period that begins on `first_day` is
/// kept.
#[must_use]
pub fn counter(period: QuotaPeriod, first_day: Date) -> String {
    let kind = match period {
        QuotaPeriod::Day => 'D',
        QuotaPeriod::Week => 'W',
        QuotaPeriod::Month => 'M',
    };
    format!("q{kind}{}", compact(first_day))
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

    /// A calendar that knows only how to go on by one day.
    struct Calendar {
        year: i16,
        month: i8,
        day: i8,
        /// Days since Sunday.
        weekday: u8,
    }

    impl Calendar {
        fn go_on(&mut self) {
            let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
            let days = match self.month {
                2 if is_leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            self.weekday = (self.weekday + 1) % 7;
            self.day += 1;
            if self.day > days {
                (self.month, self.day) = (self.month + 1, 1);
            }
            if self.month > 12 {
                (self.year, self.month) = (self.year + 1, 1);
            }
        }

        fn begins_a_period_of(&self, quota: QuotaSettings) -> bool {
            match quota.period {
                QuotaPeriod::Day => true,
                QuotaPeriod::Week => self.weekday == quota.offset,
                QuotaPeriod::Month => self.day == 1 + quota.offset.cast_signed(),
            }
        }
    }

    #[test]
    fn windows_are_those_of_the_calendar_in_leap_years_and_others() {
        let weeks = (0..=6).map(|offset| quota(QuotaPeriod::Week, offset));
        let months = (0..=27).map(|offset| quota(QuotaPeriod::Month, offset));
        let quotas: Vec<_> = [quota(QuotaPeriod::Day, 0)].into_iter().chain(weeks).chain(months).collect();
        // 2000-01-01 was a Saturday, 2099-01-01 will be a Thursday; 2000 is a leap year, 2100 is none.
        for (year, weekday, first_second) in [(2000, 6, 946_684_800), (2099, 4, 4_070_908_800i64)] {
            let mut calendar = Calendar { year, month: 1, day: 1, weekday };
            let mut windows: Vec<Option<QuotaWindow>> = vec![None; quotas.len()];
            for midnight in (0..2_000).map(|days| Timestamp::from_seconds(first_second + days * 86_400)) {
                for (quota, window) in quotas.iter().zip(&mut windows) {
                    let now = quota.window(midnight);
                    if calendar.begins_a_period_of(*quota) {
                        assert_eq!(now.first_day, date(calendar.year, calendar.month, calendar.day), "{quota:?}");
                        assert!(window.is_none_or(|before| before.resets() == midnight), "{quota:?}, {midnight}");
                        *window = Some(now);
                    } else if let Some(window) = window {
                        assert_eq!(now, *window, "{quota:?}, {midnight}");
                    }
                }
                calendar.go_on();
            }
        }
    }

    proptest! {
        #[test]
        fn a_window_holds_from_its_first_midnight_to_its_last_nanosecond(
            offset in 0u8..=27,
            period in prop_oneof![Just(QuotaPeriod::Day), Just(QuotaPeriod::Week), Just(QuotaPeriod::Month)],
            now in 0i64..i64::MAX / 2,
        ) {
            let quota = quota(period, offset.min(period.max_offset()));
            let window = quota.window(Timestamp::from_nanos(now));
            let (from, to) = (Timestamp::at_start_of(window.first_day), window.resets());
            prop_assert!(from.as_nanos() <= now && now < to.as_nanos());
            prop_assert_eq!(quota.window(from), window);
            prop_assert_eq!(quota.window(Timestamp::from_nanos(to.as_nanos() - 1)), window);
            prop_assert_eq!(quota.window(to).first_day, window.next_first_day);
            prop_assert_ne!(quota.window(to).counter(), window.counter());
        }
    }
}
