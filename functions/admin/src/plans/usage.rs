use std::collections::BTreeMap;

use axum::extract::State;
use bytes::Bytes;
use jiff::civil::Date;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::plan::{UsagePlan, UsagePlanId};
use keyplan_domain::time::Timestamp;
use keyplan_store::{DailyUsage, Store, StoreError};
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::patch::{self, Op, PatchOperation};
use keyplan_wire::usage_plan::{UsageAnswer, WITHOUT_QUOTA};
use tokio::task::JoinSet;

use super::unknown_plan;
use crate::Admin;
use crate::answer::{Outcome, ok};
use crate::extract::{Query, Segments};

/// Days that one answer covers at most: for as long usage is sure to be kept.
const MAX_DAYS: usize = 90;
/// Keys whose usage is read at the same time.
const AT_ONCE: usize = 25;

pub(super) async fn get(State(admin): State<Admin>, Segments(plan): Segments<String>, query: Query) -> Outcome {
    let (start, end) = days(query.get("startDate"), query.get("endDate"))?;
    let store = admin.store();
    let plan = store.usage_plan(&UsagePlanId::new(plan)).await?.ok_or_else(unknown_plan)?;
    let (keys, position) = match query.text("keyId") {
        Some(key) => (vec![ApiKeyId::new(key)], None),
        None => {
            let page = store.plan_keys(&plan.id, &query.page()?, None).await?;
            (page.items.into_iter().map(|(key, _)| key.id).collect(), page.position)
        }
    };
    let mut values = BTreeMap::new();
    for keys in keys.chunks(AT_ONCE) {
        values.extend(usage_of(store, &plan, keys, start, end, admin.now()).await?);
    }
    // A key that left the plan is not listed with it; what it used there stays.
    let has_used = values.values().flatten().any(|[used, _]| *used > 0);
    if let Some(key) = query.text("keyId").filter(|_| !has_used) {
        key_of(store, &plan.id, key).await?;
    }
    ok(&UsageAnswer {
        usage_plan_id: plan.id.to_string(),
        start_date: start.to_string(),
        end_date: end.to_string(),
        values,
        position,
    })
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((plan, key)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let remaining = remaining(&patch::parse(&body, "updateUsageInput")?)?;
    let (store, now) = (admin.store(), admin.now());
    let plan = store.usage_plan(&UsagePlanId::new(plan)).await?.ok_or_else(unknown_plan)?;
    let key = key_of(store, &plan.id, &key).await?;
    if let Some(remaining) = remaining {
        let quota = plan.quota.ok_or_else(|| {
            ApiError::bad_request(format!("Usage Plan {} has no quota of which anything could remain", plan.id))
        })?;
        store.set_remaining(&plan.id, &key, quota, remaining, now).await?;
    }
    let today = now.date();
    ok(&UsageAnswer {
        usage_plan_id: plan.id.to_string(),
        start_date: today.to_string(),
        end_date: today.to_string(),
        values: usage_of(store, &plan, &[key], today, today, now).await?,
        position: None,
    })
}

async fn key_of(store: &Store, plan: &UsagePlanId, key: &str) -> Result<ApiKeyId, crate::answer::Failure> {
    let key = ApiKeyId::new(key);
    match store.plan_key(plan, &key).await? {
        Some(_) => Ok(key),
        None => Err(ApiError::not_found("Invalid Key identifier specified").into()),
    }
}

async fn usage_of(
    store: &Store,
    plan: &UsagePlan,
    keys: &[ApiKeyId],
    start: Date,
    end: Date,
    now: Timestamp,
) -> Result<BTreeMap<String, Vec<[i64; 2]>>, StoreError> {
    let mut reads = JoinSet::new();
    for key in keys {
        let (store, plan, key) = (store.clone(), plan.clone(), key.clone());
        reads.spawn(async move {
            let usage = store.usage(&plan, &key, start, end, now).await?;
            Ok((key.to_string(), usage.iter().map(pair).collect()))
        });
    }
    let mut values = BTreeMap::new();
    while let Some(read) = reads.join_next().await {
        let (key, days) =
            read.map_err(|error| StoreError::Unavailable { operation: "read usage", detail: error.to_string() })??;
        values.insert(key, days);
    }
    Ok(values)
}

fn pair(day: &DailyUsage) -> [i64; 2] {
    [i64::try_from(day.used).unwrap_or(i64::MAX), day.remaining.unwrap_or(WITHOUT_QUOTA)]
}

/// The days asked for, both included.
fn days(start: Option<&str>, end: Option<&str>) -> Result<(Date, Date), ApiError> {
    let mut violations = Violations::default();
    for (name, value) in [("startDate", start), ("endDate", end)] {
        if value.is_none() {
            violations.push(Violation::missing(name));
        }
    }
    violations.check()?;
    let (start, end) = (day("startDate", start.unwrap_or_default())?, day("endDate", end.unwrap_or_default())?);
    if start > end {
        return Err(ApiError::bad_request("Invalid date range specified: startDate is after endDate"));
    }
    let span = end.duration_since(start).as_hours() / 24 + 1;
    if usize::try_from(span).unwrap_or(usize::MAX) > MAX_DAYS {
        return Err(ApiError::bad_request(format!("Invalid date range specified: it has more than {MAX_DAYS} days")));
    }
    Ok((start, end))
}

fn day(name: &str, text: &str) -> Result<Date, ApiError> {
    let parse = || {
        let mut parts = text.splitn(3, '-');
        let mut next = |length: usize| {
            let part = parts.next()?;
            (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(part)
        };
        let (year, month, day) = (next(4)?.parse().ok()?, next(2)?.parse().ok()?, next(2)?.parse().ok()?);
        Date::new(year, month, day).ok()
    };
    parse().ok_or_else(|| ApiError::bad_request(format!("Invalid {name} specified. Must be a day as yyyy-MM-dd")))
}

/// What shall remain of the current period; the last operation counts.
fn remaining(operations: &[PatchOperation]) -> Result<Option<u32>, ApiError> {
    let mut remaining = None;
    for operation in operations {
        if operation.op != Op::Replace || operation.path.as_deref() != Some("/remaining") {
            return Err(operation.unknown_path(&["/remaining"]));
        }
        let number = operation.text().and_then(|value| value.trim().parse::<i32>().ok());
        let number = number.and_then(|number| u32::try_from(number).ok());
        remaining = Some(number.ok_or_else(|| {
            ApiError::bad_request("Invalid remaining quota specified. Must be a non-negative integer")
        })?);
    }
    Ok(remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(start: Option<&str>, end: Option<&str>) -> String {
        days(start, end).unwrap_err().message
    }

    #[test]
    fn days_are_named_from_first_to_last() {
        let (start, end) = days(Some("2016-08-01"), Some("2016-08-03")).unwrap();
        assert_eq!((start.to_string(), end.to_string()), ("2016-08-01".to_owned(), "2016-08-03".to_owned()));
        assert!(days(Some("2016-02-29"), Some("2016-02-29")).is_ok());
        assert!(days(Some("2016-01-01"), Some("2016-03-30")).is_ok(), "90 days");
    }

    #[test]
    fn what_is_wrong_with_them_is_told() {
        assert!(refusal(None, None).starts_with("2 validation errors"));
        for wrong in ["", "2016-8-1", "2016-02-30", "20160801", "2016-08-01T00:00", "+016-08-01", "2016-08-0١"] {
            assert_eq!(
                refusal(Some(wrong), Some("2016-08-03")),
                "Invalid startDate specified. Must be a day as yyyy-MM-dd"
            );
        }
        assert!(refusal(Some("2016-08-03"), Some("2016-08-02")).contains("startDate is after endDate"));
        assert!(refusal(Some("2016-01-01"), Some("2016-03-31")).contains("more than 90 days"));
    }

    #[test]
    fn only_what_remains_can_be_set() {
        let operation = |op, path: &str, value: &str| PatchOperation {
            op,
            path: Some(path.into()),
            value: Some(value.into()),
            from: None,
        };
        assert_eq!(remaining(&[operation(Op::Replace, "/remaining", "10")]), Ok(Some(10)));
        assert_eq!(remaining(&[]), Ok(None));
        assert!(remaining(&[operation(Op::Replace, "/remaining", "-1")]).is_err());
        assert_eq!(
            remaining(&[operation(Op::Add, "/remaining", "1")]).unwrap_err().message,
            "Invalid patch path  '/remaining' specified for op 'add'. Must be one of: [/remaining]"
        );
    }
}
