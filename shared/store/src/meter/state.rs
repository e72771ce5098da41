//! The attributes of a meter's item.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan;
use jiff::civil::Date;
use keyplan_domain::admission::{Limits, MeterState};
use keyplan_domain::quota::{QuotaPeriod, QuotaWindow, compact, counter};
use keyplan_domain::throttle::{Bucket, Gcra};
use keyplan_domain::time::Timestamp;

use crate::StoreError;

/// TAT of the plan's throttle.
pub(crate) const TAT: &str = "tat";
/// The settings by which that was brought about.
pub(crate) const GCRA: &str = "gcra";

/// A meter as last read or written. Attributes that this version does not know
/// are left alone.
#[derive(Debug, Default)]
pub(crate) struct MeterItem {
    bucket: Option<Bucket>,
    methods: BTreeMap<u16, Bucket>,
    /// Counts by their quota's period and its first day: each request looks one
    /// up, and only writes need to spell its name.
    quotas: BTreeMap<(QuotaPeriod, Date), i64>,
    days: BTreeMap<Date, DayCounts>,
    /// Whether the past days were copied to history by this process.
    is_kept: AtomicBool,
}

/// What is known of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayCounts {
    /// Requests admitted on it.
    pub(crate) used: u64,
    /// What was left of the quota after the last of them.
    pub(crate) remaining: Option<i64>,
}

/// `t3`: the TAT of the method throttle of slot 3.
pub(crate) fn method_attribute(slot: u16) -> String {
    format!("t{slot}")
}

/// `g3`: the settings by which that was brought about.
pub(crate) fn method_settings_attribute(slot: u16) -> String {
    format!("g{slot}")
}

/// `100000000x20@7`: a token returns in a tenth of a second, at most 20 at once, by
/// version 7 of the plan. Settings by which no token ever returns bring no TAT about.
pub(crate) fn settings(gcra: Gcra) -> String {
    format!("{}x{}@{}", gcra.nanos_per_token().unwrap_or_default(), gcra.burst(), gcra.version())
}

fn parse_settings(text: &str) -> Option<Gcra> {
    let (settings, version) = text.split_once('@')?;
    let (nanos_per_token, burst) = settings.split_once('x')?;
    Some(Gcra::new(nanos_per_token.parse().ok()?, burst.parse().ok()?)?.of_version(version.parse().ok()?))
}

/// `d20261123`: requests of a day.
pub(crate) fn day_attribute(day: Date) -> String {
    format!("d{}", compact(day))
}

/// `r20261123`: what was left after the day's last request.
pub(crate) fn remaining_attribute(day: Date) -> String {
    format!("r{}", compact(day))
}

impl MeterItem {
    /// # Errors
    /// When an attribute that this version knows is not what it should be: what it
    /// stands for is not taken for nothing.
    pub(crate) fn read(attributes: &HashMap<String, AttributeValue>) -> Result<Self, StoreError> {
        let mut item = Self::default();
        let bucket = |tat_name: &str, name: &str| {
            let tat = attributes.get(tat_name).map(|value| whole(tat_name, value)).transpose()?;
            let gcra = attributes.get(name).map(|value| gcra(name, value)).transpose()?;
            Ok::<_, StoreError>(tat.map(|tat| Bucket { tat, gcra }))
        };
        item.bucket = bucket(TAT, GCRA)?;
        for (name, value) in attributes {
            if let Some(slot) = name.strip_prefix('t').and_then(|slot| slot.parse::<u16>().ok()) {
                let bucket = bucket(name, &method_settings_attribute(slot))?;
                item.methods.extend(bucket.map(|bucket| (slot, bucket)));
            } else if let Some(counted) = first_day_of(name) {
                item.quotas.insert(counted, whole(name, value)?);
            } else if let Some(day) = name.strip_prefix('d').and_then(parse_day) {
                item.days.entry(day).or_default().used = whole(name, value)?;
            } else if let Some(day) = name.strip_prefix('r').and_then(parse_day) {
                item.days.entry(day).or_default().remaining = Some(whole(name, value)?);
            }
        }
        Ok(item)
    }

