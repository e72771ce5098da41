use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_wire::usage_plan::{ApiStageInput, CreateUsagePlanInput};

use super::*;

fn plan() -> UsagePlan {
    let throttle = ThrottleInput { burst_limit: Some(5), rate_limit: Some(10.0) };
    let method = ThrottleInput { burst_limit: Some(1), rate_limit: Some(1.0) };
    let stage = ApiStageInput {
        api_id: Some("a".into()),
        stage: Some("s".into()),
        throttle: Some(BTreeMap::from([("/pets/GET".to_owned(), method)])),
    };
    let input = CreateUsagePlanInput {
        name: Some("n".into()),
        throttle: Some(throttle),
        api_stages: Some(vec![stage]),
        ..CreateUsagePlanInput::default()
    };
    Draft::new_plan(input, UsagePlanId::new("abc123"), Timestamp::from_seconds(1)).unwrap()
}

fn operation(op: Op, path: &str, value: Option<&str>) -> PatchOperation {
    PatchOperation { op, path: Some(path.into()), value: value.map(str::to_owned), from: None }
}

fn patched(operations: &[(Op, &str, &str)]) -> Result<UsagePlan, ApiError> {
    let mut plan = plan();
    let operations: Vec<_> = operations.iter().map(|(op, path, value)| operation(*op, path, Some(value))).collect();
    apply(&mut plan, &operations)?;
    Ok(plan)
}

fn methods(plan: &UsagePlan) -> Vec<(&str, u32, f64, u16)> {
    let throttle = &plan.api_stages[0].throttle;
    let shown = throttle
        .iter()
        .map(|(method, set)| (method.as_str(), set.settings.burst_limit, set.settings.rate_limit, set.slot));
    shown.collect()
}

#[test]
fn a_quota_is_put_together_from_several_operations() {
    let plan = patched(&[(Op::Replace, "/quota/limit", "10"), (Op::Add, "/quota/period", "DAY")]).unwrap();
    assert_eq!(plan.quota, Some(QuotaSettings { limit: 10, offset: 0, period: QuotaPeriod::Day }));
    assert_eq!(
        patched(&[(Op::Replace, "/quota/limit", "10")]).unwrap_err().message,
        "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"
    );
}

#[test]
fn the_plans_throttle_is_changed_or_removed() {
    let plan = patched(&[(Op::Replace, "/throttle/rateLimit", "2.5"), (Op::Replace, "/throttle/burstLimit", "3")]);
    assert_eq!(plan.unwrap().throttle, Some(ThrottleSettings { burst_limit: 3, rate_limit: 2.5 }));
    let plan = patched(&[(Op::Remove, "/throttle", ""), (Op::Remove, "/apiStages/a:s/throttle", "")]).unwrap();
    assert_eq!(plan.throttle, None);
    assert!(patched(&[(Op::Remove, "/throttle", "")]).is_err(), "a method throttle is left");
}

#[test]
fn the_guides_commands_for_method_throttles_work() {
    let map = r#"{"/pets/GET":{"rateLimit":1.0,"burstLimit":1},"//GET":{"rateLimit":1.0,"burstLimit":1}}"#;
    let plan = patched(&[
        (Op::Replace, "/apiStages/a:s/throttle", map),
        (Op::Replace, "/apiStages/a:s/throttle/~1pets/GET/rateLimit", "4.0"),
    ])
    .unwrap();
    assert_eq!(methods(&plan), [("//GET", 1, 1.0, 1), ("/pets/GET", 1, 4.0, 0)]);

    let plan = patched(&[(Op::Remove, "/apiStages/a:s/throttle/~1pets/GET", "")]).unwrap();
    assert!(plan.api_stages[0].throttle.is_empty());
    assert_eq!(plan.next_slot, 1, "the slot is not used again");

    let plan = patched(&[
        (Op::Add, "/apiStages/a:s/throttle/~1/GET/rateLimit", "1"),
        (Op::Add, "/apiStages/a:s/throttle/~1/GET/burstLimit", "2"),
    ])
    .unwrap();
    assert_eq!(methods(&plan), [("//GET", 2, 1.0, 1), ("/pets/GET", 1, 1.0, 0)]);
}

#[test]
fn stages_come_and_go() {
    let plan = patched(&[(Op::Add, "/apiStages", "b:t"), (Op::Remove, "/apiStages", "a:s")]).unwrap();
    let stages: Vec<_> = plan.api_stages.iter().map(|entry| (entry.api_id.as_str(), entry.stage.as_str())).collect();
    assert_eq!(stages, [("b", "t")]);
    assert_eq!(patched(&[(Op::Add, "/apiStages", "a:s")]).unwrap_err().status, 409);
}

#[test]
fn a_stage_that_is_not_in_the_plan_is_told_as_recorded() {
    let error = patched(&[(Op::Remove, "/apiStages", "a:x")]).unwrap_err();
    assert_eq!(error.status, 404);
    assert_eq!(error.message, "Invalid API Stage {api: a, stage: x} specified for usageplan abc123");
    let mut plan = plan();
    for value in [None, Some(""), Some("a"), Some(":s"), Some("a:")] {
        let error = apply(&mut plan, &[operation(Op::Remove, "/apiStages", value)]).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (400, "Invalid API Stage specified"), "{value:?}");
    }
}

#[test]
fn an_unsupported_path_lists_those_that_are() {
    for (op, path) in [
        (Op::Replace, "/id"),
        (Op::Remove, "/name"),
        (Op::Replace, "/quota/x"),
        (Op::Test, "/name"),
        (Op::Replace, "/apiStages/a:s/x"),
        (Op::Replace, "name"),
    ] {
        let message = patched(&[(op, path, "1")]).unwrap_err().message;
        let start = format!(
            "Invalid patch path  '{path}' specified for op '{}'. Must be one of: [/name, /description, ",
            op.as_str()
        );
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    for (path, value) in [
        ("/quota/limit", "ten"),
        ("/throttle/burstLimit", "1.5"),
        ("/throttle/rateLimit", ""),
        ("/throttle/rateLimit", "NaN"),
        ("/apiStages/a:s/throttle", "{"),
        ("/name", ""),
    ] {
        assert_eq!(patched(&[(Op::Replace, path, value)]).unwrap_err().status, 400, "{path} {value}");
    }
}
