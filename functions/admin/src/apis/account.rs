use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::Account;
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_wire::account::{AccountAnswer, USAGE_PLANS};
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation, parse};

use crate::Admin;
use crate::answer::{Outcome, ok};

const PATHS: [&str; 5] =
    ["/cloudwatchRoleArn", "/features", "/throttle", "/throttle/burstLimit", "/throttle/rateLimit"];

pub(super) async fn get(State(admin): State<Admin>) -> Outcome {
    ok(&AccountAnswer::new(&admin.store().account().await?))
}

pub(super) async fn update(State(admin): State<Admin>, body: Bytes) -> Outcome {
    let operations = parse(&body, "updateAccountInput")?;
    let account = admin.store().edit_account(|account| apply(account, &operations)).await??;
    ok(&AccountAnswer::new(&account))
}

/// Carries out a patch of the account (patch operations, "Account"). Its
/// `/throttle` is ours: API Gateway changes that limit on request to its support.
fn apply(account: &mut Account, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (operation.op, segments.as_slice()) {
            (Op::Replace, ["cloudwatchRoleArn"]) => account.cloudwatch_role_arn = role_arn(operation.text())?,
            (Op::Add | Op::Remove, ["features"]) => feature(operation)?,
            (Op::Remove, ["throttle"]) => account.throttle = None,
            (Op::Add | Op::Replace, ["throttle", member]) => {
                let throttle = account.throttle.get_or_insert(Account::DEFAULT_THROTTLE);
                match *member {
                    "burstLimit" => throttle.burst_limit = burst_limit(operation)?,
                    "rateLimit" => throttle.rate_limit = rate_limit(operation)?,
                    _ => return Err(operation.unknown_path(&PATHS)),
                }
            }
            _ => return Err(operation.unknown_path(&PATHS)),
        }
    }
    Ok(())
}

/// An empty one is none: this is how clients take it away.
fn role_arn(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(arn) = text else { return Ok(None) };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_role = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            let is_named = resource.strip_prefix("role/").is_some_and(|name| !name.is_empty());
            !partition.is_empty() && is_account && is_named
        }
        _ => false,
    };
    if is_role { Ok(Some(arn.to_owned())) } else { Err(ApiError::bad_request("Role ARN is not well formed")) }
}

fn feature(operation: &PatchOperation) -> Result<(), ApiError> {
    match (operation.op, operation.text()) {
        (Op::Remove, Some(USAGE_PLANS)) => Err(ApiError::bad_request("Usage Plans cannot be disabled once enabled")),
        (_, Some(USAGE_PLANS)) => Ok(()),
        _ => Err(ApiError::bad_request(format!("Invalid feature specified. Must be one of: [{USAGE_PLANS}]"))),
    }
}

fn burst_limit(operation: &PatchOperation) -> Result<u32, ApiError> {
    let burst: Option<i32> = operation.text().and_then(|text| text.trim().parse().ok());
    let burst = burst.and_then(|burst| u32::try_from(burst).ok());
    burst.ok_or_else(|| ApiError::bad_request("Account throttle burstLimit must be a non-negative integer"))
}

fn rate_limit(operation: &PatchOperation) -> Result<f64, ApiError> {
    let rate: Option<f64> = operation.text().and_then(|text| text.trim().parse().ok());
    let rate = rate.filter(|rate| ThrottleSettings::takes_rate(*rate));
    rate.ok_or_else(|| ApiError::bad_request("Account throttle rateLimit must be a non-negative numeric"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/logs/writer";

    fn patched(operations: &[(Op, &str, &str)]) -> Result<Account, String> {
        let mut account = Account { cloudwatch_role_arn: Some(ROLE.into()), ..Account::default() };
        let operation = |(op, path, value): &(Op, &str, &str)| PatchOperation {
            op: *op,
            path: Some((*path).to_owned()),
            value: Some((*value).to_owned()),
            from: None,
        };
        let operations: Vec<_> = operations.iter().map(operation).collect();
        apply(&mut account, &operations).map(|()| account).map_err(|error| error.message)
    }

    #[test]
    fn a_role_is_set_and_an_empty_one_takes_it_away() {
        let other = "arn:aws-cn:iam::123456789012:role/x";
        let set = patched(&[(Op::Replace, "/cloudwatchRoleArn", other)]).unwrap();
        assert_eq!(set.cloudwatch_role_arn.as_deref(), Some(other));
        assert_eq!(patched(&[(Op::Replace, "/cloudwatchRoleArn", "")]).unwrap(), Account::default());
        let malformed =
            ["x", "arn:aws:iam::1:role/x", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::123456789012:role/"];
        for arn in malformed {
            let refused = patched(&[(Op::Replace, "/cloudwatchRoleArn", arn)]).unwrap_err();
            assert_eq!(refused, "Role ARN is not well formed", "{arn}");
        }
    }

    #[test]
    fn usage_plans_are_a_feature_for_good() {
        assert!(patched(&[(Op::Add, "/features", "UsagePlans")]).is_ok());
        assert_eq!(
            patched(&[(Op::Remove, "/features", "UsagePlans")]).unwrap_err(),
            "Usage Plans cannot be disabled once enabled"
        );
        assert_eq!(
            patched(&[(Op::Add, "/features", "Canaries")]).unwrap_err(),
            "Invalid feature specified. Must be one of: [UsagePlans]"
        );
    }

    #[test]
    fn half_a_throttle_is_filled_in_by_what_is_shown_for_none() {
        let throttle = |operations: &[_]| patched(operations).unwrap().throttle;
        let rate = (Op::Replace, "/throttle/rateLimit", "2.5");
        assert_eq!(throttle(&[rate]), Some(ThrottleSettings { burst_limit: 5_000, rate_limit: 2.5 }));
        let burst = (Op::Add, "/throttle/burstLimit", "0");
        assert_eq!(throttle(&[rate, burst]), Some(ThrottleSettings { burst_limit: 0, rate_limit: 2.5 }));
        assert_eq!(throttle(&[rate, (Op::Remove, "/throttle", "")]), None);
    }

    #[test]
    fn absurd_limits_and_unknown_paths_are_refused() {
        for burst in ["", "-1", "1.5", "2147483648", "many"] {
            let refused = patched(&[(Op::Replace, "/throttle/burstLimit", burst)]).unwrap_err();
            assert_eq!(refused, "Account throttle burstLimit must be a non-negative integer", "{burst}");
        }
        for rate in ["", "-0.1", "NaN", "inf", "1e999", "1e126", "1e-131", "fast"] {
            let refused = patched(&[(Op::Replace, "/throttle/rateLimit", rate)]).unwrap_err();
            assert_eq!(refused, "Account throttle rateLimit must be a non-negative numeric", "{rate}");
        }
        let wrong_ops = [(Op::Remove, "/cloudwatchRoleArn"), (Op::Replace, "/features"), (Op::Add, "/throttle")];
        let unknown = ["/throttleSettings/rateLimit", "/throttle/quota", "/apiKeyVersion", "features", ""];
        for (op, path) in wrong_ops.into_iter().chain(unknown.map(|path| (Op::Replace, path))) {
            let refused = patched(&[(op, path, "1")]).unwrap_err();
            assert!(refused.contains("Must be one of: [/cloudwatchRoleArn, /features, /throttle"), "{path}: {refused}");
        }
    }
}
