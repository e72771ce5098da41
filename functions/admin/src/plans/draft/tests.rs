use super::*;

fn create(input: CreateUsagePlanInput) -> Result<UsagePlan, ApiError> {
    let input = CreateUsagePlanInput { name: input.name.or(Some("n".into())), ..input };
    Draft::new_plan(input, UsagePlanId::new("abc123"), Timestamp::from_seconds(1))
}

fn refusal(input: CreateUsagePlanInput) -> String {
    let error = create(input).unwrap_err();
    assert_eq!(error.status, 400);
    error.message
}

fn with_quota(limit: Option<i64>, offset: Option<i64>, period: Option<&str>) -> CreateUsagePlanInput {
    let quota = QuotaInput { limit, offset, period: period.map(str::to_owned) };
    CreateUsagePlanInput { quota: Some(quota), ..CreateUsagePlanInput::default() }
}

fn rate(burst: i64, rate: f64) -> ThrottleInput {
    ThrottleInput { burst_limit: Some(burst), rate_limit: Some(rate) }
}

fn with_stage(throttle: Option<ThrottleInput>, methods: &[&str]) -> CreateUsagePlanInput {
    let methods = methods.iter().map(|method| ((*method).to_owned(), rate(1, 1.0)));
    let stage =
        ApiStageInput { api_id: Some("api".into()), stage: Some("prod".into()), throttle: Some(methods.collect()) };
    CreateUsagePlanInput { api_stages: Some(vec![stage]), throttle, ..CreateUsagePlanInput::default() }
}

#[test]
fn a_plan_needs_a_name() {
    let plan = |name: Option<&str>| {
        let input = CreateUsagePlanInput { name: name.map(str::to_owned), ..CreateUsagePlanInput::default() };
        Draft::new_plan(input, UsagePlanId::new("abc123"), Timestamp::from_seconds(1))
    };
    assert_eq!(plan(None).unwrap_err().kind, "ValidationException");
    assert_eq!(plan(Some("")).unwrap_err().kind, "BadRequestException");
    assert_eq!(plan(Some("n")).unwrap().name, "n");
}

#[test]
fn a_quota_is_refused_in_api_gateways_words() {
    for limit in [None, Some(0), Some(-1), Some(1 << 31)] {
        assert_eq!(
            refusal(with_quota(limit, None, Some("DAY"))),
            "Usage Plan quota limit must be a non-negative numeric"
        );
    }
    for period in [None, Some("YEAR"), Some("day")] {
        assert_eq!(
            refusal(with_quota(Some(1), None, period)),
            "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"
        );
    }
    for (period, offset, text) in [
        ("DAY", 1, "Usage Plan quota offset must be zero in the DAY period"),
        ("WEEK", 7, "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"),
        ("MONTH", 28, "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"),
        ("MONTH", -1, "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"),
    ] {
        assert_eq!(refusal(with_quota(Some(1), Some(offset), Some(period))), text);
    }
    let quota = create(with_quota(Some(10), Some(6), Some("WEEK"))).unwrap().quota.unwrap();
    assert_eq!(quota, QuotaSettings { limit: 10, offset: 6, period: QuotaPeriod::Week });
}

#[test]
fn a_throttle_has_a_rate_and_a_burst_and_the_burst_may_be_larger() {
    let throttle = |throttle| create(CreateUsagePlanInput { throttle: Some(throttle), ..Default::default() });
    let set = throttle(rate(100, 0.5)).unwrap().throttle.unwrap();
    assert_eq!(set, ThrottleSettings { burst_limit: 100, rate_limit: 0.5 });
    for wrong in [
        ThrottleInput { burst_limit: Some(1), rate_limit: None },
        ThrottleInput { burst_limit: None, rate_limit: Some(1.0) },
        ThrottleInput::default(),
        rate(-1, 1.0),
        rate(1, -1.0),
        rate(1 << 31, 1.0),
        rate(1, f64::NAN),
    ] {
        assert_eq!(throttle(wrong).unwrap_err().status, 400, "{wrong:?}");
    }
}

#[test]
fn a_method_throttle_names_path_and_verb() {
    for (key, text) in [
        ("badkey", "Invalid method {resourcePath: badkey,method: } specified"),
        ("*/*", "Invalid method {resourcePath: *,method: *} specified"),
        ("/GET", "Invalid method {resourcePath: ,method: GET} specified"),
        ("/pets/get", "Invalid method {resourcePath: /pets,method: get} specified"),
    ] {
        assert_eq!(refusal(with_stage(Some(rate(1, 1.0)), &[key])), text);
    }
    let plan = create(with_stage(Some(rate(1, 1.0)), &["//GET", "/pets/ANY"])).unwrap();
    assert_eq!(plan.api_stages[0].throttle.len(), 2);
    assert_eq!(plan.next_slot, 2);
}

#[test]
fn method_throttles_need_the_plans_own_and_are_at_most_20() {
    assert!(refusal(with_stage(None, &["//GET"])).contains("throttle settings of the Usage Plan"));
    let methods: Vec<String> = (0..21).map(|index| format!("/{index}/GET")).collect();
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    assert!(refusal(with_stage(Some(rate(1, 1.0)), &methods)).contains("more than 20 method throttles"));
    assert!(create(with_stage(Some(rate(1, 1.0)), &methods[1..])).is_ok());
}

#[test]
fn a_stage_is_named_whole_and_once() {
    let stage =
        |api: &str, stage: &str| ApiStageInput { api_id: Some(api.into()), stage: Some(stage.into()), throttle: None };
    let create = |stages| create(CreateUsagePlanInput { api_stages: Some(stages), ..Default::default() });
    assert_eq!(create(vec![stage("api", "")]).unwrap_err().message, "Invalid API Stage specified");
    let twice = create(vec![stage("api", "prod"), stage("api", "prod")]).unwrap_err();
    assert_eq!((twice.status, twice.message.as_str()), (409, "API Stage api:prod is already in Usage Plan abc123"));
    assert_eq!(create(vec![stage("api", "prod"), stage("api", "dev")]).unwrap().api_stages.len(), 2);
}
