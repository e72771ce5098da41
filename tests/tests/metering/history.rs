//! What was used stays to be read, day by day, for longer than a year, wherever
//! it is kept meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use keyplan_tests::{Call, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

const DAY: i64 = 86_400;
/// Days that one answer covers at most.
const RANGE: i64 = 90;

/// A day by its number, from the first.
fn day(first_noon: Timestamp, number: i64) -> String {
    let since = Duration::from_secs((number * DAY).unsigned_abs());
    first_noon.plus(since).date().to_string()
}

/// What was used on each day up to `last`, those without any left out, by as
/// many answers as that takes.
fn used(stack: &Stack, plan: &str, key: &str, first_noon: Timestamp, last: i64) -> BTreeMap<i64, i64> {
    let mut used = BTreeMap::new();
    for first in (0..=last).step_by(90) {
        let (start, end) = (day(first_noon, first), day(first_noon, last.min(first + RANGE - 1)));
        let path = format!("/usageplans/{plan}/usage?startDate={start}&endDate={end}&keyId={key}");
        let answer = stack.made("GET", &path, &Value::Null);
        let days = answer["values"][key].as_array().cloned().unwrap_or_default();
        let counts = days.iter().map(|pair| pair[0].as_i64().unwrap_or(-1));
        used.extend((first..).zip(counts).filter(|(_, count)| *count != 0));
    }
    used
}

/// Days leave the meter for a month's history two days later, by the next
/// request. Before and after it each is there once.
#[test]
fn each_day_of_over_a_year_is_counted_once_wherever_it_is_kept() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/", json!({"apiKeyRequired": true}), "");
    api.deploy("prod", &json!({}));
    let quota = json!({"quota": {"limit": 1_000_000, "period": "MONTH"}});
    let plan = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], quota);
    let key = plan.key("caller");
    let _ = stack.advance_to_noon();
    let first_noon = Timestamp::from_seconds(stack.advance(0));
    let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
    let mut today = 0;
    for number in [0, 1, 2, 3, 4, 28, 29, 30, 31, 32, 75, 76, 140, 230, 318, 399, 400, 402] {
        let _ = stack.advance((number - today) * DAY);
        today = number;
        assert_eq!(used(&stack, &plan.id, &key.id, first_noon, today), expected, "before day {today}");
        for call in 1..=number % 3 + 2 {
            assert_eq!(Call::get(api.url("prod", "/")).header("x-api-key", &key.value).send().status, 200);
            expected.insert(today, call);
            assert_eq!(used(&stack, &plan.id, &key.id, first_noon, today), expected, "call {call} of day {today}");
        }
    }
}