    /// The item as a write would leave it that brings its state from
    /// [`MeterItem::state`] to this, without the days: those of this process's
    /// alone are nothing to keep in history.
    pub(super) fn brought_to(&self, state: MeterState, limits: &Limits, now: Timestamp) -> Self {
        let mut quotas = self.quotas.clone();
        quotas.extend(limits.quota.map(|quota| (place(&quota.window(now)), state.used)));
        Self { bucket: state.bucket, methods: state.methods, quotas, ..Self::default() }
    }

    /// Requests admitted on a day.
    pub(super) fn used_on(&self, day: Date) -> u64 {
        self.days.get(&day).map_or(0, |counts| counts.used)
    }

    /// The state that limits are decided on: the count of the current period.
    pub(crate) fn state(&self, limits: &Limits, now: Timestamp) -> MeterState {
        let used = limits.quota.map(|quota| self.counted(&quota.window(now))).unwrap_or_default();
        MeterState { bucket: self.bucket, methods: self.methods.clone(), used }
    }

    pub(crate) fn days(&self) -> &BTreeMap<Date, DayCounts> {
        &self.days
    }

    /// What counts against the quota in a period.
    pub(crate) fn counted(&self, window: &QuotaWindow) -> i64 {
        self.quotas.get(&place(window)).copied().unwrap_or_default()
    }

    /// Days that no clock somewhat behind can still count on: two or more days old.
    pub(crate) fn past_days(&self, now: Timestamp) -> Vec<(Date, DayCounts)> {
        let today = now.date();
        let oldest_open = today.saturating_sub(1.day());
        self.days.range(..oldest_open).map(|(day, counts)| (*day, *counts)).collect()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }

