//! `RateLimit-Policy` and `RateLimit`: what a key's plan allows it and what is
//! left, as of its admission or refusal. (draft-ietf-httpapi-ratelimit-headers-11,
//! sections 3 and 4; lists of structured fields, RFC 9651.)
//!
//! The policies are `burst`, the plan's throttle, `method`, its throttle of the
//! method, and `quota`. A token bucket has no window of its own: `w` is the time
//! in which it refills from empty, so that `q` in `w` is its rate, and `t` the
//! time until one more token returns, within which a client can use no more than
//! `r`. So `t` never says more than `Retry-After` does where a throttle refuses.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use keyplan_domain::left::{Left, QuotaLeft, TokensLeft};
use keyplan_domain::time::Timestamp;

use crate::answer::whole_seconds;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The largest integer that a structured field can hold.
const LARGEST: u64 = 999_999_999_999_999;

/// Says what is left. A backend's own fields stay: theirs are further members
/// of the same lists.
pub(crate) fn tell(headers: &mut HeaderMap, left: &Left, now: Timestamp) {
    let (mut policies, mut limits) = (Vec::new(), Vec::new());
    for (name, tokens) in [("burst", left.throttle), ("method", left.method)] {
        if let Some(tokens) = tokens {
            policies.push(item(name, 'q', u64::from(tokens.burst), 'w', tokens.refill.map(whole_seconds)));
            limits.push(item(name, 'r', u64::from(tokens.tokens), 't', next(&tokens)));
        }
    }
    if let Some(quota) = left.quota {
        policies.push(item("quota", 'q', u64::from(quota.limit), 'w', Some(period(&quota))));
        limits.push(item("quota", 'r', quota.remaining, 't', Some(whole_seconds(quota.resets().since(now)))));
    }
    for (name, items) in [(POLICY, policies), (LIMIT, limits)] {
        if let Ok(value) = HeaderValue::try_from(items.join(", "))
            && !value.is_empty()
        {
            headers.append(name, value);
        }
    }
}

fn next(tokens: &TokensLeft) -> Option<u64> {
    tokens.next_in.map(whole_seconds)
}

fn period(quota: &QuotaLeft) -> u64 {
    whole_seconds(quota.resets().since(Timestamp::at_start_of(quota.window.first_day)))
}

/// `"name";q=10;w=60`. A time too long for a field is left out, being optional.
fn item(name: &str, amount_key: char, amount: u64, time_key: char, seconds: Option<u64>) -> String {
    let amount = amount.min(LARGEST);
    match seconds.filter(|seconds| *seconds <= LARGEST) {
        Some(seconds) => format!("\"{name}\";{amount_key}={amount};{time_key}={seconds}"),
        None => format!("\"{name}\";{amount_key}={amount}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyplan_domain::admission::{Limits, MeterState, MethodLimit};
    use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
    use keyplan_domain::throttle::{Bucket, ThrottleSettings};

    use super::*;
    use crate::testing::NOON;

    fn told(limits: Limits, state: &MeterState) -> [String; 2] {
        let mut headers = HeaderMap::new();
        tell(&mut headers, &limits.left(state, NOON), NOON);
        [POLICY, LIMIT].map(|name| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned())
    }

    fn after(seconds: u64) -> i128 {
        i128::from(NOON.plus(Duration::from_secs(seconds)).as_nanos())
    }

    const NONE: Limits = Limits { throttle: None, method: None, quota: None };

    #[test]
    fn each_limit_is_a_policy_with_what_is_left_of_it() {
        let limits = Limits {
            throttle: Some(ThrottleSettings { burst_limit: 100, rate_limit: 20.0 }.into()),
            method: Some(MethodLimit {
                slot: 1,
                throttle: ThrottleSettings { burst_limit: 2, rate_limit: 0.5 }.into(),
            }),
            quota: Some(QuotaSettings { limit: 10_000, offset: 0, period: QuotaPeriod::Month }),
        };
        let bucket = |seconds| Bucket { tat: after(seconds), gcra: None };
        let state = MeterState { bucket: Some(bucket(1)), methods: [(1, bucket(4))].into(), used: 9 };
        assert_eq!(
            told(limits, &state),
            [
                "\"burst\";q=100;w=5, \"method\";q=2;w=4, \"quota\";q=10000;w=2592000",
                "\"burst\";r=80;t=1, \"method\";r=0;t=2, \"quota\";r=9991;t=648000",
            ]
        );
    }

    #[test]
    fn a_plan_without_limits_has_nothing_to_tell() {
        assert_eq!(told(NONE, &MeterState::default()), ["", ""]);
    }

    #[test]
    fn what_is_full_or_never_refills_has_no_time() {
        let of = |burst_limit, rate_limit| Limits {
            throttle: Some(ThrottleSettings { burst_limit, rate_limit }.into()),
            ..NONE
        };
        assert_eq!(told(of(5, 1.0), &MeterState::default()), ["\"burst\";q=5;w=5", "\"burst\";r=5"]);
        assert_eq!(told(of(5, 0.0), &MeterState::default()), ["\"burst\";q=5", "\"burst\";r=0"]);
        // 4e15 seconds are more than a field can hold.
        assert_eq!(told(of(u32::MAX, 1e-6), &MeterState::default())[0], "\"burst\";q=4294967295");
    }

    #[test]
    fn what_a_backend_tells_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(LIMIT, HeaderValue::from_static("\"theirs\";r=1"));
        let quota = QuotaSettings { limit: 1, offset: 0, period: QuotaPeriod::Day };
        tell(&mut headers, &Limits { quota: Some(quota), ..NONE }.left(&MeterState::default(), NOON), NOON);
        let all: Vec<_> = headers.get_all(LIMIT).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(all, ["\"theirs\";r=1", "\"quota\";r=1;t=43200"]);
    }
}
