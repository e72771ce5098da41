//! What keys have used, day by day.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan;
use jiff::civil::Date;
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::quota::QuotaSettings;
use keyplan_domain::time::Timestamp;

use crate::item::{attribute, number};
use crate::keys;
use crate::meter::{DayCounts, MeterItem, day_attribute, remaining_attribute};
use crate::{Store, StoreError};

/// Days for which a month of history is kept after it was last written.
const HISTORY_DAYS: i64 = 400 + 31;

/// A day's usage, as `get-usage` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyUsage {
    /// Requests admitted that day.
    pub used: u64,
    /// What was left of the quota at the end of that day; `None` without a quota.
    pub remaining: Option<i64>,
}

impl Store {
    /// What `key` used under `plan` on each day from `start` to `end`, both
    /// included: two reads.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn usage(
        &self,
        plan: &UsagePlan,
        key: &ApiKeyId,
        start: Date,
        end: Date,
        now: Timestamp,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let meter = self.meter_item(&plan.id, key).await?;
        // What a quota's period began with shows on a later day's remainder.
        let from = plan.quota.map_or(start, |quota| quota.window_of_day(start).first_day);
        let mut days = self.history(&plan.id, key, from, end).await?;
        days.extend(meter.days().iter().map(|(day, counts)| (*day, *counts)));
        let of_today = plan.quota.map(|quota| {
            let counted = meter.counted(&quota.window(now));
            i64::from(quota.limit).saturating_sub(counted).max(0)
        });
        let today = now.date();
        let mut usage = Vec::new();
        let mut day = start;
        while day <= end {
            let counts = days.get(&day).copied().unwrap_or_default();
            let remaining = plan.quota.map(|quota| match of_today {
                Some(of_today) if day == today => of_today,
                _ => remaining_on(quota, &days, day),
            });
            usage.push(DailyUsage { used: counts.used, remaining });
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        Ok(usage)
    }

    /// Sets what remains of the current period for a key: up or down, and
    /// without touching what it has used.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn set_remaining(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        quota: QuotaSettings,
        remaining: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let counted = i64::from(quota.limit) - i64::from(remaining);
        self.client()
            .update_item()
            .table_name(self.usage_table())
            .set_key(Some(keys::meter(plan, key).attributes()))
            .update_expression("SET #q = :counted, #r = :remaining")
            .expression_attribute_names("#q", quota.window(now).counter())
            .expression_attribute_names("#r", remaining_attribute(now.date()))
            .expression_attribute_values(":counted", number(counted))
            .expression_attribute_values(":remaining", number(remaining))
            .send()
            .await
            .map_err(|error| StoreError::unavailable("UpdateItem", &error))?;
        Ok(())
    }

    /// Copies days to history. Days that are over do not change, so a second
    /// copy is the same as the first.
    pub(crate) async fn keep_days(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        days: Vec<(Date, DayCounts)>,
    ) -> Result<(), StoreError> {
        let mut months: BTreeMap<String, Vec<(Date, DayCounts)>> = BTreeMap::new();
        for (day, counts) in days {
            months.entry(month_of(day)).or_default().push((day, counts));
        }
        for (month, days) in months {
            let Some((last_day, _)) = days.last() else { continue };
            let expires = Timestamp::at_start_of(last_day.saturating_add(HISTORY_DAYS.days()));
            let mut sets = vec!["#expires = :expires".to_owned()];
            let mut names = HashMap::from([("#expires".to_owned(), attribute::EXPIRES_AT.to_owned())]);
            let mut values = HashMap::from([(":expires".to_owned(), number(expires.as_seconds()))]);
            for (place, (day, counts)) in days.iter().enumerate() {
                let numbers = [
                    (format!("d{place}"), day_attribute(*day), Some(number(counts.used))),
                    (format!("r{place}"), remaining_attribute(*day), counts.remaining.map(number)),
                ];
                for (name, attribute, value) in numbers {
                    let Some(value) = value else { continue };
                    sets.push(format!("#{name} = :{name}"));
                    names.insert(format!("#{name}"), attribute);
                    values.insert(format!(":{name}"), value);
                }
            }
            self.client()
                .update_item()
                .table_name(self.usage_table())
                .set_key(Some(keys::history(plan, key, &month).attributes()))
                .update_expression(format!("SET {}", sets.join(", ")))
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(values))
                .send()
                .await
                .map_err(|error| StoreError::unavailable("UpdateItem", &error))?;
        }
        Ok(())
    }

    pub(crate) async fn meter_item(&self, plan: &UsagePlanId, key: &ApiKeyId) -> Result<MeterItem, StoreError> {
        let at = keys::meter(plan, key);
        let item = self.ask_usage(self.get_item(self.usage_table(), &at)).await?;
        item.map_or_else(|| Ok(MeterItem::default()), |item| MeterItem::read(&item.into_attributes()))
    }

    async fn history(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        from: Date,
        to: Date,
    ) -> Result<BTreeMap<Date, DayCounts>, StoreError> {
        let first = keys::history(plan, key, &month_of(from));
        let last = keys::history(plan, key, &month_of(to));
        let mut days = BTreeMap::new();
        let mut start = None;
        loop {
            let page = self
                .client()
                .query()
                .table_name(self.usage_table())
                .consistent_read(true)
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
                .expression_attribute_names("#pk", attribute::PK)
                .expression_attribute_names("#sk", attribute::SK)
                .expression_attribute_values(":pk", AttributeValue::S(first.pk.clone()))
                .expression_attribute_values(":first", AttributeValue::S(first.sk.to_string()))
                .expression_attribute_values(":last", AttributeValue::S(last.sk.to_string()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::unavailable("Query", &error))?;
            for attributes in page.items.unwrap_or_default() {
                days.extend(MeterItem::read(&attributes)?.days());
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(days);
            }
        }
    }
}

/// What was left at the end of a day: what the last request up to then left, in
/// the same period; else the whole quota.
fn remaining_on(quota: QuotaSettings, days: &BTreeMap<Date, DayCounts>, day: Date) -> i64 {
    let first_day = quota.window_of_day(day).first_day;
    let left = days.range(first_day..=day).rev().find_map(|(_, counts)| counts.remaining);
    left.map_or_else(|| i64::from(quota.limit), |left| left.max(0))
}

fn month_of(day: Date) -> String {
    format!("{:04}{:02}", day.year(), day.month())
}