    pub(crate) fn mark_kept(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Attributes that the next write may remove: days that are in history, and
    /// counts of periods that ended two or more periods ago, so that a clock
    /// somewhat behind does not find a fresh quota.
    pub(crate) fn stale(&self, now: Timestamp) -> Vec<String> {
        let today = now.date();
        let mut stale: Vec<String> = Vec::new();
        if self.is_kept() {
            for (day, counts) in self.past_days(now) {
                stale.push(day_attribute(day));
                stale.extend(counts.remaining.map(|_| remaining_attribute(day)));
            }
        }
        let is_over = |period, first_day| {
            let periods_ago = match period {
                QuotaPeriod::Day => today.saturating_sub(2.days()),
                QuotaPeriod::Week => today.saturating_sub(14.days()),
                QuotaPeriod::Month => today.saturating_sub(62.days()),
            };
            first_day <= periods_ago
        };
        let over = self.quotas.keys().filter(|(period, first_day)| is_over(*period, *first_day));
        stale.extend(over.map(|(period, first_day)| counter(*period, *first_day)));
        stale
    }
}

/// Where a period's count is.
fn place(window: &QuotaWindow) -> (QuotaPeriod, Date) {
    (window.period, window.first_day)
}

/// The period, and its first day, that a counter like `qD20261123` counts.
fn first_day_of(counter: &str) -> Option<(QuotaPeriod, Date)> {
    let named = counter.strip_prefix('q')?;
    let (period, rest) = [('D', QuotaPeriod::Day), ('W', QuotaPeriod::Week), ('M', QuotaPeriod::Month)]
        .into_iter()
        .find_map(|(letter, period)| Some((period, named.strip_prefix(letter)?)))?;
    Some((period, parse_day(rest)?))
}

fn whole<T: FromStr>(name: &str, value: &AttributeValue) -> Result<T, StoreError> {
    value.as_n().ok().and_then(|number| number.parse().ok()).ok_or_else(|| StoreError::Corrupt {
        what: "of a meter",
        detail: format!("{name} is no whole number within its bounds"),
    })
}

fn gcra(name: &str, value: &AttributeValue) -> Result<Gcra, StoreError> {
    let settings = value.as_s().ok().and_then(|text| parse_settings(text));
    settings.ok_or_else(|| StoreError::Corrupt { what: "of a meter", detail: format!("{name} is no throttle") })
}

/// The day that `20261123` names.
pub(crate) fn parse_day(compact: &str) -> Option<Date> {
    if compact.len() != 8 || !compact.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = compact.get(..4)?.parse().ok()?;
    let month = compact.get(4..6)?.parse().ok()?;
    let day = compact.get(6..)?.parse().ok()?;
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use keyplan_domain::quota::QuotaSettings;

    use super::*;

    fn item(attributes: &[(&str, &str)]) -> MeterItem {
        let attributes = attributes
            .iter()
            .map(|(name, number)| ((*name).to_owned(), AttributeValue::N((*number).to_owned())))
            .collect();
        MeterItem::read(&attributes).unwrap()
    }

    /// 2026-11-23, noon.
    const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

    #[test]
    fn only_the_count_of_the_current_period_is_in_the_state() {
        let item = item(&[("qD20261123", "3"), ("qD20261122", "9"), ("tat", "5"), ("t2", "7")]);
        let bucket = |tat| Bucket { tat, gcra: None };
        let quota = QuotaSettings { limit: 10, offset: 0, period: QuotaPeriod::Day };
        let state = item.state(&Limits { throttle: None, method: None, quota: Some(quota) }, NOW);
        assert_eq!(state, MeterState { bucket: Some(bucket(5)), methods: BTreeMap::from([(2, bucket(7))]), used: 3 });
    }

    #[test]
    fn only_periods_two_or_more_ago_are_forgotten() {
        let item = item(&[
            ("qD20261123", "1"),
            ("qD20261122", "1"),
            ("qD20261121", "1"),
            ("qW20261122", "1"),
            ("qW20261108", "1"),
            ("qM20261001", "1"),
            ("qM20260901", "1"),
        ]);
        assert_eq!(item.stale(NOW), ["qD20261121", "qW20261108", "qM20260901"]);
    }

    #[test]
    fn days_leave_the_meter_only_once_they_are_in_history() {
        let item = item(&[("d20261123", "1"), ("d20261122", "2"), ("d20261121", "3"), ("r20261121", "4")]);
        let past = DayCounts { used: 3, remaining: Some(4) };
        assert_eq!(item.past_days(NOW), [(Date::constant(2026, 11, 21), past)]);
        assert!(item.stale(NOW).is_empty());
        item.mark_kept();
        assert_eq!(item.stale(NOW), ["d20261121", "r20261121"]);
    }

    #[test]
    fn attributes_of_another_version_are_left_alone() {
        let item = item(&[("x9", "1"), ("dtoday", "1"), ("tx", "1.5"), ("qH20200101", "1.5"), ("quota", "1")]);
        assert!(item.days().is_empty());
        assert!(item.stale(NOW).is_empty());
    }

    #[test]
    fn a_bucket_is_read_back_with_the_settings_that_brought_it_about() {
        let gcra = Gcra::new(333_333_334, 20).unwrap().of_version(7);
        assert_eq!(settings(gcra), "333333334x20@7");
        let attributes = HashMap::from([
            (TAT.to_owned(), AttributeValue::N("5".to_owned())),
            (GCRA.to_owned(), AttributeValue::S(settings(gcra))),
            ("t3".to_owned(), AttributeValue::N("6".to_owned())),
            ("g3".to_owned(), AttributeValue::S(settings(gcra.of_version(8)))),
        ]);
        let item = MeterItem::read(&attributes).unwrap();
        assert_eq!(item.bucket, Some(Bucket { tat: 5, gcra: Some(gcra) }));
        assert_eq!(item.methods, BTreeMap::from([(3, Bucket { tat: 6, gcra: Some(gcra.of_version(8)) })]));
    }

    #[test]
    fn settings_that_no_bucket_can_have_are_corrupt() {
        for text in ["", "1x2", "x2@3", "0x2@3", "-1x2@3", "1x-2@3", "1x4294967296@3", "1x2@-3", "1x2@3@4", "1.5x2@3"] {
            let text = AttributeValue::S(text.to_owned());
            let tat = AttributeValue::N("5".to_owned());
            let attributes = HashMap::from([(TAT.to_owned(), tat), (GCRA.to_owned(), text)]);
            assert!(matches!(MeterItem::read(&attributes), Err(StoreError::Corrupt { .. })), "{attributes:?}");
        }
    }

    #[test]
    fn what_is_known_and_no_whole_number_is_corrupt() {
        for name in ["tat", "t3", "qD20261123", "d20261123", "r20261123"] {
            for value in [
                AttributeValue::N("1.5".to_owned()),
                AttributeValue::N("1E+39".to_owned()),
                AttributeValue::S("1".to_owned()),
                AttributeValue::Null(true),
            ] {
                let read = MeterItem::read(&HashMap::from([(name.to_owned(), value)]));
                assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{name}: {read:?}");
            }
        }
    }
}
